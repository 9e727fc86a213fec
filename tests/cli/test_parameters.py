"""`tfmsnet parameters`, and --parameters and --temperature-c of other commands, as a user meets them."""

import json

import numpy as np
import pytest

from tfmsnet.materials import names, parameter_set, read_parameters
from tfmsnet.records import read_sample

SMALL = ("--geometries", 1, "--size", 12, 12, 16, "--c-rates", 1, "--frames", 3, "--jobs", 1)


@pytest.fixture
def simulate(tfmsnet, tmp_path):
    """`tfmsnet simulate ... ARGUMENTS` -> (status, stderr, sample or None)."""

    def run(*arguments):
        status, _, err = tfmsnet("simulate", *SMALL, "--out", tmp_path / "data", *arguments)
        files = sorted((tmp_path / "data").glob("*.h5"))
        return status, err, read_sample(files[0]) if files else None

    return run


def test_all_sets_are_listed_and_shown_with_sources(tfmsnet):
    status, printed, _ = tfmsnet("parameters", "list")
    assert status == 0
    assert [line.split()[0] for line in printed.splitlines()] == list(names())
    status, printed, _ = tfmsnet("parameters", "show", "nmc811")
    assert status == 0
    assert "doi:10.1149/1945-7111/ab9050" in printed
    assert "c_max_mol_m3" in printed


def test_what_is_shown_as_json_is_a_file_of_parameters(tfmsnet, tmp_path):
    _, printed, _ = tfmsnet("parameters", "show", "lfp", "--json")
    (tmp_path / "mine.json").write_text(printed)
    assert read_parameters(tmp_path / "mine.json") == parameter_set("lfp")


def test_bpx_out_and_in(tfmsnet, tmp_path):
    pytest.importorskip("bpx")
    (tmp_path / "cell.json").write_text(json.dumps(parameter_set("nmc532").as_dict()))
    status, _, err = tfmsnet("parameters", "convert", tmp_path / "cell.json", tmp_path / "bpx.json")
    assert (status, "no place in BPX: carbon-binder" in err) == (0, True)
    status, _, err = tfmsnet("parameters", "convert", tmp_path / "bpx.json", tmp_path / "back.json")
    assert (status, "a half-cell hasn't: Positive electrode: " in err) == (0, True)
    assert read_parameters(tmp_path / "back.json").parameters.c_max_mol_m3 == 35380


def test_a_set_makes_its_powder_and_its_cell(simulate):
    status, _, sample = simulate("--parameters", "nmc811", "--temperature-c", 40)
    assert status == 0
    assert sample.parameters == parameter_set("nmc811").at_temperature_c(40).parameters
    assert sample.voltage_v[0] == pytest.approx(4.273, abs=5e-3)


def test_a_temperature_that_a_set_knows_nothing_of_is_one_line(simulate):
    status, err, sample = simulate("--temperature-c", 40)
    assert (status, sample) == (2, None)
    assert "hold at 293.15 K alone, got 313.15" in err


def test_particles_are_as_large_as_asked_for(tfmsnet, tmp_path):
    sizes = []
    for diameter in (2, 6):
        out = tmp_path / str(diameter)
        options = ("--particle-diameter-um", diameter, "--particle-spread", 0.1, "--out", out)
        assert tfmsnet("simulate", *SMALL, "--size", 24, 24, 24, *options)[0] == 0
        (path,) = out.glob("*.h5")
        phase = read_sample(path).phase
        am = phase == 1
        faces = sum((np.diff(am.astype(int), axis=axis) != 0).sum() for axis in range(3))
        sizes.append(am.sum() / faces)
    assert sizes[1] > 1.5 * sizes[0]


def test_particles_that_voxels_cannot_show_are_refused(simulate):
    status, err, _ = simulate("--parameters", "lfp")
    assert status == 2
    assert "particle_diameter_m: expected at least 3 voxels" in err


def test_small_particles_in_small_voxels(simulate):
    status, _, sample = simulate("--parameters", "lfp", "--voxel-size-um", 0.1, "--size", 16, 16, 24)
    assert (status, sample.voxel_size_m) == (0, pytest.approx(1e-7))
    # Below the plateau of 3.41 V by the overpotential.
    assert 3.25 < sample.voltage_v[-1] < 3.41


def test_a_network_refuses_another_cell_than_its_own(tfmsnet, run, tmp_path):
    np.save(tmp_path / "image.npy", np.pad(np.ones((8, 8, 12), np.uint8), [(0, 0), (0, 0), (0, 12)]))
    arguments = (
        "predict",
        tmp_path / "image.npy",
        "--model",
        run,
        "--voxel-size-um",
        0.5,
        "--labels",
        0,
        1,
        2,
        "--c-rate",
        1,
        "--out",
        tmp_path / "answer",
    )
    status, _, err = tfmsnet(*arguments, "--parameters", "lco")
    assert status == 2
    assert "was trained on another cell (temperature_k 293.15 and 298.15" in err
    assert "take porous-electrode or resolved-particles" in err
    assert not (tmp_path / "answer").exists()


def test_describe_says_what_1c_is_for_a_cell(tfmsnet, tmp_path):
    np.save(tmp_path / "image.npy", np.pad(np.ones((8, 8, 12), np.uint8), [(0, 0), (0, 0), (0, 12)]))
    densities = []
    for name in ("nmc111", "graphite"):
        _, printed, _ = tfmsnet(
            "describe",
            tmp_path / "image.npy",
            "--voxel-size-um",
            0.5,
            "--labels",
            0,
            1,
            2,
            "--parameters",
            name,
        )
        densities.append(float(printed.split("1C is ")[1].split()[0]))
    cells = [parameter_set(name).parameters for name in ("nmc111", "graphite")]
    room = [cell.c_max_mol_m3 * (1 - cell.initial_dol) for cell in cells]
    assert densities[1] / densities[0] == pytest.approx(room[1] / room[0], rel=1e-3)
