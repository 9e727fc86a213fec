"""tfmsnet show: pictures of a sample."""

from contextlib import ExitStack

import click

from tfmsnet.cli.options import PATH


@click.command("show")
@click.argument("sample", type=PATH)
@click.option("--out", required=True, type=PATH, help="Directory for the pictures.")
def command(sample, out):
    """Draw the discharge in SAMPLE, an .h5 file of `tfmsnet simulate` or `tfmsnet predict`.

    Writes slices.png (concentration and potential at three frames), curve.png and film.gif (both fields over
    the discharge) into OUT.
    """
    from tfmsnet.evaluation.animation import write_sample_animation
    from tfmsnet.evaluation.figures import discharge_figure, fields_figure
    from tfmsnet.evaluation.style import png
    from tfmsnet.files import replacing
    from tfmsnet.records import read_sample

    discharge = read_sample(sample)
    figures = {
        "slices.png": fields_figure(discharge),
        "curve.png": discharge_figure(discharge, f"{sample.stem}, {discharge.label}"),
    }
    with ExitStack() as pictures:  # all of them or none
        film = pictures.enter_context(replacing(out / "film.gif"))
        for name, figure in figures.items():
            pictures.enter_context(replacing(out / name)).write_bytes(png(figure))
        write_sample_animation(discharge, film)
    for name in (*figures, "film.gif"):
        click.echo(out / name)
