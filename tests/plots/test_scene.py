"""The page to turn an electrode around, and ParaView's files."""

import re
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from tfmsnet.errors import UserError
from tfmsnet.plots.paraview import write_paraview
from tfmsnet.plots.scene import surface, write_scene

masks = npst.arrays(bool, npst.array_shapes(min_dims=3, max_dims=3, max_side=5), elements=st.booleans())


@given(masks)
def test_the_surface_is_that_of_the_voxels_and_closed(inside):
    corners, triangles, voxels = surface(inside)
    padded = np.pad(inside, 1).astype(int)
    assert len(voxels) == sum(np.abs(np.diff(padded, axis=axis)).sum() for axis in range(3))
    assert inside[tuple(voxels.T)].all()
    a, b, c = (corners[triangles[:, place]] for place in range(3))
    np.testing.assert_array_equal(np.linalg.norm(np.cross(b - a, c - a), axis=1), 1)  # halves of squares
    # Every edge belongs to an even number of triangles.
    edges = np.sort(triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    assert (np.unique(edges, axis=0, return_counts=True)[1] % 2 == 0).all()


def test_a_page_of_its_own(make_sample, tmp_path):
    pytest.importorskip("plotly")
    write_scene(make_sample(frames=3), tmp_path / "page.html", "one <electrode>")
    page = (tmp_path / "page.html").read_text()
    assert not re.search(r"<(script|link|img)[^>]* (src|href)=", page)
    assert "8x7x12 voxels of 0.5" in page
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


@pytest.fixture
def written(make_sample, tmp_path):
    pytest.importorskip("vtkmodules")
    sample = make_sample(frames=3)
    sample = replace(sample, times_s=sample.times_s / 3)
    return sample, write_paraview(sample, tmp_path / "paraview")


def test_vtk_reads_back_what_paraview_gets(written):
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkIOXML import vtkXMLImageDataReader

    sample, collection = written
    entries = re.findall(r'timestep="(\S+)" file="(\S+)"', collection.read_text())
    np.testing.assert_allclose([float(time) for time, _ in entries], sample.times_s, rtol=1e-9)
    for frame, (_, name) in enumerate(entries):
        reader = vtkXMLImageDataReader()
        reader.SetFileName(str(collection.parent / name))
        reader.Update()
        grid = reader.GetOutput()
        assert grid.GetBounds() == tuple(x for n in sample.grid for x in (0.0, 0.5 * n))
        for field, mask in (("concentration", sample.am_mask), ("potential", sample.solid_mask)):
            values = vtk_to_numpy(grid.GetCellData().GetArray(field)).reshape(sample.grid, order="F")
            np.testing.assert_array_equal(values[mask], getattr(sample, field)[frame][mask])
            assert np.isnan(values[~mask]).all()
    with pytest.raises(UserError, match="exists already"):
        write_paraview(sample, collection.parent)


@pytest.mark.skipif(not shutil.which("pvpython"), reason="needs ParaView")
def test_paraview_opens_it(written):
    sample, collection = written
    code = (
        f"from paraview.simple import *; r = OpenDataFile({str(collection)!r}); r.UpdatePipeline(); "
        "r.UpdatePipeline(r.TimestepValues[-1]); i = r.GetDataInformation(); "
        "print(len(r.TimestepValues), i.GetNumberOfCells(), r.CellData['concentration'].GetRange())"
    )
    said = subprocess.run(["pvpython", "-c", code], capture_output=True, text=True, check=True, timeout=120)
    last = sample.concentration[-1][sample.am_mask]
    expected = f"{sample.frames} {sample.phase.size} {(float(last.min()), float(last.max()))}"
    assert said.stdout.splitlines()[-1] == expected
