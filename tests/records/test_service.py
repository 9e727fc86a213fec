"""tf.data service on the loopback: each batch is the one that would have been made here."""

import numpy as np
import pytest
import tensorflow as tf

from tfmsnet.errors import UserError
from tfmsnet.records import open_manifest, pipeline
from tfmsnet.records.pipeline import served

service = tf.data.experimental.service


@pytest.fixture(scope="module")
def dispatcher():
    dispatcher = service.DispatchServer(service.DispatcherConfig(port=0))
    yield dispatcher
    dispatcher._stop()


@pytest.fixture(scope="module")
def workers(dispatcher):
    address = dispatcher.target.partition("://")[2]
    workers = [service.WorkerServer(service.WorkerConfig(dispatcher_address=address)) for _ in range(2)]
    yield workers
    for worker in workers:
        worker._stop()


def batches(records, address, count):
    manifest = open_manifest(records)
    source = pipeline.stream(manifest, records, "train", seed=4, position=6, batch_size=2)
    stages = [pipeline.loaded(manifest, lambda e: {n: e[n] for n in ("index", "potential")})]
    stages += [pipeline.batched(2), *([served(address)] if address else [])]
    return list(pipeline.composed(source, stages).take(count).as_numpy_iterator())


def test_each_batch_is_made_once_and_is_the_one_of_its_place(mixed, dispatcher, workers):
    here = {int(b["index"][0]): b for b in batches(mixed, None, 40)}
    there = batches(mixed, dispatcher.target, 16)
    places = [int(batch["index"][0]) for batch in there]
    assert len(set(places)) == 16
    assert set(places) <= set(here)
    for batch in there:
        expected = here[int(batch["index"][0])]
        np.testing.assert_array_equal(batch["index"], expected["index"])
        np.testing.assert_array_equal(batch["potential"], expected["potential"])


@pytest.mark.parametrize(
    "address", ["localhost:5000", "grpc://localhost", "grpc://localhost:x", "http://a:1"]
)
def test_another_address_is_refused(address):
    with pytest.raises(UserError, match="expected grpc://HOST:PORT"):
        served(address)


def test_nobody_there_is_said_at_once():
    with pytest.raises(UserError, match=r"data service grpc://127\.0\.0\.1:1: no answer"):
        served("grpc://127.0.0.1:1")
