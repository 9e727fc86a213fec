"""A predicted discharge as files that people open: HDF5, CSV, JSON and pictures."""

import csv
from pathlib import Path

from tfmsnet.files import replacing, write_json
from tfmsnet.records.hdf5 import write_sample
from tfmsnet.records.sample import Sample
from tfmsnet.serving.model import UNITS


def write_answer(sample: Sample, directory: str | Path, about: dict | None = None) -> list[Path]:
    """Write fields.h5 (a sample file), curve.csv, curve.png and slices.png; each whole or absent.

    Args:
        sample: the discharge.
        directory: where to.
        about: what else is known of it, for answer.json; None writes no such file.

    Returns:
        The files' paths.
    """
    from tfmsnet.plots.curves import discharge_figure  # draws with matplotlib
    from tfmsnet.plots.slices import fields_figure
    from tfmsnet.plots.style import png

    directory = Path(directory)
    paths = [directory / name for name in ("fields.h5", "curve.csv", "curve.png", "slices.png")]
    write_sample(sample, paths[0])
    _write_curve(sample, paths[1])
    figures = (discharge_figure(sample, f"predicted, {sample.load_name}"), fields_figure(sample))
    for path, figure in zip(paths[2:], figures, strict=True):
        with replacing(path) as partial:
            partial.write_bytes(png(figure))
    if about is not None:
        paths.append(directory / "answer.json")
        write_json(paths[-1], {"c_rate": sample.c_rate, "load": sample.label, "units": UNITS, **about})
    return paths


def _write_curve(sample: Sample, path: Path) -> None:
    with replacing(path) as partial, open(partial, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["time_s", "degree_of_lithiation", "voltage_v", "c_rate"])
        for row in zip(sample.times_s, sample.dol, sample.voltage_v, sample.c_rate_profile, strict=True):
            writer.writerow([f"{value:.6g}" for value in row])
