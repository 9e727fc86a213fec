"""A discharge by finite elements of an electrode given as particles.

    pip install gmsh scikit-fem
    python benchmarks/electrode_fem.py electrode/calendered.dump --box 7 7 8 --out fem

The particles of a dump are meshed (gmsh) and discharged at 1C (halfcell_checks/fem.py); left are VTU files in
um, one a frame, for `tfmsnet records import vtu`.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from halfcell_checks.fem import SEPARATOR, FiniteElements, Geometry
from tfmsnet.electrode import AM, CBD, ELECTROLYTE
from tfmsnet.electrode.particle_files import read_particles
from tfmsnet.electrode.particles import with_periodic_images
from tfmsnet.halfcell import Parameters

# A film on the foil stands for what voxels of 0.5 um take for contact; no centre of a voxel lies in it.
FILM_UM = 0.2
# So do wider contacts: particles that are held together by attraction are apart by less than this.
WIDER_UM = 0.05


class Wired(Geometry):
    """One whose solid that isn't wired to the foil is pores."""

    def mesh(self, size_um):
        mesh, phase = super().mesh(size_um)
        # Between many spheres gmsh may leave a hole, which is no electrode.
        edges = mesh.p.T[mesh.t.T[:, 1:]] - mesh.p.T[mesh.t.T[:, :1]]
        box_m3 = 1e-18 * self.box_um[0] * self.box_um[1] * (self.box_um[2] + self.separator_um)
        lost = 1 - np.abs(np.linalg.det(edges)).sum() / 6 / box_m3
        if lost > 1e-6:
            raise SystemExit(f"the mesh lacks {100 * lost:.2g} % of the box; take another electrode")
        first, second = mesh.f2t[:, mesh.f2t[1] >= 0]
        solid = np.isin(phase, (AM, CBD))
        joined = solid[first] & solid[second]
        graph = sparse.coo_matrix((joined[joined], (first[joined], second[joined])), (len(phase), len(phase)))
        _, piece = connected_components(graph, directed=False)
        on_foil = (mesh.p[2][mesh.t].min(axis=0) < 1e-12) & solid
        loose = solid & ~np.isin(piece, piece[on_foil])
        print(f"{len(phase)} tetrahedra; {loose.sum()} that aren't wired to the foil are pores", flush=True)
        return mesh, np.where(loose, ELECTROLYTE, phase)


def discharge(dump: Path, box, out: Path, size_um: float, frames: int, frame_s: float) -> None:
    """A VTU a frame at 1C; the voltage on stdout."""
    corners = [edge for high in box for edge in (0, high)]
    centre, radius, label = with_periodic_images(read_particles(dump, "um", box=corners))
    spheres = np.column_stack([1e6 * centre, 1e6 * radius + WIDER_UM])
    geometry = Wired(tuple(box), spheres[label == AM], spheres[label == CBD], FILM_UM, 25.0)
    parameters, started = Parameters(), time.process_time()
    cell = FiniteElements(geometry, size_um, parameters)
    electrode = cell.phase != SEPARATOR
    out.mkdir(parents=True, exist_ok=True)
    for frame, state in enumerate(cell.walk([(1.0, frame_s * (frames - 1))], frame_s)):
        seconds, cpu_s = frame * frame_s, time.process_time() - started
        fields = {"c": state.dol * parameters.c_max_mol_m3, "phi": state.solid_v}
        tetrahedra, phase = cell.mesh.t.T[electrode], cell.phase[electrode]
        write_vtu(out / f"{frame:02}.vtu", 1e6 * cell.am.doflocs.T, tetrahedra, fields, phase, seconds)
        print(f"{seconds:5.0f} s  {state.voltage_v:.4f} V  {cpu_s:4.0f} CPU s", flush=True)


def write_vtu(path: Path, points_um, tetrahedra, fields: dict, phase, time_s: float) -> None:
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkCommonCore import vtkPoints
    from vtkmodules.vtkCommonDataModel import VTK_TETRA, vtkCellArray, vtkUnstructuredGrid
    from vtkmodules.vtkIOXML import vtkXMLUnstructuredGridWriter

    used, cells = np.unique(tetrahedra, return_inverse=True)
    grid, points, array = vtkUnstructuredGrid(), vtkPoints(), vtkCellArray()
    points.SetData(numpy_to_vtk(np.ascontiguousarray(points_um[used]), deep=True))
    corners = np.arange(0, cells.size + 1, 4)
    array.SetData(numpy_to_vtk(corners, deep=True), numpy_to_vtk(cells.ravel().astype(np.int64), deep=True))
    grid.SetPoints(points)
    grid.SetCells(VTK_TETRA, array)
    of_points = {name: values[used] for name, values in fields.items()}
    for of, arrays in (
        (grid.GetPointData(), of_points),
        (grid.GetCellData(), {"phase": phase.astype(np.int32)}),
        (grid.GetFieldData(), {"TimeValue": np.array([time_s])}),
    ):
        for name, values in arrays.items():
            made = numpy_to_vtk(np.ascontiguousarray(values), deep=True)
            made.SetName(name)
            of.AddArray(made)
    writer = vtkXMLUnstructuredGridWriter()
    writer.SetFileName(str(path))
    writer.SetInputData(grid)
    if not writer.Write():
        raise OSError(f"{path}: not written")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dump", type=Path)
    parser.add_argument("--box", type=float, nargs=3, required=True, metavar="UM", help="edges x, y, z")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--size-um", type=float, default=1.0, help="of the elements")
    parser.add_argument("--frames", type=int, default=13)
    parser.add_argument("--frame-s", type=float, default=200.0)
    discharge(**vars(parser.parse_args()))


if __name__ == "__main__":
    main()
