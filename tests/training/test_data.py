"""The training stream: mixed grids, exact resume, workers, a bounded memory."""

import numpy as np
import pytest
import tensorflow as tf

from tfmsnet.errors import UserError
from tfmsnet.predictors.predictor import Predictor
from tfmsnet.records import open_manifest, pipeline, write_records, write_sample
from tfmsnet.training.data import sample_names, training_batches, validation_batches


@pytest.fixture(scope="module")
def mixed(samples, tmp_path_factory):
    """A records directory with training discharges of two grids: one of the electrodes is cut."""
    from dataclasses import replace

    data = tmp_path_factory.mktemp("mixed")
    geometries = sorted({sample.geometry_id for sample in samples})
    recipes = {geometries[0]: (90.0, 10.0), geometries[1]: (95.0, 0.0), geometries[2]: (95.0, 10.0)}
    for number, sample in enumerate(samples):
        am, calendering = recipes[sample.geometry_id]
        sample = replace(sample, am_wt_percent=am, calendering_percent=calendering)
        if sample.geometry_id == geometries[2]:
            sample = replace(
                sample,
                phase=sample.phase[:, :10, :14],
                concentration=sample.concentration[:, :, :10, :14],
                potential=sample.potential[:, :, :10, :14],
            )
        write_sample(sample, data / f"{number}.h5")
    out = data / "records"
    write_records(sorted(data.glob("*.h5")), out, reader="h5py")
    return out


@pytest.fixture(scope="module")
def surrogate(mixed, make_config):
    manifest = open_manifest(mixed)
    return Predictor(make_config().network, manifest.parameters, manifest.statistics, manifest.voxel_size_m)


def same(one, other):
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def batches(surrogate, config, records, count, **options):
    stream = training_batches(surrogate, config, open_manifest(records), records, **options)
    return list(stream.take(count).as_numpy_iterator())


def test_batches_hold_one_grid_each_and_resume_exactly(surrogate, mixed, make_config):
    config = make_config(batch_size=2, seed=3).training
    whole = batches(surrogate, config, mixed, 8)
    assert {batch["phase"].shape for batch in whole} == {(2, 12, 12, 16), (2, 12, 10, 14)}
    for one, other in zip(whole[3:], batches(surrogate, config, mixed, 5, step=3), strict=True):
        same(one, other)


def test_a_step_s_samples_are_named_without_reading_them(mixed, make_config):
    config, manifest = make_config(batch_size=2, seed=3).training, open_manifest(mixed)
    source = pipeline.stream(manifest, mixed, "train", seed=3, batch_size=2).take(12)
    read = [e["sample_id"].decode() for e in pipeline.loaded(manifest)(source).as_numpy_iterator()]
    assert [name for step in range(6) for name in sample_names(config, manifest, step)] == read


def test_the_iterator_s_checkpoint_resumes_exactly(surrogate, mixed, make_config, tmp_path):
    config = make_config(batch_size=2, seed=3).training
    stream = training_batches(surrogate, config, open_manifest(mixed), mixed)
    iterator = iter(stream)
    for _ in range(2):
        next(iterator)
    path = tf.train.Checkpoint(iterator=iterator).write(str(tmp_path / "iterator"))
    expected = [next(iterator) for _ in range(3)]
    restored = iter(stream)
    tf.train.Checkpoint(iterator=restored).read(path)
    for one in expected:
        same(one, next(restored))


def test_workers_make_the_parts_of_the_same_batches(surrogate, mixed, make_config):
    config = make_config(batch_size=2, seed=3).training
    whole = batches(surrogate, config, mixed, 3)
    parts = [batches(surrogate, config, mixed, 3, workers=2, worker=worker) for worker in range(2)]
    for batch, *of_workers in zip(whole, *parts, strict=True):
        same(batch, {name: np.concatenate([part[name] for part in of_workers]) for name in batch})
    with pytest.raises(UserError, match="multiple of the 4 workers, found 2"):
        batches(surrogate, config, mixed, 1, workers=4)


def test_validation_holds_every_discharge_once_and_whole(surrogate, mixed):
    manifest = open_manifest(mixed)
    found = list(validation_batches(surrogate, manifest, mixed, "train").as_numpy_iterator())
    assert sorted(b["phase"].shape[1:] for b in found) == sorted(
        tuple(s["grid"]) for s in manifest.samples("train")
    )
    assert {b["concentration"].shape[1] for b in found} == {25}


def test_fewer_records_at_a_time_where_memory_is_short(mixed):
    manifest = open_manifest(mixed)
    assert pipeline.parallel_calls(manifest, "train", budget_bytes=1.0) == 1
    largest = max(shard["bytes"] / shard["records"] for shard in manifest.splits["train"])
    assert pipeline.parallel_calls(manifest, "train", budget_bytes=6.5 * largest) <= 2


def test_a_run_learns_from_mixed_grids(mixed, make_config, tmp_path):
    from tfmsnet.training.run import train

    train(mixed, tmp_path / "run", make_config(batch_size=2, steps=2))
    assert (tmp_path / "run" / "surrogate.weights.h5").is_file()


def test_a_run_through_a_data_service_is_the_same(mixed, make_config, tmp_path):
    from tfmsnet.predictors.store import load_predictor
    from tfmsnet.training.run import train

    service = tf.data.experimental.service
    dispatcher = service.DispatchServer(service.DispatcherConfig(port=0))
    address = dispatcher.target.partition("://")[2]
    worker = service.WorkerServer(service.WorkerConfig(dispatcher_address=address))
    config = make_config(batch_size=2, steps=2)
    train(mixed, tmp_path / "there", config, data_service=dispatcher.target)
    train(mixed, tmp_path / "here", config)
    worker._stop()
    dispatcher._stop()
    weights = [load_predictor(tmp_path / name).get_weights() for name in ("here", "there")]
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_broken_record_stops_a_run_with_its_name(mixed, make_config, tmp_path):
    import shutil

    from tfmsnet.training.run import train

    broken = shutil.copytree(mixed, tmp_path / "records")
    for path in broken.glob("train-*.tfrecord"):
        content = bytearray(path.read_bytes())
        content[5000] ^= 1
        path.write_bytes(bytes(content))
    with pytest.raises(UserError, match=r"train-00000-of-0000.\.tfrecord"):
        train(broken, tmp_path / "run", make_config(steps=2))
