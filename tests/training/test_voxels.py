"""A data set whose voxels differ in size: from samples to a served model, each image's edge is told."""

from dataclasses import replace

import numpy as np
import pytest

import tfmsnet
from tfmsnet.electrode import PhaseImage
from tfmsnet.errors import UserError
from tfmsnet.records import open_manifest, write_records, write_sample
from tfmsnet.records.verification import verify

EDGES_M = (0.4e-6, 0.6e-6)


@pytest.fixture(scope="module")
def records_of_two(make_sample, tmp_path_factory):
    out = tmp_path_factory.mktemp("voxels")
    for number, edge_m in enumerate((*EDGES_M, EDGES_M[0])):
        sample = make_sample(frames=4, grid=(8, 8, 12), seed=number)
        write_sample(replace(sample, voxel_size_m=edge_m), out / f"{number}.h5")
    write_records(sorted(out.glob("*.h5")), out / "records", split="0/1")
    return out / "records"


@pytest.fixture(scope="module")
def model(records_of_two, make_config, tmp_path_factory):
    run = tmp_path_factory.mktemp("voxels") / "run"
    tfmsnet.train(records_of_two, run, make_config(steps=2))
    return run


def test_the_manifest_says_each_samples_edge(records_of_two, tfmsnet):
    manifest = open_manifest(records_of_two)
    samples = [sample for split in manifest.splits for sample in manifest.samples(split)]
    assert manifest.voxel_size_m is None
    assert {sample["voxel_size_m"] for sample in samples} == set(EDGES_M)
    assert list(verify(records_of_two)) == []
    assert "voxel size 0.4 to 0.6 um" in tfmsnet("records", "info", records_of_two)[1]


def test_a_model_of_several_sizes_is_told_the_images(model, records_of_two, make_sample):
    loaded = tfmsnet.load_model(model)
    phase = make_sample(grid=(8, 8, 12), seed=0).phase
    fine, coarse = (loaded.curve(PhaseImage(phase, edge_m), 1.0) for edge_m in EDGES_M)
    assert loaded.voxel_size_m is None
    # Distances, and so the answer, are in micrometres; the areal capacity goes with the thickness.
    assert np.abs(fine.voltage_v - coarse.voltage_v).max() > 1e-7
    ratio = coarse.summary["areal_capacity_mah_cm2"] / fine.summary["areal_capacity_mah_cm2"]
    assert ratio == pytest.approx(EDGES_M[1] / EDGES_M[0], rel=1e-5)
    low, high = loaded.description["domain"]["ranges"]["voxel_size_um"]
    assert [low, high] == pytest.approx([0.4, 0.6])
    assert any("edge of the voxels" in text for text in loaded.outside(PhaseImage(phase, 0.9e-6), 1.0))


def test_its_saved_model_asks_for_the_edge(model, make_sample, tmp_path):
    tfmsnet.export(model, tmp_path / "served")
    assert (tmp_path / "served/1/assets.extra/tf_serving_warmup_requests").stat().st_size > 0
    served, own = tfmsnet.load_model(tmp_path / "served"), tfmsnet.load_model(model)
    image = PhaseImage(make_sample(grid=(8, 8, 12), seed=0).phase, EDGES_M[1])
    np.testing.assert_allclose(served.curve(image, 1.0).voltage_v, own.curve(image, 1.0).voltage_v, atol=1e-6)
    with pytest.raises(UserError, match="voxel_size_m: expected a number above 0"):
        served.call(
            "serving_default",
            {
                "phase": image.phase[None],
                "c_rate": np.array([1.0], np.float32),
                "voxel_size_m": np.array([0.0], np.float32),
            },
        )


def test_weights_of_one_size_do_not_go_on_with_several(run, records_of_two, make_config, tmp_path):
    with pytest.raises(UserError, match=r"trained on voxels of 0\.5 um, the records have several sizes"):
        tfmsnet.train(records_of_two, tmp_path / "run", make_config(steps=2), init=run)
