"""VTU series with a known answer: fields within the kernel's bound, phases within 1 % of volume."""

from dataclasses import replace

import numpy as np
import pytest

from tfmsnet.electrode import AM, CBD, ELECTROLYTE
from tfmsnet.errors import UserError
from tfmsnet.records import read_sample, write_sample
from tfmsnet.records.ingest import Domains, GaussianKernel, Reading, Variable, read_vtu, to_sample

READING = Reading(Variable("c"), Variable("phi"), domain="material", domains=Domains([7]))


def test_a_series_comes_back_within_the_bound_of_the_kernel(series, truth, known, within_bound, tmp_path):
    solution, kernel = read_vtu(series, READING), GaussianKernel()
    sample = to_sample(solution, kernel, c_rate=known.c_rate)
    assert sample.grid == (20, 20, 16)
    np.testing.assert_array_equal(sample.times_s, known.times_s)

    targets, first, error = within_bound(solution, sample, kernel)
    assert np.sqrt((error**2).mean()) < 0.005 * known.c_max

    error = sample.potential[:, sample.am_mask].T - truth.potential(targets * 1e6)
    np.testing.assert_allclose(
        error[:, 1], -1e-3 * 1e6 * first[:, 2], atol=1e-6
    )  # linear: the first moment alone
    np.testing.assert_allclose(error[:, 0], 0, atol=1e-6)

    write_sample(sample, tmp_path / "sample.h5")
    np.testing.assert_array_equal(read_sample(tmp_path / "sample.h5").concentration, sample.concentration)


def test_load_and_voltage_follow_from_the_fields(series, known):
    sample = to_sample(read_vtu(series, READING))
    # The wave's mean over the particle isn't 0: it, too, is lithium.
    gained = (sample.dol - sample.dol[0]) / (1 - sample.parameters.initial_dol)
    np.testing.assert_allclose(
        np.cumsum(sample.c_rate_profile[1:] * np.diff(sample.times_s)) / 3600, gained[1:]
    )
    assert sample.c_rate == pytest.approx(known.c_rate, rel=0.05)
    foil = sample.phase[:, :, 0] == AM
    np.testing.assert_allclose(sample.voltage_v, sample.potential[:, :, :, 0][:, foil].mean(1, np.float64))


def test_one_file_of_all_times_and_a_collection_are_the_same(series, mesh, truth, write, known, tmp_path):
    expected = read_vtu(series, READING)
    whole = write.vtu(tmp_path / "whole.vtu", mesh, truth, range(4))
    lines = "".join(
        f'<DataSet timestep="{time / 60}" part="0" file="{path}"/>'
        for time, path in zip(known.times_s, series, strict=True)
    )
    pvd = tmp_path / "run.pvd"
    pvd.write_text(f'<VTKFile type="Collection"><Collection>{lines}</Collection></VTKFile>')
    for found in (
        read_vtu([whole], READING),
        read_vtu([pvd], replace(READING, time_unit="min")),
        read_vtu(series, replace(READING, time_unit="h"), times=known.times_s / 3600),
    ):
        np.testing.assert_allclose(found.times_s, expected.times_s)
        np.testing.assert_array_equal(found.image.phase, expected.image.phase)
        np.testing.assert_array_equal(found.concentration.values, expected.concentration.values)
        np.testing.assert_array_equal(found.potential.values, expected.potential.values)


def test_units_of_lengths_and_fields_are_converted(series, mesh, truth, write, known, tmp_path):
    expected = read_vtu(series[:2], READING)
    paths = [
        write.vtu(
            tmp_path / f"units_{frame}.vtu",
            mesh,
            truth,
            [frame],
            scale=1.0,
            x=truth.concentration(mesh.points_um)[:, frame] / known.c_max,
            **{"v (mV)": truth.potential(mesh.points_um)[:, frame] * 1e3},
        )
        for frame in range(2)
    ]
    reading = replace(
        READING, concentration=Variable("x", "1"), potential=Variable("v"), length_unit="um", time_unit="min"
    )
    found = read_vtu(paths, reading, times=known.times_s[:2] / 60)
    np.testing.assert_array_equal(found.image.phase, expected.image.phase)
    np.testing.assert_allclose(found.concentration.values, expected.concentration.values)
    np.testing.assert_allclose(found.potential.values, expected.potential.values)


