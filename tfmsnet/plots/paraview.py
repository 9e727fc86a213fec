"""A discharge for ParaView: an image of VTK for every frame, and what says at which times."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from tfmsnet.errors import UserError
from tfmsnet.fields import FIELDS
from tfmsnet.files import replacing_directory
from tfmsnet.records.sample import Sample

COLLECTION = "discharge.pvd"


def write_paraview(sample: Sample, folder: str | Path, frames: Sequence[int] | None = None) -> Path:
    """Write a new folder of `frame_000.vti` ... and `discharge.pvd`, which ParaView opens.

    Cells are voxels, lengths are um, z runs from the foil.  Arrays of cells: `phase` (0 pore, 1 AM, 2 CBD),
    `concentration` (mol/m3) and `potential` (V), both NaN outside their phases.

    Args:
        sample: the discharge.
        folder: where to; whole or absent.
        frames: which; None for all.

    Returns:
        The collection's path.

    Raises:
        UserError: vtk isn't installed, the folder exists.
    """
    try:
        from vtkmodules.util.numpy_support import numpy_to_vtk
        from vtkmodules.vtkCommonCore import vtkObject
        from vtkmodules.vtkCommonDataModel import vtkImageData
        from vtkmodules.vtkIOXML import vtkXMLImageDataWriter
    except ImportError as error:
        raise UserError(f"ParaView's files need vtk ({error}); pip install 'tfmsnet[mesh]'") from None
    folder = Path(folder)
    if folder.exists():
        raise UserError(f"{folder}: exists already; remove it, or choose another --out")

    def add(grid, name: str, values: np.ndarray) -> None:
        array = numpy_to_vtk(values.ravel(order="F"), deep=True)  # x is the fastest in VTK
        array.SetName(name)
        grid.GetCellData().AddArray(array)

    entries = []
    with replacing_directory(folder) as partial:
        for frame in range(sample.frames) if frames is None else frames:
            grid = vtkImageData()
            grid.SetDimensions(*(n + 1 for n in sample.grid))
            grid.SetSpacing(*[1e6 * sample.voxel_size_m] * 3)
            add(grid, "phase", sample.phase)
            for name, field in FIELDS.items():
                values = getattr(sample, name)[frame]
                add(grid, name, np.where(field.mask(sample.phase), values, np.float32(np.nan)))
            writer = vtkXMLImageDataWriter()
            writer.SetFileName(str(partial / f"frame_{frame:03d}.vti"))
            writer.SetInputData(grid)
            with _silent(vtkObject):  # what goes wrong is said below
                written = writer.Write()
            if not written:
                raise OSError(f"VTK at frame {frame}")
            time_s = f"{sample.times_s[frame]:.10g}"
            entries.append(f'<DataSet timestep="{time_s}" file="frame_{frame:03d}.vti"/>')
        text = "\n".join(
            ['<VTKFile type="Collection" version="0.1"><Collection>', *entries, "</Collection></VTKFile>\n"]
        )
        (partial / COLLECTION).write_text(text)
    return folder / COLLECTION


@contextmanager
def _silent(objects) -> Iterator[None]:
    """VTK without its warnings, which it gives whoever else is in the process again after that."""
    speaks = objects.GetGlobalWarningDisplay()
    objects.GlobalWarningDisplayOff()
    try:
        yield
    finally:
        objects.SetGlobalWarningDisplay(speaks)
