"""TF Serving's two interfaces over the newest version of an exported model: for tests and for benchmarks.

    python benchmarks/model_server.py served/cathode --grpc-port 8500 --rest-port 8501

The graph is run as TF Serving runs it: a session of TensorFlow's C++ runtime that is handed the request's
tensors as they are, with nothing in between that looks at their shapes.  Use tensorflow_model_server for
anything real.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import threading
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import grpc
import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import config_pb2
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

HTTP_OF = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
}
STATUS_OF = {code.value[0]: code for code in grpc.StatusCode}


class Refused(Exception):
    """A status of gRPC and its message."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code, self.message = code, message


class Servable:
    """One version of a model, its signatures callable with NumPy arrays."""

    def __init__(self, base, version=None):
        self.name = Path(base).name
        self.version = version or max(int(p.name) for p in Path(base).iterdir() if p.name.isdigit())
        self._session = tf.compat.v1.Session(graph=tf.Graph())
        with self._session.graph.as_default():
            meta = tf.compat.v1.saved_model.load(
                self._session, ["serve"], str(Path(base) / str(self.version))
            )
        self.signatures = {k: v for k, v in meta.signature_def.items() if not k.startswith("__")}
        self._callables = {name: self._callable(signature) for name, signature in self.signatures.items()}

    def _callable(self, signature):
        # Session.run compares shapes with the placeholders' first; TF Serving doesn't.
        options = config_pb2.CallableOptions(
            feed=[info.name for info in signature.inputs.values()],
            fetch=[info.name for info in signature.outputs.values()],
        )
        return self._session._make_callable_from_options(options)

    def check(self, name, version):
        """Refuse requests for something else."""
        if name != self.name or version not in (None, self.version):
            message = f"Servable not found for request: Specific({name}, {version or 'Latest'})"
            raise Refused(grpc.StatusCode.NOT_FOUND, message)

    def signature(self, name):
        """A signature by name; "" is serving_default."""
        name = name or "serving_default"
        if name not in self.signatures:
            message = f'Serving signature key "{name}" not found.'
            raise Refused(grpc.StatusCode.FAILED_PRECONDITION, message)
        return name, self.signatures[name]

    def predict(self, name, inputs):
        """Answer, with the signature's defaults for inputs that are left out."""
        name, signature = self.signature(name)
        given = {key: tf.make_ndarray(tensor) for key, tensor in signature.defaults.items()} | inputs
        if set(given) != set(signature.inputs):
            missing, extra = set(signature.inputs) - set(given), set(given) - set(signature.inputs)
            message = (
                f"input size does not match signature. Sent extra: {extra}. Missing but required: {missing}."
            )
            raise Refused(grpc.StatusCode.INVALID_ARGUMENT, message)
        for key, info in signature.inputs.items():
            if tf.as_dtype(given[key].dtype) != tf.as_dtype(info.dtype):
                message = f"input {key} must be of type {tf.as_dtype(info.dtype).name}"
                raise Refused(grpc.StatusCode.INVALID_ARGUMENT, message)
        try:
            answers = self._callables[name](*(given[key] for key in signature.inputs))
        except tf.errors.OpError as error:
            raise Refused(STATUS_OF[error.error_code], error.message) from None
        return dict(zip(signature.outputs, answers, strict=True))


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """The service that TF Serving offers at its gRPC port."""

    def __init__(self, servable):
        self.servable = servable

    def Predict(self, request, context):
        spec = request.model_spec
        try:
            self.servable.check(spec.name, spec.version.value if spec.HasField("version") else None)
            try:
                inputs = {name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()}
            except (ValueError, TypeError) as error:
                raise Refused(grpc.StatusCode.INVALID_ARGUMENT, f"tensor parsing error: {error}") from None
            outputs = self.servable.predict(spec.signature_name, inputs)
        except Refused as refused:
            context.abort(refused.code, refused.message)
        response = predict_pb2.PredictResponse(model_spec=spec)
        for name, value in outputs.items():
            response.outputs[name].CopyFrom(tf.make_tensor_proto(value))
        return response


