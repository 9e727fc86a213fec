"""A loaded model under many clients and requests that nobody should send.

    pytest -m faults tests/faults/test_serving_load.py -s        prints latencies and memory

TFMSNET_LOAD_S says for how long, s; the default is five minutes.
"""

import json
import os
import threading
import time
from collections import Counter

import numpy as np
import pytest

from tfmsnet.errors import RunFailed, UserError
from tfmsnet.serving import Client

pytestmark = pytest.mark.faults

SECONDS = float(os.environ.get("TFMSNET_LOAD_S", 300))
CLIENTS, HOSTILE = 32, 1000
SHAPES = ((12, 12, 16), (14, 12, 16), (16, 16, 16), (16, 12, 20))
# What a refusal says; anything else is a failure of the server.
REFUSED = ("INVALID_ARGUMENT", "RESOURCE_EXHAUSTED", "NOT_FOUND", "FAILED_PRECONDITION")


@pytest.fixture(scope="module")
def serving():
    pytest.importorskip("tensorflow_serving.apis", reason="needs the extra `serving`")
    import serving

    return serving


@pytest.fixture(scope="module")
def server(serving, basis_run, tmp_path_factory):
    """(address, process id) of a network's server, and requests that are right."""
    from tfmsnet.serving.saved_model import export

    base = tmp_path_factory.mktemp("served") / "cathode"
    signatures = json.loads((export(basis_run, base) / "assets" / "signatures.json").read_text())
    good = {name: inputs for name, inputs in good_requests().items() if name in signatures["signatures"]}
    with serving.Started(base) as running:
        yield running.grpc_url, running.pid, good


def random_image(rng, shape):
    from tfmsnet.electrode import PhaseImage

    phase = rng.integers(0, 3, shape).astype(np.uint8)
    phase[0, 0, 0], phase[-1, -1, -1] = 1, 0
    return PhaseImage(phase)


# Whatever a request shouldn't hold: (good value of an input, rng) -> another.
MUTATIONS = (
    lambda value, rng: value[None],
    lambda value, rng: value[0],
    lambda value, rng: value[:0],
    lambda value, rng: np.concatenate([value, value]),
    lambda value, rng: np.swapaxes(value, 0, -1)[..., : rng.integers(1, 9)],
    lambda value, rng: value.astype(rng.choice(["f8", "i8", "f4", "bool", "c16"])),
    lambda value, rng: np.full_like(value, 255 if value.dtype == np.uint8 else -1),
    lambda value, rng: np.zeros_like(value),
    lambda value, rng: extreme(value, rng),
    lambda value, rng: extreme(value, rng),
    lambda value, rng: np.array([b"../../etc/passwd" * rng.integers(1, 1000)]),
    lambda value, rng: None,
    lambda value, rng: np.resize(value, (1, 170, 170, 170)) if value.ndim == 4 else value[None],
)


def extreme(value, rng):
    """With numbers that no cell has."""
    found = value.copy()
    if np.issubdtype(value.dtype, np.floating):
        numbers = (np.nan, np.inf, -np.inf, -1.0, 0.0, 1e-40, 1e38, 1e-30, 21.0)
    elif value.dtype == np.uint8:
        numbers = (3, 85, 255)
    else:
        numbers = (np.iinfo(value.dtype).min, -1, 0, np.iinfo(value.dtype).max)
    found.flat[rng.integers(found.size)] = rng.choice(numbers)
    return found


def hostile(rng, warm_up):
    """(signature, inputs) of a request that is wrong in one way or in several."""
    name = rng.choice(list(warm_up))
    inputs = dict(warm_up[name])
    for _ in range(rng.integers(1, 3)):
        key = rng.choice(list(inputs))
        try:
            changed = MUTATIONS[rng.integers(len(MUTATIONS))](inputs[key], rng)
        except (ValueError, IndexError, TypeError):
            continue
        inputs = {other: value for other, value in inputs.items() if other != key or changed is not None}
        if changed is not None:
            inputs[key] = np.asarray(changed)
        if not inputs:
            break
    if rng.random() < 0.05:
        name = rng.choice(["", "no_such", "serving_default/../x", "x" * 10_000])
    if rng.random() < 0.05:
        inputs["another"] = np.zeros(3)
    return name, inputs


