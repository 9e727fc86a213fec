"""A model from a run directory or an exported SavedModel, computed in this process."""

from pathlib import Path

import tensorflow as tf

from tfmsnet.errors import UserError
from tfmsnet.files import read_json
from tfmsnet.predictors.store import DESCRIPTION, load_predictor
from tfmsnet.serving.endpoints import Endpoints
from tfmsnet.serving.model import Call, Model
from tfmsnet.serving.refusal import refusal


def load_model(path: str | Path) -> Model:
    """Load a run directory, a SavedModel, or the newest version of an exported model.

    Raises:
        UserError: none of these.
    """
    path = Path(path)
    if (path / DESCRIPTION).is_file():
        return _from_run(path)
    versions = sorted((p for p in path.glob("[0-9]*") if p.name.isdigit()), key=lambda p: int(p.name))
    for candidate in (path, *reversed(versions)):
        if (candidate / "saved_model.pb").is_file():
            return _from_saved_model(candidate)
    raise UserError(
        f"{path}: expected a run made by `tfmsnet train` or a SavedModel made by `tfmsnet export`"
    )


def _from_run(path: Path) -> Model:
    description = read_json(path / DESCRIPTION, "a surrogate's description")
    functions = {
        name: tf.function(function, autograph=False, reduce_retracing=True)
        for name, (function, _) in Endpoints(load_predictor(path)).functions().items()
    }
    return _described(lambda name, inputs: functions[name](**inputs), description)


def _from_saved_model(path: Path) -> Model:
    description = read_json(path / "assets" / DESCRIPTION, "a surrogate's description")
    try:
        loaded = tf.saved_model.load(str(path))
        _ = loaded.signatures["fields"], loaded.signatures["serving_default"]
    except (OSError, ValueError, KeyError) as error:
        raise UserError(
            f"{path}: not a SavedModel of `tfmsnet export` ({str(error).splitlines()[0]})"
        ) from None

    def call(name, inputs, loaded=loaded):  # keeps the variables alive
        return loaded.signatures[name](**inputs)

    return _described(call, description)


def _described(function: Call, description: dict) -> Model:
    """A model over a function of tensors; what its graph refuses is the user's mistake."""

    def call(name, inputs):
        try:
            answer = function(name, {key: tf.constant(value) for key, value in inputs.items()})
        except tf.errors.InvalidArgumentError as error:
            raise UserError(refusal(error.message)) from None
        return {key: value.numpy() for key, value in answer.items()}

    model = Model(call, lambda: description)
    _ = model.parameters, model.voxel_size_m, model.fields_predicted  # a broken description is refused now
    return model
