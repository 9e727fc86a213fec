"""tfmsnet tune: a search over networks and trainings."""

import click

from tfmsnet.cli.options import PATH, RECORDS, must_be_there
from tfmsnet.cli.train import parsed


@click.command("tune")
@click.argument("records", type=PATH)
@click.option("--out", required=True, type=PATH, help="Directory; one of the same search is continued.")
@click.option(
    "--preset", type=click.Choice(["default", "paper", "ms_net"]), help="Where to start.  [default: default]"
)
@click.option("--config", type=PATH, help="JSON file of a configuration, instead of --preset.")
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="KEY=VALUE",
    help="Fix a value of the configuration, such as scales=3 or steps=2000; repeatable.",
)
@click.option(
    "--space",
    "dimensions",
    multiple=True,
    metavar="KEY=VALUES",
    help="Values to try, such as filters=8,16,24, scales=2..4, learning_rate=1e-4..3e-3, mode=direct,basis "
    "or curriculum=1,1-4-12,all (frames of the stages); repeatable, and in place of the usual ones, which "
    "are filters, growth, scales, convolutions, learning_rate and curriculum.",
)
@click.option(
    "--tuner",
    type=click.Choice(["hyperband", "bayesian", "random"]),
    default="hyperband",
    show_default=True,
    help="hyperband: many points for a short time, the best of them for longer; bayesian needs "
    "tfmsnet[bayesian].",
)
@click.option(
    "--trials",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    help="At most; of bayesian and random.",
)
@click.option(
    "--factor",
    type=click.IntRange(2),
    default=3,
    show_default=True,
    help="By which hyperband thins out its trials and lengthens them.",
)
@click.option("--max-parameters", type=click.IntRange(1), help="Leave larger networks out.")
@click.option(
    "--max-memory-gb",
    type=click.FloatRange(0, min_open=True),
    help="Leave out what needs more to train, as `tfmsnet train --dry-run` estimates it.",
)
@click.option(
    "--max-minutes-per-trial",
    type=click.FloatRange(0, min_open=True),
    help="End a trial's training after so long and score it as it stands.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the points drawn.")
@click.option("--dry-run", is_flag=True, help="Say what would be searched and stop.")
def command(
    records,
    out,
    preset,
    config,
    changes,
    dimensions,
    tuner,
    trials,
    factor,
    max_parameters,
    max_memory_gb,
    max_minutes_per_trial,
    seed,
    dry_run,
):
    """Search for the network and training that do best on RECORDS.

    Trials are judged by rollouts over the whole discharges of the validation geometries, which they
    weren't trained on.  Writes a table (trials.csv), a Pareto plot (pareto.png) and the best configuration
    (best.json) into OUT.  An interrupted search continues with the same command; `tensorboard --logdir
    OUT/tensorboard` shows the trials on its HParams page.  On several machines, start the same command with
    KERASTUNER_TUNER_ID=chief on one and another id on the others, and KERASTUNER_ORACLE_IP and
    KERASTUNER_ORACLE_PORT of the chief on all.
    """
    must_be_there(records, RECORDS)
    from tfmsnet.training.config import PRESETS, load_config
    from tfmsnet.tuning.dimension import parse
    from tfmsnet.tuning.space import Budget, with_defaults

    if config and preset:
        raise click.UsageError("--config and --preset: give one of them")
    values = parsed(changes)
    base = load_config(config) if config else PRESETS[preset or "default"]
    base = base.with_values(values, "--set")
    given = [parse(text) for text in dimensions]

    try:
        from tfmsnet.tuning.results import table
        from tfmsnet.tuning.search import Plan, check_plan_keys, make_space, search
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"searching needs KerasTuner ({error}); install it with pip install 'tfmsnet[tune]'"
        ) from None

    check_plan_keys(list(values), given)
    plan = Plan(
        base,
        tuple(with_defaults(given, list(values), base)),
        tuner,
        trials,
        factor,
        Budget(max_parameters, max_memory_gb, max_minutes_per_trial),
        seed,
    )
    if dry_run:
        _describe(make_space(records, plan), plan)
        return 0
    rows = search(records, out, plan, report=_report)
    if not rows:
        click.echo(f"{out}: this worker's part is done")
        return 0
    click.echo(table(rows))
    click.echo(f"{out / 'pareto.png'}")
    click.echo(f"train the best with `tfmsnet train {records} --config {out / 'best.json'} --out RUN`")
    return 0


def _report(line: str) -> None:
    from tqdm import tqdm

    tqdm.write(line)


def _describe(space, plan) -> None:
    from tfmsnet.training.memory import parameters

    for name, values in space.describe().items():
        click.echo(f"{name}: {values}")
    sizes = [
        parameters(space.config({**point, **{d.name: d.low for d in space.ranges}})) for point in space.points
    ]
    click.echo(f"{len(space.points):,} combinations fit, {space.left_out:,} are left out")
    click.echo(f"{min(sizes):,} to {max(sizes):,} parameters")
    click.echo(f"trials of up to {plan.epochs} epochs, {plan.base.training.steps} steps")
