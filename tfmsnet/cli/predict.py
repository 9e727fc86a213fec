"""tfmsnet predict: the discharge of an image."""

import click

from tfmsnet.cli.options import PATH, image_options, read_image_with


@click.command("predict")
@click.argument("image", type=PATH)
@click.option("--c-rate", required=True, type=float, help="C-rate of the discharge.")
@click.option(
    "--model",
    type=PATH,
    help="A run of `tfmsnet train`, or a model of `tfmsnet export`.  [default: the package's own model]",
)
@click.option(
    "--server",
    metavar="URL",
    help="Instead of --model: TF Serving at grpc://HOST:PORT/NAME or http://HOST:PORT/NAME.",
)
@click.option(
    "--timeout-s",
    type=click.FloatRange(0, min_open=True),
    default=120.0,
    show_default=True,
    help="How long to wait for a server's answer.",
)
@click.option("--out", required=True, type=PATH, help="Directory for the answer.")
@image_options
def command(image, c_rate, model, server, timeout_s, out, **reading):
    """Predict how the electrode in IMAGE (a TIFF stack or .npy) discharges.

    Writes fields.h5 (concentration and potential at every voxel and frame), curve.csv, answer.json (the
    summary, and warnings), curve.png and slices.png into OUT. Says on stderr what of the image and the
    C-rate lies outside of what the model was trained on.
    """
    from tfmsnet.electrode import check_dischargeable
    from tfmsnet.serving.answer import write_answer

    if model and server:
        raise click.UsageError("--model and --server: give one of them, or none")
    if not server:
        model = model or _own()
    loaded = _load(model, server, timeout_s)
    electrode = read_image_with(image, reading, loaded.voxel_size_m)
    check_dischargeable(electrode)
    click.echo(f"predicting {'x'.join(map(str, electrode.shape))} voxels", err=True)
    answer = loaded.fields(electrode, c_rate)
    warnings = loaded.outside(electrode, c_rate)
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)
    about = {
        "image": str(image),
        "model": str(model or server),
        "summary": answer.summary,
        "domain": loaded.description.get("domain"),
        "warnings": warnings,
    }
    for path in write_answer(loaded.sample(electrode, answer), out, about):
        click.echo(path)


def _own():
    from tfmsnet.predictors.trained import trained_model

    return trained_model()


def _load(model, server, timeout_s):
    if server is not None:
        from tfmsnet.serving import Client

        click.echo(f"asking {server}", err=True)
        return Client(server, timeout_s=timeout_s)
    from tfmsnet.serving.predict import load_model

    click.echo(f"loading {model}", err=True)
    return load_model(model)
