"""COMSOL's spreadsheet export with a known answer, and every way in which one can be wrong."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tfmsnet.electrode import AM, PhaseImage
from tfmsnet.errors import UserError
from tfmsnet.records.ingest import (
    Domains,
    GaussianKernel,
    Reading,
    Variable,
    read_comsol,
    read_vtu,
    to_sample,
)
from tfmsnet.records.ingest.solution import Label, parse_label

READING = Reading(Variable("cs"), Variable("phis"), domain="dom", domains=Domains([7]))


def test_an_export_comes_back_within_the_bound_of_the_kernel(export, known, within_bound):
    solution, kernel = read_comsol(export, READING), GaussianKernel()
    sample = to_sample(solution, kernel, c_rate=1.0)
    np.testing.assert_array_equal(sample.times_s, known.times_s)
    within_bound(solution, sample, kernel)


def test_export_and_vtu_of_one_solution_agree(export, series):
    vtu = Reading(Variable("c"), Variable("phi"), domain="material", domains=Domains([7]))
    meshed = read_vtu(series, vtu)
    sample, expected = to_sample(read_comsol(export, READING, image=meshed.image)), to_sample(meshed)
    np.testing.assert_allclose(sample.concentration, expected.concentration, rtol=1e-6)
    np.testing.assert_allclose(sample.potential, expected.potential, rtol=1e-6)


@pytest.mark.parametrize("reading", [READING, replace(READING, domain=None)], ids=["domains", "NaN alone"])
def test_an_image_gives_the_phases(export, reading):
    phase = np.zeros((6, 6, 6), np.uint8)
    phase[1:5, 1:5, :4] = AM
    image = PhaseImage(phase, 0.5e-6)
    solution = read_comsol(export, reading, image=image, origin_m=(3.5e-6, 3.5e-6, 2e-6))
    sample = to_sample(solution)
    np.testing.assert_array_equal(sample.phase, phase)
    place = np.array([[3.5 + 1.25, 3.5 + 1.25, 2.25]])
    np.testing.assert_allclose(
        sample.concentration[0, 2, 2, 0], solution.concentration.values[:, 0].mean(), rtol=1e-3
    )
    assert sample.potential[1, 2, 2, 0] == pytest.approx(3.9 - 0.04 - 1e-3 * place[0, 2], abs=2e-4)


def test_averages_at_interfaces_have_no_vote(small_rows, write, tmp_path):
    labels, rows = small_rows
    both = write.comsol(tmp_path / "both.txt", labels, rows)
    _, first, count = np.unique(rows[:, :3], axis=0, return_index=True, return_counts=True)
    rows = rows.copy()
    rows[first[count == 2], 3] = 4.0 + 0.5
    averaged = write.comsol(tmp_path / "averaged.txt", labels, rows[first])
    reading = replace(READING, domain="dom")
    np.testing.assert_array_equal(
        read_comsol(averaged, reading).image.phase, read_comsol(both, reading).image.phase
    )


def test_an_export_on_a_regular_grid_is_taken_as_it_is(truth, write, tmp_path):
    axis = (np.arange(12) + 0.5) / 2
    places = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
    inside = np.linalg.norm(places - [3, 3, 2], axis=1) < 2.4
    fields = np.column_stack([truth.concentration(places), truth.potential(places)])
    fields[~inside] = np.nan
    labels = [
        f"{name} @ t={time:g}" for name in ("cs (mol/m^3)", "phis (V)") for time in (0, 400, 1000, 1900)
    ]
    rows = np.column_stack([places, np.where(inside, 7, 1), fields])
    path = write.comsol(tmp_path / "grid.txt", ["x", "y", "z", "dom", *labels], rows)
    solution = read_comsol(path, replace(READING, box_m=(0, 6e-6) * 3))
    np.testing.assert_array_equal(solution.image.phase.ravel() == AM, inside)
    sample = to_sample(solution)
    np.testing.assert_allclose(sample.concentration[:, sample.am_mask].T, fields[inside, :4], rtol=1e-6)


@pytest.mark.parametrize(("separator", "unit"), [(",", "mm"), (" ", "m")])
def test_other_separators_and_units_of_length(small_rows, write, tmp_path, separator, unit):
    labels, rows = small_rows
    scaled = rows.copy()
    scaled[:, :3] *= {"mm": 1e-3, "m": 1e-6}[unit]
    path = write.comsol(tmp_path / "other.csv", labels, scaled, separator, unit)
    plain = write.comsol(tmp_path / "plain.txt", labels, rows)
    found, expected = read_comsol(path, READING), read_comsol(plain, READING)
    np.testing.assert_array_equal(found.image.phase, expected.image.phase)
    np.testing.assert_allclose(found.concentration.values, expected.concentration.values)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("cs (mol/m^3) @ t=100", Label("cs", "mol/m^3", 100.0)),
        ("cs (mol/m^3) @ t=10[min]", Label("cs", "mol/m^3", 10.0, "min")),
        ("cs (mol/m^3) @ 2: t=1.5 h", Label("cs", "mol/m^3", 1.5, "h")),
        ("cs_(mol/m^3)_@_t=600_s", Label("cs", "mol/m^3", 600.0, "s")),
        ("cs (mol/m^3) @ t=100 C=1", Label("cs", "mol/m^3", 100.0)),
        ("comp1.cs (mol/(m^3)) @ 12: t=1.5E3", Label("comp1.cs", "mol/(m^3)", 1500.0)),
        ("phis (V) @ t=10, C=0.5", Label("phis", "V", 10.0)),
        ("cs_(mol/m^3)_@_t=0", Label("cs", "mol/m^3", 0.0)),
        ("aveop1(cs) (mol/m^3)", Label("aveop1(cs)", "mol/m^3", None)),
        ("Electric_potential", Label("Electric_potential", None, None)),
        ("T (K) @ Time=3", Label("T", "K", 3.0)),
        ("T (K) @ dt=3", Label("T", "K", None)),
        ("cs (mol/m^3) @ t=0,5", Label("cs", "mol/m^3", 0.5)),
        ("cs (mol/m^3) @ t=10,C=5", Label("cs", "mol/m^3", 10.0)),
        ("if(dom==7, liion.cs, NaN) (mol/m^3) @ t=3", Label("if(dom==7, liion.cs, NaN)", "mol/m^3", 3.0)),
        ("if(dom==7, liion.cs, NaN)", Label("if(dom==7, liion.cs, NaN)", None, None)),
    ],
)
def test_labels_say_name_unit_and_time(text, label):
    assert parse_label(text) == label


def spoilt(small_rows, change):
    labels, rows = small_rows
    labels, rows = list(labels), rows.copy()
    replaced = change(labels, rows)
    return replaced or (labels, rows)


def drop_column(labels, rows):
    return [label for label in labels if "phis" not in label], rows[:, :8]


def swap_times(labels, rows):
    for first in (4, 8):
        labels[first + 1], labels[first + 2] = labels[first + 2], labels[first + 1]


def hole(labels, rows):
    rows[-5, 6] = np.nan


def infinity(labels, rows):
    rows[-5, 9] = np.inf


def no_times(labels, rows):
    labels[4:] = [label.partition(" @")[0] for label in labels[4:]]


def twice(labels, rows):
    labels[5] = labels[4]


def other_times(labels, rows):
    labels[9] = "phis (V) @ t=401"


def extra_label(labels, rows):
    labels.append("more (1)")


def wrong_unit(labels, rows):
    labels[4:8] = [label.replace("mol/m^3", "mol/l") for label in labels[4:8]]


def dimensionless(labels, rows):
    labels[4:8] = [label.replace("mol/m^3", "1") for label in labels[4:8]]


def two_dimensional(labels, rows):
    del labels[2]
    return labels, np.delete(rows, 2, axis=1)


def no_place(labels, rows):
    rows[3, 1] = np.nan


def no_electrolyte(labels, rows):
    return labels, rows[rows[:, 3] == 7]


def one_sided(labels, rows):
    _, first = np.unique(rows[:, :3], axis=0, return_index=True)
    return labels, rows[first]


def sparse_nodes(labels, rows):
    return labels, rows[(rows[:, 0] < 2) | (rows[:, 0] > 4.4)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (drop_column, "column phis is missing; found cs, dom, x, y, z"),
        (swap_times, "found 400 s after 1000 s"),
        (hole, r"column cs: nan at some times but not at all, at 1 nodes, the first at \("),
        (infinity, "column phis: inf at some times"),
        (no_times, r"column cs has no times \('@ t=...'\)"),
        (twice, "column cs: two for t=0; export one solution"),
        (other_times, "columns cs and phis: expected the same times"),
        (extra_label, "the header names 13 columns, row 1 has 12"),
        (wrong_unit, "above c_max|expected 0 to c_max = 48207"),
        (dimensionless, "expected 0 to c_max = 48207"),
        (two_dimensional, "ends with the columns x, y, z"),
        (no_place, "row 4: expected numbers as x, y, z"),
        (no_electrolyte, "no node is in the electrolyte"),
        (one_sided, "no node is in two phases, so interfaces would be off by half an element; export both"),
        (sparse_nodes, r"phases: \d+ of 800 voxels have no node within 1 um, the first at"),
    ],
)
def test_a_wrong_export_is_refused(small_rows, write, tmp_path, change, message):
    path = write.comsol(tmp_path / "bad.txt", *spoilt(small_rows, change))
    with pytest.raises(UserError, match=message):
        to_sample(read_comsol(path, READING))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a header"),
        ("1 2 3 4\n", "expected a header"),
        ("% x y z cs (mol/m^3) @ t=0\n", "holds no rows"),
        ("% x y z cs (mol/m^3) @ t=0\n1 2 3 4+5i\n", "expected rows of numbers"),
        ("% x y z cs (mol/m^3) @ t=0\n1 2 3 4\n1 2 3\n", "expected rows of numbers"),
        ("% x y z dom cs (mol/m^3) @ t=0\n1 2 3 4 5\n", "no line '% Length unit"),
        ("% Length unit: furlong\n% x y z dom cs (V) @ t=0\n1 2 3 4 5\n", "unit 'furlong' isn't known"),
        ("% Length unit: m\n% x y z cs (V) @ t=0\n1 2 3 4\n", "column dom is missing; found cs, x, y, z"),
        ("% Length unit: m\n% x y z dom cs (V) @ t=1-2\n1 2 3 7 5\n", "expected a time"),
    ],
)
def test_a_foreign_file_is_refused(tmp_path, text, message):
    path = tmp_path / "foreign.txt"
    path.write_text(text)
    with pytest.raises(UserError, match=message) as error:
        read_comsol(path, READING)
    assert str(path) in str(error.value)


def test_phases_must_come_from_somewhere(export, tmp_path):
    with pytest.raises(UserError, match="expected a phase image or a column of domains"):
        read_comsol(export, replace(READING, domain=None))
    with pytest.raises(UserError, match="no such file"):
        read_comsol(tmp_path / "none.txt", READING)
    (tmp_path / "binary.txt").write_bytes(b"\x89HDF\x00\x01")
    with pytest.raises(UserError, match="expected text"):
        read_comsol(tmp_path / "binary.txt", READING)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(["cs", "if(dom==7, liion.cs, NaN)", "int1(x, y)*2", "comp1.cs"]),
    condition=st.sampled_from(["", ", C=0.5"]),
    mark=st.sampled_from([",", ";", "\t", " "]),
    comma=st.booleans(),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1"]),
)
def test_an_export_of_any_locale_is_the_same(tmp_path, truth, name, condition, mark, comma, encoding):
    axis = (np.arange(6) + 0.5) / 2
    places = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
    domain = np.where(places[:, 2] < 2, 7, 1)
    rows = np.column_stack([places, domain, truth.concentration(places), truth.potential(places)])
    rows[domain == 1, 4:] = np.nan
    units = {name: "mol/m^3", "phis": "V"}
    labels = [
        f"{of} ({unit}) @ t={time}{condition}" for of, unit in units.items() for time in (0, 400, 1000, 1900)
    ]
    labels = ["x", "y", "z", "dom (1)", *labels]
    unit = "% Length unit" + (mark if mark in ",;" else ":        ") + "\u00b5m"
    cells = [[repr(float(value)).replace("nan", "NaN") for value in row] for row in rows]
    if comma and mark != ",":
        cells = [[cell.replace(".", ",") for cell in row] for row in cells]
    lines = [f"% {(mark if mark != ' ' else '   ').join(labels)}", *(mark.join(row) for row in cells)]
    (tmp_path / "a.csv").write_text("\n".join([unit, *lines]) + "\n", encoding)
    found = read_comsol(
        tmp_path / "a.csv", replace(READING, concentration=Variable(name), box_m=(0, 3e-6) * 3)
    )
    np.testing.assert_array_equal(found.image.phase.ravel() == AM, domain == 7)
    np.testing.assert_array_equal(found.concentration.values, truth.concentration(places[domain == 7]))
    np.testing.assert_array_equal(found.times_s, [0, 400, 1000, 1900])


def test_times_with_a_unit_of_their_own(write, small_rows, tmp_path):
    """COMSOL writes them with the study's unit, where that isn't the second."""
    path = write.comsol(tmp_path / "a.txt", *small_rows)
    text = path.read_text()
    in_seconds = read_comsol(path, READING).times_s
    minutes = re.sub(r"t=(\d+)", lambda found: f"t={int(found[1]) / 60!r}[min]", text)
    path.write_text(minutes)
    np.testing.assert_allclose(read_comsol(path, READING).times_s, in_seconds)
    with pytest.raises(UserError, match="the file has min, not h"):
        read_comsol(path, replace(READING, time_unit="h"))
    path.write_text(minutes.replace("[min]", "[h]", 1))
    with pytest.raises(UserError, match=r"times of several units \(h, min\)"):
        read_comsol(path, READING)
    path.write_text(minutes.replace("[min]", "[fortnight]"))
    with pytest.raises(UserError, match="unit 'fortnight' isn't known"):
        read_comsol(path, READING)
