"""The trained models that the package ships; scores and limits are in the MODEL_CARD.md of each."""

from pathlib import Path

from tfmsnet.errors import UserError
from tfmsnet.predictors.kinds import MODEL
from tfmsnet.predictors.store import WEIGHTS


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
