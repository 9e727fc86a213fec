"""The obvious way in: what `import tfmsnet` offers, beside the parts that it is made of."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tfmsnet.electrode import PhaseImage
from tfmsnet.errors import UserError
from tfmsnet.load import Load
from tfmsnet.materials import Parameters
from tfmsnet.records import Split
from tfmsnet.records.sample import Sample
from tfmsnet.references.registry import DEFAULT, REDUCED
from tfmsnet.serving.local import load_model
from tfmsnet.serving.model import Model
from tfmsnet.serving.reduced import reduced_model
from tfmsnet.serving.scored import Scored

if TYPE_CHECKING:
    from tfmsnet.evaluation import Report

Source = str | Path | Model


def predict(
    image: PhaseImage, load: Load | float, model: Source = DEFAULT, parameters: Parameters | None = None
) -> Sample:
    """What an electrode does under a load: fields at every voxel and frame, and the curve.

    Args:
        image: the electrode.
        load: what the cell is asked to do; a number is constant current at this C-rate, 1/h.
        model: a loaded one, or what `load_model` takes.
        parameters: of the cell; None for the model's own.

    Raises:
        UserError: as `load_model` and `Model.predict`; a model that was trained on another cell.
    """
    loaded = _loaded(model)
    return (loaded.of_cell(parameters) if parameters else loaded).predict(image, load)


def evaluate(
    model: Source,
    records: str | Path,
    out: str | Path,
    *,
    compare: Mapping[str, Source] | None = None,
    reduced: bool = True,
    progress: Callable[[float], None] | None = None,
    warn: Callable[[str], None] | None = None,
) -> "Report":
    """Score a model on the test electrodes of some records, beside the baselines, and write a report.

    Args:
        model: a loaded one, or what `load_model` takes; it must not have seen the test electrodes.
        records: records directory; its training samples fit the linear regression.
        out: directory of the report; an earlier report there is replaced.
        compare: name -> further models that are scored beside it.
        reduced: whether both reduced models stand beside the scores, for the records' cell; on large images
            they take longer than a network.
        progress: called with the fraction done, 0 to 1.
        warn: called with what could be wrong with the scores.

    Returns:
        The report; `report.table()` is its table as text.

    Raises:
        UserError: as `load_model`; a model that was trained on a test electrode or on another cell; a name
            that is taken.
    """
    from tfmsnet.evaluation import report  # draws with matplotlib

    test, models = Split(records, "test"), {}
    for name, source in {"": model, **(compare or {})}.items():
        loaded = _loaded(source).of_cell(test.manifest.parameters)
        name = name or loaded.title
        if name in models:
            raise UserError(f"compare: the name {name!r} is taken; choose another")
        _check_held_out(name if isinstance(source, Model) else str(source), loaded, test, warn)
        models[name] = Scored(loaded)
    cell = test.manifest.parameters
    beside = [name for name in REDUCED if reduced and name not in models]
    baselines = {name: Scored(reduced_model(name, cell)) for name in beside}
    return report.evaluate(models, Split(records, "train"), test, out, progress=progress, baselines=baselines)


def _loaded(model: Source) -> Model:
    return model if isinstance(model, Model) else load_model(model)


def _check_held_out(name: str, model: Model, test: Split, warn: Callable[[str], None] | None) -> None:
    """Refuse to score a model on geometries that it was trained on (another split of the same data)."""
    seen = model.train_geometries
    if seen is None:
        if warn:
            warn(f"{name}: which electrodes it was trained on isn't recorded; it may have seen these")
        return
    known = sorted({sample["geometry_id"] for sample in test.manifest.samples("test")} & set(seen))
    if known:
        raise UserError(
            f"{name}: was trained on {len(known)} of the test geometries ({known[0]}); score it on the "
            "records that it was trained from, or on others without them"
        )
