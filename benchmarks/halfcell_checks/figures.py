"""The figures of docs/verification.md."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullFormatter

from halfcell_checks.dfn import C_RATES, dfn_curve
from halfcell_checks.groups import (
    BALANCE_BOUNDS,
    CUTOFF_V,
    DFN_BOUND_V,
    SPLIT_BOUND_V,
    STEP_BOUND_DOL,
    STEP_BOUND_V,
    StepError,
)
from halfcell_checks.sphere import Profile, series
from tfmsnet.halfcell import Discharge, Parameters, open_circuit_potential
from tfmsnet.plots.style import COLOURS, MARKERS, look, new_figure

_BOUND = {"color": "#888888", "linestyle": (0, (5, 3)), "linewidth": 1.0, "zorder": 1}
_RATE_COLOURS = {0.5: COLOURS[3], 1.0: COLOURS[2], 2.0: COLOURS[1]}
_RATE_MARKERS = {0.5: MARKERS[0], 1.0: MARKERS[1], 2.0: MARKERS[2]}
_DOL = "mean degree of lithiation"
_VOLTAGE = "voltage against Li/Li$^+$ (V)"


def _panels(count: int, height_in: float = 3.6) -> tuple[Figure, Sequence[Axes]]:
    figure = new_figure(4.5 * count, height_in)
    return figure, figure.subplots(1, count)


def _plain_ticks(axis: Axis, values: Sequence[float]) -> None:
    axis.set_major_locator(FixedLocator(values))
    axis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.set_minor_formatter(NullFormatter())


def _name_bound(axes: Axes, value: float, name: str = "bound") -> None:
    axes.annotate(name, (0.02, value), xycoords=("axes fraction", "data"), va="bottom", color="#666666")


def _style(rate: float) -> dict:
    return {"color": _RATE_COLOURS[rate], "marker": _RATE_MARKERS[rate], "label": f"{rate:g}C"}


def balance_figure(discharges: dict[float, Discharge]) -> Figure:
    """Imbalance of charge, lithium and salt at every time step."""
    with look():
        figure, axes = _panels(3, 3.3)
        for panel, (name, bound) in zip(axes, BALANCE_BOUNDS.items(), strict=True):
            for rate, discharge in discharges.items():
                values = np.maximum(getattr(discharge.balances, name), 1e-16)
                dol = np.interp(discharge.balances.times_s, discharge.times_s, discharge.dol)
                panel.semilogy(dol, values, markersize=3, linewidth=0.8, **_style(rate))
            panel.axhline(bound, **_BOUND)
            _name_bound(panel, bound)
            panel.set(xlabel=_DOL, ylim=(3e-17, 1e-4), title=f"Imbalance of {name}")
        axes[0].set_ylabel("relative")
        axes[0].legend(loc="lower right", ncols=3)
    return figure


def sphere_figure(profiles: dict[float, Profile], fourier: float = 0.1) -> Figure:
    """Concentration over the radius, and the error over the resolution."""
    with look():
        figure, (left, right) = _panels(2)
        radius = min(profiles, key=lambda one: abs(one - 7.5))
        profile = profiles[radius]
        left.plot(
            profile.ratio,
            profile.computed,
            ".",
            markersize=3,
            color=COLOURS[2],
            label=f"voxels, {radius:g} per radius",
        )
        ratio = np.linspace(0, 1, 200)
        left.plot(ratio, series(ratio, fourier), color=COLOURS[1], label="analytic series")
        left.set(
            xlabel="distance from the middle / radius",
            ylabel=r"$(c - c_0)\,D\,/\,(j R)$",
            title=f"A sphere filled at constant flux, $D t / R^2$ = {fourier:g}",
        )
        left.legend()
        errors = [100 * profile.error for profile in profiles.values()]
        areas = [100 * profile.area_error for profile in profiles.values()]
        right.loglog(list(profiles), errors, "o-", color=COLOURS[2], label="concentration, L2 norm")
        right.loglog(list(profiles), areas, "^--", color=COLOURS[3], linewidth=1, label="reacting area")
        right.legend(loc="upper right")
        largest = max(profiles)
        right.plot([7, largest], [1.5, 1.5], **_BOUND)
        right.annotate("bound from 7 voxels on", (largest, 1.5), ha="right", va="bottom")
        if largest >= 30:
            right.plot(30, 0.5, "v", color="#888888")
            right.annotate("bound at 30", (30, 0.5), xytext=(-6, 0), textcoords="offset points", ha="right")
        right.set(xlabel="voxels per radius", ylabel="error (%)", title="Error over the resolution")
        right.set_ylim(bottom=0.05, top=6)
        _plain_ticks(right.xaxis, list(profiles))
        _plain_ticks(right.yaxis, [0.1, 0.2, 0.5, 1, 2])
    return figure


def dfn_figure(discharges: dict[float, Discharge]) -> Figure:
    """Curves of voxels and of PyBaMM, and their difference."""
    with look():
        figure, (left, right) = _panels(2)
        for rate in C_RATES:
            discharge, curve, colour = discharges[rate], dfn_curve(rate), _RATE_COLOURS[rate]
            left.plot(discharge.dol, discharge.voltage_v, color=colour, label=f"{rate:g}C, voxels")
            left.plot(
                curve["dol"],
                curve["voltage_v"],
                _RATE_MARKERS[rate],
                color=colour,
                markerfacecolor="white",
                markersize=4.5,
                label=f"{rate:g}C, PyBaMM",
            )
            difference = 1e3 * (discharge.voltage_v[1:] - curve["voltage_v"])
            right.plot(curve["dol"], difference, markersize=3.5, linewidth=1, **_style(rate))
        left.set(xlabel=_DOL, ylabel=_VOLTAGE, title="24 x 24 x 64 voxels and a half-cell DFN")
        left.legend()
        right.axhline(0, color="#888888", linewidth=0.8, zorder=1)
        right.set(
            xlabel=_DOL,
            ylabel="voxels minus PyBaMM (mV)",
            title=f"Difference (bound: {1e3 * DFN_BOUND_V:g} mV)",
            ylim=(-3, 3),
        )
        right.legend(loc="upper right", ncols=3)
    return figure


def time_step_figure(errors: dict[float, list[StepError]]) -> Figure:
    """Error of voltage and lithium over the time step."""
    with look():
        figure, axes = _panels(2)
        parts = (("voltage_v", 1e3, "voltage (mV)", 1e3 * STEP_BOUND_V), ("dol", 1, "DOL", STEP_BOUND_DOL))
        for panel, (name, scale, label, bound) in zip(axes, parts, strict=True):
            for rate, runs in errors.items():
                steps = [run.step_s * rate for run in runs]
                values = [scale * getattr(run, name) for run in runs]
                panel.loglog(steps, values, **_style(rate))
            for order, line in ((1, ":"), (2, "-")):
                ends = np.array([steps[-1], steps[0]])
                expected = 0.5 * values[-1] * (ends / ends[0]) ** order
                panel.loglog(ends, expected, line, color="#888888", linewidth=0.9, label=f"order {order}")
            panel.axhline(bound, **_BOUND)
            _name_bound(panel, bound)
            panel.set(xlabel="time step x C-rate (s)", ylabel=f"largest error of the {label}")
            panel.set_ylim(top=2 * bound)
            _plain_ticks(panel.xaxis, sorted(steps))
            _plain_ticks(panel.yaxis, bound * np.array([0.02, 0.05, 0.1, 0.2, 0.5, 1.0]))
        axes[0].set_title("Voltage")
        axes[1].set_title("Degree of lithiation of any voxel")
        axes[1].legend(loc="lower right")
    return figure


def splitting_figure(runs: dict[int, Discharge]) -> Figure:
    """Curves on split voxels, and how far they are from that on the voxels themselves."""
    with look():
        figure, (left, right) = _panels(2)
        for index, (parts, run) in enumerate(runs.items()):
            edge = f"{run.image.voxel_size_m * 1e6:.3g} µm"
            style = {
                "color": COLOURS[(2, 1, 3)[index % 3]],
                "marker": MARKERS[index],
                "markersize": 7 - 2 * index,
            }
            left.plot(run.dol, run.voltage_v, label=edge, linewidth=1, **style)
            if parts > 1:
                difference = 1e3 * (run.voltage_v - runs[1].voltage_v)
                right.plot(run.dol[1:], difference[1:], label=f"{edge} minus 0.5 µm", linewidth=1, **style)
        left.set(xlabel=_DOL, ylabel=_VOLTAGE, title="One electrode on smaller and smaller voxels, 2C")
        left.legend(title="voxel edge")
        bound = 1e3 * SPLIT_BOUND_V
        for sign in (-1, 1):
            right.axhline(sign * bound, **_BOUND)
        _name_bound(right, bound)
        right.set(
            xlabel=_DOL,
            ylabel="difference (mV)",
            title="Change of the voltage",
            ylim=(-1.3 * bound, 1.3 * bound),
        )
        right.legend(loc="center right", bbox_to_anchor=(1, 0.3))
    return figure


def cutoff_figure(discharges: dict[float, Discharge], to_cutoff: dict[float, Discharge]) -> Figure:
    """Curves in their order, and discharges to the cut-off voltage."""
    with look():
        figure, (left, right) = _panels(2)
        dol = np.linspace(Parameters().initial_dol, 0.82, 100)
        rest = open_circuit_potential(dol, Parameters())
        left.plot(dol, rest, color="#888888", linewidth=1, label="open circuit")
        for axes, runs in ((left, discharges), (right, to_cutoff)):
            for rate, run in runs.items():
                axes.plot(run.dol, run.voltage_v, markersize=3.5, linewidth=1, **_style(rate))
            axes.set(xlabel=_DOL, ylabel=_VOLTAGE)
            axes.legend()
        left.set_title("Slower discharges have the higher voltage")
        right.axhline(CUTOFF_V, **_BOUND)
        _name_bound(right, CUTOFF_V, "cut-off")
        right.set_title(f"Last frames before {CUTOFF_V:g} V")
    return figure
