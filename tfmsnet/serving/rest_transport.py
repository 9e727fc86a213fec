"""Calls to TF Serving's REST API, without TensorFlow in the client's process."""

import json

import numpy as np
import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from tfmsnet.errors import RunFailed
from tfmsnet.serving.address import Address
from tfmsnet.serving.failure import raise_failure
from tfmsnet.serving.quantities import CURVE, FIELDS, SUMMARY

# What TF Serving makes of a status of gRPC, the other way round.
_CODES = {
    400: "INVALID_ARGUMENT",
    404: "NOT_FOUND",
    412: "FAILED_PRECONDITION",
    429: "RESOURCE_EXHAUSTED",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_RETRYABLE = (502, 503)
_FIRST_WAIT_S = 0.2
# JSON has no types: these are the signatures'.
_DTYPES = {quantity.name: np.dtype(quantity.dtype) for quantity in (*CURVE, *SUMMARY, *FIELDS)}


class RestTransport:
    """A session with a server.

    Args:
        address: of the model.
        version: of the model; None for the newest.
        timeout_s: of one attempt.
        attempts: how often a call is sent while the server can't be reached or answers 502 or 503, with
            growing waits.
        max_message_bytes: largest answer.
    """

    def __init__(
        self, address: Address, version: int | None, timeout_s: float, attempts: int, max_message_bytes: int
    ):
        self._address, self._timeout_s, self._max_bytes = address, timeout_s, max_message_bytes
        versioned = "" if version is None else f"/versions/{version}"
        self._url = f"{address.scheme}://{address.target}/v1/models/{address.name}{versioned}:predict"
        retry = Retry(
            total=attempts - 1,
            read=False,  # a request that was sent may be at work still
            backoff_factor=_FIRST_WAIT_S,
            status_forcelist=_RETRYABLE,
            allowed_methods=None,
            raise_on_status=False,
        )
        self._session = requests.Session()
        self._session.headers["Content-Type"] = "application/json"
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
            with self._session.post(self._url, data=body, timeout=self._timeout_s, stream=True) as response:
                status, content = response.status_code, self._read(response)
        except requests.Timeout as error:
            raise_failure(str(self._address), "DEADLINE_EXCEEDED", str(error))
        except requests.RequestException as error:
            raise_failure(str(self._address), "UNAVAILABLE", _reason(error))
        try:
            answer = json.loads(content)
        except ValueError:
            answer = {"error": content[:200].decode(errors="replace")}
        if not isinstance(answer, dict) or status != 200 or "outputs" not in answer:
            said = answer.get("error", answer) if isinstance(answer, dict) else answer
            raise_failure(str(self._address), _code(status, str(said)), str(said))
        outputs = answer["outputs"]
        if not isinstance(outputs, dict):  # TF Serving leaves the name out when there is one output
            return {"content": np.array(outputs)}
        return {name: np.array(value, _DTYPES.get(name)) for name, value in outputs.items()}

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
