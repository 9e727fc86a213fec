"""tfmsnet predict: the discharge of an image."""

import click

from tfmsnet.cli.options import PATH, image_options, read_image_with


@click.command("predict")
@click.argument("image", type=PATH)
@click.option("--c-rate", required=True, type=float, help="C-rate of the discharge.")
@click.option(
    "--model", required=True, type=PATH, help="A run of `tfmsnet train`, or a model of `tfmsnet export`."
)
@click.option("--out", required=True, type=PATH, help="Directory for the answer.")
@image_options
def command(image, c_rate, model, out, **reading):
    """Predict how the electrode in IMAGE (a TIFF stack or .npy) discharges.

    Writes fields.h5 (concentration and potential at every voxel and frame), curve.csv, curve.png and
    slices.png into OUT.
    """
    from tfmsnet.electrode import check_dischargeable
    from tfmsnet.serving.answer import write_answer
    from tfmsnet.serving.predict import load_model

    click.echo(f"loading {model}", err=True)
    loaded = load_model(model)
    electrode = read_image_with(image, reading, loaded.voxel_size_m)
    check_dischargeable(electrode)
    click.echo(f"predicting {'x'.join(map(str, electrode.shape))} voxels", err=True)
    for path in write_answer(loaded.predict(electrode, c_rate), out):
        click.echo(path)
