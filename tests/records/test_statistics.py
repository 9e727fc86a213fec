"""Normalisation statistics against NumPy on everything at once."""

from dataclasses import replace

import numpy as np
import pytest

from tfmsnet.records import Split, open_manifest, sample_files, write_records, write_sample
from tfmsnet.records.source import read_samples
from tfmsnet.records.statistics import statistics
from tfmsnet.references.faraday import uniform_fields


def test_they_are_those_of_all_values_inside_the_phase(samples):
    found = statistics(samples)
    inside = {
        "concentration": [s.concentration[:, s.am_mask].astype(np.float64) for s in samples],
        "potential": [s.potential[:, s.solid_mask].astype(np.float64) for s in samples],
    }
    for field, parts in inside.items():
        values = np.concatenate([part.ravel() for part in parts])
        for name, expected in (("minimum", values.min()), ("maximum", values.max()), ("mean", values.mean())):
            assert found[field][name] == pytest.approx(expected, rel=1e-12)
        assert found[field]["std"] == pytest.approx(values.std(), rel=1e-10)


def test_level_and_pattern_are_parts_of_the_deviation_from_the_0d_cell_per_c_rate(samples):
    squares, count, levels = 0.0, 0, []
    for s in samples:
        reference = uniform_fields(s.c_rate_profile, s.times_s, s.parameters).potential
        deviation = (s.potential[1:, s.solid_mask] - reference[1:, None]) / s.c_rate
        level = deviation.mean(1, keepdims=True)
        squares, count = squares + ((deviation - level) ** 2).sum(), count + deviation.size
        levels.append(level.ravel())
    found = statistics(samples)
    assert found["potential"]["pattern_rms"] == pytest.approx((squares / count) ** 0.5, rel=1e-9)
    assert found["potential"]["level_rms"] == pytest.approx(np.mean(np.square(levels)) ** 0.5, rel=1e-9)
    assert found["concentration"]["level_rms"] < 1e-6  # lithium is conserved


def test_a_changed_test_sample_does_not_change_them(data, records, tmp_path):
    test_id = next(iter(Split(records, "test"))).sample_id
    for i, sample in enumerate(read_samples(sample_files(data))):
        changed = sample
        if sample.sample_id == test_id:
            changed = replace(sample, potential=sample.potential * np.float32(3))
        write_sample(changed, tmp_path / "data" / f"{i}.h5")
    write_records(sample_files(tmp_path / "data"), tmp_path / "records", split="0/1")
    assert open_manifest(tmp_path / "records").statistics == open_manifest(records).statistics
