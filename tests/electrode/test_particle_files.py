"""LAMMPS dumps and tables of particles: they agree, and what is wrong in them is named."""

import gzip

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tfmsnet.electrode import AM, CBD
from tfmsnet.electrode.particle_files import read_particles
from tfmsnet.electrode.particles import rasterise
from tfmsnet.errors import UserError

ROWS = np.array(
    [[2.0, 2.0, 2.1, 2.0, 1], [6.0, 5.5, 3.0, 2.5, 1], [4.0, 4.0, 5.0, 1.0, 2], [9.5, 1.0, 4.0, 1.5, 1]]
)
BOUNDS = np.array([[0.0, 10.0], [0.0, 10.0], [-1.0, 30.0]])


def dump(rows=ROWS, columns="id type x y z radius", steps=(0,), bounds="pp pp ff", coordinates=None):
    """The text of a LAMMPS dump; in earlier steps the particles stand 1 um higher for each."""
    text = ""
    for step in steps:
        lines = []
        for number, (x, y, z, radius, kind) in enumerate(rows, 1):
            place = np.array([x, y, z + (steps[-1] - step) / 1000])
            if coordinates == "scaled":
                place = (place - BOUNDS[:, 0]) / (BOUNDS[:, 1] - BOUNDS[:, 0])
            known = dict(zip(("x", "y", "z"), place, strict=True)) | {
                "id": number,
                "type": int(kind),
                "radius": radius,
                "diameter": 2 * radius,
                "vx": 0.0,
            }
            known |= {f"{axis}{mark}": known[axis] for axis in "xyz" for mark in ("s", "u", "su")}
            lines.append(" ".join(f"{known[name]:.17g}" for name in columns.split()))
        edges = "\n".join(f"{low:.6e} {high:.6e}" for low, high in BOUNDS)
        text += (
            f"ITEM: TIMESTEP\n{step}\nITEM: NUMBER OF ATOMS\n{len(rows)}\nITEM: BOX BOUNDS "
            f"{bounds}\n{edges}\n"
            f"ITEM: ATOMS {columns} \n" + "\n".join(lines) + "\n"
        )
    return text


def data_file(rows=ROWS, crossings="", style="sphere", box="xyz"):
    """As `write_data` of LAMMPS has it, with the sections that follow."""
    lines = [
        f"{number} {int(kind)} {2 * radius:.17g} 4.7 {x:.17g} {y:.17g} {z:.17g}{crossings}"
        for number, (x, y, z, radius, kind) in enumerate(rows, 1)
    ]
    bounds = [f"{low:.17g} {high:.17g} {a}lo {a}hi" for a, (low, high) in zip(box, BOUNDS, strict=True)]
    text = "LAMMPS data file via write_data, version 22 Jul 2025, timestep = 100000, units = micro\n\n"
    text += f"{len(rows)} atoms\n2 atom types\n\n" + "\n".join(bounds) + f"\n\nAtoms # {style}\n\n"
    velocities = [f"{number} 0 0 0 0 0 0" for number in range(1, len(rows) + 1)]
    return text + "\n".join(lines) + "\n\nVelocities\n\n" + "\n".join(velocities) + "\n"


@pytest.fixture
def save(tmp_path):
    def write(text, name="particles"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def table(separator=",", header=("x", "y", "z", "radius", "type"), rows=ROWS):
    return (
        "\n".join([separator.join(header), *(separator.join(f"{v:.17g}" for v in row) for row in rows)])
        + "\n"
    )


def test_dump_and_table_agree(save):
    expected = read_particles(save(dump()))
    np.testing.assert_array_equal(expected.label, [AM, AM, CBD, AM])
    np.testing.assert_allclose(expected.centre_m, ROWS[:, :3] * 1e-6)
    np.testing.assert_allclose(expected.radius_m, ROWS[:, 3] * 1e-6)
    image = rasterise(expected)
    box = (0, 10, 0, 10, float(min(ROWS[:, 2] - ROWS[:, 3])), float(max(ROWS[:, 2] + ROWS[:, 3])))
    for separator in (",", ";", "\t", " "):
        found = read_particles(save(table(separator)), box=box, periodic="xy")
        np.testing.assert_array_equal(rasterise(found).phase, image.phase)
        assert rasterise(found).geometry_id == image.geometry_id


coordinate = st.floats(-1e3, 1e3).filter(lambda x: abs(x) > 1e-6)
particle = st.tuples(coordinate, coordinate, coordinate, st.floats(1e-3, 1e2), st.sampled_from([1, 2]))


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(particle, min_size=1, max_size=9), crossings=st.sampled_from(["", " 0 -1 2"]))
def test_a_data_file_is_read_as_the_dump_of_the_same_particles(save, rows, crossings):
    rows = np.array(rows)
    expected = read_particles(save(dump(rows)))
    found = read_particles(save(data_file(rows, crossings)), periodic="xy")
    np.testing.assert_array_equal(found.centre_m, expected.centre_m)
    np.testing.assert_allclose(found.radius_m, expected.radius_m, rtol=1e-15)
    np.testing.assert_array_equal(found.label, expected.label)
    assert found.box.periodic == expected.box.periodic
    np.testing.assert_allclose([found.box.low_m, found.box.high_m], [expected.box.low_m, expected.box.high_m])


