"""Transport through the electrolyte, from foil to separator."""

import math
from collections.abc import Sequence

import numpy as np
from scipy import sparse

from tfmsnet.electrode.checks import reachable
from tfmsnet.electrode.image import CBD, ELECTROLYTE, PhaseImage
from tfmsnet.errors import UserError

# Table 1 of doi:10.1016/j.ensm.2023.102927
CBD_TRANSPORT_FACTOR = 0.05
CBD_POROSITY = 0.27

_TOLERANCE = 1e-6


def effective_transport(image: PhaseImage, cbd_transport_factor: float = CBD_TRANSPORT_FACTOR) -> float:
    """Effective over bulk diffusivity (or conductivity) of the electrolyte along z, 0 to 1.

    Steady diffusion by cell-centred finite volumes: unit concentration on the foil side, zero on the
    separator side, closed walls in x and y, harmonic means at faces.

    Args:
        image: the electrode.
        cbd_transport_factor: diffusivity in the CBD over that in the pores, 0 (impervious) to 1.

    Returns:
        0 when no electrolyte reaches from one side to the other.
    """
    if not 0 <= cbd_transport_factor <= 1:
        raise UserError(f"cbd_transport_factor: expected 0 to 1, got {cbd_transport_factor!r}")
    factor = np.zeros(3)
    factor[ELECTROLYTE], factor[CBD] = 1, cbd_transport_factor
    return effective_conductivity(factor[image.phase])


def effective_conductivity(conductivity: np.ndarray) -> float:
    """Effective conductivity along z of voxels that each conduct, in their unit.

    Args:
        conductivity: (x, y, z), 0 where nothing passes.

    Returns:
        0 when no conductor reaches from one side to the other.
    """
    conducting = conductivity > 0
    through = reachable(conducting, 0) & reachable(conducting, -1)
    if not through.any():
        return 0.0
    matrix, inflow = _diffusion_system(np.where(through, conductivity, 0))
    potential = _solve(matrix, inflow)
    # The flux through the foil side: its half-cell conductance times the drop from one.
    flux = inflow @ (1 - potential)
    width, depth, thickness = conductivity.shape
    return float(flux * thickness / (width * depth))


def tortuosity_factor(
    image: PhaseImage,
    cbd_transport_factor: float = CBD_TRANSPORT_FACTOR,
    cbd_porosity: float = CBD_POROSITY,
) -> float:
    """Tortuosity factor of the electrolyte along z: `liquid_fraction` over `effective_transport`.

    1 for straight pores, infinite without a way through.  With a `cbd_transport_factor` of 0 it is the usual
    one of a two-phase image (Cooper et al. 2016, doi:10.1016/j.softx.2016.09.002).
    """
    effective = effective_transport(image, cbd_transport_factor)
    return (
        liquid_fraction(image, cbd_transport_factor, cbd_porosity) / effective if effective > 0 else math.inf
    )


def phase_tortuosity_factor(image: PhaseImage, labels: Sequence[int]) -> float:
    """Tortuosity factor along z of some phases that conduct alike, all others closed.

    Their volume fraction over their effective conductivity (Cooper et al. 2016,
    doi:10.1016/j.softx.2016.09.002); infinite without a way through.
    """
    inside = np.isin(image.phase, labels)
    effective = effective_conductivity(inside.astype(float))
    return float(inside.mean()) / effective if effective > 0 else math.inf


def liquid_fraction(image: PhaseImage, cbd_transport_factor: float, cbd_porosity: float) -> float:
    """Volume fraction of the electrolyte that transport goes through.

    That of the pores, plus `cbd_porosity` times that of the CBD unless a transport factor of 0 closes it.
    """
    if not 0 <= cbd_porosity <= 1:
        raise UserError(f"cbd_porosity: expected 0 to 1, got {cbd_porosity!r}")
    fractions = image.volume_fractions
    return fractions["electrolyte"] + (cbd_porosity * fractions["CBD"] if cbd_transport_factor > 0 else 0)


def _diffusion_system(diffusivity: np.ndarray) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Matrix (SPD) and right-hand side, in voxel units, over the voxels of diffusivity above zero."""
    inside = diffusivity > 0
    count = np.count_nonzero(inside)
    node = np.full(inside.shape, -1)
    node[inside] = np.arange(count)
    rows, columns, conductances = [], [], []
    for axis in range(3):
        nodes, values = np.moveaxis(node, axis, 0), np.moveaxis(diffusivity, axis, 0)
        joined = (nodes[:-1] >= 0) & (nodes[1:] >= 0)
        low, high = values[:-1][joined], values[1:][joined]
        rows.append(nodes[:-1][joined])
        columns.append(nodes[1:][joined])
        conductances.append(2 * low * high / (low + high))
    row, column, conductance = map(np.concatenate, (rows, columns, conductances))
    boundary = np.zeros((2, count))
    for side, plane in enumerate((0, -1)):
        at_side = node[:, :, plane] >= 0
        boundary[side, node[:, :, plane][at_side]] = 2 * diffusivity[:, :, plane][at_side]
    diagonal = (
        boundary.sum(axis=0) + np.bincount(row, conductance, count) + np.bincount(column, conductance, count)
    )
    couplings = sparse.coo_matrix((-conductance, (row, column)), shape=(count, count))
    return (couplings + couplings.T + sparse.diags(diagonal)).tocsr(), boundary[0]


def _solve(matrix: sparse.csr_matrix, right: np.ndarray) -> np.ndarray:
    import pyamg  # slow to import, and only needed here

    hierarchy = pyamg.smoothed_aggregation_solver(
        matrix, strength=("symmetric", {"theta": 0.02}), max_coarse=200
    )
    residuals: list[float] = []
    solution = hierarchy.solve(right, tol=_TOLERANCE, accel="cg", maxiter=200, residuals=residuals)
    if residuals[-1] > 10 * _TOLERANCE * np.linalg.norm(right):
        raise RuntimeError(f"diffusion through the electrolyte didn't converge: residual {residuals[-1]:.2g}")
    return solution
