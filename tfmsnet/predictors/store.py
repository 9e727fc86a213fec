"""A predictor on disk: surrogate.json (what it is, sealed) and surrogate.weights.h5."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfmsnet.errors import UserError, naming
from tfmsnet.files import read_json, replacing, require_room
from tfmsnet.halfcell import Parameters
from tfmsnet.predictors.config import NetworkConfig
from tfmsnet.predictors.description import DESCRIPTION, DIGESTS, ERRORS, FORMAT, VALIDATION, check_description
from tfmsnet.predictors.predictor import Predictor, make_predictor
from tfmsnet.predictors.size import parameters as parameters_of
from tfmsnet.seals import SEAL, check_files, read_sealed, sealed_text, sha256, write_sealed

# More than all that a weights file holds beside the values.
_ROOM_BYTES = 1 << 20
WEIGHTS = "surrogate.weights.h5"


def save_predictor(
    predictor: Predictor,
    directory: str | Path,
    *,
    statistics: dict,
    domain: dict | None = None,
    train_geometries: Sequence[str] | None = None,
    validation_geometries: Sequence[str] = (),
    again: bool = False,
) -> None:
    """Write surrogate.json and surrogate.weights.h5; at any moment they are a pair that belongs together.

    Args:
        predictor: its network, cell, voxel size and weights.
        directory: of the run.
        statistics: of the records, which give the state its units.
        domain: of the training, see `tfmsnet.predictors.domain`.
        train_geometries: ids of the electrodes that it has seen; None when that isn't known.
        validation_geometries: of these, what chose best/ and taught nothing.
        again: whether the directory may hold these very weights; what is known of their errors then stays.
    """
    directory = Path(directory)
    content = {
        "format": FORMAT,
        "network": predictor.config.as_dict(),
        "constant_current": predictor.constant_current,
        "parameters": predictor.parameters.as_dict(),
        "statistics": statistics,
        "voxel_size_m": predictor.voxel_size_m,
        "domain": domain or {},
    }
    if train_geometries is not None:
        content["train_geometries"] = list(train_geometries)
        content[VALIDATION] = list(validation_geometries)
    if again:
        content |= _known_errors(directory)
    with replacing(directory / WEIGHTS) as partial:
        named = partial.with_name(partial.name + ".weights.h5")  # Keras insists on the ending
        values = sum(weight.nbytes for weight in predictor.get_weights())
        require_room(named, 2 * values + _ROOM_BYTES)
        try:
            predictor.save_weights(named)
            named.replace(partial)
        finally:
            named.unlink(missing_ok=True)
        now = sha256(partial)
        if (directory / WEIGHTS).is_file():
            write_sealed(directory / DESCRIPTION, {**content, DIGESTS: [now, sha256(directory / WEIGHTS)]})
    write_sealed(directory / DESCRIPTION, {**content, DIGESTS: [now]})


def _known_errors(directory: Path) -> dict:
    """What a directory's surrogate.json says of errors."""
    try:
        known = read_description(directory)
    except UserError:  # nothing is there yet
        return {}
    return {ERRORS: known[ERRORS]} if ERRORS in known else {}


def weights_digest(directory: str | Path) -> str:
    """Which weights a run directory holds."""
    return sha256(Path(directory) / WEIGHTS)


def write_errors(directory: str | Path, errors: dict, weights: str) -> None:
    """Add to surrogate.json how far off answers may be; further training takes it away.

    Args:
        directory: of the run.
        errors: see `tfmsnet.serving.calibration.calibrate`.
        weights: `weights_digest` of those whose errors they are.

    Raises:
        UserError: as `read_description`; other weights by now.
    """
    directory = Path(directory)
    content = {**read_description(directory), ERRORS: errors}
    if weights_digest(directory) != weights:
        raise UserError(f"{directory}: was trained on meanwhile; wait for the end, and calibrate it then")
    write_sealed(directory / DESCRIPTION, {**content, DIGESTS: [weights]})


def description_digest(directory: str | Path) -> str:
    """Of surrogate.json without what `write_errors` adds: which training it is of."""
    content = read_json(Path(directory) / DESCRIPTION, "a surrogate's description")
    kept = {name: value for name, value in content.items() if name not in (SEAL, ERRORS)}
    return hashlib.sha256(sealed_text(kept).encode()).hexdigest()


