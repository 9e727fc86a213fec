"""No wall lets anything through, so an image mirrored to twice its width has the mirrored discharge.

The uptakes are left out: they are solved to a tolerance.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfmsnet.electrode import Recipe, generate
from tfmsnet.features import CHANNELS, geometry_features
from tfmsnet.halfcell import Parameters
from tfmsnet.load import equal_charge_frames
from tfmsnet.predictors.config import NetworkConfig
from tfmsnet.predictors.predictor import make_predictor

STATISTICS = {
    "concentration": {"minimum": 2.2e4, "maximum": 4.2e4, "pattern_rms": 0.006},
    "potential": {"minimum": 3.6, "maximum": 4.2, "pattern_rms": 1e-4, "level_rms": 0.03},
}
MIRRORED = (
    *("inverted_distance", "phase_partition", "depth", "from_foil", "from_separator"),
    *("am_distance", "am", "cbd", "surface"),
)
MODES = {
    "autoregressive": {},
    "min-max": {"state": "min-max"},
    "direct": {"autoregressive": False},
    "basis": {"autoregressive": False, "basis": 3},
    "separate": {"potential_filters": 3, "normalisation": "instance"},
    "U-Net": {"architecture": "unet", "convolutions": 2},
}


@pytest.fixture(scope="module")
def phase():
    return generate(Recipe(size=(8, 12, 16), seed=3)).phase


def doubled(array, axis):
    return np.concatenate([array, np.flip(array, axis)], axis)


def discharge(surrogate, phase):
    """Six frames."""
    profile, times_s = (part[None, :6].astype(np.float32) for part in equal_charge_frames(1.0))
    answer = surrogate({"phase": phase[None], "c_rate_profile": profile, "times_s": times_s})
    return {name: value.numpy()[0] for name, value in answer.items()}


def untrained(**values):
    keras.utils.set_random_seed(0)
    config = NetworkConfig.of(**{"filters": 4, "convolutions": 3, "channels": MIRRORED, **values})
    return make_predictor(config, Parameters(), STATISTICS, 0.5e-6)


def difference(surrogate, phase, axis):
    """Field -> largest difference from its mirrored self, and largest from its own mean."""
    one, two = discharge(surrogate, phase), discharge(surrogate, doubled(phase, axis))
    for name, inside in (("concentration", phase == 1), ("potential", phase != 0)):
        means = one[name][:, inside].mean(1)[:, None, None, None]
        spread = np.abs(one[name] - means)[:, inside].max()
        yield name, np.abs(two[name] - doubled(one[name], axis + 1)).max(), spread


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("axis", [0, 1])
def test_a_mirrored_image_has_the_mirrored_discharge(phase, mode, axis):
    """To the rounding of float32: of what the network says, and of the mean that it is added to."""
    means = {"concentration": 3e4, "potential": 4.0}
    for name, error, spread in difference(untrained(**MODES[mode]), phase, axis):
        assert error < 1e-5 * spread + 2e-7 * means[name], name


def test_a_wall_of_zeros_is_seen(phase):
    for _, error, spread in difference(untrained(padding="zero"), phase, 0):
        assert error > 0.01 * spread


@pytest.mark.parametrize("axis", [0, 1])
def test_the_channels_know_walls_as_mirrors(phase, axis):
    one = geometry_features(tf.constant(phase[None]), 0.5e-6, MIRRORED)[0]
    two = geometry_features(tf.constant(doubled(phase, axis)[None]), 0.5e-6, MIRRORED)[0]
    np.testing.assert_array_equal(two, doubled(one.numpy(), axis))
    assert set(MIRRORED) == {name for name in CHANNELS if "uptake" not in name}


@pytest.mark.parametrize("mode", MODES)
def test_widths_that_the_scales_do_not_divide_conserve_lithium(phase, mode):
    """The mirror image that fills them up is no part of the electrode."""
    narrow = phase[:7, :10]
    answer = discharge(untrained(**MODES[mode]), narrow)
    assert np.isfinite(answer["concentration"]).all()
    if MODES[mode].get("state") != "min-max":
        dol = answer["concentration"][:, narrow == 1].mean(1, dtype=np.float64) / Parameters().c_max_mol_m3
        expected = 0.45925 + (1 - 0.45925) * np.arange(6) * 100 / 3600
        np.testing.assert_allclose(dol, expected, rtol=1e-5)