class RestHandler(BaseHTTPRequestHandler):
    """POST /v1/models/NAME[/versions/N]:predict with instances or inputs, as TF Serving has them."""

    protocol_version = "HTTP/1.1"
    servable = None

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            self._answer(200, self._predict(body))
        except Refused as refused:
            self._answer(HTTP_OF.get(refused.code, 500), {"error": refused.message})

    def _predict(self, body):
        path, _, verb = self.path.partition(":")
        parts = path.strip("/").split("/")
        if parts[:2] != ["v1", "models"] or verb != "predict" or len(parts) not in (3, 5):
            raise Refused(grpc.StatusCode.NOT_FOUND, f"Malformed request: POST {self.path}")
        self.servable.check(parts[2], int(parts[4]) if len(parts) == 5 else None)
        try:
            request = json.loads(body)
        except ValueError as error:
            raise Refused(grpc.StatusCode.INVALID_ARGUMENT, f"JSON Parse error: {error}") from None
        name, signature = self.servable.signature(request.get("signature_name"))
        rows = request.get("instances")
        columns = request.get("inputs") if rows is None else {k: [row[k] for row in rows] for k in rows[0]}
        if not isinstance(columns, dict):  # the only input may go without its name
            columns = {next(iter(signature.inputs)): columns}
        try:
            inputs = {
                key: np.array(value, tf.as_dtype(signature.inputs[key].dtype).as_numpy_dtype)
                for key, value in columns.items()
                if key in signature.inputs
            }
        except (ValueError, TypeError, OverflowError) as error:
            raise Refused(grpc.StatusCode.INVALID_ARGUMENT, f"JSON Value: {error}") from None
        outputs = {key: _jsonable(value) for key, value in self.servable.predict(name, inputs).items()}
        if rows is not None:
            return {
                "predictions": [
                    dict(zip(outputs, row, strict=True)) for row in zip(*outputs.values(), strict=True)
                ]
            }
        return {"outputs": next(iter(outputs.values())) if len(outputs) == 1 else outputs}

    def _answer(self, status, content):
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(BrokenPipeError):  # the client gave up
            self.wfile.write(body)

    def log_message(self, *_):
        pass


def _jsonable(value):
    """Nested lists; bytes as text."""
    if value.dtype == object:
        return [item.decode() for item in value.ravel()]
    return value.tolist()


class ModelServer:
    """Both interfaces of one model on 127.0.0.1, at free ports unless told otherwise; a context manager."""

    def __init__(self, base, grpc_port=0, rest_port=0, threads=4, servable=None):
        self.servable = servable or Servable(base)
        unlimited = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
        self._grpc = grpc.server(futures.ThreadPoolExecutor(threads), options=unlimited)
        service = PredictionService(self.servable)
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(service, self._grpc)
        self.grpc_port = self._grpc.add_insecure_port(f"127.0.0.1:{grpc_port}")
        handler = type("Handler", (RestHandler,), {"servable": self.servable})
        self._rest = ThreadingHTTPServer(("127.0.0.1", rest_port), handler)
        self._rest.daemon_threads = True
        self.rest_port = self._rest.server_port

    @property
    def grpc_url(self):
        return f"grpc://127.0.0.1:{self.grpc_port}/{self.servable.name}"

    @property
    def rest_url(self):
        return f"http://127.0.0.1:{self.rest_port}/{self.servable.name}"

    def __enter__(self):
        self._grpc.start()
        threading.Thread(target=self._rest.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._rest.shutdown()
        self._rest.server_close()
        self._grpc.stop(None)


class Started:
    """The server in a process of its own, as a context manager: a crash there leaves its clients alone."""

    def __init__(self, base):
        command = [sys.executable, __file__, str(base), "--grpc-port", "0", "--rest-port", "0"]
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.pid = self._process.pid
        said = self._process.stdout.readline().split()
        if len(said) != 2:
            raise RuntimeError(f"{' '.join(command)}: ended with {self._process.wait()}")
        self.grpc_url, self.rest_url = said

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait()
        self._process.stdout.close()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("base")
    parser.add_argument("--grpc-port", type=int, default=8500)
    parser.add_argument("--rest-port", type=int, default=8501)
    parser.add_argument("--threads", type=int, default=4)
    arguments = parser.parse_args()
    with ModelServer(arguments.base, arguments.grpc_port, arguments.rest_port, arguments.threads) as server:
        print(server.grpc_url, server.rest_url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
