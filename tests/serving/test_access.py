"""Servers behind TLS and reverse proxies: who is trusted, what is sent, and what is said where it fails."""

import ssl
import threading
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from tfmsnet.errors import RunFailed, UserError
from tfmsnet.serving import Client

TOKEN = {"Authorization": "Bearer open sesame"}


@pytest.fixture(scope="module")
def authority():
    return pytest.importorskip("trustme").CA()


@pytest.fixture(scope="module")
def ca_file(authority, tmp_path_factory):
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


class Proxy(BaseHTTPRequestHandler):
    """Knows one path and one token, as a reverse proxy does; what it answers is the card's `any`."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.startswith("/old/"):
            self._answer(301, b"", Location="https://elsewhere/nmc")
        elif self.headers["Authorization"] != TOKEN["Authorization"]:
            self._answer(401 if self.headers["Authorization"] is None else 403, b"<html>no</html>")
        elif self.path == "/battery/v1/models/nmc:predict":
            self._answer(200, b'{"outputs": ["{}"]}')
        else:
            self._answer(404, b'{"error": "no such path"}')

    def _answer(self, status, body, **headers):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def https(authority):
    """HOST:PORT of the proxy, which speaks TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    with ThreadingHTTPServer(("localhost", 0), Proxy) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"localhost:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def grpcs(authority):
    """HOST:PORT of a service that answers with the token that it was sent, encrypted."""
    grpc = pytest.importorskip("grpc")
    apis = pytest.importorskip("tensorflow_serving.apis.prediction_service_pb2_grpc")
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2

    class Service(apis.PredictionServiceServicer):
        def Predict(self, request, context):
            sent = dict(context.invocation_metadata())
            if "authorization" not in sent:
                context.abort(grpc.StatusCode.UNAUTHENTICATED, "no token")
            said = f"{sent['authorization']} {request.model_spec.version_label}"
            return predict_pb2.PredictResponse(outputs={"content": tf.make_tensor_proto([said])})

    server = grpc.server(futures.ThreadPoolExecutor(1))
    apis.add_PredictionServiceServicer_to_server(Service(), server)
    certificate = authority.issue_cert("localhost")
    chain = b"".join(blob.bytes() for blob in certificate.cert_chain_pems)
    credentials = grpc.ssl_server_credentials([(certificate.private_key_pem.bytes(), chain)])
    port = server.add_secure_port("localhost:0", credentials)
    server.start()
    yield f"localhost:{port}"
    server.stop(None)


@pytest.mark.parametrize("path", ["battery/nmc", "battery/v1/models/nmc", "battery/v1/models/nmc:predict"])
def test_rest_over_tls_behind_a_path(https, ca_file, path):
    with Client(f"https://{https}/{path}", ca_file=ca_file, headers=TOKEN, attempts=1) as client:
        assert client.document("any") == "{}"


def test_grpc_over_tls(grpcs, ca_file):
    with Client(f"grpcs://{grpcs}/nmc", ca_file=ca_file, headers=TOKEN, attempts=1) as client:
        assert client.document("any") == "Bearer open sesame "
    with Client(f"grpcs://{grpcs}/v1/models/nmc/labels/new", ca_file=ca_file, headers=TOKEN) as client:
        assert client.document("any") == "Bearer open sesame new"
    with (
        Client(f"grpcs://{grpcs}/nmc", ca_file=ca_file, attempts=1) as client,
        pytest.raises(UserError, match=r"asks who you are.*no token"),
    ):
        client.document("any")


@pytest.mark.parametrize("scheme", ["https", "grpcs"])
def test_a_certificate_of_somebody_else(request, scheme):
    target = request.getfixturevalue(scheme)
    with (
        Client(f"{scheme}://{target}/nmc", attempts=1, timeout_s=10) as client,
        pytest.raises(UserError, match="certificate isn't trusted; give the one of the authority"),
    ):
        client.document("any")


@pytest.mark.parametrize(
    ("path", "headers", "message"),
    [
        ("battery/nmc", {}, "asks who you are; give what it wants as a header"),
        ("battery/nmc", {"Authorization": "Bearer x"}, "doesn't allow it; check the credentials"),
        ("lithium/nmc", TOKEN, "has no such model or version"),
        ("old/nmc", TOKEN, "has moved to https://elsewhere/nmc"),
    ],
)
def test_what_a_proxy_refuses(https, ca_file, path, headers, message):
    with (
        Client(f"https://{https}/{path}", ca_file=ca_file, headers=headers, attempts=1) as client,
        pytest.raises(UserError, match=message) as found,
    ):
        client.document("any")
    assert "sesame" not in str(found.value)


@pytest.mark.parametrize("scheme", ["https", "grpcs"])
def test_tls_where_there_is_none(scheme, ca_file):
    with ThreadingHTTPServer(("localhost", 0), Proxy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"{scheme}://localhost:{server.server_port}/nmc"
        with (
            Client(address, ca_file=ca_file, attempts=1, timeout_s=10) as client,
            pytest.raises((UserError, RunFailed), match="doesn't speak TLS at this port"),
        ):
            client.document("any")
        server.shutdown()


def test_mistakes_that_need_no_server(tmp_path, ca_file):
    (tmp_path / "none.pem").write_text("not a certificate")
    for arguments, message in (
        ({"ca_file": tmp_path / "none.pem"}, "none.pem: expected certificates in PEM"),
        ({"ca_file": tmp_path / "absent.pem"}, "absent.pem: expected certificates in PEM"),
        ({"headers": {"Two\nlines": "x"}}, "expected NAME: VALUE"),
        ({"headers": {"Name": "two\r\nlines"}}, "expected NAME: VALUE"),
    ):
        with pytest.raises(UserError, match=message):
            Client("https://localhost/nmc", **arguments)
    with pytest.raises(UserError, match="isn't encrypted"):
        Client("http://localhost/nmc", ca_file=ca_file)
    with pytest.raises(UserError, match="the address has one, versions/3"):
        Client("http://localhost/v1/models/nmc/versions/3", version=2)


def test_from_the_command_line(tfmsnet, https, ca_file, samples, tmp_path):
    image = tmp_path / "image.npy"
    np.save(image, samples[0].phase)
    (tmp_path / "token").write_text("Authorization: Bearer wrong\n")
    command = ("predict", image, "--c-rate", 1, "--voxel-size-um", 0.5, "--out", tmp_path / "out")
    server = ("--server", f"https://{https}/battery/nmc", "--ca-file", ca_file)
    for header, message in (
        ((), "asks who you are"),
        (("--header", f"@{tmp_path / 'token'}"), "doesn't allow it"),
        (("--header", "Authorization"), "--header: expected 'NAME: VALUE'"),
    ):
        status, _, err = tfmsnet(*command, *server, *header)
        assert status == 2
        assert message in err.splitlines()[-1]
    status, _, err = tfmsnet(*command, "--header", "A: b")
    assert status == 2
    assert "give one with --server" in err
