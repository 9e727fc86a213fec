"""Finite elements to records to a network: results that the package's simulator didn't make."""

from dataclasses import replace

import numpy as np
import pytest

from tfmsnet.electrode import AM
from tfmsnet.halfcell import Parameters, simulate
from tfmsnet.load import constant_current
from tfmsnet.records import read_sample

FRAMES = 6
SECONDS = 100.0


def electrodes(geometry):
    """Three of them: as it is, mirrored, and with x and y swapped."""
    yield geometry
    width = geometry.box_um[0]
    mirror = np.array([-1, 1, 1, 1]), np.array([width, 0, 0, 0])
    yield replace(
        geometry,
        spheres_um=geometry.spheres_um * mirror[0] + mirror[1],
        balls_um=geometry.balls_um * mirror[0] + mirror[1],
    )
    swapped = [1, 0, 2, 3]
    yield replace(
        geometry, spheres_um=geometry.spheres_um[:, swapped], balls_um=geometry.balls_um[:, swapped]
    )


def write_series(directory, cell, write):
    """A VTU a frame, by VTK's writer."""
    parameters, files = Parameters(), []
    for frame, state in enumerate(cell.walk([(1.0, SECONDS * (FRAMES - 1))], SECONDS)):
        files.append(directory / f"{frame}.vtu")
        grid = write.make_grid(
            cell.am.doflocs.T,
            cell.mesh.t.T,
            {"c": state.dol * parameters.c_max_mol_m3, "phi": state.solid_v},
            {"phase": cell.phase.astype(np.int32)},
        )
        write.grid(files[-1], grid)
    return files


@pytest.mark.slow
def test_finite_elements_are_imported_written_and_trained_on(fem, tfmsnet, write, tmp_path):
    data = tmp_path / "data"
    times = ",".join(f"{SECONDS * frame:g}" for frame in range(FRAMES))
    for number, geometry in enumerate(electrodes(fem.NINE_SPHERES)):
        (tmp_path / str(number)).mkdir()
        files = write_series(tmp_path / str(number), fem.FiniteElements(geometry, 1.0, Parameters()), write)
        names = ("--concentration", "c", "--potential", "phi", "--domain", "phase")
        phases = ("--am-domains", 1, "--cbd-domains", 2, "--box", 0, 7, 0, 7, 0, 10)
        place = ("--times", times, "--out", data, "--name", f"fem{number}", "--c-rate", 1)
        status, _, err = tfmsnet("records", "import", "vtu", *files, *names, *phases, *place)
        assert status == 0, err

    sample, image = read_sample(data / "fem0.h5"), fem.NINE_SPHERES.image(0.5)
    assert (sample.phase == image.phase).mean() > 0.95
    simulated = simulate(image, constant_current(1.0, FRAMES))
    both = (sample.phase == AM) & (image.phase == AM)
    # 1 um for an element and 0.5 um for a voxel: what is left is the meshes'.
    np.testing.assert_allclose(
        sample.concentration[:, both].mean(axis=1), simulated.concentration[:, both].mean(axis=1), rtol=5e-3
    )
    np.testing.assert_allclose(sample.voltage_v, simulated.voltage_v, atol=8e-3)

    records, run = tmp_path / "records", tmp_path / "run"
    status, _, err = tfmsnet("records", "write", data, records, "--split", "1/1")
    assert status == 0, err
    values = ("steps=4", "steps_per_epoch=2", "filters=2", "scales=2")
    small = [part for value in values for part in ("--set", value)]
    status, _, err = tfmsnet("train", records, "--out", run, *small)
    assert status == 0, err
    assert (run / "best").exists()
