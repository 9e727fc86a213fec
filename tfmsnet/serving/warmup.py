"""Requests that TF Serving sends to a version before it serves it: nobody waits for the graph's first run."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from tfmsnet.serving.quantities import Signature

# TF Serving looks for this file and for no other.
REQUESTS = "tf_serving_warmup_requests"
_EDGE = 16


def available() -> bool:
    """Whether the request types of TF Serving are installed (extra `serving`)."""
    try:
        import tensorflow_serving.apis.prediction_log_pb2  # noqa: F401
    except ImportError:
        return False
    return True


def write_warmup(path: Path, signatures: dict[str, Signature]) -> None:
    """Write one request for each signature that takes an image, on a layered cube of 16 voxels.

    Args:
        path: the file, `<version>/assets.extra/tf_serving_warmup_requests`.
        signatures: what the model answers.
    """
    from tensorflow_serving.apis import model_pb2, predict_pb2, prediction_log_pb2

    with tf.io.TFRecordWriter(str(path)) as writer:
        for name, signature in signatures.items():
            inputs = {q.name: _TENSORS[q.name]() for q in signature.inputs if q.name in _TENSORS}
            if len(inputs) < len(signature.inputs):
                continue
            request = predict_pb2.PredictRequest(
                # TF Serving fills in the model's name.
                model_spec=model_pb2.ModelSpec(signature_name=name),
                inputs={key: tf.make_tensor_proto(value) for key, value in inputs.items()},
            )
            log = prediction_log_pb2.PredictLog(request=request)
            writer.write(prediction_log_pb2.PredictionLog(predict_log=log).SerializeToString())


def _phase() -> np.ndarray:
    """AM with layers of CBD and pores."""
    phase = np.ones([1] + [_EDGE] * 3, np.uint8)
    phase[..., ::4] = 2
    phase[:, ::2, :, 1::4] = 0
    return phase


_TENSORS = {
    "phase": _phase,
    "c_rate": lambda: np.array([1.0], np.float32),
    "time_s": lambda: np.array([100.0], np.float32),
    "concentration": lambda: np.where(_phase() == 1, 2e4, 0).astype(np.float32),
    "potential": lambda: np.where(_phase() != 0, 4.0, 0).astype(np.float32),
    "frame_stride": lambda: np.array([12], np.int32),
    "region": lambda: np.zeros((1, 6), np.int32),
    "c_rate_profile": lambda: np.array([[0.0, 1.0, 1.0]], np.float32),
    "times_s": lambda: np.array([[0.0, 100.0, 200.0]], np.float32),
}
