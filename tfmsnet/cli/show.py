"""tfmsnet show: pictures of a sample."""

from contextlib import ExitStack

import click

from tfmsnet.cli.options import PATH, over_options, refuse_given


@click.command("show")
@click.argument("sample", type=PATH)
@click.option("--out", required=True, type=PATH, help="Directory for the pictures.")
@click.option(
    "--plane",
    type=click.Choice(["x", "y", "z"]),
    default="y",
    show_default=True,
    help="Slices lie across this axis.",
)
@click.option(
    "--at",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="Where along it, as a share of its length; z runs from the foil, 0, to the separator.",
)
@click.option(
    "--frames",
    metavar="N,N,...",
    help="Which frames slices show; -1 is the last.  [default: at a third, two thirds, the end]",
)
@over_options("dol")
@click.option(
    "--format",
    "suffix",
    type=click.Choice(["png", "pdf", "svg"]),
    default="png",
    show_default=True,
    help="Of slices and curve.",
)
@click.option(
    "--dpi", type=click.IntRange(30, 1200), default=150, show_default=True, help="Of slices and curve."
)
@click.option("--film/--no-film", default=True, show_default=True, help="film.gif, the slowest of them.")
@click.option(
    "--html", is_flag=True, help="discharge.html as well: a page to turn the electrode around; tfmsnet[html]."
)
@click.option(
    "--paraview", is_flag=True, help="paraview/discharge.pvd as well, with VTI files; tfmsnet[mesh]."
)
@click.pass_context
def command(
    context, sample, out, plane, at, frames, over, am_density_g_cm3, suffix, dpi, film, html, paraview
):
    """Draw the discharge in SAMPLE, an .h5 file of `tfmsnet simulate` or `tfmsnet predict`.

    Writes slices.png (concentration and potential at three frames), curve.png and film.gif (both fields over
    the discharge) into OUT.
    """
    from tfmsnet.files import replacing
    from tfmsnet.plots.curves import discharge_figure
    from tfmsnet.plots.film import write_sample_animation
    from tfmsnet.plots.paraview import write_paraview
    from tfmsnet.plots.scene import write_scene
    from tfmsnet.plots.slices import Plane, fields_figure
    from tfmsnet.plots.style import draw
    from tfmsnet.records import read_sample

    if over != "mAh/g":
        refuse_given(context, ["am_density_g_cm3"], "it is for --over mAh/g")
    discharge = read_sample(sample)
    title = f"{sample.stem}, {discharge.label}"
    figures = {
        f"slices.{suffix}": fields_figure(discharge, Plane(plane, at), _numbers(frames)),
        f"curve.{suffix}": discharge_figure(discharge, title, over, am_density_g_cm3),
    }
    with ExitStack() as pictures:  # all of them or none
        for name, figure in figures.items():
            draw(figure, pictures.enter_context(replacing(out / name)), suffix, dpi)
        if film:
            write_sample_animation(discharge, pictures.enter_context(replacing(out / "film.gif")))
    for name in (*figures, *(["film.gif"] if film else [])):
        click.echo(out / name)
    if html:
        write_scene(discharge, out / "discharge.html", title)
        click.echo(out / "discharge.html")
    if paraview:
        click.echo(write_paraview(discharge, out / "paraview"))


def _numbers(text: str | None) -> list[int] | None:
    try:
        return None if text is None else [int(part) for part in text.split(",")]
    except ValueError:
        raise click.BadParameter(f"--frames: expected numbers such as 0,12,-1, found {text!r}") from None
