"""A predicted discharge as files that people open: HDF5, CSV and pictures."""

import csv
from pathlib import Path

from tfmsnet.files import replacing
from tfmsnet.records.hdf5 import write_sample
from tfmsnet.records.sample import Sample


def write_answer(sample: Sample, directory: str | Path) -> list[Path]:
    """Write fields.h5 (a sample file), curve.csv, curve.png and slices.png; each whole or absent.

    Returns:
        The files' paths.
    """
    directory = Path(directory)
    paths = [directory / name for name in ("fields.h5", "curve.csv", "curve.png", "slices.png")]
    write_sample(sample, paths[0])
    _write_curve(sample, paths[1])
    for path, figure in zip(paths[2:], (_curve_figure(sample), _slice_figure(sample)), strict=True):
        with replacing(path) as partial:
            figure.savefig(partial, dpi=150, format="png")
    return paths


def _write_curve(sample: Sample, path: Path) -> None:
    with replacing(path) as partial, open(partial, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["time_s", "degree_of_lithiation", "voltage_v"])
        for row in zip(sample.times_s, sample.dol, sample.voltage_v, strict=True):
            writer.writerow([f"{value:.6g}" for value in row])


def _curve_figure(sample: Sample):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.5, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(sample.dol, sample.voltage_v, "o-", ms=3)
    axes.set(
        xlabel="degree of lithiation", ylabel="voltage / V", title=f"predicted discharge, {sample.c_rate:g}C"
    )
    axes.grid(alpha=0.3)
    return figure


def _slice_figure(sample: Sample):
    """Both fields in the middle x-z plane, at a third, two thirds and the end of the discharge."""
    from matplotlib.figure import Figure

    from tfmsnet.evaluation.predictor import Fields
    from tfmsnet.evaluation.slice_figures import draw_slice, take_slice, value_range

    colour_of = {"concentration": ("viridis", "mol/L"), "potential": ("plasma", "mV about the mean")}
    figure = Figure(figsize=(12, 4.6), layout="constrained")
    frames = (sample.frames // 3, 2 * sample.frames // 3, sample.frames - 1)
    shown = [f for f in ("concentration", "potential") if getattr(sample, f).any()]
    axes = figure.subplots(len(shown), len(frames), squeeze=False, sharex=True, sharey=True)
    fields = Fields(sample.concentration, sample.potential)
    for row, field in zip(axes, shown, strict=True):
        for cell, frame in zip(row, frames, strict=True):
            part = take_slice(sample, fields, field, frame)
            colours, unit = colour_of[field]
            drawn = draw_slice(cell, part.predicted, sample.voxel_size_m, colours, value_range(part))
            cell.set_title(f"{field}, DOL {sample.dol[frame]:.2f}, {sample.times_s[frame]:.0f} s", fontsize=9)
            figure.colorbar(drawn, ax=cell, shrink=0.8, label=unit)
    for cell in axes[-1]:
        cell.set_xlabel("depth from the collector (µm)")
    for row in axes:
        row[0].set_ylabel("x (µm)")
    return figure
