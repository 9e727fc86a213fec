"""The groups of checks: each gives numbers with their bounds, and what its figure is drawn from."""

import itertools
from dataclasses import dataclass

import numpy as np

from halfcell_checks import conduction
from halfcell_checks.check import Check
from halfcell_checks.dfn import C_RATES, dfn_curve
from halfcell_checks.refinement import with_shorter_steps, with_split_voxels
from halfcell_checks.sphere import Profile, fill_sphere
from tfmsnet.electrode import AM, ELECTROLYTE, PhaseImage, Recipe, generate
from tfmsnet.halfcell import Discharge, Parameters, simulate
from tfmsnet.load import constant_current

BALANCE_BOUNDS = {"charge": 1e-6, "lithium": 1e-5, "salt": 1e-5}
STEP_BOUND_V, STEP_BOUND_DOL = 1e-3, 1e-3
SPLIT_BOUND_V = 3e-3
DFN_BOUND_V = 10e-3
CUTOFF_V = 2.8


def balances(discharges: dict[float, Discharge]) -> list[Check]:
    """Conservation at every time step."""
    return [
        Check("balances", f"{name}, {rate:g}C", getattr(discharge.balances, name).max(), bound)
        for name, bound in BALANCE_BOUNDS.items()
        for rate, discharge in discharges.items()
    ]


def spheres(radii: tuple[float, ...]) -> tuple[list[Check], dict[float, Profile]]:
    """Diffusion into spheres of these radii in voxels, against the series."""
    profiles = {radius: fill_sphere(radius) for radius in radii}
    checks = [
        Check(
            "sphere",
            f"L2 error, {radius:g} voxels per radius",
            100 * profile.error,
            0.5 if radius >= 30 else 1.5,
            "%",
        )
        for radius, profile in profiles.items()
        if radius >= 7
    ]
    return checks, profiles


@dataclass(frozen=True)
class StepError:
    """How far a discharge is from the one of the shortest steps: step in s, voltage in V, DOL."""

    step_s: float
    voltage_v: float
    dol: float


def time_steps(
    image: PhaseImage, c_rates: tuple[float, ...], frames: int, splits: tuple[int, ...]
) -> tuple[list[Check], dict[float, list[StepError]]]:
    """Steps halved again and again; the last of `splits` is the reference of the figure."""
    checks, errors = [], {}
    for rate in c_rates:
        runs = [with_shorter_steps(image, constant_current(rate, frames), split) for split in splits]

        def apart(one, other):
            return tuple(float(np.abs(a - b).max()) for a, b in zip(one, other, strict=True))

        voltage_v, dol = apart(runs[0], runs[1])
        checks += [
            Check("time step halved", f"voltage, {rate:g}C", 1e3 * voltage_v, 1e3 * STEP_BOUND_V, "mV"),
            Check("time step halved", f"DOL of any voxel, {rate:g}C", dol, STEP_BOUND_DOL),
        ]
        errors[rate] = [
            StepError(100 / rate / split, *apart(run, runs[-1]))
            for split, run in zip(splits[:-1], runs[:-1], strict=True)
        ]
    return checks, errors


def voxel_splitting(
    image: PhaseImage, parts: tuple[int, ...], c_rate: float = 2.0
) -> tuple[list[Check], dict[int, Discharge]]:
    """Every voxel split into parts^3; the first of `parts` is 1."""
    runs = {part: simulate(with_split_voxels(image, part), c_rate) for part in parts}
    checks = [
        Check(
            "voxels split",
            f"voltage, each into {part**3}, {c_rate:g}C",
            1e3 * np.abs(run.voltage_v - runs[1].voltage_v).max(),
            1e3 * SPLIT_BOUND_V,
            "mV",
        )
        for part, run in runs.items()
        if part > 1
    ]
    return checks, runs


def porous_electrode(discharges: dict[float, Discharge]) -> list[Check]:
    """Against PyBaMM's curves for the electrode of the fixtures."""
    return [
        Check(
            "PyBaMM DFN",
            f"voltage, {rate:g}C",
            1e3 * np.abs(discharges[rate].voltage_v[1:] - dfn_curve(rate)["voltage_v"]).max(),
            1e3 * DFN_BOUND_V,
            "mV",
        )
        for rate in C_RATES
    ]


def bounds_and_order(discharges: dict[float, Discharge]) -> list[Check]:
    """Voltages in the order of their rates; lithium between empty and full; nothing outside its phase."""
    rates = sorted(discharges)
    checks = [
        Check(
            "order",
            f"V({slow:g}C) - V({fast:g}C), smallest",
            1e3 * (discharges[slow].voltage_v - discharges[fast].voltage_v)[1:].min(),
            0.1,
            "mV",
            at_least=True,
        )
        for slow, fast in itertools.pairwise(rates)
    ]
    lowest, highest, outside = np.inf, -np.inf, 0.0
    for discharge in discharges.values():
        phase = discharge.image.phase
        dol = discharge.concentration[:, phase == AM] / discharge.parameters.c_max_mol_m3
        lowest, highest = min(lowest, dol.min()), max(highest, dol.max())
        outside = max(
            outside,
            np.abs(discharge.concentration[:, phase != AM]).max(),
            np.abs(discharge.potential[:, phase == ELECTROLYTE]).max(),
        )
    start = Parameters().initial_dol
    return [
        *checks,
        Check("bounds", "smallest DOL of a voxel", float(lowest), start - 1e-6, at_least=True),
        Check("bounds", "largest DOL of a voxel", float(highest), 1.0),
        Check("bounds", "largest value outside its phase", float(outside), 0.0),
    ]


def to_cutoff(image: PhaseImage, c_rates: tuple[float, ...]) -> tuple[list[Check], dict[float, Discharge]]:
    """Discharges to 2.8 V."""
    runs = {rate: simulate(image, constant_current(rate, 37, CUTOFF_V)) for rate in c_rates}
    checks = []
    for rate, run in runs.items():
        finite = np.isfinite(run.concentration).all() and np.isfinite(run.potential).all()
        checks += [
            Check(f"to {CUTOFF_V:g} V", f"mean DOL reached, {rate:g}C", run.dol[-1], 0.85, at_least=True),
            Check(f"to {CUTOFF_V:g} V", f"values not finite, {rate:g}C", 0.0 if finite else 1.0, 0.0),
            Check(f"to {CUTOFF_V:g} V", f"charge balance, {rate:g}C", run.balances.charge.max(), 1e-6),
        ]
    return checks, runs


def steady_conduction() -> list[Check]:
    """The network and its multigrid against a direct solver, and layered media against formulas."""
    return [
        Check("conduction", "against a direct solver", conduction.error_in_a_random_image(), 1e-8),
        Check(
            "conduction", "the same, robust preconditioner", conduction.error_in_a_random_image(True), 1e-8
        ),
        Check("conduction", "layers in series", conduction.error_of_layers_in_series(), 1e-8),
        Check("conduction", "layers in parallel", conduction.error_of_layers_in_parallel(), 1e-8),
    ]


def small_electrode() -> PhaseImage:
    """For voxel splitting: 16 x 16 x 32 voxels, 90 wt%, uncalendered."""
    return generate(Recipe(90.0, 0.0, (16, 16, 32), seed=1))
