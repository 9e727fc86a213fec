"""A model by what names it: a run, a SavedModel, a reduced model, a server."""

import math
from pathlib import Path

import tensorflow as tf

from tfmsnet.errors import UserError
from tfmsnet.files import read_json
from tfmsnet.halfcell import Parameters
from tfmsnet.load import FRAMES
from tfmsnet.predictors.description import DESCRIPTION, check_description
from tfmsnet.predictors.store import (
    load_predictor,
    read_description,
    seal_predictor,
    train_geometries,
)
from tfmsnet.references.registry import DEFAULT, REDUCED, is_reduced
from tfmsnet.serving.client import Client
from tfmsnet.serving.endpoints import Endpoints, errors_of
from tfmsnet.serving.limits import network_cost
from tfmsnet.serving.model import Call, Model
from tfmsnet.serving.reduced import reduced_model
from tfmsnet.serving.saved_model import SEAL_FILE, check_saved_model, newest_saved_model, seal_saved_model
from tfmsnet.serving.transports import SCHEMES, refusal


def load_model(source: str | Path = DEFAULT, *, timeout_s: float = 120.0) -> Model:
    """Load a model to ask.

    Args:
        source: a run directory of `tfmsnet train` or its best/; a SavedModel, or the directory of its
            versions (the newest is taken); "porous-electrode" or "resolved-particles", which need no
            training (a directory of such a name is "./porous-electrode", or a Path); or a server,
            grpc://HOST:PORT/NAME or http://HOST:PORT/NAME.
        timeout_s: how long to wait for a server's answer.

    Raises:
        UserError: none of these.
    """
    if str(source).partition("://")[0] in SCHEMES:
        return Client(str(source), timeout_s=timeout_s)
    if is_reduced(source):
        return reduced_model(source, Parameters())
    path = Path(source)
    if (path / DESCRIPTION).is_file():
        return _from_run(path)
    saved = newest_saved_model(path)
    if saved is not None:
        return _from_saved_model(saved)
    raise UserError(
        f"{path}: expected a run made by `tfmsnet train`, a SavedModel made by `tfmsnet export`, "
        f"{', '.join(REDUCED)}, or grpc://HOST:PORT/NAME"
    )


def _from_run(path: Path) -> Model:
    description = read_description(path)
    description["train_geometries"] = train_geometries(description, path)
    predictor = load_predictor(path)
    cost = network_cost(predictor.config)
    endpoints = Endpoints(predictor, errors=errors_of(description))
    functions = {
        # One graph for images of all sizes.
        name: tf.function(function, autograph=False, input_signature=inputs)
        for name, (function, inputs) in endpoints.functions().items()
    }

    def call(name, inputs):
        if "phase" in inputs:
            voxels = math.prod(inputs["phase"].shape)
            frames = inputs["times_s"].shape[-1] if "times_s" in inputs else FRAMES
            cost.require(voxels, frames, _kept(inputs, frames))
        return functions[name](**inputs)

    model = _described(call, description)
    model.bytes_per_voxel = cost.bytes_per_voxel
    return model


def _kept(inputs: dict[str, tf.Tensor], frames: int) -> int:
    """Voxels and frames of each field that a request asks for."""
    if "region" not in inputs:
        return 0
    box = inputs["region"].numpy()[0].tolist()
    stride = max(1, int(inputs["frame_stride"][0]))
    return (1 + (frames - 1) // stride) * math.prod(b - a for a, b in zip(box[::2], box[1::2], strict=True))


def _from_saved_model(path: Path) -> Model:
    check_saved_model(path)
    description = read_json(path / "assets" / DESCRIPTION, "a surrogate's description")
    check_description(description, path / "assets" / DESCRIPTION)
    loaded = loaded_saved_model(path)

    def call(name, inputs, loaded=loaded):  # keeps the variables alive
        if name not in loaded.signatures:
            raise UserError(
                f"{path}: answers no signature {name!r}; export the model with this version of tfmsnet"
            )
        return loaded.signatures[name](**inputs)

    return _described(call, description)


def loaded_saved_model(path: Path):
    """A SavedModel as TensorFlow loads it.

    Raises:
        UserError: it can't be loaded, or lacks signatures.
    """
    try:
        loaded = tf.saved_model.load(str(path))
        _ = loaded.signatures["fields"], loaded.signatures["serving_default"]
    except Exception as error:  # whatever TensorFlow makes of a damaged one
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise UserError(f"{path}: not a SavedModel of `tfmsnet export` ({reason})") from None
    return loaded


def seal(model: str | Path) -> Path:
    """Seal a run, its best/ or a SavedModel of an older version, once it is found to be a model.

    Returns:
        The file that holds the checksums.

    Raises:
        UserError: no model of this kind, or sealed already.
    """
    path = Path(model)
    if (path / DESCRIPTION).is_file():
        seal_predictor(path)
        return path / DESCRIPTION
    saved = newest_saved_model(path)
    if saved is None:
        raise UserError(
            f"{path}: expected a run made by `tfmsnet train`, its best/, or a SavedModel made by "
            "`tfmsnet export`"
        )
    if (saved / SEAL_FILE).exists():
        check_saved_model(saved)
        raise UserError(f"{saved / SEAL_FILE}: is there already, and fits")
    description = saved / "assets" / DESCRIPTION
    check_description(read_json(description, "a surrogate's description"), description)
    loaded_saved_model(saved)
    seal_saved_model(saved)
    return saved / SEAL_FILE


def _described(function: Call, description: dict) -> Model:
    """A model over a function of tensors; what its graph refuses is the user's mistake."""

    def call(name, inputs):
        try:
            answer = function(name, {key: tf.constant(value) for key, value in inputs.items()})
        except tf.errors.InvalidArgumentError as error:
            raise UserError(refusal(error.message)) from None
        return {key: value.numpy() for key, value in answer.items()}

    model = Model(call, lambda: description)
    _ = model.parameters, model.voxel_size_m, model.fields_predicted  # refused now
    if not model.takes_cell:
        _ = model.kind, model.scales
    return model
