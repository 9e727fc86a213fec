"""HDF5 and NPZ of other layouts: bit for bit through a mapping, and every way in which one can be wrong."""

import json

import h5py
import numpy as np
import pytest
import scipy.io
from hypothesis import given, settings
from hypothesis import strategies as st

from tfmsnet.errors import UserError
from tfmsnet.records.hdf5 import SCHEMA
from tfmsnet.records.ingest import mapping_from, read_arrays, read_mapping

PLAIN = {
    "phase": "phase",
    "concentration": "c",
    "potential": "phi",
    "times": "t",
    "voxel_size": {"value": 0.5, "unit": "um"},
}


def as_arrays(sample, axes="txyz", labels=(0, 1, 2)):
    """A sample's arrays in another order of axes."""
    order = ["txyz".index(axis) for axis in axes]
    space = [axis - 1 for axis in order if axis]
    return {
        "phase": np.array(labels)[sample.phase].transpose(space),
        "c": sample.concentration.transpose(order),
        "phi": sample.potential.transpose(order),
        "t": sample.times_s,
        "v": sample.voltage_v,
        "rate": sample.c_rate_profile,
    }


def write(path, arrays):
    if path.suffix == ".npz":
        np.savez(path, **arrays)
    else:
        with h5py.File(path, "w") as file:
            for name, values in arrays.items():
                file[f"results/{name}"] = values
    return path


def named(path, content):
    """A mapping with the names as the file has them."""
    if path.suffix == ".npz":
        return mapping_from(content)
    groups = {}
    for key, value in content.items():
        if isinstance(value, str) and key in ("phase", "concentration", "potential", "times"):
            value = f"results/{value}"
        elif isinstance(value, dict) and "name" in value:
            value = value | {"name": f"results/{value['name']}"}
        groups[key] = value
    return mapping_from(groups)


@pytest.mark.parametrize("suffix", [".npz", ".h5", ".mat"])
def test_a_sample_comes_through_bit_for_bit(sample, tmp_path, suffix):
    path = write(tmp_path / f"a{suffix}", as_arrays(sample))
    content = PLAIN | {
        "voltage": {"name": "v"},
        "c_rate": {"name": "rate"},
        "geometry_id": sample.geometry_id,
    }
    found = read_arrays(path, named(path, content))
    for field in SCHEMA:
        if field.name != "dol":
            np.testing.assert_array_equal(getattr(found, field.name), getattr(sample, field.name))
    np.testing.assert_allclose(found.dol, sample.dol, rtol=1e-6)  # the mean of what was rounded to float32
    assert (found.geometry_id, found.voxel_size_m) == (sample.geometry_id, 0.5e-6)


@settings(max_examples=12, deadline=None)
@given(axes=st.permutations("txyz").map("".join), labels=st.permutations([0, 85, 170]), last=st.booleans())
def test_any_order_of_axes_and_any_labels(sample, tmp_path_factory, axes, labels, last):
    arrays = as_arrays(sample, axes, labels)
    space = axes.replace("t", "")
    if last:
        arrays["phase"] = np.flip(arrays["phase"], space.index("z"))
        for name in ("c", "phi"):
            arrays[name] = np.flip(arrays[name], axes.index("z"))
    path = write(tmp_path_factory.mktemp("axes") / "a.npz", arrays)
    mapping = mapping_from(
        PLAIN
        | {
            "phase": {"name": "phase", "axes": space, "labels": list(labels)},
            "concentration": {"name": "c", "axes": axes},
            "potential": {"name": "phi", "axes": axes},
            "foil_last": last,
        }
    )
    found = read_arrays(path, mapping)
    for name in ("phase", "concentration", "potential"):
        np.testing.assert_array_equal(getattr(found, name), getattr(sample, name))


