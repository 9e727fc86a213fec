"""Baselines that need no training."""

import numpy as np

from tfmsnet.evaluation import Persistence, ZeroDimensional


def test_the_0_d_cell_is_uniform_over_each_phase(make_sample):
    sample = make_sample()
    fields = ZeroDimensional()(sample)
    assert fields.concentration.dtype == fields.potential.dtype == np.float32
    for values, mask in ((fields.concentration, sample.am_mask), (fields.potential, sample.solid_mask)):
        assert not values[:, ~mask].any()
        assert (np.ptp(values[:, mask], axis=1) == 0.0).all()
    np.testing.assert_allclose(fields.concentration[0], sample.concentration[0])


def test_the_0_d_cell_does_not_look_at_the_answer(make_sample):
    from dataclasses import replace

    sample = make_sample()
    blind = replace(sample, concentration=None, potential=None, dol=None, voltage_v=None)
    np.testing.assert_array_equal(ZeroDimensional()(blind).potential, ZeroDimensional()(sample).potential)


def test_persistence_is_one_frame_late(make_sample):
    sample = make_sample(frames=5)
    fields = Persistence()(sample)
    np.testing.assert_array_equal(fields.concentration[1:], sample.concentration[:-1])
    np.testing.assert_array_equal(fields.potential[0], sample.potential[0])
    assert fields.potential.shape == sample.potential.shape
