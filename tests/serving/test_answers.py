"""A server may be anything: of its answers only those are taken that a model can have given."""

import json

import numpy as np
import pytest

from tfmsnet.electrode import Recipe, generate
from tfmsnet.errors import RunFailed, UserError
from tfmsnet.predictors.description import DESCRIPTION
from tfmsnet.serving import Client
from tfmsnet.serving.model import Model

FRAMES, GRID = 25, (12, 12, 16)
CURVE = {
    name: np.linspace(0.5, 0.8, FRAMES, dtype=np.float32)[None] for name in ("times_s", "dol", "voltage_v")
}
FIELDS = {name: np.ones((1, FRAMES, *GRID), np.float32) for name in ("concentration", "potential")}
GOOD = {**CURVE, **FIELDS, "am_fraction": np.array([0.5], np.float32)}


@pytest.fixture(scope="module")
def description(run):
    """What a model says of itself."""
    content = json.loads((run / DESCRIPTION).read_text())
    del content["checksum"]
    return content


@pytest.fixture(scope="module")
def image():
    return generate(Recipe(size=GRID, seed=1))


def test_a_right_answer_is_taken(image, description):
    answer = Model(lambda name, inputs: GOOD, lambda: description).fields(image, 1.0)
    assert answer.concentration.shape == (FRAMES, *GRID)
    assert answer.summary == {"am_fraction": 0.5}


@pytest.mark.parametrize("name", ["times_s", "dol", "voltage_v", "concentration", "potential", "am_fraction"])
@pytest.mark.parametrize(
    "spoil",
    [
        lambda values: values * np.nan,
        lambda values: values / 0.0,
        lambda values: values[:, :-1] if values.ndim > 1 else values[:0],
        lambda values: values[0],
        lambda values: np.concatenate([values, values]),
        lambda values: values.astype(str),
        lambda values: values.astype(object),
        lambda values: np.array([]),
        lambda values: None,
    ],
)
def test_a_wrong_answer_is_refused(image, name, spoil, description):
    with np.errstate(divide="ignore"):
        wrong = {**GOOD, name: spoil(GOOD[name])}
    with pytest.raises(UserError, match=f"model: its answer's {name}: expected finite numbers of the shape"):
        Model(lambda signature, inputs: wrong, lambda: description).fields(image, 1.0)


@pytest.mark.parametrize("name", [*CURVE, *FIELDS])
def test_an_answer_that_lacks_something_is_refused(image, name, description):
    less = {key: value for key, value in GOOD.items() if key != name}
    with pytest.raises(UserError, match=f"its answer's {name}: expected"):
        Model(lambda signature, inputs: less, lambda: description).fields(image, 1.0)


@pytest.mark.parametrize("given", ["voltage_error_v", "concentration_vrmse"])
def test_of_errors_both_are_there_or_none(image, given, description):
    answer = GOOD | {given: CURVE["dol"]}
    with pytest.raises(UserError, match=r"its answer's (voltage_error_v|concentration_vrmse): expected"):
        Model(lambda signature, inputs: answer, lambda: description).fields(image, 1.0)


@pytest.mark.parametrize("valid", [0, -1, FRAMES + 1, 10**9])
def test_frames_that_cannot_be_valid(image, valid):
    reduced = {"format": 1, "reference": "porous-electrode", "parameters": {}}
    answer = {**GOOD, "valid_frames": np.array([valid], np.int32)}
    with pytest.raises(UserError, match="valid_frames: expected 1 to 25"):
        Model(lambda signature, inputs: answer, lambda: reduced).curve(image, 1.0)


@pytest.mark.parametrize(
    "document",
    [
        "",
        "[]",
        "[" * 10**5,
        "9" * 5000,
        '{"format": 2}',
        '{"format": 1}',
        {"voxel_size_m": -1.0},
        {"statistics": None},
        {"network": {"scales": "many"}},
    ],
)
def test_a_server_that_describes_itself_wrongly(image, description, monkeypatch, document):
    if isinstance(document, dict):
        document = json.dumps({**description, **document})
    client = Client("http://127.0.0.1:1/cathode")
    monkeypatch.setattr(client, "call", lambda name, inputs: {"content": np.array([document])})
    with pytest.raises(UserError, match=r"surrogate\.json"):
        client.curve(image, 1.0)


@pytest.mark.parametrize("content", [{}, {"content": np.array([])}, {"content": np.array([1.0])}])
def test_a_server_without_documents(image, monkeypatch, content):
    client = Client("http://127.0.0.1:1/cathode")
    monkeypatch.setattr(client, "call", lambda name, inputs: content)
    with pytest.raises(UserError, match=r"has no document surrogate\.json"):
        client.curve(image, 1.0)


@pytest.mark.parametrize("outputs", [{"dol": [[1.0], 2.0]}, {"dol": "text"}, {"dol": {"a": 1}}])
def test_values_that_are_no_arrays(monkeypatch, outputs):
    client = Client("http://127.0.0.1:1/cathode")

    class Response:
        status_code, headers = 200, {}

        def iter_content(self, size):
            return [json.dumps({"outputs": outputs}).encode()]

        __enter__ = lambda self: self  # noqa: E731
        __exit__ = lambda self, *exception: None  # noqa: E731

    monkeypatch.setattr(client._transport._session, "post", lambda *args, **kwargs: Response())
    with pytest.raises(RunFailed, match="an answer that can't be read"):
        client.call("serving_default", {})
