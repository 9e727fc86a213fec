"""Discharge curves: one alone, several in one figure, over lithiation, time or capacity."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tfmsnet.errors import UserError
from tfmsnet.plots.style import COLOURS, LINES, look, new_figure
from tfmsnet.records.sample import Sample
from tfmsnet.references.error_bars import DOUBTFUL_V, over_all

# What a curve may be drawn over: label of the axis.
OVER = {
    "dol": "mean degree of lithiation",
    "time": "time (h)",
    "mAh/cm2": "capacity (mAh/cm$^2$)",
    "mAh/g": "capacity (mAh per g of active material)",
}


def abscissa(sample: Sample, over: str, am_density_g_cm3: float | None = None) -> np.ndarray:
    """What a curve is drawn over, (time,): one of `OVER`.

    Args:
        sample: the discharge.
        over: which; capacities count from the first frame on.
        am_density_g_cm3: of the active material without pores, for mAh/g.

    Raises:
        UserError: none of these, or mAh/g without a density.
    """
    if over not in OVER:
        raise UserError(f"over: expected one of {', '.join(OVER)}, got {over!r}")
    if over == "dol":
        return sample.dol
    if over == "time":
        return sample.times_s / 3600
    if over == "mAh/cm2":
        return sample.areal_capacity_mah_cm2
    if not am_density_g_cm3:
        raise UserError("over mAh/g: give the density of the active material, g/cm3 (4.7 for NMC111)")
    volume_cm3_cm2 = 100 * sample.voxel_size_m * sample.grid[2] * float(sample.am_mask.mean())
    return sample.areal_capacity_mah_cm2 / (am_density_g_cm3 * volume_cm3_cm2)


def discharge_figure(
    sample: Sample,
    title: str,
    over: str = "dol",
    am_density_g_cm3: float | None = None,
    error_v: np.ndarray | None = None,
) -> Figure:
    """The voltage, a mark per frame; under a load that changes, over time as well.

    Args:
        sample: the discharge.
        title: of the figure.
        over, am_density_g_cm3: see `abscissa`.
        error_v: (time,) V, how far the voltage may be off; drawn as a band, and said.
    """
    with look():
        changes = not sample.is_constant_current and over != "time"
        figure = new_figure(9.5 if changes else 5.5, 4.0)
        *in_time, axes = figure.subplots(1, 2, squeeze=False)[0] if changes else [figure.subplots()]
        where = abscissa(sample, over, am_density_g_cm3)
        axes.plot(where, sample.voltage_v, "o-", color=COLOURS[0], markersize=3)
        axes.set(xlabel=OVER[over], ylabel="voltage (V)")
        if error_v is not None:
            _draw_error(axes, where, sample.voltage_v, error_v)
        for axis in in_time:
            draw_in_time(axis, sample)
        if in_time:
            figure.suptitle(title)
        else:
            axes.set_title(title)
    return figure


def _draw_error(axes: Axes, where: np.ndarray, voltage_v: np.ndarray, error_v: np.ndarray) -> None:
    """The band that nine of ten curves lie in, and a warning where it is too wide."""
    band = voltage_v - error_v, voltage_v + error_v
    axes.fill_between(where, *band, color=COLOURS[0], alpha=0.25, linewidth=0)
    curve_v, _ = over_all(error_v, np.zeros_like(error_v))
    said = f"nine of ten such curves are within {1e3 * curve_v:.2g} mV"
    axes.text(0.03, 0.03, said, transform=axes.transAxes, fontsize="small", color="#555555")
    if curve_v > DOUBTFUL_V:
        warning = {"ha": "center", "color": "#c00000", "fontsize": 18}
        axes.text(0.5, 0.5, "don't believe this", transform=axes.transAxes, **warning)


def draw_in_time(axes: Axes, sample: Sample) -> None:
    """The voltage over time, and the current behind it."""
    axes.plot(sample.times_s / 3600, sample.voltage_v, "o-", color=COLOURS[0], markersize=3)
    axes.set(xlabel=OVER["time"], ylabel="voltage (V)")
    current = axes.twinx()
    current.step(sample.times_s / 3600, sample.c_rate_profile, where="pre", color="#888888", linewidth=0.9)
    current.set_ylabel("C-rate (1/h)", color="#888888")
    current.grid(visible=False)


def curves_figure(
    samples: Mapping[str, Sample], over: str = "dol", am_density_g_cm3: float | None = None
) -> Figure:
    """The voltages of several discharges, and below them each one's difference from the first.

    Args:
        samples: name -> discharge; differences are taken where the first one has frames.
        over, am_density_g_cm3: see `abscissa`.
    """
    (first, true), *others = samples.items()
    with look():
        figure = new_figure(6.5, 5.6)
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=[2.2, 1])
        at = abscissa(true, over, am_density_g_cm3)
        above.plot(at, true.voltage_v, "o-", color=COLOURS[0], markersize=3, label=first)
        below.axhline(0.0, color=COLOURS[0], linewidth=0.8)
        for number, (name, sample) in enumerate(others, 1):
            style = {"color": COLOURS[number % len(COLOURS)], "linestyle": LINES[number % len(LINES)]}
            own = abscissa(sample, over, am_density_g_cm3)
            above.plot(own, sample.voltage_v, label=name, **style)
            below.plot(at, 1e3 * (voltage_at(at, own, sample.voltage_v) - true.voltage_v), **style)
        above.set_ylabel("voltage (V)")
        above.legend()
        below.set(xlabel=OVER[over], ylabel="difference (mV)")
    return figure


def voltage_at(at: np.ndarray, own: np.ndarray, voltage_v: np.ndarray) -> np.ndarray:
    """A curve's voltage at others' places (place,), NaN beyond its ends; the same frames stay as they are."""
    if len(at) == len(own) and np.allclose(at, own, rtol=1e-6, atol=1e-9):
        return voltage_v
    if (np.diff(own) < 0).any():  # a load that changes: not a function of this
        return np.full(len(at), np.nan)
    return np.interp(at, own, voltage_v, left=np.nan, right=np.nan)
