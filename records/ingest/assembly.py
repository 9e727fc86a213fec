"""From what a file holds to a sample: units, checks, and what is derived."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from tfmsnet.electrode import AM, ELECTROLYTE, PhaseImage
from tfmsnet.errors import UserError
from tfmsnet.halfcell import Parameters
from tfmsnet.load import Load
from tfmsnet.records.hdf5 import check_sample
from tfmsnet.records.ingest.solution import NodeField, Solution
from tfmsnet.records.ingest.voxelisation import GaussianKernel, interpolate
from tfmsnet.records.sample import Sample
from tfmsnet.references.faraday import charge_passed

_OVERSHOOT = 0.01  # of c_max: what elements of higher order may leave
_SMALLEST_MEAN_DOL = 1e-3
_LARGEST_POTENTIAL_V = 10.0
_INITIAL_DOL_ERROR = 0.02
_CHARGE_ERROR = 0.1


def check_times(times_s: np.ndarray, what: str = "times") -> None:
    """Raise a UserError unless times (time,) rise from 0 s over two frames or more."""
    if len(times_s) < 2:
        raise UserError(f"{what}: expected two frames or more, found {len(times_s)}")
    if not np.isfinite(times_s).all():
        raise UserError(f"{what}: expected numbers, found {times_s[~np.isfinite(times_s)][0]}")
    late = np.flatnonzero(np.diff(times_s) <= 0)
    if len(late):
        before, after = times_s[late[0] : late[0] + 2]
        raise UserError(
            f"{what}: expected frames in order of time, found {after:g} s after {before:g} s; sort them, and "
            "give each once"
        )
    if times_s[0] != 0:
        raise UserError(
            f"{what}: expected the equilibrium at 0 s first, found a first frame at {times_s[0]:g} s"
        )


def check_concentration(values: np.ndarray, parameters: Parameters, what: str) -> None:
    """Raise a UserError unless concentrations, mol/m3, are such as the AM can have."""
    low, high, c_max = float(values.min()), float(values.max()), parameters.c_max_mol_m3
    if low < -_OVERSHOOT * c_max or high > (1 + _OVERSHOOT) * c_max:
        raise UserError(
            f"{what}: {low:g} to {high:g} mol/m3, expected 0 to c_max = {c_max:g} mol/m3; check the unit, or "
            "give the cell's c_max_mol_m3 in its parameters"
        )
    if values.mean() < _SMALLEST_MEAN_DOL * c_max:
        raise UserError(
            f"{what}: on average {values.mean():g} mol/m3, next to nothing of c_max = {c_max:g} mol/m3; "
            "check the unit (1 for a degree of lithiation, mol/l, ...)"
        )


def check_potential(values: np.ndarray, what: str) -> None:
    """Raise a UserError unless potentials, V, are such as a cell can have."""
    largest = float(np.abs(values).max())
    if largest > _LARGEST_POTENTIAL_V:
        raise UserError(
            f"{what}: up to {largest:g} V, expected at most {_LARGEST_POTENTIAL_V:g} V; check the unit (mV?)"
        )


def assemble(
    image: PhaseImage,
    times_s: np.ndarray,
    concentration: np.ndarray,
    potential: np.ndarray,
    parameters: Parameters,
    *,
    c_rate: float | np.ndarray | None = None,
    voltage_v: np.ndarray | None = None,
) -> Sample:
    """A sample from its fields.

    The degree of lithiation is the mean of c / c_max over the AM.

    Args:
        image: the electrode, with its recipe where known.
        times_s: (time,).
        concentration, potential: (time, x, y, z) float32, mol/m3 and V, 0 outside their phases.
        parameters: the cell's.
        c_rate: 1/h, one for all frames, or (time,) of the interval that ends at each; None takes it from the
            lithium that the AM gained.  1 fills the AM from its initial degree of lithiation to 1 in an hour.
        voltage_v: (time,), V; None takes the mean potential of the solid on the foil (z = 0).

    Raises:
        UserError: times, fields or loads that can't be, or that contradict each other.
    """
    check_times(times_s)
    am = image.phase == AM
    check_concentration(concentration[:, am], parameters, "concentration")
    check_potential(potential[:, image.phase != ELECTROLYTE], "potential")
    dol = concentration[:, am].mean(axis=1, dtype=np.float64) / parameters.c_max_mol_m3
    profile = _profile(dol, times_s, parameters, c_rate)
    sample = Sample(
        phase=image.phase,
        concentration=concentration,
        potential=potential,
        times_s=np.asarray(times_s, np.float64),
        dol=dol,
        voltage_v=_foil_potential(image, potential) if voltage_v is None else voltage_v,
        c_rate_profile=profile,
        voxel_size_m=image.voxel_size_m,
        geometry_id=image.geometry_id,
        parameters=parameters,
        am_wt_percent=image.am_wt_percent,
        calendering_percent=image.calendering_percent,
        load=Load.from_profile(profile, times_s),
    )
    check_sample(sample, "sample")
    return sample


def _foil_potential(image: PhaseImage, potential: np.ndarray) -> np.ndarray:
    foil = image.phase[:, :, 0] != ELECTROLYTE
    if not foil.any():
        raise UserError(
            "voltage: no solid lies on the foil (z = 0) to take it from; check which end the foil is at, or "
            "give the box in which the electrode lies"
        )
    return potential[:, :, :, 0][:, foil].mean(axis=1, dtype=np.float64)


def _profile(dol: np.ndarray, times_s: np.ndarray, parameters: Parameters, c_rate) -> np.ndarray:
    """C-rates (time,) that fit the lithium gained."""
    if abs(dol[0] - parameters.initial_dol) > _INITIAL_DOL_ERROR:
        raise UserError(
            f"concentration: the first frame has a mean degree of lithiation of {dol[0]:.4f}, the parameters "
            f"say {parameters.initial_dol:g}; give the cell's initial_dol and c_max_mol_m3 in its parameters"
        )
    gained = (dol - dol[0]) / (1 - parameters.initial_dol)
    if c_rate is None:
        return np.concatenate([[0.0], 3600 * np.diff(gained) / np.diff(times_s)])
    profile = np.broadcast_to(np.asarray(c_rate, np.float64), dol.shape).copy()
    profile[0] = 0.0
    passed = charge_passed(profile, times_s)
    if np.abs(passed - gained).max() > _CHARGE_ERROR * np.abs(gained).max():
        worst = int(np.argmax(np.abs(passed - gained)))
        raise UserError(
            f"c_rate: at {times_s[worst]:g} s it has passed {passed[worst]:.4g} of the charge that fills the "
            f"AM, which gained {gained[worst]:.4g} of it; 1C fills the AM from its initial degree of "
            "lithiation to 1 in an hour; leave c_rate out to take it from the lithium"
        )
    return profile


_DEFAULT_KERNEL = GaussianKernel()
_DEFAULT_PARAMETERS = Parameters()


def to_sample(
    solution: Solution,
    kernel: GaussianKernel = _DEFAULT_KERNEL,
    parameters: Parameters = _DEFAULT_PARAMETERS,
    *,
    fill: str = "error",
    c_rate: float | None = None,
    foil_last: bool = False,
    progress: Callable[[float], None] | None = None,
) -> Sample:
    """Interpolate both fields to the voxels of their own phases; see `GaussianKernel` for the error.

    Args:
        solution: the fields on nodes.
        kernel: radius and sharpness.
        parameters: of the cell.
        fill: "error" or "nearest", for voxels without a node in reach.
        c_rate: 1/h; None takes it from the lithium that the AM gained.
        foil_last: the foil is where z is largest; the sample has it at z = 0, as all have.
        progress: called with the fraction done, 0 to 1.

    Raises:
        UserError: as `interpolate` and `assemble`.
    """
    check_times(solution.times_s)
    check_concentration(solution.concentration.values, parameters, "concentration")
    check_potential(solution.potential.values, "potential")
    phase, fields, done = solution.image.phase, {}, 0.0
    jobs = (
        ("concentration", solution.concentration, phase == AM),
        ("potential", solution.potential, phase != ELECTROLYTE),
    )
    whole = sum(np.count_nonzero(mask) for _, _, mask in jobs)
    for name, field, mask in jobs:
        share = np.count_nonzero(mask) / whole

        def advance(fraction: float, done: float = done, share: float = share) -> None:
            if progress:
                progress(done + share * fraction)

        fields[name] = _on_voxels(name, field, mask, solution, kernel, fill, advance)
        done += share
    image = solution.image
    if foil_last:
        image = replace(image, phase=image.phase[:, :, ::-1])
        fields = {name: np.ascontiguousarray(field[..., ::-1]) for name, field in fields.items()}
    return assemble(image, solution.times_s, **fields, parameters=parameters, c_rate=c_rate)


def _on_voxels(
    name: str,
    field: NodeField,
    mask: np.ndarray,
    solution: Solution,
    kernel: GaussianKernel,
    fill: str,
    progress,
) -> np.ndarray:
    """(time, x, y, z) float32, 0 outside the mask."""
    result = np.zeros((len(solution.times_s), *mask.shape), np.float32)
    targets = solution.grid.centres_m(mask)
    result[:, mask] = interpolate(
        field.nodes_m, field.values, targets, kernel, fill=fill, what=name, progress=progress
    )
    return result
