"""The `tfmsnet` command: what it is made of, and how errors reach the user."""

import atexit
import difflib
import gc
import importlib
import os
import sys
import traceback

import click

import tfmsnet
from tfmsnet.errors import RunFailed, UserError
from tfmsnet.progress import set_quiet

# Command -> module of tfmsnet.cli; imported when it is called, so that help is instant.
COMMANDS = {
    "demo": "demo",
    "electrode": "electrode",
    "simulate": "simulate",
    "voxelise": "voxelise",
    "describe": "describe",
    "parameters": "parameters",
    "show": "show",
    "records": "records",
    "train": "train",
    "tune": "tune",
    "calibrate": "calibrate",
    "evaluate": "evaluate",
    "compare": "compare",
    "predict": "predict",
    "export": "export",
    "convert": "convert",
    "seal": "seal",
}


class Commands(click.Group):
    """A group whose commands are imported on first use."""

    def list_commands(self, context):
        return list(COMMANDS)

    def get_command(self, context, name):
        if name not in COMMANDS:
            return None
        return _talkative(importlib.import_module(f"tfmsnet.cli.{COMMANDS[name]}").command)

    def resolve_command(self, context, args):
        near = difflib.get_close_matches(args[0], COMMANDS, 1)
        if args[0] not in COMMANDS and near:
            raise click.UsageError(f"No such command {args[0]!r}; did you mean {near[0]!r}?", context)
        return super().resolve_command(context, args)


def _set_verbose(context, option, verbose: bool) -> None:
    if verbose:
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "0"


def _talkative(made: click.Command) -> click.Command:
    """Add -q and -v to a command, or to all of a group."""
    if isinstance(made, click.Group):
        for one in made.commands.values():
            _talkative(one)
    elif not any(option.name == "quiet" for option in made.params):
        quiet = click.Option(
            ["-q", "--quiet"],
            is_flag=True,
            expose_value=False,
            is_eager=True,
            callback=lambda context, option, value: set_quiet(value),
            help="No progress and no notes on stderr; warnings and errors stay.",
        )
        verbose = click.Option(
            ["-v", "--verbose"],
            is_flag=True,
            expose_value=False,
            is_eager=True,
            callback=_set_verbose,
            help="TensorFlow's own notes, and where in the program an error came up.",
        )
        made.params += [quiet, verbose]
    return made


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(tfmsnet.__version__, prog_name="tfmsnet")
def command():
    """The 4D discharge of a lithium-ion cathode from its 3D image.

    \b
    From recipe to surrogate:
      tfmsnet simulate --geometries 12 --out data     electrodes, discharged by the simulator
      tfmsnet records write data records              TFRecord shards with a manifest
      tfmsnet train records --out run                 an autoregressive multiscale CNN
      tfmsnet evaluate run records --out report       scores beside the trivial baselines
      tfmsnet export run served/cathode               a SavedModel for TF Serving
      tfmsnet predict image.tif --c-rate 1 --model run --out answer

    `tfmsnet demo` does all of it on small electrodes in some minutes.

    Names of commands and options are completed by bash after eval "$(_TFMSNET_COMPLETE=bash_source tfmsnet)";
    zsh and fish likewise.
    """


def _spare_the_collector() -> None:
    """Importing and tracing make many objects that stay: to look through them again and again for garbage
    was a fifth of the time of TensorFlow's import, and at the end a second more.
    """
    gc.set_threshold(50_000, 20, 20)
    atexit.register(gc.freeze)


def main() -> None:
    """Run the command line: one line on stderr and status 2 for a user's mistake, 130 when interrupted."""
    # Errors come as exceptions; below 3 TensorFlow greets every user with notes on missing GPU libraries.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    _spare_the_collector()
    try:
        status = command.main(prog_name="tfmsnet", standalone_mode=False)
    except click.exceptions.Abort:
        _fail("interrupted; the same command continues", 130)
    except KeyboardInterrupt:
        _fail("interrupted; the same command continues", 130)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help())
        sys.exit(0)
    except click.ClickException as error:
        _fail(" ".join(error.format_message().split()), 2)
    except UserError as error:
        _fail(str(error), 2)
    except RunFailed as error:
        _fail(str(error), error.status)
    except BrokenPipeError:
        sys.exit(1)
    except OSError as error:
        _fail(f"{error.filename}: {error.strerror}" if error.filename else str(error), 2)
    sys.exit(status if isinstance(status, int) else 0)


def _fail(message: str, status: int) -> None:
    if "-v" in sys.argv or "--verbose" in sys.argv:  # its context is gone
        traceback.print_exc()
    click.echo(f"tfmsnet: {message}", err=True)
    sys.exit(status)