def good_requests():
    """Signature -> inputs as they should be."""
    from tfmsnet.serving.saved_model import _TENSORS

    image = {"phase": _TENSORS["phase"](), "c_rate": _TENSORS["c_rate"]()}
    window = {"frame_stride": np.array([12], np.int32), "region": np.zeros((1, 6), np.int32)}
    profile = {key: _TENSORS[key]() for key in ("phase", "c_rate_profile", "times_s")}
    state = {key: _TENSORS[key]() for key in ("phase", "c_rate", "time_s", "concentration", "potential")}
    return {
        "serving_default": image,
        "fields": image | window,
        "profile": profile | window,
        "step": state,
        "card": {"name": np.array([b"surrogate.json"])},
    }


class Clients:
    """Ask for known answers, all at once; every fourth request of each is a hostile one."""

    def __init__(self, url, known, good):
        self.url, self.known, self.good = url, known, good
        self.latencies_s, self.wrong, self.said = [], [], Counter()
        self._end, self._lock = time.monotonic() + SECONDS, threading.Lock()

    def run(self):
        """Until the time is over and all hostile requests are made."""
        threads = [threading.Thread(target=self._work, args=(n,)) for n in range(CLIENTS)]
        for thread in threads:
            thread.start()
        return threads

    def _work(self, seed):
        rng, number = np.random.default_rng(seed), 0
        with Client(self.url) as client:
            while time.monotonic() < self._end or self.said.total() < HOSTILE:
                number += 1
                if number % 4 == 0 and self.said.total() < HOSTILE:
                    answer = outcome(client, *hostile(rng, self.good))
                    with self._lock:
                        self.said[answer] += 1
                else:
                    self._ask(client, *self.known[rng.integers(len(self.known))])

    def _ask(self, client, image, c_rate, voltage_v):
        start = time.monotonic()
        try:
            found = client.curve(image, c_rate).voltage_v
            wrong = None if np.allclose(found, voltage_v, rtol=0, atol=1e-5) else "another curve"
        except (UserError, RunFailed) as error:
            wrong = str(error)
        with self._lock:
            self.latencies_s.append(time.monotonic() - start)
            self.wrong += [wrong] if wrong else []


def test_many_clients_and_hostile_requests(serving, server, rng):
    url, pid, good = server
    with Client(url, attempts=1) as client:
        asked = [(random_image(rng, shape), c_rate) for shape in SHAPES for c_rate in (0.5, 1.0, 2.0)]
        known = [(*one, client.curve(*one).voltage_v) for one in asked]
        for name, inputs in good.items():
            client.call(name, inputs)
    clients, memory_mb = Clients(url, known, good), []
    begin = time.monotonic()
    threads = clients.run()
    while any(thread.is_alive() for thread in threads):
        memory_mb.append(serving.resident_mb(pid))
        time.sleep(SECONDS / 20)
    memory_mb.append(serving.resident_mb(pid))
    p50, p99 = np.percentile(clients.latencies_s, (50, 99))
    took_s, slowest = time.monotonic() - begin, max(clients.latencies_s)
    print(f"\n{CLIENTS} clients: {len(clients.latencies_s)} requests in {took_s:.0f} s, of which wrong")
    print(f"{len(clients.wrong)}; p50 {p50:.3f} s, p99 {p99:.3f} s, slowest {slowest:.3f} s")
    print(f"hostile: {dict(clients.said)}")
    print("resident, MB: " + " ".join(f"{value:.0f}" for value in memory_mb))
    assert not clients.wrong, clients.wrong[:3]
    assert set(clients.said) <= {*REFUSED, "answered"}
    assert max(memory_mb[-3:]) < 1.1 * max(memory_mb[: len(memory_mb) // 2])
    assert p99 <= 5 * p50


def outcome(client, signature, inputs):
    """The status with which a request is refused, or whether finite numbers answer it."""
    import tensorflow as tf

    request = client._transport._request_type(
        inputs={name: tf.make_tensor_proto(value) for name, value in inputs.items()}
    )
    request.model_spec.name, request.model_spec.signature_name = "cathode", signature
    try:
        response = client._transport._stub.Predict(request, timeout=120)
    except client._transport._rpc_error as error:
        return error.code().name
    values = [tf.make_ndarray(tensor) for tensor in response.outputs.values()]
    finite = all(np.isfinite(value).all() for value in values if value.dtype.kind == "f")
    return "answered" if finite else f"{signature}: not finite"
