"""A surrogate on disk: surrogate.json (what it is) and surrogate.weights.h5 (its weights)."""

from pathlib import Path

from tfmsnet.errors import UserError
from tfmsnet.files import read_json, replacing, write_json
from tfmsnet.halfcell import Parameters
from tfmsnet.predictors.basis import make_surrogate
from tfmsnet.predictors.config import NetworkConfig
from tfmsnet.predictors.surrogate import Surrogate

FORMAT = 1
DESCRIPTION = "surrogate.json"
WEIGHTS = "surrogate.weights.h5"


def save_description(
    surrogate: Surrogate, statistics: dict, directory: str | Path, domain: dict | None = None
) -> None:
    """Write surrogate.json: network, chemistry, statistics, voxel size, and the domain of the training."""
    content = {
        "format": FORMAT,
        "network": surrogate.config.as_dict(),
        "parameters": surrogate.parameters.as_dict(),
        "statistics": statistics,
        "voxel_size_m": surrogate.voxel_size_m,
        "domain": domain or {},
    }
    write_json(Path(directory) / DESCRIPTION, content)


def save_weights(surrogate: Surrogate, directory: str | Path) -> None:
    """Write surrogate.weights.h5 atomically."""
    with replacing(Path(directory) / WEIGHTS) as partial:
        named = partial.with_name(partial.name + ".weights.h5")  # Keras insists on the ending
        try:
            surrogate.save_weights(named)
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


def load_surrogate(directory: str | Path) -> Surrogate:
    """Read a surrogate from a run directory.

    Raises:
        UserError: as `read_description`, or weights that aren't the description's.
    """
    directory = Path(directory)
    content = read_description(directory)
    try:
        surrogate = make_surrogate(
            described_network(content, directory),
            Parameters.from_dict(content["parameters"]),
            content["statistics"],
            content["voxel_size_m"],
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{directory / DESCRIPTION}: not a surrogate's ({error}); train again") from None
    load_weights(surrogate, directory)
    return surrogate


def load_weights(surrogate: Surrogate, directory: str | Path) -> None:
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