def test_units_and_scales(sample, tmp_path):
    arrays = as_arrays(sample) | {"h": np.array(500.0)}
    c_max = sample.parameters.c_max_mol_m3
    arrays |= {"c": arrays["c"] / np.float64(c_max), "phi": arrays["phi"] * 1e3, "t": sample.times_s / 3600}
    content = {
        "phase": "phase",
        "concentration": {"name": "c", "unit": "1"},
        "potential": {"name": "phi", "unit": "mV"},
        "times": {"name": "t", "scale": 60, "unit": "min"},
        "voxel_size": {"name": "h", "unit": "nm"},
        "c_rate": sample.c_rate,
        "am_wt_percent": 90,
    }
    found = read_arrays(write(tmp_path / "a.npz", arrays), mapping_from(content))
    np.testing.assert_allclose(found.concentration, sample.concentration, rtol=1e-6)
    np.testing.assert_allclose(
        found.potential[:, found.solid_mask], sample.potential[:, found.solid_mask], rtol=1e-5
    )
    np.testing.assert_allclose(found.times_s, sample.times_s)
    np.testing.assert_array_equal(found.c_rate_profile, sample.c_rate_profile)
    assert found.voxel_size_m == pytest.approx(0.5e-6)
    assert found.am_wt_percent == 90


def test_what_lies_outside_a_phase_is_dropped(sample, tmp_path):
    arrays = as_arrays(sample)
    arrays["c"] = np.where(sample.am_mask, arrays["c"], np.float32(np.nan))
    arrays["phi"] = np.where(sample.solid_mask, arrays["phi"], np.float32(-99))
    found = read_arrays(write(tmp_path / "a.npz", arrays), mapping_from(PLAIN))
    np.testing.assert_array_equal(found.concentration, sample.concentration)
    np.testing.assert_array_equal(found.potential, sample.potential)


def nan_inside(arrays, sample):
    arrays["c"] = arrays["c"].copy()
    arrays["c"][(3, *np.argwhere(sample.am_mask)[0])] = np.nan


def without(name):
    def change(arrays, sample):
        del arrays[name]

    return change


def replaced(name, make):
    def change(arrays, sample):
        arrays[name] = make(arrays[name])

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            nan_inside,
            r"dataset c: 1 values in its phase aren't finite, the first at \(time, x, y, z\) = \(3, ",
        ),
        (without("phi"), "dataset phi is missing; found phase, c, t, v, rate"),
        (replaced("t", lambda t: t[::-1]), "times: expected frames in order of time"),
        (replaced("t", lambda t: t + 10), "times: expected the equilibrium at 0 s first"),
        (replaced("t", lambda t: t[:-1]), r"dataset c: expected \(time, x, y, z\) = \(24, "),
        (replaced("c", lambda c: c[0]), r"dataset c: expected 4 axes \(txyz\), found shape"),
        (replaced("c", lambda c: c / 1e3), "concentration: on average .* check the unit"),
        (replaced("c", lambda c: c * 1e3), "concentration: .* expected 0 to c_max"),
        (replaced("c", lambda c: c * 0.9), "the first frame has a mean degree of lithiation"),
        (replaced("c", lambda c: c.astype("S")), "dataset c: expected numbers"),
        (replaced("phi", lambda phi: phi * 1e3), "potential: up to .* V, expected at most 10 V"),
        (replaced("phase", lambda phase: phase + 3), "which label is which phase"),
        (replaced("v", lambda v: v[1:]), "dataset v: expected one value for each of 25 times, found 24"),
    ],
)
def test_wrong_contents_are_refused(sample, tmp_path, change, message):
    arrays = as_arrays(sample)
    change(arrays, sample)
    path = write(tmp_path / "a.npz", arrays)
    with pytest.raises(UserError, match=message) as error:
        read_arrays(path, mapping_from(PLAIN | {"voltage": {"name": "v"}}))
    assert str(error.value).count(str(path)) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"phase": "p"}, "concentration, potential, times: expected, but missing"),
        (PLAIN | {"volts": "v"}, "volts: isn't known; expected some of phase"),
        (
            PLAIN | {"phase": {"name": "p", "unit": "V"}},
            "phase: unit isn't known; expected some of axes, labels, name",
        ),
        (PLAIN | {"phase": {"axes": "xyz"}}, "phase: expected the name of a dataset"),
        (PLAIN | {"phase": 3}, "phase: expected a dataset's name or an object"),
        (
            PLAIN | {"potential": {"name": "v", "axes": "xyz"}},
            "potential.axes: expected the letters t, x, y, z",
        ),
        (PLAIN | {"phase": {"name": "p", "labels": [0, 1]}}, "phase.labels: expected the numbers"),
        (PLAIN | {"times": {"name": "t", "scale": "60"}}, "times.scale: expected a number"),
        (PLAIN | {"times": {"name": "t", "unit": 1}}, "times.unit: expected text"),
        (PLAIN | {"foil_last": 1}, "foil_last: expected bool"),
        (PLAIN | {"am_wt_percent": "90"}, "am_wt_percent: expected a number"),
        (
            PLAIN | {"voxel_size": {"name": "h", "value": 1}},
            "voxel_size: expected the name of a dataset, or a value",
        ),
    ],
)
def test_a_wrong_mapping_is_refused(tmp_path, content, message):
    path = tmp_path / "mapping.json"
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match=message) as error:
        read_mapping(path)
    assert str(path) in str(error.value)


