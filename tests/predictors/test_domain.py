"""The ranges of the training data, and what lies outside of them."""

import json

import numpy as np
import pytest

from tfmsnet.electrode import PhaseImage, morphology
from tfmsnet.predictors.domain import outside, training_domain
from tfmsnet.records import open_manifest


def at(c_rate):
    """Constant current, some frames."""
    return np.array([0.0, c_rate, c_rate])


@pytest.fixture
def domain(records):
    return training_domain(open_manifest(records).samples("train"), 0.5e-6)


def test_it_is_that_of_the_training_samples(domain, run, records, samples):
    trained = {s["geometry_id"] for s in open_manifest(records).samples("train")}
    images = [sample.phase for sample in samples if sample.geometry_id in trained]
    assert domain == json.loads((run / "surrogate.json").read_text())["domain"]
    assert domain["samples"] == len(images)
    assert domain["geometries"] == len(trained)
    assert domain["ranges"]["c_rate"] == [1.0, 2.0]
    assert domain["ranges"]["depth_voxels"] == [16, 16]
    shares = [(phase == 1).mean() for phase in images]
    assert domain["ranges"]["am_fraction"] == pytest.approx([min(shares), max(shares)])


def test_what_was_trained_on_is_inside(domain, samples, records):
    trained = {s["geometry_id"] for s in open_manifest(records).samples("train")}
    for sample in samples:
        if sample.geometry_id in trained:
            assert outside(domain, PhaseImage(sample.phase), sample.c_rate_profile) == []


def test_each_thing_outside_is_named(domain, sample):
    fast = outside(domain, PhaseImage(sample.phase), at(5.0))
    assert fast[0] == "largest C-rate: 5, trained on 1 to 2; the answer is extrapolated"
    pulses = outside(domain, PhaseImage(sample.phase), np.array([0.0, 1.0, 0.0, -1.0]))
    assert [text.split(",")[0] for text in pulses] == ["load: changes with time", "load: charges"]
    grown = PhaseImage(np.tile(sample.phase, (1, 1, 3)))
    assert any("from foil to separator: 48" in text for text in outside(domain, grown, at(1.0)))
    loose = sample.phase.copy()
    loose[:, :, 0][loose[:, :, 0] == 2] = 1  # no CBD touches the foil
    assert any("CBD joined to the foil: 0," in text for text in outside(domain, PhaseImage(loose), at(1.0)))


def test_nothing_known_nothing_said(sample):
    assert outside({}, PhaseImage(sample.phase), at(20.0)) == []


def test_an_image_without_cbd_has_no_percolation():
    phase = np.ones((2, 2, 4), np.uint8)
    phase[..., -1] = 0
    shares = {"electrolyte_fraction": 0.25, "am_fraction": 0.75, "cbd_fraction": 0.0}
    # One plane of surface on a column of three voxels.
    assert morphology(phase) == pytest.approx({**shares, "am_surface": 1 / 3})


def test_larger_particles_than_in_training_are_named(domain, sample):
    coarse = np.repeat(np.repeat(np.repeat(sample.phase, 2, 0), 2, 1), 2, 2)[:12, :12, :16]
    assert any("surface of the AM" in text for text in outside(domain, PhaseImage(coarse), at(1.0)))
