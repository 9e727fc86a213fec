"""An image that nobody here made: predicted and simulated, side by side.

For the electrode of TauFactor's documentation (github.com/tldr-group/taufactor, MIT licence,
docs/notebooks/electrode.tiff):

python benchmarks/foreign_image.py electrode.tiff --voxel-size-um 0.390625 --out foreign
"""

from pathlib import Path

import click

from tfmsnet.electrode import check_dischargeable, describe, read_image, remove_islands
from tfmsnet.evaluation.candidates import Fields
from tfmsnet.evaluation.figures import curve_figure
from tfmsnet.evaluation.scores import score
from tfmsnet.halfcell import simulate
from tfmsnet.plots.slices import slice_figure
from tfmsnet.plots.style import png
from tfmsnet.records.sample import Sample
from tfmsnet.references.registry import DEFAULT

NAME = "model"


@click.command()
@click.argument("image", type=click.Path(path_type=Path, exists=True))
@click.option("--voxel-size-um", required=True, type=float, help="Of the file; it is resampled to 0.5 um.")
@click.option(
    "--crop",
    type=int,
    nargs=6,
    multiple=True,
    default=((0, 24, 0, 24, 0, 64), (60, 84, 60, 84, 0, 64), (120, 144, 120, 144, 0, 64)),
    show_default=True,
    help="x0 x1 y0 y1 z0 z1, in voxels of 0.5 um; may be repeated.",
)
@click.option("--c-rate", default=1.0, show_default=True)
@click.option("--model", help="As for tfmsnet predict.  [default: resolved-particles]")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Directory for the pictures.")
def main(image, voxel_size_um, crop, c_rate, model, out):
    """Print the errors on each crop and draw the first: slices and discharge curve."""
    from tfmsnet.serving.local import load_model

    surrogate = load_model(model or DEFAULT)
    out.mkdir(parents=True, exist_ok=True)
    print(f"{'crop':>26}{'VRMSE median':>14}{'last':>8}{'curve RMSE / mV':>17}{'max':>8}")
    cases = []
    for box in crop:
        edges = tuple(zip(box[::2], box[1::2], strict=True))
        electrode = read_image(
            image, voxel_size_m=voxel_size_um * 1e-6, target_voxel_size_m=0.5e-6, crop=edges
        )
        electrode, _ = remove_islands(electrode)
        check_dischargeable(electrode)
        true = Sample.from_discharge(simulate(electrode, c_rate))
        answer = surrogate.predict(electrode, c_rate)
        fields = Fields(answer.concentration, answer.potential)
        case = score(NAME, true, fields)
        row, error = case.summary(), case.curve_error
        print(
            f"{' '.join(map(str, box)):>26}{row['concentration_vrmse_median']:>14.3f}"
            f"{row['concentration_vrmse_last']:>8.3f}{error.rmse_mv:>17.2f}{error.max_mv:>8.2f}"
        )
        for warning in surrogate.outside(electrode, c_rate):
            print(f"{'':>26}  {warning}")
        if not cases:
            print(describe(electrode))
            figure = slice_figure(
                true, {NAME: Fields(answer.concentration, answer.potential)}, "concentration"
            )
            (out / "foreign_concentration.png").write_bytes(png(figure))
        cases.append(case)
    (out / "foreign_curves.png").write_bytes(png(curve_figure(cases)))


if __name__ == "__main__":
    main()
