"""State spaces: both are exact translations, and know what the 0-D cell knows."""

import numpy as np
import pytest
import tensorflow as tf

from tfmsnet.predictors.state import MinMax, ReferenceDeviation
from tfmsnet.predictors.static_inputs import field_masks
from tfmsnet.records.statistics import statistics
from tfmsnet.references.faraday import mean_dol
from tfmsnet.references.uniform import Uniform

FIELDS = ("concentration", "potential")


def as_batch(sample, state):
    phase = tf.constant(sample.phase[None])
    conditions = Uniform(sample.parameters).conditions(
        phase,
        tf.constant([sample.voxel_size_m]),
        tf.constant(sample.c_rate_profile[None], tf.float32),
        tf.constant(sample.times_s[None], tf.float32),
    )
    masks = field_masks(phase, tuple(c.field for c in state.channels))
    return {field: tf.constant(getattr(sample, field)[None]) for field in FIELDS}, masks, conditions


@pytest.mark.parametrize("kind", [ReferenceDeviation, MinMax])
def test_decoding_undoes_encoding(kind, sample, samples):
    state = kind.from_statistics(FIELDS, sample.parameters, statistics(samples))
    fields, masks, conditions = as_batch(sample, state)
    encoded = state.encode(fields, masks, conditions)
    decoded = state.decode(encoded, masks, conditions)
    np.testing.assert_allclose(decoded["concentration"], fields["concentration"], atol=0.05)  # of 4e4 mol/m3
    np.testing.assert_allclose(decoded["potential"], fields["potential"], atol=2e-6)
    assert (encoded.numpy()[:, :, masks.numpy()[0] == 0] == 0).all()


@pytest.mark.parametrize("kind", [ReferenceDeviation, MinMax])
def test_the_initial_state_is_the_simulated_equilibrium(kind, sample, samples):
    state = kind.from_statistics(FIELDS, sample.parameters, statistics(samples))
    fields, masks, conditions = as_batch(sample, state)
    encoded = state.encode(fields, masks, conditions)[:, 0]
    np.testing.assert_allclose(state.initial(masks, conditions), encoded, atol=2e-3)


def test_patterns_have_no_mean_levels_nothing_else_and_all_channels_unit_rms(samples):
    state = ReferenceDeviation.from_statistics(FIELDS, samples[0].parameters, statistics(samples))
    assert [(c.field, c.part) for c in state.channels] == [
        ("concentration", "pattern"),
        ("potential", "pattern"),
        ("potential", "level"),
    ]
    squares, count = np.zeros(3), np.zeros(3)
    for sample in samples:
        fields, masks, conditions = as_batch(sample, state)
        encoded = state.encode(fields, masks, conditions).numpy().astype(np.float64)[0, 1:]
        assert np.abs(encoded[..., 0][:, sample.am_mask].mean(1)).max() < 1e-3
        assert np.abs(encoded[..., 1][:, sample.solid_mask].mean(1)).max() < 1e-2
        assert encoded[..., 2][:, sample.solid_mask].std(1).max() < 1e-6
        squares += (encoded**2).sum((0, 1, 2, 3))
        count += (sample.frames - 1) * masks.numpy()[0].sum((0, 1, 2))
    np.testing.assert_allclose(np.sqrt(squares / count), 1, rtol=0.02)


def test_the_conditions_are_the_0d_cells(sample):
    state = MinMax.from_statistics(FIELDS, sample.parameters, statistics([sample]))
    _, _, conditions = as_batch(sample, state)
    expected = mean_dol(sample.c_rate_profile, sample.times_s, sample.parameters)
    np.testing.assert_allclose(conditions.mean_dol[0], expected, rtol=1e-6)
    np.testing.assert_allclose(conditions.mean_dol[0], sample.dol, rtol=1e-5)
    assert float(conditions.c_rate_scale[0]) == sample.c_rate


def test_min_max_lies_in_0_to_1_on_the_training_set(samples):
    state = MinMax.from_statistics(FIELDS, samples[0].parameters, statistics(samples))
    for sample in samples:
        fields, masks, conditions = as_batch(sample, state)
        encoded = state.encode(fields, masks, conditions).numpy()
        assert encoded.min() >= -1e-6
        assert encoded.max() <= 1 + 1e-6
