"""The client over real sockets: the numbers of the model, errors that can be acted on, patience."""

import contextlib
import json
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest

from tfmsnet.electrode import PhaseImage
from tfmsnet.errors import RunFailed, UserError
from tfmsnet.serving import UNITS, Client, Model


@pytest.fixture(scope="module")
def image(samples):
    """An odd size cut from a real electrode."""
    return PhaseImage(samples[0].phase[:11, :9, :13])


def test_it_answers_as_the_model_does(client, local, image):
    here, there = local.fields(image, 1.5), client.fields(image, 1.5)
    for name in ("times_s", "dol", "voltage_v", "concentration", "potential", "frames"):
        assert getattr(there, name).dtype == getattr(here, name).dtype
        np.testing.assert_allclose(getattr(there, name), getattr(here, name), rtol=1e-6)
    curve = client.curve(image, 1.5)
    np.testing.assert_allclose(curve.voltage_v, here.voltage_v, rtol=1e-6)
    assert curve.summary == pytest.approx(here.summary, rel=1e-6)
    assert set(curve.summary) <= set(UNITS)
    np.testing.assert_allclose(
        client.predict(image, 1.5).concentration, local.predict(image, 1.5).concentration, rtol=1e-6
    )


def test_clients_do_not_wait_for_each_others_servers(local):
    both = threading.Barrier(2, timeout=10)

    def describe():
        both.wait()  # an answer that comes once the other one was asked for, too
        return local.description

    models = [Model(local.call, describe) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda model: model.parameters, models)) == [local.parameters] * 2


def test_thinned_out_and_cropped(client, local, image):
    here = local.fields(image, 1.0)
    there = client.fields(image, 1.0, frame_stride=12, region=(1, 4, 0, 9, 5, 13))
    assert there.frames.tolist() == [0, 12, 24]
    assert there.region == (1, 4, 0, 9, 5, 13)
    np.testing.assert_allclose(there.potential, here.potential[::12, 1:4, 0:9, 5:13], rtol=1e-6)
    with pytest.raises(UserError, match="ask for frame_stride=1 and no region"):
        client.sample(image, there)


def test_the_model_describes_itself(client, served):
    assert client.voxel_size_m == 0.5e-6
    assert "phase" in json.loads(client.document("signatures.json"))["signatures"]["fields"]["inputs"]
    assert client.document("MODEL_CARD.md") == (served / "1" / "assets" / "MODEL_CARD.md").read_text()


@pytest.mark.parametrize("c_rate", [0.0, np.nan, 21.0])
def test_mistakes_that_need_no_server(client, image, c_rate):
    with pytest.raises(UserError, match=r"c_rate: expected a number|load: expected C-rates of at most 20"):
        client.curve(image, c_rate)
    with pytest.raises(UserError, match=r"voxels of 0.4 um, but the model was trained on 0.5 um"):
        client.curve(PhaseImage(image.phase, 0.4e-6), 1.0)
    with pytest.raises(UserError, match="region: expected x0 x1"):
        client.fields(image, 1.0, region=(0, 12, 0, 2, 0, 2))
    with pytest.raises(UserError, match="frame_stride: expected 1 or more"):
        client.fields(image, 1.0, frame_stride=0)


def test_what_the_model_refuses_is_the_users_mistake(client, image):
    with pytest.raises(
        UserError, match=r"phase: expected at most 20000 voxels in a request, found the shape 1 33"
    ):
        client.curve(PhaseImage(np.tile(image.phase, (3, 3, 3))), 1.0)
    for value in (np.nan, -np.inf):
        with pytest.raises(UserError, match="c_rate: expected 1e-06 to 20, found"):
            client.call(
                "serving_default", {"phase": image.phase[None], "c_rate": np.array([value], np.float32)}
            )
    with pytest.raises(UserError, match=r"doesn't serve this signature.*\"nothing\" not found"):
        client.call("nothing", {"phase": image.phase[None]})


def test_another_name_and_another_version(client, image):
    url = f"{client.address.scheme}://{client.address.target}"
    for other in (Client(f"{url}/anode"), Client(str(client.address), version=9)):
        with other, pytest.raises(UserError, match="has no such model or version"):
            other.curve(image, 1.0)
    with Client(str(client.address), version=1) as same:
        assert same.curve(image, 1.0).dol.shape == (25,)


def test_too_large_an_answer_says_what_to_do(client, image):
    with (
        Client(str(client.address), max_message_bytes=60_000) as small,
        pytest.raises(RunFailed, match="ask for fewer frames or a region"),
    ):
        small.fields(image, 1.0)


def test_no_answer_in_time(client, image):
    with (
        Client(str(client.address), timeout_s=1e-3, attempts=1) as hasty,
        pytest.raises(RunFailed, match="gave no answer in time"),
    ):
        hasty.call("serving_default", {"phase": image.phase[None], "c_rate": np.array([1.0], np.float32)})


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.mark.parametrize("scheme", ["grpc", "http"])
def test_nobody_there(image, scheme):
    start = time.monotonic()
    with (
        Client(f"{scheme}://127.0.0.1:{free_port()}", attempts=2) as client,
        pytest.raises(RunFailed, match="can't be reached; check the address"),
    ):
        client.curve(image, 1.0)
    assert time.monotonic() - start < 20


