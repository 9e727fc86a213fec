"""A predicted discharge as files that people open: HDF5, CSV, JSON and pictures."""

import csv
from contextlib import ExitStack
from pathlib import Path

from tfmsnet.electrode import PhaseImage
from tfmsnet.errors import UserError
from tfmsnet.files import read_json, replacing, write_json
from tfmsnet.load import Load
from tfmsnet.materials import Parameters
from tfmsnet.records.hdf5 import read_header, write_sample
from tfmsnet.records.sample import Sample
from tfmsnet.serving.model import UNITS, Curve
from tfmsnet.serving.quantities import ERRORS

FIELDS_FILE, ANSWER = "fields.h5", "answer.json"


def write_answer(
    sample: Sample, directory: str | Path, about: dict | None = None, curve: Curve | None = None
) -> list[Path]:
    """Write fields.h5 (a sample file), curve.csv, curve.png and slices.png; all of them or none.

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
    error_v = None if curve is None else curve.voltage_error_v
    figures = (
        discharge_figure(sample, f"predicted, {sample.load_name}", error_v=error_v),
        fields_figure(sample),
    )
    names = [FIELDS_FILE, "curve.csv", "curve.png", "slices.png", *([ANSWER] if about is not None else [])]
    with ExitStack() as stack:
        partial = {name: stack.enter_context(replacing(directory / name)) for name in names}
        write_sample(sample, partial[FIELDS_FILE])
        _write_curve(sample, partial["curve.csv"], curve)
        for name, figure in zip(names[2:4], figures, strict=True):
            partial[name].write_bytes(png(figure))
        if about is not None:
            content = {"c_rate": sample.c_rate, "load": sample.label, "units": UNITS, **about}
            write_json(partial[ANSWER], content)
    return [directory / name for name in names]


def check_answer_directory(
    directory: str | Path, image: PhaseImage, load: Load, parameters: Parameters, model: str
) -> None:
    """Refuse to write over the answer to another question.

    Args:
        directory: that an answer is to be written to.
        image, load, parameters, model: what it is the answer for, and whose.

    Raises:
        UserError: it holds the answer for another image, load or cell, or another model's.
    """
    path = Path(directory) / FIELDS_FILE
    if not path.is_file():
        return
    kept, another = read_header(path), None
    said = Path(directory) / ANSWER
    if kept.geometry_id != image.geometry_id:
        another = "for another image"
    elif kept.load is None or kept.load.digest != load.digest:
        another = "under another load"
    elif kept.parameters != parameters:
        another = "for another cell"
    elif said.is_file() and read_json(said, "an answer").get("model") != model:
        another = "of another model"
    if another:
        raise UserError(f"{directory}: holds an answer {another}; choose another --out, or remove it")


def _write_curve(sample: Sample, path: Path, curve: Curve | None) -> None:
    columns = {
        "time_s": sample.times_s,
        "degree_of_lithiation": sample.dol,
        "voltage_v": sample.voltage_v,
        "c_rate": sample.c_rate_profile,
    }
    if curve is not None and curve.error is not None:
        columns |= {quantity.name: getattr(curve, quantity.name) for quantity in ERRORS}
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for row in zip(*columns.values(), strict=True):
            writer.writerow([f"{value:.6g}" for value in row])
