"""How a served model is reached: TF Serving's gRPC and REST, and what their failures mean for the user."""

import json
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

import numpy as np
import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from tfmsnet.errors import RunFailed, UserError
from tfmsnet.files import parse_json
from tfmsnet.serving.quantities import CURVE, ERRORS, FIELDS, SUMMARY

SCHEMES = ("grpc", "grpcs", "http", "https")
DEFAULT_NAME = "cathode"
_EXPECTED = (
    "expected grpc://HOST:PORT/NAME, grpcs://HOST/NAME, http[s]://HOST[/PREFIX]/NAME, or TF Serving's own "
    "http[s]://HOST[/PREFIX]/v1/models/NAME"
)
# What TF Serving calls a model over REST: https://www.tensorflow.org/tfx/serving/api_rest
_OWN = re.compile(
    r"(?P<prefix>.*?)/?v1/models/(?P<name>[^/:]+)(?P<version>/(versions/\d+|labels/[^/:]+))?"
    r"(:predict|/metadata)?"
)


@dataclass(frozen=True)
class Address:
    """A served model.

    Attributes:
        scheme: one of `SCHEMES`; those with an s are encrypted (TLS).
        target: HOST:PORT, or HOST alone for the scheme's port.
        name: of the model.
        prefix: path before TF Serving's own, without slashes at its ends: of a reverse proxy.
        version: what of the address says the version, "/versions/3" or "/labels/stable"; "" for the newest.
    """

    scheme: str
    target: str
    name: str
    prefix: str = ""
    version: str = ""

    @classmethod
    def parse(cls, text: str) -> "Address":
        """From a URL; without a path the model is called `cathode`.

        Raises:
            UserError: another scheme, no host, no port where one is needed, a user name or password, a path
                that names no model.
        """
        parts = urlsplit(text)
        try:
            port = parts.port
        except ValueError:
            port = 0
        if parts.scheme not in SCHEMES or not parts.hostname or port == 0:
            raise UserError(f"server: {_EXPECTED}, found {text!r}")
        if parts.username or parts.password:
            raise UserError("server: a password in the address would be shown; give it as a header")
        if parts.query or parts.fragment:
            raise UserError(f"server: {_EXPECTED}, found {text!r}, which goes on after the path")
        if parts.scheme == "grpc" and not port:
            raise UserError(f"server: grpc needs a port: grpc://HOST:PORT/NAME, found {text!r}")
        path = parts.path.strip("/")
        own = _OWN.fullmatch(path)
        if own:
            prefix, name, version = own["prefix"], own["name"], own["version"] or ""
        else:
            prefix, _, name = path.rpartition("/")
            version = ""
        if ":" in name:
            raise UserError(f"server: {_EXPECTED}, found {text!r}: {name!r} is no model's name")
        if prefix and parts.scheme.startswith("grpc"):
            raise UserError(f"server: gRPC has no paths: {parts.scheme}://HOST:PORT/NAME, found {text!r}")
        return cls(parts.scheme, parts.netloc, name or DEFAULT_NAME, prefix, version)

    @property
    def encrypted(self) -> bool:
        """Whether it is TLS."""
        return self.scheme in ("grpcs", "https")

    @property
    def base(self) -> str:
        """The URL of TF Serving's REST interface for the model, the version included."""
        prefix = f"/{self.prefix}" if self.prefix else ""
        return f"{self.scheme}://{self.target}{prefix}/v1/models/{self.name}{self.version}"

    def __str__(self) -> str:
        if self.version:
            return self.base
        return "/".join(filter(None, (f"{self.scheme}://{self.target}", self.prefix, self.name)))


@dataclass(frozen=True)
class Access:
    """What a server, or a proxy before it, asks for.

    Attributes:
        ca_file: certificates (PEM) of the authorities that are trusted instead of the system's.
        headers: sent with every request, such as {"Authorization": "Bearer ..."}.

    Raises:
        UserError: a file that isn't there or holds no certificate, a header that can't be sent.
    """

    ca_file: Path | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        for name, value in self.headers.items():
            if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
                raise UserError(f"header {name!r}: expected NAME: VALUE in printable ASCII")
        if self.ca_file is not None:
            try:
                ssl.create_default_context(cafile=self.ca_file)
            except OSError as error:  # what isn't PEM, too: ssl.SSLError
                raise UserError(
                    f"{self.ca_file}: expected certificates in PEM ({error.strerror or error})"
                ) from None


_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\x20-\x7e]*")


