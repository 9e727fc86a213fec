"""What a request takes is told from its sizes, and refused before it is answered."""

import numpy as np
import pytest
import tensorflow as tf

from tfmsnet.predictors.config import NetworkConfig
from tfmsnet.predictors.store import load_predictor
from tfmsnet.serving.cost import Cost
from tfmsnet.serving.endpoints import Endpoints
from tfmsnet.serving.limits import Limits, network_cost

WHOLE = {"frame_stride": tf.constant([1]), "region": tf.constant([[0] * 6])}


@pytest.fixture(scope="module")
def endpoints(run):
    return Endpoints(load_predictor(run), max_voxels=2000, max_gib=1.5e-3)


@pytest.fixture(scope="module")
def image():
    phase = np.ones((1, 12, 12, 13), np.uint8)
    phase[..., 6:] = 0
    return tf.constant(phase)


def test_the_estimate_is_near_what_was_measured():
    """Peak resident memory of a process that answers, less that of a small image (CPU)."""
    cost = network_cost(
        NetworkConfig.of(
            autoregressive=False, basis=8, scales=4, filters=16, potential_filters=8, growth=1.75
        )
    )
    assert cost.voxel == pytest.approx(1023, rel=0.2)  # 96^3 voxels, curve
    assert 400 * cost.kept + cost.voxel == pytest.approx(13508, rel=0.2)  # 48^3 voxels, 400 frames


def test_fields_that_would_take_too_much_are_refused_with_what_fits(endpoints, image):
    fields = tf.function(endpoints.fields, autograph=False)
    message = r"at most 0\.0015 GiB of memory, found about"
    with pytest.raises(tf.errors.InvalidArgumentError, match=message) as no:
        fields(image, tf.constant([1.0]), **WHOLE)
    assert "with these frames and fields it may have" in no.value.message
    fits = {**WHOLE, "frame_stride": tf.constant([24])}
    assert fields(image, tf.constant([1.0]), **fits)["potential"].shape == (1, 2, 12, 12, 13)


def test_the_work_of_a_request_is_at_most_that_of_the_largest_image(endpoints, image):
    times = tf.range(100.0)[None]
    load = tf.concat([[[0.0]], tf.fill([1, 99], 0.01)], axis=1)
    region = {"frame_stride": tf.constant([999]), "region": tf.constant([[0, 1] * 3])}
    with pytest.raises(tf.errors.InvalidArgumentError, match="at most 50000 voxels times frames, found"):
        endpoints.profile(image, load, times, **region)


def test_documents_are_asked_for_once_each(endpoints):
    known = Endpoints(endpoints.predictor, documents={"a": "A", "b": "B"})
    assert known.card(tf.constant(["b", "a"]))["content"].numpy().tolist() == [b"B", b"A"]
    with pytest.raises(tf.errors.InvalidArgumentError, match="name: expected at most 2 names, found"):
        known.card(tf.constant(["a"] * 100_000))


def test_no_limit_is_no_check(image):
    assert Limits(Cost(1.0, 1.0, 1.0)).checks(image, 25) == []
