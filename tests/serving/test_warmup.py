"""Warm-up requests: where TF Serving looks for them, and each is answered by the model it came with."""

import sys

import pytest
import tensorflow as tf

from tfmsnet.serving.saved_model import can_warm_up


def test_every_request_is_answered(served, model_server):
    from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

    path = served / "1" / "assets.extra" / "tf_serving_warmup_requests"
    logs = [PredictionLog.FromString(record.numpy()) for record in tf.data.TFRecordDataset(str(path))]
    requests = [log.predict_log.request for log in logs]
    names = [request.model_spec.signature_name for request in requests]
    assert sorted(names) == ["fields", "profile", "serving_default", "step"]
    servable = model_server.Servable(served)
    for request in requests:
        inputs = {name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()}
        answer = servable.predict(request.model_spec.signature_name, inputs)
        assert all((value == value).all() for value in answer.values())  # no NaN


def test_without_the_extra_it_says_so(monkeypatch):
    assert can_warm_up()
    monkeypatch.setitem(sys.modules, "tensorflow_serving.apis.prediction_log_pb2", None)
    assert not can_warm_up()


@pytest.fixture(autouse=True)
def _protos():
    pytest.importorskip("tensorflow_serving.apis", reason="needs the extra `serving`")