_ADVICE = {
    "UNAVAILABLE": "can't be reached; check the address, and that the server runs and has loaded the model",
    "DEADLINE_EXCEEDED": "gave no answer in time; allow a longer timeout, or send a smaller image",
    "RESOURCE_EXHAUSTED": (
        "ran out of memory or message size; ask for fewer frames or a region, or allow larger messages"
    ),
}
_THE_USERS = {
    "NOT_FOUND": "has no such model or version",
    "FAILED_PRECONDITION": "doesn't serve this signature; export the model with this version of tfmsnet",
    "UNIMPLEMENTED": "doesn't speak TF Serving's protocol",
    "UNAUTHENTICATED": "asks who you are; give what it wants as a header (--header 'Authorization: ...')",
    "PERMISSION_DENIED": "doesn't allow it; check the credentials in the headers (--header)",
}
# TLS: how OpenSSL and gRPC's BoringSSL call it.
_TLS = (
    (
        ("CERTIFICATE_VERIFY_FAILED",),
        "its certificate isn't trusted; give the one of the authority that signed it (--ca-file), and the "
        "host as the certificate names it",
    ),
    (
        ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST"),
        "doesn't speak TLS at this port; use http:// or grpc://, or another port",
    ),
)


def raise_failure(where: str, code: str, message: str) -> NoReturn:
    """Raise what a status of gRPC means for the user.

    Args:
        where: the server and the model.
        code: name of the status.
        message: the server's.

    Raises:
        UserError: input that the model refuses, a model or signature that isn't there.
        RunFailed: anything else.
    """
    for signs, meaning in _TLS:
        if code == "UNAVAILABLE" and any(sign in message for sign in signs):
            raise UserError(f"{where}: {meaning} ({refusal(message)[-120:]})") from None
    said = refusal(message)
    if code == "INVALID_ARGUMENT":
        raise UserError(f"{where}: {said}") from None
    if code in _THE_USERS:
        raise UserError(f"{where}: {_THE_USERS[code]} ({said})") from None
    advice = _ADVICE.get(code, "failed")
    raise RunFailed(f"{where}: {advice} ({code}: {said})") from None


def refusal(message: str) -> str:
    """The sentence in the message of a failed assertion; other messages shortened to their first line.

    TensorFlow prints an assertion's parts in brackets, numbers in brackets of their own, and around them
    the node's name: `assertion failed: [phase: expected labels ..., found] [85]\\n\\t [[{{node ...`.
    """
    found = re.search(r"assertion failed: (\[.*?)(?:\n|\[\[\{\{|$)", message)
    if found is None:
        return message.strip().split("\n")[0]
    return re.sub(r"\s+", " ", re.sub(r"[\[\]]", "", found.group(1))).strip()


_SERVICE = "tensorflow.serving.PredictionService"
# gRPC allows no more than five in a channel's configuration.
MOST_ATTEMPTS = 5
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.2, 5.0