def test_without_domains_all_cells_are_am_and_the_outside_is_electrolyte(
    series, mesh, truth, write, tmp_path
):
    alone = replace(mesh, tetrahedra=mesh.tetrahedra[mesh.domain == 7], domain=mesh.domain[mesh.domain == 7])
    path = write.vtu(tmp_path / "alone.vtu", alone, truth, range(4))
    box = (0, 10e-6, 0, 10e-6, 0, 8e-6)
    found = read_vtu([path], replace(READING, domain=None, domains=Domains(), box_m=box))
    np.testing.assert_array_equal(found.image.phase, read_vtu(series, READING).image.phase)


def test_cbd_has_a_potential_and_no_concentration(mesh, truth, write, tmp_path):
    middle = mesh.points_um[mesh.tetrahedra].mean(1)
    binder = (mesh.domain == 1) & (middle[:, 0] < 2)
    path = write.vtu(
        tmp_path / "a.vtu", replace(mesh, domain=np.where(binder, 3, mesh.domain)), truth, range(4)
    )
    sample = to_sample(read_vtu([path], replace(READING, domains=Domains([7], [3]))))
    assert set(np.unique(sample.phase)) == {ELECTROLYTE, AM, CBD}
    cbd = sample.phase == CBD
    assert (sample.potential[:, cbd] > 3).all()
    assert not sample.concentration[:, cbd].any()
    assert cbd[:3, :, :].mean() == 1


def test_fields_of_cells_count_at_their_centres(mesh, truth, known, write, tmp_path):
    middle = mesh.points_um[mesh.tetrahedra].mean(1)
    arrays = {"material": mesh.domain}
    for frame, time in enumerate(known.times_s):
        arrays[f"c_@_t={time:g}"] = truth.concentration(middle)[:, frame]
        arrays[f"phi_@_t={time:g}"] = truth.potential(middle)[:, frame]
    write.grid(tmp_path / "a.vtu", write.make_grid(mesh.points_um * 1e-6, mesh.tetrahedra, {}, arrays))
    solution = read_vtu([tmp_path / "a.vtu"], READING)
    sample = to_sample(solution)
    error = sample.concentration[:, sample.am_mask].T - truth.concentration(
        solution.grid.centres_m(sample.am_mask) * 1e6
    )
    assert np.sqrt((error**2).mean()) < 0.005 * known.c_max


def test_the_foil_may_be_last(series, mesh, truth, write, tmp_path):
    upside_down = mesh.points_um * [1, 1, -1]
    path = write.vtu(tmp_path / "a.vtu", mesh, truth, range(4), points_um=upside_down)
    sample, expected = (
        to_sample(read_vtu([path], READING), foil_last=True),
        to_sample(read_vtu(series, READING)),
    )
    np.testing.assert_array_equal(sample.phase, expected.phase)
    np.testing.assert_allclose(sample.concentration, expected.concentration, rtol=1e-4)
    with pytest.raises(UserError, match="no solid lies on the foil"):
        to_sample(read_vtu([path], READING))


def spoil_nan(mesh, truth):
    values = truth.concentration(mesh.points_um)[:, 1].copy()
    values[mesh.tetrahedra[mesh.domain == 7][0, 0]] = np.nan
    return {"c": values}


@pytest.mark.parametrize(
    ("reading", "message"),
    [
        (
            {"concentration": Variable("cs")},
            r"run_0\.vtu: array cs is missing; found c, phi at points and material",
        ),
        ({"domain": "dom"}, r"run_0\.vtu: array dom of the domains is missing; found material at cells"),
        ({"domains": Domains([7], [9])}, r"array material: domains \[9\] aren't in the file, which has 1, 7"),
        ({"length_unit": "um"}, "voxels of 0.5 um, expected at least 1 .* check the unit"),
        ({"length_unit": "furlong"}, "lengths: unit 'furlong' isn't known; expected one of m"),
        ({"concentration": Variable("c", "mol")}, "concentration c: unit 'mol' isn't known"),
        (
            {"box_m": (0, 5e-6, 0, 5e-6, 0, 5e-6)},
            r"mesh: 200 of 1000 voxels lie in no cell, the first at \(0\.25, ",
        ),
        ({"box_m": (0, 5e-7, 0, 5e-7, 0, 4e-6)}, "no AM"),
    ],
)
def test_what_does_not_fit_the_mesh_is_refused(small_series, reading, message):
    with pytest.raises(UserError, match=message):
        read_vtu(small_series, replace(READING, **reading))


