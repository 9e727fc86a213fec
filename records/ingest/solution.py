"""What a finite-element program computed, on its own nodes, and the voxels that it is wanted on."""

from dataclasses import dataclass

import numpy as np

from tfmsnet.electrode import PhaseImage
from tfmsnet.records.ingest.grid import Grid


@dataclass(frozen=True, eq=False)
class NodeField:
    """A field where it is defined: nodes (node, 3) in m, and values (node, time) in SI units."""

    nodes_m: np.ndarray
    values: np.ndarray


@dataclass(frozen=True, eq=False)
class Solution:
    """A discharge on scattered nodes.

    Attributes:
        image: the voxelised phases.
        grid: where the image's voxels are, in the coordinates of the nodes.
        times_s: (time,), s, rising.
        concentration: lithium in the AM, mol/m3, on nodes of the AM alone.
        potential: of the solid, V, on nodes of AM and CBD alone.
    """

    image: PhaseImage
    grid: Grid
    times_s: np.ndarray
    concentration: NodeField
    potential: NodeField
