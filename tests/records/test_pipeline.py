"""tf.data stages: the stream is a function of its position, windows and symmetries keep the physics."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from tfmsnet.errors import UserError
from tfmsnet.halfcell import simulate
from tfmsnet.load import constant_current
from tfmsnet.records import open_manifest, pipeline, write_records


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


SYMMETRIES = list(itertools.product((1, -1), (1, -1), (False, True)))


@pytest.fixture(scope="module")
def electrode():
    """A discharge on 8 x 8 x 24 voxels that is whatever it is turned to."""
    from tfmsnet.electrode import Recipe, generate

    image = generate(Recipe(am_wt_percent=90.0, calendering_percent=10.0, size=(8, 8, 24), seed=2))
    return simulate(image, constant_current(1.0, 4))


@pytest.mark.parametrize(("x", "y", "swap"), SYMMETRIES[1:])
def test_the_simulator_has_the_symmetries(electrode, x, y, swap):
    def turned(array, axis):
        array = np.flip(array, [a for a, way in ((axis, x), (axis + 1, y)) if way < 0])
        return array.swapaxes(axis, axis + 1) if swap else array

    image = replace(electrode.image, phase=np.ascontiguousarray(turned(electrode.image.phase, 0)))
    found = simulate(image, constant_current(1.0, 4))
    # To the rounding of float32 and the tolerance of the voltage.
    np.testing.assert_allclose(found.concentration, turned(electrode.concentration, 1), atol=0.02)
    np.testing.assert_allclose(found.potential, turned(electrode.potential, 1), atol=2e-6)
    np.testing.assert_allclose(found.voltage_v, electrode.voltage_v, atol=1e-6)


def test_a_stream_of_compressed_records_is_the_same(small_files, small, tmp_path):
    write_records(small_files, tmp_path / "gzip", split="1/2", compression="GZIP")
    one, other = ids(small, count=14), ids(tmp_path / "gzip", count=14)
    assert one == other


def test_workers_keep_to_their_files_where_these_divide_well(records, mixed, caplog):
    manifest = open_manifest(records)
    with caplog.at_level("INFO"):
        stream = pipeline.stream(manifest, records, "train", seed=1, batch_size=2, workers=2, sharding="auto")
    assert "2 workers share the train records by FILE" in caplog.text
    for worker in range(2):
        own = pipeline.sharded(2, worker)(stream).take(6)
        assert len({element["file"].numpy() for element in own}) == 1
    with caplog.at_level("INFO"):
        pipeline.stream(open_manifest(mixed), mixed, "train", seed=1, workers=3, sharding="auto")
    assert "3 workers share the train records by DATA" in caplog.text
    with pytest.raises(UserError, match="use DATA"):
        pipeline.stream(open_manifest(mixed), mixed, "train", seed=1, workers=3, sharding="FILE")
