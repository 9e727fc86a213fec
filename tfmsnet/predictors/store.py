"""A predictor on disk: surrogate.json (what it is), surrogate.weights.h5 (its weights); the package's own."""

from collections.abc import Sequence
from pathlib import Path

from tfmsnet.errors import UserError
from tfmsnet.files import read_json, replacing, write_json
from tfmsnet.halfcell import Parameters
from tfmsnet.predictors.config import NetworkConfig
from tfmsnet.predictors.kinds import MODEL
from tfmsnet.predictors.predictor import Predictor, make_predictor

FORMAT = 1
DESCRIPTION = "surrogate.json"
WEIGHTS = "surrogate.weights.h5"


def save_description(
    predictor: Predictor,
    directory: str | Path,
    *,
    statistics: dict,
    domain: dict | None = None,
    train_geometries: Sequence[str] | None = None,
) -> None:
    """Write surrogate.json.

    Args:
        predictor: its network, cell and voxel size.
        directory: of the run.
        statistics: of the records, which give the state its units.
        domain: of the training, see `tfmsnet.predictors.domain`.
        train_geometries: ids of the electrodes that it has seen; None when that isn't known.
    """
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
    write_json(Path(directory) / DESCRIPTION, content)


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


def save_weights(predictor: Predictor, directory: str | Path) -> None:
    """Write surrogate.weights.h5 atomically."""
    with replacing(Path(directory) / WEIGHTS) as partial:
        named = partial.with_name(partial.name + ".weights.h5")  # Keras insists on the ending
        try:
            predictor.save_weights(named)
            named.replace(partial)
        finally:
            named.unlink(missing_ok=True)


def read_description(directory: str | Path) -> dict:
    """The content of surrogate.json of a run directory whose weights are there.

    Raises:
        UserError: not a run directory, another format, or no weights yet.
    """
    directory = Path(directory)
    if not (directory / DESCRIPTION).is_file():
        raise UserError(f"{directory}: holds no {DESCRIPTION}; expected a run made by `tfmsnet train`")
    content = read_json(directory / DESCRIPTION, "a surrogate's description")
    if content.get("format") != FORMAT:
        raise UserError(
            f"{directory / DESCRIPTION}: format: expected {FORMAT}, found {content.get('format')}"
        )
    if not (directory / WEIGHTS).is_file():
        raise UserError(f"{directory}: holds no {WEIGHTS} yet; let `tfmsnet train` reach a checkpoint")
    return content


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
    content = read_description(directory)
    try:
        surrogate = make_predictor(
            described_network(content, directory),
            Parameters.from_dict(content["parameters"]),
            content["statistics"],
            content["voxel_size_m"],
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{directory / DESCRIPTION}: not a surrogate's ({error}); train again") from None
    load_weights(surrogate, directory)
    return surrogate


def load_weights(surrogate: Predictor, directory: str | Path) -> None:
    """Give a surrogate the weights in a run directory.

    Raises:
        UserError: they are another network's, or no weights.
    """
    directory = Path(directory)
    try:
        surrogate.load_weights(directory / WEIGHTS)
    except (OSError, ValueError) as error:
        raise UserError(
            f"{directory / WEIGHTS}: not the weights of {DESCRIPTION} beside it ({_first_line(error)})"
        ) from None


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]


def trained_model() -> Path:
    """The directory of the package's own model, as `load_predictor` takes it.

    Raises:
        UserError: the installation lacks it.
    """
    path = Path(__file__).parents[1] / "trained" / MODEL
    if not (path / WEIGHTS).is_file():
        raise UserError(f"{path}: the package's own model is missing; install tfmsnet again, or give --model")
    return path


def directory_of(model: str | Path) -> Path:
    """The directory of a model: itself, or that of the package's own where it is called by name."""
    return trained_model() if str(model) == MODEL and not Path(model).exists() else Path(model)
