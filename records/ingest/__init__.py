"""Other people's results to samples: voxelised, interpolated, checked.

`read_vtu` and `read_comsol` give what a finite-element program left, as a `Solution` on its own nodes;
`to_sample` brings it onto voxels.  `read_arrays` takes what is on voxels already, in HDF5, NPZ and MATLAB
files of other layouts.
"""

from tfmsnet.records.ingest.arrays import Mapping, import_arrays, mapping_from, read_arrays, read_mapping
from tfmsnet.records.ingest.assembly import to_sample
from tfmsnet.records.ingest.comsol import read_comsol
from tfmsnet.records.ingest.solution import Domains, NodeField, Reading, Solution, Variable, VoxelGrid
from tfmsnet.records.ingest.voxelisation import GaussianKernel, interpolate
from tfmsnet.records.ingest.vtu import read_vtu

__all__ = [
    "Domains",
    "GaussianKernel",
    "Mapping",
    "NodeField",
    "Reading",
    "Solution",
    "Variable",
    "VoxelGrid",
    "import_arrays",
    "interpolate",
    "mapping_from",
    "read_arrays",
    "read_comsol",
    "read_mapping",
    "read_vtu",
    "to_sample",
]