def test_a_wrong_unit_is_noticed(small_series):
    right = read_vtu(small_series, READING)
    for concentration, message in (
        (
            Variable("c", "mol/l"),
            r"concentration: 2\.\d*e\+07 to .*, expected 0 to c_max = 48207 .*check the unit",
        ),
        (Variable("c", "1"), "concentration: .* expected 0 to c_max = 48207 .*check the unit"),
    ):
        with pytest.raises(UserError, match=message):
            to_sample(read_vtu(small_series, replace(READING, concentration=concentration)))
    for wrong, message in (
        (
            {"concentration": replace(right.concentration, values=right.concentration.values / 1e3)},
            "next to nothing",
        ),
        (
            {"potential": replace(right.potential, values=right.potential.values * 1e3)},
            "up to 3900 V, expected",
        ),
    ):
        with pytest.raises(UserError, match=message):
            to_sample(replace(right, **wrong))


def test_a_load_that_the_lithium_contradicts_is_refused(small_series):
    with pytest.raises(UserError, match=r"c_rate: at 1900 s it has passed 1\.056 .* gained 0\.6"):
        to_sample(read_vtu(small_series, READING), c_rate=2.0)


def test_a_radius_without_nodes_is_refused_or_filled(small_series):
    solution = read_vtu(small_series, READING)
    with pytest.raises(UserError, match=r"concentration: \d+ of \d+ voxels have no node within 0\.1 um"):
        to_sample(solution, GaussianKernel(0.1e-6))
    sample = to_sample(solution, GaussianKernel(0.1e-6), fill="nearest")
    assert (sample.concentration[:, sample.am_mask] > 1e4).all()


def test_times_are_needed_and_in_order(small_series, small, truth, write, tmp_path):
    bare = write.vtu(tmp_path / "bare.vtu", small, truth, [2])
    with pytest.raises(UserError, match=r"bare\.vtu: has no time .* give the times"):
        read_vtu([small_series[0], bare], READING)
    with pytest.raises(UserError, match="times: expected 4, one for each frame, got 1"):
        read_vtu(small_series, READING, times=[0])
    for order, message in (
        ([0, 2, 1, 3], "found 400 s after 1000 s; sort them"),
        ([0, 1, 1], "found 400 s after 400 s"),
        ([1, 2, 3], "equilibrium at 0 s first, found a first frame at 400 s"),
        ([0], "two frames or more, found 1"),
    ):
        with pytest.raises(UserError, match=message):
            to_sample(read_vtu([small_series[index] for index in order], READING))


def test_bad_files_are_named(small_series, small, truth, write, tmp_path):
    moved = write.vtu(tmp_path / "moved.vtu", small, truth, [1], points_um=small.points_um + 1e-3)
    holed = write.vtu(tmp_path / "holed.vtu", small, truth, [1], **spoil_nan(small, truth))
    cut = tmp_path / "cut.vtu"
    cut.write_bytes(small_series[1].read_bytes()[:5000])
    for path, message in (
        (moved, r"moved\.vtu: another mesh than in .*run_0\.vtu"),
        (holed, r"holed\.vtu: array c: nan at 1 nodes of its phase, the first at \("),
        (cut, r"cut\.vtu: not readable as VTK's XML"),
        (tmp_path / "none.vtu", r"none\.vtu: no such file"),
    ):
        with pytest.raises(UserError, match=message):
            read_vtu([small_series[0], path], READING)


def test_bad_collections_are_named(tmp_path):
    path = tmp_path / "a.pvd"
    for text, message in (
        ("<VTKFile", "not readable as a .pvd"),
        ("<VTKFile><Collection/></VTKFile>", "names no files"),
        ('<VTKFile><Collection><DataSet file="a.vtu"/></Collection></VTKFile>', "not readable as a .pvd"),
        (
            "<VTKFile><Collection>" + '<DataSet timestep="0" file="a.vtu"/>' * 2 + "</Collection></VTKFile>",
            "names a.vtu twice for one time, 0",
        ),
    ):
        path.write_text(text)
        with pytest.raises(UserError, match=rf"a\.pvd: {message}"):
            read_vtu([path], READING)


def test_vtk_is_asked_for(small_series, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "vtkmodules.vtkCommonCore", None)
    with pytest.raises(UserError, match=r"needs vtk; install it with pip install 'tfmsnet\[mesh\]'"):
        read_vtu(small_series, READING)
