"""An exported model, and a server that answers for it on real sockets."""

import importlib

import pytest


@pytest.fixture(scope="session")
def served(run, tmp_path_factory):
    """OUT/NAME with version 1, all signatures; small enough a limit that a test can exceed it."""
    from tfmsnet.serving.saved_model import export

    base = tmp_path_factory.mktemp("served") / "cathode"
    version = export(run, base, max_voxels=20_000)
    assert version == base / "1"
    return base


@pytest.fixture(scope="session")
def loaded(served):
    """The SavedModel as TensorFlow loads it."""
    import tensorflow as tf

    return tf.saved_model.load(str(served / "1"))


@pytest.fixture(scope="session")
def local(served):
    """The exported model in this process."""
    from tfmsnet.serving.local import load_model

    return load_model(served)


@pytest.fixture(scope="session")
def model_server():
    """The module benchmarks/model_server.py."""
    pytest.importorskip("tensorflow_serving.apis", reason="needs the extra `serving`")
    return importlib.import_module("model_server")


@pytest.fixture(scope="session")
def server(served, model_server):
    """gRPC and REST on 127.0.0.1, in a process of their own."""
    with model_server.Started(served) as running:
        yield running


@pytest.fixture(params=["grpc", "rest"])
def client(server, request):
    """A client of either protocol."""
    from tfmsnet.serving import Client

    with Client(getattr(server, f"{request.param}_url"), attempts=1) as connected:
        yield connected
