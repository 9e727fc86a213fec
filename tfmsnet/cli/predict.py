"""tfmsnet predict: the discharge of an image."""

import click

from tfmsnet.cli.options import (
    PATH,
    cell_of,
    image_options,
    json_option,
    load_every_option,
    must_be_there,
    parameters_options,
    read_image_with,
    refuse_given,
)
from tfmsnet.foreign_files import open_text
from tfmsnet.progress import note, progress_bar
from tfmsnet.references.error_bars import LEVEL
from tfmsnet.references.registry import DEFAULT, is_reduced


@click.command("predict")
@click.argument("image", type=PATH)
@click.option(
    "--c-rate",
    type=float,
    help="Constant current, 1/h, 25 frames: 1 fills the electrode from its initial degree of lithiation in "
    "an hour.",
)
@click.option(
    "--load",
    type=PATH,
    metavar="FILE|NAME",
    help="Instead of --c-rate: a load. CSV with time_s, and c_rate (1/h) or current_a_m2 (A/m2) from that "
    "time on, negative charges; JSON as tfmsnet.load.Load writes it; or gitt, hppc, cccv.",
)
@load_every_option
@click.option(
    "--cutoff-voltage",
    type=float,
    metavar="V",
    help="With --c-rate: until the voltage falls (in a charge: rises) to this, which says the capacity.",
)
@click.option(
    "--model",
    default=DEFAULT,
    show_default=True,
    help="resolved-particles or porous-electrode, reduced models that need no training and hold for any "
    "image, load and cell; or a network: a run of `tfmsnet train` or its best/, a model of `tfmsnet export`.",
)
@click.option(
    "--server",
    metavar="URL",
    help="Instead of --model: TF Serving at grpc://HOST:PORT/NAME or http://HOST:PORT/NAME, encrypted at "
    "grpcs:// and https://; also http[s]://HOST/PREFIX/v1/models/NAME.",
)
@click.option(
    "--ca-file",
    type=PATH,
    help="Certificates (PEM) of the authorities that a server is trusted by.  [default: the system's]",
)
@click.option(
    "--header",
    "headers",
    multiple=True,
    metavar="'NAME: VALUE'",
    help="Sent to the server, such as 'Authorization: Bearer ...'; @FILE takes lines of a file, which other "
    "users of this machine can't see; repeatable.",
)
@click.option(
    "--timeout-s",
    type=click.FloatRange(0, min_open=True),
    default=120.0,
    show_default=True,
    help="How long to wait for a server's answer.",
)
@click.option(
    "--fallback",
    type=click.Choice(["none", "simulate"]),
    default="none",
    show_default=True,
    help="What to do where the answer isn't to be believed: simulate takes the simulator's instead.",
)
@click.option("--out", required=True, type=PATH, help="Directory for the answer.")
@json_option
@parameters_options
@image_options
@click.pass_context
def command(
    context,
    image,
    c_rate,
    load,
    load_every,
    cutoff_voltage,
    model,
    server,
    ca_file,
    headers,
    timeout_s,
    fallback,
    out,
    as_json,
    parameters,
    temperature_c,
    **reading,
):
    """Predict what the electrode in IMAGE (docs/images.md) does under a load.

    Writes fields.h5 (concentration and potential at every voxel and frame), curve.csv, answer.json (the
    summary, and warnings), curve.png and slices.png into OUT, which may hold an earlier answer to the same
    question and no other. Says on stderr what of the image and the load lies outside of what the model was
    trained on.  Reduced models, and networks that were calibrated, say how far they may be off (nine of ten
    answers are nearer), in curve.csv, answer.json and the picture.  A network answers for the cell that it
    was trained on alone, the reduced models for any (--parameters, --temperature-c).
    """
    from tfmsnet.electrode import check_dischargeable
    from tfmsnet.foreign_files import refuse_stand_ins
    from tfmsnet.load import FAILED, FRAMES, FRAMES_TO_FULL, SATURATED, constant_current, read_load
    from tfmsnet.materials import one_c_a_m2
    from tfmsnet.serving.cost import REDUCED_COST

    if server and context.get_parameter_source("model") != click.core.ParameterSource.DEFAULT:
        raise click.UsageError("--model and --server: give one of them, or none")
    if c_rate is not None and load is not None:
        raise click.UsageError("--c-rate and --load: give one of them")
    if c_rate is None and load is None:
        raise click.UsageError("what is the cell asked to do? Give --c-rate (such as --c-rate 1) or --load")
    if load_every and load is None:
        raise click.UsageError("--load-every is for --load FILE.csv")
    if not server:
        refuse_given(context, ("ca_file", "headers", "timeout_s"), "a server's; give one with --server")
    must_be_there(image, "a folder of slices or a file with an image")
    if image.is_file():
        refuse_stand_ins(image)
    if load is not None:
        refuse_given(context, ("cutoff_voltage",), "--load says its ends itself")
        asked = read_load(load, load_every)
    else:
        asked = constant_current(c_rate, FRAMES if cutoff_voltage is None else FRAMES_TO_FULL, cutoff_voltage)
    cell = cell_of(parameters, temperature_c).parameters if parameters or temperature_c is not None else None
    source = server or model
    reduced = not server and is_reduced(model)
    # A reduced model takes the voxels as they are; what is wrong with them is said before TensorFlow loads.
    if reduced:
        electrode = read_image_with(image, reading, None, REDUCED_COST[model].bytes_per_voxel)

    from tfmsnet.serving import Client
    from tfmsnet.serving.answer import check_answer_directory, write_answer
    from tfmsnet.serving.local import load_model

    if server:
        loaded = Client(server, ca_file=ca_file, headers=_parsed_headers(headers), timeout_s=timeout_s)
        note(f"asking {server}")
    else:
        note(f"loading {model}")
        loaded = load_model(model)
    if cell:
        loaded = loaded.of_cell(cell)
    if not reduced:
        electrode = read_image_with(image, reading, loaded.voxel_size_m or None, loaded.bytes_per_voxel)
    check_dischargeable(electrode)
    check_answer_directory(out, electrode, asked, loaded.parameters, str(source))
    note(
        f"predicting {'x'.join(map(str, electrode.shape))} voxels; 1C is "
        f"{one_c_a_m2(electrode, loaded.parameters) / 10:.3g} mA/cm2"
    )
    answer = loaded.fields(electrode, asked)
    warnings = loaded.outside(electrode, asked)
    if warnings and answer.error is not None:
        warnings.append("how far off it says it may be holds for what it was trained on alone")
    simulates = answer.doubtful and fallback == "simulate"
    if answer.doubtful:
        instead = "the simulator answers" if simulates else "--fallback simulate takes the simulator instead"
        off_mv = 1e3 * answer.error[0]
        warnings.append(f"don't believe {source}: its curve may be off by {off_mv:.2g} mV; {instead}")
    elif fallback == "simulate" and answer.error is None:
        warnings.append(f"--fallback: {source} doesn't say how far it may be off, so its answer stands")
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)
    about = {
        "image": str(image),
        "model": str(source),
        "load": repr(asked),
        "summary": answer.summary,
        "domain": loaded.description.get("domain"),
        "warnings": warnings,
    }
    if simulates:
        discharge, curve = _simulated(electrode, asked, loaded.parameters), None
        about |= {"answered_by": "simulator", "summary": {}}
    else:
        discharge, curve = loaded.sample(electrode, answer), answer
        if answer.error is not None:
            curve_v, vrmse = answer.error
            about["error"] = {"level": LEVEL, "voltage_v": curve_v, "concentration_vrmse": vrmse}
            note(f"nine of ten such answers are within {1e3 * curve_v:.2g} mV and a VRMSE of {vrmse:.2g}")
    about["ends"] = [end._asdict() for end in discharge.ends]
    ended = discharge.ends[-1]
    why = {
        "voltage": "its voltage limit",
        SATURATED: "the active material being full or empty",
        FAILED: f"segment {ended.segment}, which can't go on: the active material is full or empty, the salt "
        "depleted, or a held voltage at its equilibrium",
    }
    if ended.reason in why:
        passed = f"{discharge.areal_capacity_mah_cm2[-1]:.3g} mAh/cm2"
        note(f"{image}: ended after {ended.time_s:.0f} s and {passed} by {why[ended.reason]}")
    paths = write_answer(discharge, out, about, curve)
    if as_json:
        click.echo(paths[-1].read_text(), nl=False)
    for path in paths:
        click.echo(path, err=as_json)


def _simulated(electrode, load, parameters):
    """The simulator's answer as a sample."""
    from tfmsnet.halfcell import simulate
    from tfmsnet.records.sample import Sample

    with progress_bar("simulating") as progress:
        return Sample.from_discharge(simulate(electrode, load, parameters, progress=progress))


def _parsed_headers(given: tuple[str, ...]) -> dict[str, str]:
    """("Name: value", "@file") -> {"Name": "value", ...}."""
    lines = []
    for text in given:
        if not text.startswith("@"):
            lines.append(text)
            continue
        with open_text(text[1:]) as file:
            lines += file.read().splitlines()
    headers = {}
    for line in filter(str.strip, lines):
        name, colon, value = line.partition(":")
        if not colon:
            raise click.BadParameter("--header: expected 'NAME: VALUE', such as 'Authorization: Bearer ...'")
        headers[name.strip()] = value.strip()
    return headers
