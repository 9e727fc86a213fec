"""One step of MSNet: the paper's size, the masks, the fields of vision."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from tfmsnet.networks.config import PAPER, MSNetConfig
from tfmsnet.networks.msnet import MSNet, coarsened

SMALL = MSNetConfig(filters=4, convolutions=2, shortcut=False)


def static(seed=0, shape=(1, 8, 8, 12), channels=3, fields=2, scales=3):
    rng = np.random.default_rng(seed)
    features = rng.random((*shape, channels)).astype(np.float32)
    mask = (rng.random((*shape, fields)) < 0.5).astype(np.float32)
    return coarsened(features, scales), coarsened(mask, scales)


def step(network, features, masks, operating_point=((0.3,),), state=None):
    state = masks[0] * 0.1 if state is None else state
    outputs = network(features, masks, np.asarray(operating_point, np.float32), state)
    return [keras.ops.convert_to_numpy(output) for output in outputs]


def test_the_papers_configuration_has_2979363_parameters():
    network = MSNet(1, PAPER)
    network.build([(1, 8, 8, 8, 3)] * 3, [(1, 8, 8, 8, 1)] * 3, (1, 1), (1, 8, 8, 8, 1))
    assert network.count_params() == 2_979_363


@pytest.mark.parametrize("parts", [None, ("pattern", "level")])
def test_every_scale_is_exactly_zero_outside_its_phase(parts):
    features, masks = static()
    network = MSNet(2, SMALL, parts=parts)
    for output, mask in zip(step(network, features, masks), masks, strict=True):
        assert output.shape == mask.shape
        assert (output[np.asarray(mask) == 0] == 0).all()
        assert np.abs(output).max() > 0


def test_the_mean_is_zero_on_every_scale_where_it_is_known():
    features, masks = static()
    network = MSNet(2, SMALL, parts=("pattern", "level"))
    for output in step(network, features, masks):
        assert abs(output[..., 0].sum(dtype=np.float64)) < 1e-4 * np.abs(output[..., 0]).sum()


def test_a_level_is_uniform_over_its_phase_on_every_scale():
    features, masks = static()
    network = MSNet(2, SMALL, parts=("pattern", "level"))
    for output, mask in zip(step(network, features, masks), masks, strict=True):
        inside = np.asarray(mask)[..., 1] > 0
        density = output[..., 1][inside] / np.asarray(mask)[..., 1][inside]
        np.testing.assert_allclose(density, density[0], rtol=1e-4)


def test_what_is_outside_the_phase_of_the_previous_state_matters_not_after_masking():
    """A rollout feeds back its own output, so nothing outside a phase can ever come back in."""
    features, masks = static()
    network = MSNet(2, SMALL)
    first = step(network, features, masks)[0]
    second = step(network, features, masks, state=first)[0]
    third = step(network, features, masks, state=first * np.asarray(masks[0]))[0]
    np.testing.assert_array_equal(second, third)


def test_coarse_output_is_a_prediction_of_the_coarsened_fine_one():
    """With a zero finest branch the finest output is the refinement: coarsening it gives the coarse one."""
    features, masks = static()
    network = MSNet(2, SMALL)
    step(network, features, masks)
    head = network.branches[0].head
    head.set_weights([np.zeros_like(w) for w in head.get_weights()])
    outputs = step(network, features, masks)
    np.testing.assert_allclose(np.asarray(coarsened(outputs[0], 2)[1]), outputs[1], atol=1e-6, rtol=1e-5)


def test_the_direct_network_takes_no_state():
    features, masks = static()
    network = MSNet(2, SMALL, autoregressive=False)
    one = step(network, features, masks, state=masks[0])[0]
    two = step(network, features, masks, state=masks[0] * 5)[0]
    np.testing.assert_array_equal(one, two)


def test_the_configuration_round_trips():
    network = MSNet(2, replace(SMALL, growth=2.5), parts=("pattern", "level"))
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(network))
    assert copy.get_config() == network.get_config()