class Flaky(BaseHTTPRequestHandler):
    """Answers with the statuses in a list, one after the other."""

    statuses, seen = (), 0

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        status = self.statuses[min(type(self).seen, len(self.statuses) - 1)]
        type(self).seen += 1
        body = b'{"outputs": ["{}"]}' if status == 200 else b"<html>not TF Serving</html>"
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.mark.parametrize(
    ("statuses", "requests", "error", "message"),
    [
        ((503, 502, 200), 3, None, ""),
        ((503,), 3, RunFailed, "can't be reached"),
        ((400,), 1, UserError, "not TF Serving"),
        ((404,), 1, UserError, "no such model or version"),
        ((500,), 1, RunFailed, "HTTP 500"),
        ((504,), 1, RunFailed, "no answer in time"),
    ],
)
def test_only_what_may_go_away_is_tried_again(statuses, requests, error, message):
    handler = type("Handler", (Flaky,), {"statuses": statuses})
    with HTTPServer(("127.0.0.1", 0), handler) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        client = Client(f"http://127.0.0.1:{http.server_port}", attempts=3)
        if error is None:
            assert client.document("any") == "{}"
        else:
            with pytest.raises(error, match=message):
                client.document("any")
        http.shutdown()
    assert handler.seen == requests


@contextlib.contextmanager
def grpc_server(predict, port=0):
    """The port of a gRPC server whose answer is `predict(request, context)`."""
    grpc = pytest.importorskip("grpc")
    pytest.importorskip("tensorflow_serving.apis", reason="needs the extra `serving`")
    from tensorflow_serving.apis import prediction_service_pb2_grpc

    class Service(prediction_service_pb2_grpc.PredictionServiceServicer):
        def Predict(self, request, context):
            return predict(request, context)

    server = grpc.server(ThreadPoolExecutor(1))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Service(), server)
    port = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    yield port
    server.stop(None).wait()


def test_grpc_repeats_what_is_unavailable_and_nothing_else():
    grpc = pytest.importorskip("grpc")
    seen = []

    def fail(request, context):
        seen.append(request.model_spec.signature_name)
        context.abort(getattr(grpc.StatusCode, seen[-1]), "so it is")

    with grpc_server(fail) as port, Client(f"grpc://127.0.0.1:{port}", attempts=3) as client:
        for code, error in (
            ("UNAVAILABLE", RunFailed),
            ("INTERNAL", RunFailed),
            ("RESOURCE_EXHAUSTED", RunFailed),
            ("INVALID_ARGUMENT", UserError),
            ("UNIMPLEMENTED", UserError),
        ):
            with pytest.raises(error, match="so it is"):
                client.call(code, {})
    assert {code: seen.count(code) for code in seen} == {
        "UNAVAILABLE": 3,
        "INTERNAL": 1,
        "RESOURCE_EXHAUSTED": 1,
        "INVALID_ARGUMENT": 1,
        "UNIMPLEMENTED": 1,
    }


@pytest.mark.parametrize("scheme", ["grpc", "http"])
def test_a_server_that_comes_late_is_waited_for(scheme):
    port, ended = free_port(), threading.Event()

    def answer(request, context):
        from tensorflow_serving.apis import predict_pb2

        response = predict_pb2.PredictResponse()
        response.outputs["content"].dtype = 7  # a string
        response.outputs["content"].tensor_shape.dim.add().size = 1
        response.outputs["content"].string_val.append(b"{}")
        return response

    def serve():
        time.sleep(0.3)
        if scheme == "grpc":
            with grpc_server(answer, port):
                ended.wait(60)
        else:
            handler = type("Handler", (Flaky,), {"statuses": (200,)})
            with HTTPServer(("127.0.0.1", port), handler) as http:
                http.handle_request()

    late = threading.Thread(target=serve)
    late.start()
    with Client(f"{scheme}://127.0.0.1:{port}", attempts=5) as client:
        assert client.document("any") == "{}"
    ended.set()
    late.join()


def test_values_that_no_client_can_have():
    for arguments, message in (
        ({"attempts": 0}, "attempts: expected 1 to 5"),
        ({"attempts": 6}, "attempts: expected 1 to 5"),
        ({"timeout_s": 0.0}, "timeout_s: expected a number above 0"),
    ):
        with pytest.raises(UserError, match=message):
            Client("grpc://127.0.0.1:8500", **arguments)


def test_rest_needs_neither_tensorflow_nor_the_simulator():
    code = """
import sys
from tfmsnet.serving import Client
Client("http://127.0.0.1:8501/cathode")
assert not {"tensorflow", "keras", "grpc", "numba", "pyamg", "matplotlib", "tifffile"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