class GrpcTransport:
    """A channel to a server.

    Args:
        address: of the model.
        access: what the server asks for.
        version: of the model; None for the newest.
        timeout_s: of a call, its repetitions included.
        attempts: how often a call is sent while the server is UNAVAILABLE, 1 to 5, with growing waits.
        max_message_bytes: largest request and answer (gRPC's own limit for answers is 4 MB).

    Raises:
        UserError: the extra `serving` isn't installed.
    """

    def __init__(
        self,
        address: Address,
        access: Access,
        version: int | None,
        timeout_s: float,
        attempts: int,
        max_message_bytes: int,
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
        # gRPC's names are in lower case.
        self._metadata = [(name.lower(), value) for name, value in access.headers.items()]
        if address.encrypted:
            roots = access.ca_file.read_bytes() if access.ca_file else None
            target = address.target if urlsplit(f"//{address.target}").port else f"{address.target}:443"
            self._channel = grpc.secure_channel(target, grpc.ssl_channel_credentials(roots), options)
        else:
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
        kind, _, value = self._address.version.strip("/").partition("/")
        if kind == "labels":
            request.model_spec.version_label = value
        elif value or self._version is not None:
            request.model_spec.version.value = int(value or self._version)
        try:
            response = self._stub.Predict(request, timeout=self._timeout_s, metadata=self._metadata)
        except self._rpc_error as error:
            raise_failure(str(self._address), error.code().name, error.details() or "")
        try:
            return {name: tf.make_ndarray(tensor) for name, tensor in response.outputs.items()}
        except Exception as error:  # whatever TensorFlow makes of a message that isn't right
            raise RunFailed(f"{self._address}: an answer that can't be read ({_reason(error)})") from None

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


# What TF Serving makes of a status of gRPC, the other way round.
_CODES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    407: "UNAUTHENTICATED",
    404: "NOT_FOUND",
    412: "FAILED_PRECONDITION",
    429: "RESOURCE_EXHAUSTED",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_RETRYABLE = (502, 503)
# JSON has no types: these are the signatures'.
_DTYPES = {quantity.name: np.dtype(quantity.dtype) for quantity in (*CURVE, *ERRORS, *SUMMARY, *FIELDS)}


class RestTransport:
    """A session with a server.

    Args:
        address: of the model.
        access: what the server asks for.
        version: of the model; None for the newest.
        timeout_s: of one attempt.
        attempts: how often a call is sent while the server can't be reached or answers 502 or 503, with
            growing waits.
        max_message_bytes: largest answer.
    """

    def __init__(
        self,
        address: Address,
        access: Access,
        version: int | None,
        timeout_s: float,
        attempts: int,
        max_message_bytes: int,
    ):
        self._address, self._timeout_s, self._max_bytes = address, timeout_s, max_message_bytes
        versioned = "" if version is None else f"/versions/{version}"
        self._url = f"{address.base}{versioned}:predict"
        retry = Retry(
            total=attempts - 1,
            read=False,  # a request that was sent may be at work still
            backoff_factor=_FIRST_WAIT_S,
            status_forcelist=_RETRYABLE,
            allowed_methods=None,
            raise_on_status=False,
        )
        self._session = requests.Session()
        self._session.headers.update({"Content-Type": "application/json", **access.headers})
        # Not the session's own attribute: $REQUESTS_CA_BUNDLE would win.
        self._verify = str(access.ca_file) if access.ca_file else None
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=retry))

    def call(self, signature: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Answer a signature; see `Model`.

        Raises:
            UserError, RunFailed: see `raise_failure`.
        """
        inputs = {name: value.tolist() for name, value in inputs.items()}
        # Not requests' own JSON: it refuses NaN, which is the model's to refuse.
        body = json.dumps({"signature_name": signature, "inputs": inputs}).encode()
        try:
            with self._session.post(
                self._url,
                data=body,
                timeout=self._timeout_s,
                stream=True,
                allow_redirects=False,
                verify=self._verify,
            ) as response:
                status, content = response.status_code, self._read(response)
                moved_to = response.headers.get("Location")
        except requests.Timeout as error:
            raise_failure(str(self._address), "DEADLINE_EXCEEDED", str(error))
        except requests.exceptions.SSLError as error:
            raise_failure(str(self._address), "UNAVAILABLE", str(error))
        except requests.RequestException as error:
            raise_failure(str(self._address), "UNAVAILABLE", _reason(error))
        if 300 <= status < 400 and moved_to:  # redirected, a POST would become a GET
            raise UserError(f"{self._address}: has moved to {moved_to}; give an address there")
        try:
            answer = parse_json(content)
        except ValueError:
            answer = {"error": content[:200].decode(errors="replace")}
        if not isinstance(answer, dict) or status != 200 or "outputs" not in answer:
            said = answer.get("error", answer) if isinstance(answer, dict) else answer
            raise_failure(str(self._address), _code(status, str(said)), str(said))
        outputs = answer["outputs"]
        if not isinstance(outputs, dict):  # TF Serving leaves the name out when there is one output
            return {"content": np.array(outputs)}
        try:
            return {name: np.array(value, _DTYPES.get(name)) for name, value in outputs.items()}
        except (ValueError, TypeError, OverflowError) as error:
            raise RunFailed(f"{self._address}: an answer that can't be read ({_reason(error)})") from None

    def _read(self, response) -> bytes:
        content = bytearray()
        for chunk in response.iter_content(1 << 20):
            content += chunk
            if len(content) > self._max_bytes:
                raise RunFailed(
                    f"{self._address}: an answer of more than {self._max_bytes} bytes; ask for fewer frames "
                    "or a region, or allow larger messages"
                )
        return bytes(content)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()


def _reason(error: Exception) -> str:
    """What is wrong with the connection, without requests' account of its own attempts."""
    cause = error.args[0] if error.args else error
    return str(getattr(cause, "reason", cause)).rsplit(": ", 1)[-1]


def _code(status: int, said: str) -> str:
    # TF Serving answers 400 as well for signatures that it hasn't got.
    if status == 400 and said.startswith("Serving signature"):
        return "FAILED_PRECONDITION"
    return _CODES.get(status, f"HTTP {status}")
