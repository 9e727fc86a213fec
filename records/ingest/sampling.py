"""From a solution on scattered nodes to a sample on voxels."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from tfmsnet.electrode import AM, ELECTROLYTE
from tfmsnet.halfcell import Parameters
from tfmsnet.records.ingest.assembly import assemble, check_concentration, check_potential, check_times
from tfmsnet.records.ingest.kernel import GaussianKernel, interpolate
from tfmsnet.records.ingest.solution import NodeField, Solution
from tfmsnet.records.sample import Sample

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
