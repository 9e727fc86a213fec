"""One discharge in pictures, simulated or predicted: its curve, and both fields in slices."""

import numpy as np
from matplotlib.figure import Figure

from tfmsnet.evaluation.slice_figures import draw_slice, take_slice, value_range
from tfmsnet.evaluation.style import COLOURS, look, new_figure
from tfmsnet.fields import FIELDS
from tfmsnet.records.sample import Sample

_LABELS = {"concentration": ("concentration", "mol/L"), "potential": ("potential\nminus its mean", "mV")}
_SHARES = (1 / 3, 2 / 3, 1)


def discharge_figure(sample: Sample, title: str) -> Figure:
    """Voltage over degree of lithiation, a mark per frame."""
    with look():
        figure = new_figure(5.5, 4.0)
        axes = figure.subplots()
        axes.plot(sample.dol, sample.voltage_v, "o-", color=COLOURS[0], markersize=3)
        axes.set(xlabel="mean degree of lithiation", ylabel="voltage (V)", title=title)
    return figure


def fields_figure(sample: Sample) -> Figure:
    """Both fields in the middle x-z plane, at a third, two thirds and the end of the discharge."""
    frames = np.unique([round(share * (sample.frames - 1)) for share in _SHARES])
    shown = [field for field in FIELDS if getattr(sample, field).any()]
    width, _, depth = sample.grid
    with look():
        panel_in = 2.75
        row_in = panel_in * width / depth + 0.55
        figure = new_figure(len(frames) * (panel_in + 0.9) + 0.6, len(shown) * row_in + 0.4)
        cells = figure.subplots(len(shown), len(frames), squeeze=False, sharex=True, sharey=True)
        for row, field in zip(cells, shown, strict=True):
            label, unit = _LABELS[field]
            for axes, frame in zip(row, frames, strict=True):
                part = take_slice(sample, sample, field, frame)
                drawn = draw_slice(axes, part.true, sample.voxel_size_m, "viridis", value_range(part))
                moment = f"{sample.times_s[frame]:.0f} s, DOL {sample.dol[frame]:.2f}"
                axes.set_title(moment)
                figure.colorbar(drawn, ax=axes, label=unit, extend="both", aspect=14, pad=0.02)
            row[0].set_ylabel(f"{label}\nx (µm)")
        for axes in cells[-1]:
            axes.set_xlabel("depth from the collector (µm)")
    return figure
