"""A predicted discharge as files that people open: HDF5, CSV, JSON and pictures."""

import csv
from pathlib import Path

from tfmsnet.files import replacing, write_json
from tfmsnet.records.hdf5 import write_sample
from tfmsnet.records.sample import Sample
from tfmsnet.serving.model import UNITS, Curve
from tfmsnet.serving.quantities import ERRORS


def write_answer(
    sample: Sample, directory: str | Path, about: dict | None = None, curve: Curve | None = None
) -> list[Path]:
    """Write fields.h5 (a sample file), curve.csv, curve.png and slices.png; each whole or absent.

    Args:
        sample: the discharge.
        directory: where to.
        about: what else is known of it, for answer.json; None writes no such file.
        curve: what says how far it may be off; None draws and writes no errors.

    Returns:
        The files' paths.
    """
    from tfmsnet.plots.curves import discharge_figure  # draws with matplotlib
    from tfmsnet.plots.slices import fields_figure
    from tfmsnet.plots.style import png

    directory = Path(directory)
    paths = [directory / name for name in ("fields.h5", "curve.csv", "curve.png", "slices.png")]
    write_sample(sample, paths[0])
    _write_curve(sample, paths[1], curve)
    error_v = None if curve is None else curve.voltage_error_v
    figures = (
        discharge_figure(sample, f"predicted, {sample.load_name}", error_v=error_v),
        fields_figure(sample),
    )
    for path, figure in zip(paths[2:], figures, strict=True):
        with replacing(path) as partial:
            partial.write_bytes(png(figure))
    if about is not None:
        paths.append(directory / "answer.json")
        write_json(paths[-1], {"c_rate": sample.c_rate, "load": sample.label, "units": UNITS, **about})
    return paths


def _write_curve(sample: Sample, path: Path, curve: Curve | None) -> None:
    columns = {
        "time_s": sample.times_s,
        "degree_of_lithiation": sample.dol,
        "voltage_v": sample.voltage_v,
        "c_rate": sample.c_rate_profile,
    }
    if curve is not None and curve.error is not None:
        columns |= {quantity.name: getattr(curve, quantity.name) for quantity in ERRORS}
    with replacing(path) as partial, open(partial, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for row in zip(*columns.values(), strict=True):
            writer.writerow([f"{value:.6g}" for value in row])
