"""tfmsnet compare: how far discharges are from one another, in numbers and pictures."""

import json
from dataclasses import replace

import numpy as np
import pytest

from tfmsnet.evaluation.comparison import compare
from tfmsnet.plots.curves import abscissa, curves_figure
from tfmsnet.records.hdf5 import write_sample


def test_errors_are_those_of_the_fields(make_sample):
    true = make_sample()
    spread = true.concentration[:, true.am_mask].std(axis=1)
    noise = np.random.default_rng(0).normal(size=true.concentration.shape) * true.am_mask
    noise *= 0.1 * spread[:, None, None, None]
    other = replace(true, concentration=(true.concentration + noise).astype("f4"))
    same, worse = (compare({"a": true, "b": b}).scores["b"].summary() for b in (true, other))
    assert same["concentration_vrmse_median"] == same["curve_rmse_mv"] == 0
    assert worse["concentration_vrmse_median"] == pytest.approx(0.1, rel=0.2)
    assert worse["potential_vrmse_median"] == 0


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"voxel_size_m": 1e-6}, "other voxels (8x7x12 of 1 um, not 8x7x12 of 0.5 um)"),
        ({"phase": None}, "other phases at 1 voxels"),
        ({"times_s": None}, "other times (25 frames to 4896 s)"),
    ],
)
def test_what_can_not_be_compared_by_voxels_has_its_curve_alone(make_sample, tmp_path, changes, why):
    true = make_sample()
    if "phase" in changes:
        changes = {"phase": true.phase.copy()}
        changes["phase"][0, 0, 0] = (true.phase[0, 0, 0] + 1) % 3
    if "times_s" in changes:
        changes = {"times_s": true.times_s * 2.04}
    found = compare({"a": true, "b": replace(true, **changes)})
    assert found.apart == {"b": why}
    assert f"b: {why}; its curve alone is drawn" in found.table()
    assert found.as_dict()["scores"] == {"b": None}
    assert [path.name for path in found.write(tmp_path)] == ["comparison.json", "curves.png"]


def test_capacities_of_the_curve(make_sample):
    sample = make_sample()
    passed_mah = abscissa(sample, "mAh/cm2")
    # Faraday: 96485 C/mol of the lithium in the AM of a square centimetre, 3.6 C to the mAh.
    moles = sample.concentration.sum(axis=(1, 2, 3), dtype=float) * sample.voxel_size_m**3
    moles -= moles[0]
    foil_cm2 = 1e4 * sample.grid[0] * sample.grid[1] * sample.voxel_size_m**2
    np.testing.assert_allclose(passed_mah, 96485.33 / 3.6 * moles / foil_cm2, rtol=1e-4, atol=1e-9)
    grams_cm2 = 4.7e6 * sample.am_mask.sum() * sample.voxel_size_m**3 / foil_cm2
    np.testing.assert_allclose(abscissa(sample, "mAh/g", 4.7), passed_mah / grams_cm2, rtol=1e-6)
    figure = curves_figure({"a": sample, "b": sample}, "mAh/cm2")
    np.testing.assert_array_equal(figure.axes[1].get_lines()[1].get_ydata(), 0)
    assert figure.axes[1].get_xlabel() == "capacity (mAh/cm$^2$)"


def test_a_sample_beside_another_and_a_model(tfmsnet, samples, tmp_path):
    same = [one for one in samples if one.geometry_id == samples[0].geometry_id]
    for name, sample in zip("ab", same, strict=True):
        write_sample(sample, tmp_path / f"{name}.h5")
    status, printed, err = tfmsnet(
        "compare", tmp_path / "a.h5", tmp_path / "b.h5", "porous-electrode", "--out", tmp_path / "out"
    )
    assert status == 0, err
    assert "b: other times" in printed
    found = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert 0 < found["scores"]["porous-electrode"]["curve_rmse_mv"] < 3
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        *("comparison.json", "curves.png", "slices_concentration.png", "slices_potential.png")
    }
    status, printed, _ = tfmsnet("compare", tmp_path / "a.h5", tmp_path / "a.h5", "--json")
    assert status == 0
    assert next(iter(json.loads(printed)["scores"].values()))["curve_rmse_mv"] == 0
    for arguments, message in (
        ((tmp_path / "none.h5", "porous-electrode"), "no such file"),
        (("porous-electrode", tmp_path / "a.h5"), "A: expected an .h5 file"),
        ((tmp_path / "a.h5", tmp_path), "expected"),
    ):
        status, _, err = tfmsnet("compare", *arguments)
        assert status == 2
        assert message in err.splitlines()[-1]