def test_wrong_files_are_refused(tmp_path):
    for name, message in (
        ("a.npz", "not readable as NPZ"),
        ("a.h5", "not readable as HDF5"),
        ("a.txt", "expected a file of the kind"),
        ("b.npz", "no such file"),
    ):
        if name[0] == "a":
            (tmp_path / name).write_bytes(b"PK\x03\x04 nothing")
        with pytest.raises(UserError, match=rf"{name}: {message}"):
            read_arrays(tmp_path / name, mapping_from(PLAIN))
    np.savez(tmp_path / "c.npz", t=np.zeros(2))
    with pytest.raises(UserError, match="unit 'furlong' isn't known"):
        read_arrays(tmp_path / "c.npz", mapping_from(PLAIN | {"voxel_size": {"value": 1, "unit": "furlong"}}))


@settings(max_examples=12, deadline=None)
@given(
    layout=st.sampled_from(["group", "pattern", "list"]),
    component=st.sampled_from(["", "first", "last", "unsaid"]),
    digits=st.sampled_from([1, 4]),
    slash=st.sampled_from(["", "/"]),
)
def test_a_dataset_for_each_step_and_an_axis_of_components(
    sample, tmp_path_factory, layout, component, digits, slash
):
    path = tmp_path_factory.mktemp("steps") / "a.h5"
    axes = {"": "zyx", "first": "czyx", "last": "zyxc", "unsaid": "zyx"}[component]

    def turned(values):
        values = values.transpose(2, 1, 0)
        return {"": values, "first": values[None]}.get(component, values[..., None])

    names = {}
    with h5py.File(path, "w") as file:
        file["img"], file["t"] = turned(sample.phase), sample.times_s
        for name, values in (("c", sample.concentration), ("phi", sample.potential)):
            steps = [f"{name}/{10 * step:0{digits}d}" for step in range(len(values))]
            if layout != "group":
                steps = [f"{step}/values" for step in steps]
            for step, frame in zip(steps, values, strict=True):
                file[step] = turned(frame)
            of = {"group": name, "pattern": f"{name}/{{step}}/values", "list": [slash + s for s in steps]}[
                layout
            ]
            names[name] = {"name": of if layout == "list" else slash + of, "axes": "t" + axes}
    content = PLAIN | {
        "phase": {"name": f"{slash}img", "axes": axes},
        "concentration": names["c"],
        "potential": names["phi"],
    }
    found = read_arrays(path, mapping_from(content))
    for name in ("phase", "concentration", "potential"):
        np.testing.assert_array_equal(getattr(found, name), getattr(sample, name))


def test_several_components_are_refused(sample, tmp_path):
    arrays = as_arrays(sample) | {"c": np.repeat(sample.concentration[..., None], 2, -1)}
    content = PLAIN | {"concentration": {"name": "c", "axes": "txyzc"}}
    with pytest.raises(UserError, match="dataset c: expected one component along c, found shape"):
        read_arrays(write(tmp_path / "a.npz", arrays), mapping_from(content))


