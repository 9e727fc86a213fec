"""tfmsnet records import: samples from the command line, and one line for every mistake."""

import json
import re
from functools import partial

import numpy as np
import pytest

from tfmsnet.electrode.writing import write_image
from tfmsnet.records import read_sample
from tfmsnet.records.ingest import Domains, Reading, Variable, read_vtu

VTU = ("--concentration", "c", "--potential", "phi", "--domain", "material", "--am-domains", "7")
COMSOL = ("--concentration", "cs", "--potential", "phis", "--domain", "dom", "--am-domains", "7")


@pytest.fixture
def run(tfmsnet):
    """`tfmsnet records import ARGUMENTS` in this process -> (status, stdout, stderr)."""
    return partial(tfmsnet, "records", "import")


@pytest.fixture
def export(small_rows, write, tmp_path):
    return write.comsol(tmp_path / "export.txt", *small_rows)


def test_vtu_and_comsol_become_samples(run, small_series, export, tmp_path):
    data = tmp_path / "data"
    recipe = ("--am-wt-percent", 90, "--calendering-percent", 10, "--geometry-id", "ball")
    status, out, err = run("vtu", *small_series, *VTU, "--out", data, "--name", "one", *recipe)
    assert status == 0, err
    assert "4 frames, 10x10x8 voxels" in out
    status, out, err = run("comsol", export, *COMSOL, "--out", data, "--radius-um", 0.9, "--sharpness", 2.5)
    assert status == 0, err
    one, other = read_sample(data / "one.h5"), read_sample(data / "export.h5")
    assert (one.geometry_id, one.am_wt_percent, one.calendering_percent) == ("ball", 90, 10)
    np.testing.assert_allclose(other.voltage_v, one.voltage_v, atol=1e-3)
    assert sorted(path.name for path in data.iterdir()) == ["export.h5", "one.h5"]


def test_comsol_with_an_image(run, export, small_series, tmp_path):
    reading = Reading(Variable("c"), Variable("phi"), domain="material", domains=Domains([7]))
    image = read_vtu(small_series, reading).image
    write_image(image, tmp_path / "image.tif")
    place = ("--image", tmp_path / "image.tif", "--labels", "pore=0 am=1", "--origin-um", 0, 0, 0)
    options = (*COMSOL[:4], *place, "--out", tmp_path / "data")
    status, _, err = run("comsol", export, *options, "--box", 0, 5, 0, 5, 0, 4)
    assert status == 2
    assert "--box: an image has its own" in err
    status, _, err = run("comsol", export, *options)
    assert status == 0, err
    np.testing.assert_array_equal(read_sample(tmp_path / "data" / "export.h5").phase, image.phase)
    status, _, err = run("comsol", export, *COMSOL, "--out", tmp_path, "--origin-um", 0, 0, 0)
    assert status == 2
    assert "give one with --image" in err


@pytest.fixture
def other_layout(sample, tmp_path):
    """A sample's arrays under other names, and the mapping, which lies in mapping.json."""
    arrays = {"img": sample.phase, "c": sample.concentration, "phi": sample.potential, "t": sample.times_s}
    names = {"phase": "img", "concentration": "c", "potential": "phi", "times": "t"}
    mapping = {**names, "voxel_size": {"value": 0.5}, "c_rate": sample.c_rate}
    (tmp_path / "mapping.json").write_text(json.dumps(mapping))
    return arrays, mapping


def test_arrays_become_samples(run, sample, other_layout, tmp_path):
    arrays, _ = other_layout
    for name in ("a", "b"):
        np.savez(tmp_path / f"{name}.npz", **arrays)
    sources = (tmp_path / "a.npz", tmp_path / "b.npz")
    status, out, err = run(
        "arrays", *sources, "--mapping", tmp_path / "mapping.json", "--out", tmp_path / "data"
    )
    assert status == 0, err
    assert "2 samples" in out
    found = read_sample(tmp_path / "data" / "b.h5")
    np.testing.assert_array_equal(found.concentration, sample.concentration)
    status, _, err = run(
        "arrays", *sources[:1], *sources[:1], "--mapping", tmp_path / "mapping.json", "--out", tmp_path
    )
    assert status == 2
    assert "two sources would write one sample" in err


def test_an_interrupted_import_of_arrays_continues(run, other_layout, tmp_path):
    arrays, mapping = other_layout
    sources = [tmp_path / f"{name}.npz" for name in "abc"]
    np.savez(sources[0], **arrays)
    sources[1].write_bytes(b"half of a file")  # where the first import ends
    np.savez(sources[2], **arrays)
    command = ("arrays", *sources, "--mapping", tmp_path / "mapping.json", "--out", tmp_path / "data")
    assert run(*command)[0] == 2
    (first,) = (tmp_path / "data").iterdir()
    written = first.stat().st_mtime_ns
    np.savez(sources[1], **arrays)
    status, out, err = run(*command)
    assert status == 0, err
    assert "3 samples, 1 of them were there" in out
    assert first.stat().st_mtime_ns == written
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["a.h5", "b.h5", "c.h5"]
    assert "3 of them were there" in run(*command)[1]

    (tmp_path / "mapping.json").write_text(json.dumps(mapping | {"am_wt_percent": 90}))
    status, _, err = run(*command)
    assert status == 2
    assert "a.h5: exists already, and isn't made of this source by this mapping" in err


def test_parameters_of_another_cell(run, small_series, tmp_path):
    parameters = tmp_path / "cell.json"
    parameters.write_text(json.dumps({"c_max_mol_m3": 49000.0}))
    options = ("--parameters", parameters, "--out", tmp_path / "data", "--name", "a")
    status, _, err = run("vtu", *small_series, *VTU, *options)
    assert status == 0, err
    assert read_sample(tmp_path / "data" / "a.h5").parameters.c_max_mol_m3 == 49000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--concentration", "cs"), "array cs is missing"),
        (("--am-domains", "x"), "--am-domains: expected whole numbers"),
        (("--times", "0,a"), "--times: expected numbers"),
        (("--times", "0,1"), "times: expected 4"),
        (("--radius-um", "0.01"), "have no node within 0.01 um"),
        (("--concentration-unit", "mol/l"), "check the unit"),
        (("--c-rate", "3"), "c_rate: at 1900 s it has passed"),
        (("--parameters", "none.json"), "expected a file, or one of nmc111, .* found none.json"),
        (("--parameters", "{wrong}"), "wrong.json: Parameters: unknown c_max"),
        (("--length-unit", "mm"), "check the unit"),
    ],
)
def test_a_mistake_is_one_line_and_no_file(run, small_series, tmp_path_factory, arguments, message):
    tmp_path, wrong = tmp_path_factory.mktemp("out"), tmp_path_factory.mktemp("in") / "wrong.json"
    wrong.write_text('{"c_max": 1}')
    arguments = [argument.format(wrong=wrong) for argument in arguments]
    status, _, err = run("vtu", *small_series, *VTU, "--out", tmp_path / "data", *arguments)
    assert status == 2
    assert re.search(message, err.splitlines()[-1])
    assert not list(tmp_path.iterdir()) or not list((tmp_path / "data").iterdir())


def test_a_file_that_exists_is_kept(run, small_series, tmp_path):
    (tmp_path / "run_0.h5").write_text("mine")
    status, _, err = run("vtu", *small_series, *VTU, "--out", tmp_path)
    assert status == 2
    assert "run_0.h5: exists already" in err
    assert (tmp_path / "run_0.h5").read_text() == "mine"