@pytest.mark.parametrize(
    "text",
    [
        table(header=("x (um)", "y (um)", "z (um)", "radius (um)", "type")),
        table(";", header=("x [\u00b5m]", "y", "z", "radius", "type")),
        table(
            " ",
            header=("x (nm)", "y (nm)", "z (nm)", "radius (nm)", "type"),
            rows=ROWS * [1e3, 1e3, 1e3, 1e3, 1],
        ),
        table(header=('"Points:0"', '"Points:1"', '"Points:2"', "radius", "type")),
        table(";").replace(".", ","),
        table("\t").replace(".", ","),
        "\n".join(",".join(f'"{cell}"' for cell in line.split(",")) for line in table().splitlines()),
        table().replace("type", "type,Gr\u00f6\u00dfe").replace("\n", ",1\n").replace("\u00dfe,1", "\u00dfe"),
        dump() + "\n \n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_what_other_programs_write(tmp_path, text, encoding):
    path = tmp_path / "particles"
    path.write_bytes(gzip.compress(text.encode(encoding)) if encoding == "utf-16" else text.encode(encoding))
    found = read_particles(path)
    np.testing.assert_allclose(found.centre_m, ROWS[:, :3] * 1e-6, rtol=1e-12)
    np.testing.assert_allclose(found.radius_m, ROWS[:, 3] * 1e-6, rtol=1e-12)


def test_a_triclinic_box_may_be_orthogonal(save):
    edges = [f"{low:.6e} {high:.6e}" for low, high in BOUNDS]
    for tilt, fits in ((0, True), (1, False)):
        text = dump(bounds="xy xz yz pp pp ff")
        for edge in edges:
            text = text.replace(f"{edge}\n", f"{edge} {tilt}\n")
        if fits:
            assert read_particles(save(text)).box == read_particles(save(dump())).box
        else:
            with pytest.raises(UserError, match="the box is triclinic"):
                read_particles(save(text))


def test_units_contradict_each_other(save):
    path = save(table(header=("x (um)", "y (um)", "z (um)", "radius (um)", "type")))
    with pytest.raises(UserError, match="unit: the table says um, the call nm"):
        read_particles(path, "nm")
    with pytest.raises(UserError, match="lengths in nm and um"):
        read_particles(save(table(header=("x (um)", "y (um)", "z (nm)", "radius (um)", "type"))))


def test_a_data_file_does_not_say_which_axes_are_periodic(save):
    box = read_particles(save(data_file())).box
    assert box.periodic == (False, False, False)
    np.testing.assert_allclose(box.high_m, [11e-6, 8e-6, 6e-6])


@pytest.mark.parametrize(
    ("columns", "coordinates"),
    [
        ("id type xs ys zs diameter", "scaled"),
        ("type radius xu yu zu vx", None),
        ("xsu ysu zsu type radius id", "scaled"),
    ],
)
def test_columns_in_any_order_and_kind(save, columns, coordinates):
    found = read_particles(save(dump(columns=columns, coordinates=coordinates)))
    np.testing.assert_allclose(found.centre_m, ROWS[:, :3] * 1e-6, rtol=1e-12)
    np.testing.assert_allclose(found.radius_m, ROWS[:, 3] * 1e-6)


def test_the_last_timestep_or_a_chosen_one(save):
    path = save(dump(steps=(0, 1000, 2000)))
    for timestep, lift in ((None, 0), (2000, 0), (1000, 1), (0, 2)):
        found = read_particles(path, timestep=timestep)
        np.testing.assert_allclose(found.centre_m[:, 2], (ROWS[:, 2] + lift) * 1e-6)
    with pytest.raises(UserError, match="timestep: 500 isn't in the dump; it has 0, 1000, 2000"):
        read_particles(path, timestep=500)


def test_periodic_axes_take_the_bounds_and_open_ones_the_particles(save):
    box = read_particles(save(dump())).box
    assert box.periodic == (True, True, False)
    np.testing.assert_allclose(box.low_m, [0, 0, 0.1e-6], atol=1e-12)
    np.testing.assert_allclose(box.high_m, [10e-6, 10e-6, 6e-6])
    box = read_particles(save(dump()), periodic="").box
    np.testing.assert_allclose(box.high_m, [11e-6, 8e-6, 6e-6])


def test_units_and_types(save):
    rows = ROWS * [1e3, 1e3, 1e3, 1e3, 1] + [0, 0, 0, 0, 4]
    found = read_particles(save(table(rows=rows)), "nm", am_types=[5], cbd_types=[6])
    np.testing.assert_allclose(found.centre_m, ROWS[:, :3] * 1e-6)
    with pytest.raises(
        UserError, match=r"types: 6 \(1 particles\) is neither AM \[5\] nor CBD \[\]; say which"
    ):
        read_particles(save(table(rows=rows)), "nm", am_types=[5], cbd_types=[])
    with pytest.raises(UserError, match=r"types: \[5\] can't be AM and CBD at once"):
        read_particles(save(table(rows=rows)), "nm", am_types=[5], cbd_types=[5])


def changed(row, column, value):
    rows = ROWS.copy()
    rows[row, column] = value
    return rows


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (dump(columns="id type x y z"), "timestep 0: column radius is missing; found id, type, x, y, z"),
        (
            table(header=("x", "y", "depth", "radius", "kind")),
            "column x, y, z and type is missing; found x, y, depth",
        ),
        (
            dump(changed(2, 3, -1.0)),
            "timestep 0: particle 3 has x, y, z, radius, type = 4, 4, 5, -1, 2; expected",
        ),
        (table(rows=changed(1, 0, np.nan)), "the table: particle 2 has .* = nan, 5.5"),
        (dump()[:-40], "timestep 0: expected 4 particles, found 1"),
        (dump().replace("2.5", "2.5a"), "timestep 0: expected numbers under id type x y z radius"),
        (dump(steps=(0, 5))[:-220], "cut off after timestep 0; choose one: it has 0"),
        (dump()[:-1], "timestep 0: expected 4 particles, found 3: the dump is cut off"),
        (dump()[:-3], "timestep 0: expected 4 particles, found 3: the dump is cut off"),
        (dump(bounds="xy xz yz pp pp pp"), "the box is triclinic"),
        (dump().replace("ITEM: NUMBER OF ATOMS\n4", "ITEM: NUMBER OF ATOMS\nfour"), "the dump is damaged"),
        (
            dump().replace("ITEM: NUMBER OF ATOMS\n4", "ITEM: NUMBER OF ATOMS\n3"),
            "found '4 1 9.5 1 4 1.5': not a LAMMPS",
        ),
        ("ITEM: TIMESTEP\n0\n", "no ITEM: ATOMS"),
        (data_file(style="atomic"), "Atoms # atomic: expected the atom style sphere"),
        (data_file(box="xyw"), "expected atoms, xlo xhi, ylo yhi and zlo zhi"),
        (data_file().split("\n\nVel")[0][:-1], "expected 4 particles, found 3: the data file is cut off"),
        (data_file().split("Atoms")[0], "no section Atoms in it"),
        (data_file(changed(1, 3, 0.0)), "Atoms: particle 2 has .* expected finite numbers"),
        ("x,y,z,radius,type\n", "holds no particles"),
        ("", "column x, y, z and radius and type is missing"),
        ("x,y,z,radius,type\n1,2,3,4\n", "expected numbers under x y z radius type"),
    ],
)
def test_bad_files_are_named(save, text, message):
    path = save(text)
    with pytest.raises(UserError, match=message) as error:
        read_particles(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_options_that_do_not_fit(save, tmp_path):
    path = save(table())
    for options, message in (
        ({"unit": "furlong"}, "unit: unit 'furlong' isn't known; expected one of m, cm"),
        ({"periodic": "xw"}, "periodic: expected some of the letters"),
        ({"periodic": "xy"}, "give a box"),
        ({"timestep": 3}, "a table has no timesteps"),
        ({"box": (0, 1, 0, 1, 1, 0)}, "lower end below the upper one along z"),
    ):
        with pytest.raises(UserError, match=message):
            read_particles(path, **options)
    with pytest.raises(UserError, match="no such file"):
        read_particles(tmp_path / "none")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="expected text"):
        read_particles(tmp_path / "binary")


@pytest.mark.parametrize(
    "head",
    [
        "x,y,z,radius,type",
        "# settled at 300 K\n# x,y,z,radius,type",
        "# settled at 300 K\n\nx,y,z,radius,type",
        "x_um,y_um,z_um,radius_um,type",
        "% x_um,y_um,z_um,diameter_um,type",
    ],
)
def test_remarks_and_units_in_names_of_a_table(tmp_path, head):
    radius = "2" if "diameter" in head else "1"
    (tmp_path / "a.csv").write_text(f"{head}\n1,2,3,{radius},1\n4,5,6,{radius},2\n")
    found = read_particles(tmp_path / "a.csv")
    np.testing.assert_allclose(found.centre_m * 1e6, [[1, 2, 3], [4, 5, 6]])
    np.testing.assert_allclose(found.radius_m * 1e6, 1)