def test_matlab_before_7_3(sample, tmp_path):
    scipy.io.savemat(tmp_path / "a.mat", as_arrays(sample), do_compression=True)
    found = read_arrays(tmp_path / "a.mat", mapping_from(PLAIN))
    for name in ("phase", "concentration", "potential", "times_s"):
        np.testing.assert_array_equal(getattr(found, name), getattr(sample, name))


def test_names_are_asked_for_through_links(sample, tmp_path):
    arrays = as_arrays(sample)
    (tmp_path / "in").mkdir()
    write(tmp_path / "in" / "b.h5", arrays)
    write(tmp_path / "outside.h5", arrays)
    path = write(tmp_path / "in" / "a.h5", {"phase": arrays["phase"], "t": arrays["t"], "c": arrays["c"]})
    with h5py.File(path, "a") as file:
        file["phase"] = file["results/phase"]
        file["t"] = h5py.SoftLink("/results/t")
        file["c"] = h5py.SoftLink("results/c")
        file["phi"] = h5py.ExternalLink("b.h5", "/results/phi")
        file["far"] = h5py.ExternalLink("../outside.h5", "/results/phi")
        file["through"] = h5py.SoftLink("/far")
        file["nowhere"] = h5py.SoftLink("/nothing")
        raw = [(str(tmp_path / "outside.raw"), 0, arrays["phi"].nbytes)]
        file.create_dataset("raw", arrays["phi"].shape, arrays["phi"].dtype, external=raw)
    found = read_arrays(path, mapping_from(PLAIN))
    np.testing.assert_array_equal(found.potential, sample.potential)
    for name, message in (
        ("far", "dataset far: its values lie in .*outside.h5, outside of the file's folder"),
        ("through", "dataset through: its values lie in .*outside.h5, outside of the file's folder"),
        ("raw", "dataset raw: its values lie in .*outside.raw, outside of the file's folder"),
        ("nowhere", "dataset nowhere: its link nowhere leads nowhere"),
        ("results", r"dataset results: is a group, which holds c, phase, t; name one"),
    ):
        with pytest.raises(UserError, match=message):
            read_arrays(path, mapping_from(PLAIN | {"potential": name}))


@pytest.mark.parametrize(
    ("attributes", "told", "expected"),
    [
        ({"voxel_size_m": 0.5e-6}, None, 0.5e-6),
        ({"voxel_size_um": [0.2, 0.2, 0.2]}, None, 0.2e-6),
        ({"spacing": 200.0, "unit": "nm"}, None, 0.2e-6),
        ({"voxel_size_m": 0.5e-6}, {"value": 500, "unit": "nm"}, 0.5e-6),
        ({"spacing": 1.0}, {"value": 0.3}, 0.3e-6),
        ({}, None, "neither the mapping nor the file says it"),
        ({"spacing": 1.0}, None, "the file's spacing has no unit; give it in the mapping"),
        (
            {"voxel_size_m": 0.5e-6},
            {"value": 0.4},
            r"one edge .* found the mapping's 0.4 um: 0.4 um; voxel_size_m",
        ),
        (
            {"voxel_size_um": [0.2, 0.2, 0.4]},
            None,
            "one edge of cubic voxels, found voxel_size_um: 0.2 x 0.2 x 0.4",
        ),
    ],
)
@pytest.mark.parametrize("place", ["file", "phase"])
def test_how_large_voxels_are(sample, tmp_path, attributes, told, expected, place):
    path = write(tmp_path / "a.h5", as_arrays(sample))
    with h5py.File(path, "a") as file:
        (file if place == "file" else file["results/phase"]).attrs.update(attributes)
    content = {name: value for name, value in PLAIN.items() if name != "voxel_size"}
    mapping = named(path, content | ({} if told is None else {"voxel_size": told}))
    if isinstance(expected, str):
        with pytest.raises(UserError, match=expected):
            read_arrays(path, mapping)
    else:
        assert read_arrays(path, mapping).voxel_size_m == pytest.approx(expected)
