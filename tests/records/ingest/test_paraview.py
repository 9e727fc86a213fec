"""ParaView itself, as a user calls it, beside `records import vtu`: runs where pvpython is installed.

The mesh is in um: on one in metres VTK takes a node within 0.24 um for the target itself, as its tolerance
for that is absolute.
"""

import shutil
import subprocess

import numpy as np
import pytest

from tfmsnet.electrode import AM
from tfmsnet.records import read_sample

RADIUS_UM, SHARPNESS = 0.9, 2.5
# Takes: the VTU, the voxels along each axis, the file for the results.
PIPELINE = f"""
import sys
import numpy
from paraview.simple import *
from paraview.vtk.util.numpy_support import vtk_to_numpy

mesh = XMLUnstructuredGridReader(FileName=[sys.argv[1]])
mesh.UpdatePipeline()
solid = Threshold(Input=mesh, Scalars=["CELLS", "material"], LowerThreshold=7, UpperThreshold=7)
counts = [int(n) for n in sys.argv[2].split("x")]
# Points at the voxels' centres.
grid = Wavelet(WholeExtent=[0, counts[0] - 1, 0, counts[1] - 1, 0, counts[2] - 1])
centres = Transform(Input=grid, TransformAllInputVectors=0)
centres.Transform.Scale = [0.5] * 3
centres.Transform.Translate = [0.25] * 3
found = PointDatasetInterpolator(Input=solid, Source=centres, Kernel="GaussianKernel")
found.Kernel.Radius = {RADIUS_UM}
found.Kernel.Sharpness = {SHARPNESS}
found.Kernel.KernelFootprint = "Radius"
found.UpdatePipeline()
data = servermanager.Fetch(found)
points = data.GetPointData()
numpy.savez(
    sys.argv[3],
    places=[data.GetPoint(0), data.GetPoint(1), data.GetPoint(data.GetNumberOfPoints() - 1)],
    **{{name: vtk_to_numpy(points.GetArray(name)) for name in ("c", "phi")}},
)
"""


@pytest.mark.skipif(not shutil.which("pvpython"), reason="pvpython isn't installed (Debian: paraview)")
def test_paraviews_gaussian_kernel_gives_the_same_fields(small, truth, known, write, tfmsnet, tmp_path):
    series = [
        write.vtu(tmp_path / f"{frame}.vtu", small, truth, [frame], time=time, scale=1.0)
        for frame, time in enumerate(known.times_s)
    ]
    command = ("records", "import", "vtu", *series, "--length-unit", "um")
    fields = ("--concentration", "c", "--potential", "phi")
    kernel = ("--radius-um", RADIUS_UM, "--sharpness", SHARPNESS, "--domain", "material", "--am-domains", 7)
    status, _, err = tfmsnet(*command, *fields, *kernel, "--out", tmp_path)
    assert status == 0, err
    (path,) = tmp_path.glob("*.h5")
    sample = read_sample(path)
    (tmp_path / "pipeline.py").write_text(PIPELINE)
    am = sample.phase == AM
    for frame in (1, 3):
        words = (
            tmp_path / "pipeline.py",
            series[frame],
            "x".join(map(str, sample.grid)),
            tmp_path / "found.npz",
        )
        process = subprocess.run(["pvpython", *map(str, words)], capture_output=True, text=True, check=False)
        assert process.returncode == 0, process.stderr[-2000:]
        found = np.load(tmp_path / "found.npz")
        np.testing.assert_allclose(found["places"][0], 0.25)
        np.testing.assert_allclose(found["places"][-1], (np.array(sample.grid) - 0.5) / 2)
        for name, ours in (("c", sample.concentration[frame]), ("phi", sample.potential[frame])):
            theirs = found[name].reshape(sample.grid, order="F")
            np.testing.assert_allclose(ours[am], theirs[am], rtol=1e-5)
