"""tf.data stages: the stream is a function of its position, windows and symmetries keep the physics."""

import itertools

import numpy as np
import pytest

from tfmsnet.electrode import PhaseImage
from tfmsnet.halfcell import simulate
from tfmsnet.records import open_manifest, pipeline


def ids(records, position=0, count=10, stages=(), seed=4):
    manifest = open_manifest(records)
    stream = pipeline.stream(manifest, records, "train", seed=seed, position=position)
    dataset = pipeline.composed(stream, [*stages, pipeline.loaded(manifest)]).take(count)
    return [(int(e["index"]), e["sample_id"].numpy().decode()) for e in dataset]


def test_a_pass_holds_every_sample_once_and_the_next_is_in_another_order(records):
    seen = [name for _, name in ids(records, count=40)]
    passes = [tuple(seen[i : i + 4]) for i in range(0, 40, 4)]
    assert all(sorted(p) == sorted(passes[0]) for p in passes)
    assert len(set(passes)) > 1


@pytest.mark.parametrize("position", [1, 4, 7])
def test_a_stream_from_a_position_is_the_rest_of_the_stream(records, position):
    whole = ids(records, count=12)
    assert ids(records, position, 12 - position) == whole[position:]


def test_the_seed_decides_the_order(records):
    assert ids(records, count=20, seed=1) == ids(records, count=20, seed=1)
    assert ids(records, count=20, seed=1) != ids(records, count=20, seed=2)


def test_workers_share_the_stream_without_overlap(records):
    whole = ids(records, count=12)
    parts = [ids(records, count=4, stages=[pipeline.sharded(3, worker)]) for worker in range(3)]
    assert sorted(itertools.chain(*parts)) == sorted(whole)


def elements(records, *steps, count=8, **loading):
    manifest = open_manifest(records)
    stream = pipeline.stream(manifest, records, "train", seed=4)
    return list(pipeline.loaded(manifest, *steps, **loading)(stream).take(count).as_numpy_iterator())


def test_windows_are_cut_from_the_discharge_with_the_frame_before(records, samples):
    by_id = {s.sample_id: s for s in samples}
    starts = set()
    for element in elements(records, pipeline.cut, window=pipeline.windows(lambda index: 3, seed=0)):
        sample = by_id[element["sample_id"].decode()]
        start = int(np.argmin(np.abs(sample.times_s - element["times_s"][0])))
        starts.add(start)
        np.testing.assert_array_equal(element["potential"], sample.potential[start : start + 4])
    assert len(starts) > 2


def test_the_length_of_a_window_may_follow_the_position(records):
    lengths = [
        len(e["times_s"]) - 1
        for e in elements(
            records, pipeline.cut, window=pipeline.windows(lambda index: 1 + index // 4, seed=0)
        )
    ]
    assert lengths == [1] * 4 + [2] * 4


def test_symmetries_turn_image_and_fields_together(records, samples):
    by_id = {s.sample_id: s for s in samples}
    found = set()
    for element in elements(records, pipeline.symmetries(seed=0), count=24):
        sample = by_id[element["sample_id"].decode()]
        for x, y, swap in itertools.product((1, -1), (1, -1), (False, True)):
            phase = sample.phase[::x, ::y]
            turned = sample.potential[:, ::x, ::y]
            if swap:
                phase, turned = phase.swapaxes(0, 1), turned.swapaxes(1, 2)
            if np.array_equal(phase, element["phase"]) and np.array_equal(turned, element["potential"]):
                found.add((x, y, swap))
                break
        else:
            pytest.fail("not a symmetry of the sample")
    assert len(found) > 4


def test_the_simulator_has_the_symmetries(sample):
    turned = simulate(PhaseImage(sample.phase[::-1].swapaxes(0, 1)), sample.c_rate, sample.parameters)
    expected = sample.concentration[:, ::-1].swapaxes(1, 2)
    spread = sample.concentration[-1][sample.am_mask].std()
    assert np.abs(turned.concentration - expected).max() < 0.02 * spread
    np.testing.assert_allclose(turned.voltage_v, sample.voltage_v, atol=2e-5)
