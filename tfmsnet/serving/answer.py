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
    """Concentration and potential in the middle x-z plane, at a third, two thirds and the end."""
    import numpy as np
    from matplotlib.figure import Figure

    frames = [sample.frames // 3, 2 * sample.frames // 3, sample.frames - 1]
    middle, voxel_um = sample.grid[1] // 2, sample.voxel_size_m * 1e6
    extent = (0, sample.grid[2] * voxel_um, 0, sample.grid[0] * voxel_um)
    figure = Figure(figsize=(11, 5), layout="constrained")
    axes = figure.subplots(2, 3, squeeze=False)
    rows = (
        ("concentration", sample.am_mask, "mol/m³", "viridis"),
        ("potential", sample.solid_mask, "V", "plasma"),
    )
    for row, (field, mask, unit, colours) in zip(axes, rows, strict=True):
        for cell, frame in zip(row, frames, strict=True):
            plane = np.ma.masked_where(~mask[:, middle], getattr(sample, field)[frame, :, middle])
            cell.set_facecolor("0.88")
            drawn = cell.imshow(plane, origin="lower", extent=extent, cmap=colours)
            figure.colorbar(drawn, ax=cell, label=unit, shrink=0.8)
            cell.set_title(f"{field}, {sample.times_s[frame]:.0f} s")
    for cell in axes[-1]:
        cell.set_xlabel("depth from the foil / µm")
    for row in axes:
        row[0].set_ylabel("x / µm")
    return figure
