"""Calls to TF Serving's PredictionService over gRPC."""

import json

import numpy as np

from tfmsnet.errors import UserError
from tfmsnet.serving.address import Address
from tfmsnet.serving.failure import raise_failure

_SERVICE = "tensorflow.serving.PredictionService"
# gRPC allows no more than five in a channel's configuration.
MOST_ATTEMPTS = 5
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.2, 5.0


class GrpcTransport:
    """A channel to a server.

    Args:
        address: of the model.
        version: of the model; None for the newest.
        timeout_s: of a call, its repetitions included.
        attempts: how often a call is sent while the server is UNAVAILABLE, 1 to 5, with growing waits.
        max_message_bytes: largest request and answer (gRPC's own limit for answers is 4 MB).

    Raises:
        UserError: the extra `serving` isn't installed.
    """

    def __init__(
        self, address: Address, version: int | None, timeout_s: float, attempts: int, max_message_bytes: int
    ):
        try:
            import grpc
            from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc
        except ImportError as error:
            raise UserError(
                f"{address}: gRPC needs tensorflow-serving-api ({error}); pip install 'tfmsnet[serving]', or "
                "use http://"
            ) from None
        self._address, self._version, self._timeout_s = address, version, timeout_s
        self._request_type, self._rpc_error = predict_pb2.PredictRequest, grpc.RpcError
        options = [
            ("grpc.max_send_message_length", max_message_bytes),
            ("grpc.max_receive_message_length", max_message_bytes),
            ("grpc.enable_retries", int(attempts > 1)),
            ("grpc.service_config", _retries(attempts)),
            # A channel that couldn't connect waits before it tries again: no longer than our own waits.
            ("grpc.initial_reconnect_backoff_ms", int(1e3 * _FIRST_WAIT_S)),
            ("grpc.max_reconnect_backoff_ms", int(1e3 * _LONGEST_WAIT_S)),
        ]
        self._channel = grpc.insecure_channel(address.target, options)
        self._stub = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)

    def call(self, signature: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Answer a signature; see `Model`.

        Raises:
            UserError, RunFailed: see `raise_failure`.
        """
        import tensorflow as tf

        request = self._request_type(
            inputs={name: tf.make_tensor_proto(value) for name, value in inputs.items()}
        )
        request.model_spec.name = self._address.name
        request.model_spec.signature_name = signature
        if self._version is not None:
            request.model_spec.version.value = self._version
        try:
            response = self._stub.Predict(request, timeout=self._timeout_s)
        except self._rpc_error as error:
            raise_failure(str(self._address), error.code().name, error.details() or "")
        return {name: tf.make_ndarray(tensor) for name, tensor in response.outputs.items()}

    def close(self) -> None:
        """Close the channel."""
        self._channel.close()


def _retries(attempts: int) -> str:
    if attempts < 2:
        return "{}"
    policy = {
        "maxAttempts": attempts,
        "initialBackoff": f"{_FIRST_WAIT_S}s",
        "maxBackoff": f"{_LONGEST_WAIT_S}s",
        "backoffMultiplier": 2,
        "retryableStatusCodes": ["UNAVAILABLE"],
    }
    return json.dumps({"methodConfig": [{"name": [{"service": _SERVICE}], "retryPolicy": policy}]})
