"""The trained surrogate that the package ships; its scores and limits are in MODEL_CARD.md beside it."""

from pathlib import Path

from tfmsnet.errors import UserError
from tfmsnet.predictors.store import WEIGHTS

NAME = "cathode"


def trained_model() -> Path:
    """The directory of the package's own model, as `load_surrogate` takes it.

    Raises:
        UserError: the installation lacks it.
    """
    path = Path(__file__).parents[1] / "trained" / NAME
    if not (path / WEIGHTS).is_file():
        raise UserError(f"{path}: the package's own model is missing; install tfmsnet again, or give --model")
    return path