def seal_predictor(directory: str | Path) -> None:
    """Seal the surrogate.json and the weights of an older version, once they are found to be a predictor.

    Raises:
        UserError: sealed already, or as `load_predictor`.
    """
    directory = Path(directory)
    _require_files(directory)
    content = read_json(directory / DESCRIPTION, "a surrogate's description")
    if SEAL in content:
        read_description(directory)
        raise UserError(f"{directory / DESCRIPTION}: is sealed already, and unchanged since")
    _made(content, directory)
    write_sealed(directory / DESCRIPTION, {**content, DIGESTS: [sha256(directory / WEIGHTS)]})


def train_geometries(description: dict, directory: str | Path) -> list[str] | None:
    """Ids of the electrodes that a predictor has seen in training; None when that isn't known.

    Runs of older versions have them in run.json, beside the predictor or one directory above best/.
    """
    if "train_geometries" in description:
        return description["train_geometries"]
    for folder in (Path(directory), Path(directory).parent):
        if (folder / "run.json").is_file():
            return read_json(folder / "run.json", "a training run").get("train_geometries")
    return None


def read_description(directory: str | Path) -> dict:
    """The content of surrogate.json of a run directory, once it and the weights are as they were written.

    Raises:
        UserError: not a run directory, another format, no weights yet, no seal, or changed since.
    """
    directory = Path(directory)
    _require_files(directory)
    content = read_sealed(
        directory / DESCRIPTION,
        "a surrogate's description",
        f"an older version wrote it: where you trust it, `tfmsnet seal {directory}`",
    )
    check_description(content, directory / DESCRIPTION)
    digests = content.pop(DIGESTS, [])
    if sha256(directory / WEIGHTS) not in digests:
        check_files(directory, dict.fromkeys([WEIGHTS], next(iter(digests), "")))
    return content


def _require_files(directory: Path) -> None:
    for name in (DESCRIPTION, WEIGHTS):
        if not (directory / name).is_file():
            raise UserError(
                f"{directory}: holds no {name}; expected a run made by `tfmsnet train` that has reached a "
                "checkpoint"
            )


def network_of(directory: str | Path) -> NetworkConfig:
    """The configuration of the network in a run directory; raises as `read_description`."""
    return described_network(read_description(directory), directory)


def described_network(content: dict, directory: str | Path) -> NetworkConfig:
    """The network in the content of a run directory's surrogate.json.

    Raises:
        UserError: none is there, or not a network's.
    """
    path = Path(directory) / DESCRIPTION
    if not isinstance(content.get("network"), dict):
        raise UserError(f"{path}: not a surrogate's ('network'); train again")
    # Surrogates of before there was a choice saw zeros beyond the image.
    return NetworkConfig.from_dict({"padding": "zero", **content["network"]}, str(path))


def load_predictor(directory: str | Path) -> Predictor:
    """Read a surrogate from a run directory.

    Raises:
        UserError: as `read_description`, or weights that aren't the description's.
    """
    directory = Path(directory)
    return _made(read_description(directory), directory)


def _made(content: dict, directory: Path) -> Predictor:
    """The predictor of a description with the weights beside it."""
    path = directory / DESCRIPTION
    check_description(content, path)
    with naming(path):
        network = described_network(content, directory)
        _check_size(network, directory)
        parameters = Parameters.from_dict(content["parameters"])
    try:
        surrogate = make_predictor(network, parameters, content["statistics"], content["voxel_size_m"])
    except KeyError as error:
        raise UserError(
            f"{path}: statistics: expected {error} of what the network predicts, but missing"
        ) from None
    load_weights(surrogate, directory)
    return surrogate


def _check_size(network: NetworkConfig, directory: Path) -> None:
    """Refuse a network that is larger than its weights, before it is made."""
    if not hasattr(network.options, "convolution_sizes"):  # it would have to be made to be counted
        return
    wanted, there = parameters_of(network), (directory / WEIGHTS).stat().st_size
    if 2 * wanted > there:  # of 4 bytes each
        raise UserError(
            f"network: of {wanted:,} parameters, which can't be in the {there:,} bytes of {WEIGHTS}; train "
            "again"
        )


def load_weights(surrogate: Predictor, directory: str | Path) -> None:
    """Give a surrogate the weights in a run directory.

    Raises:
        UserError: they are another network's, or no weights.
    """
    path = Path(directory) / WEIGHTS
    try:
        surrogate.load_weights(path)
    except Exception as error:  # whatever Keras and HDF5 make of a damaged file
        raise UserError(
            f"{path}: not the weights of {DESCRIPTION} beside it ({_first_line(error)})"
        ) from None
    if not all(np.isfinite(weight).all() for weight in surrogate.get_weights()):
        raise UserError(f"{path}: expected finite weights, found others; train again")


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
