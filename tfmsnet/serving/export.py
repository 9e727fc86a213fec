"""A surrogate as a SavedModel for TF Serving: phase image and C-rate in, discharge out."""

from pathlib import Path

import keras
import tensorflow as tf

import tfmsnet
from tfmsnet.errors import UserError
from tfmsnet.files import read_json, replacing_directory
from tfmsnet.predictors.predictor import Predictor
from tfmsnet.serving import warmup
from tfmsnet.serving.card import documents
from tfmsnet.serving.endpoints import Endpoints
from tfmsnet.serving.quantities import MAX_VOXELS, signatures


def export(
    predictor: Predictor,
    description: str | Path,
    directory: str | Path,
    *,
    max_voxels: int = MAX_VOXELS,
) -> Path:
    """Write `directory`/<version>/, the next version, complete or not at all.

    In the version's folder, beside what TensorFlow writes: assets/ with surrogate.json, signatures.json and
    MODEL_CARD.md; assets.extra/ with requests to warm up, when the extra `serving` is installed.

    Args:
        predictor: what to export.
        description: its surrogate.json.
        directory: OUT/NAME, as TF Serving's --model_base_path wants it.
        max_voxels: most voxels of a request, batch included.

    Returns:
        The version's directory.

    Raises:
        UserError: the directory is something else than a base path of versions, or max_voxels too few.
    """
    smallest = 8 ** (predictor.config.scales - 1)
    if max_voxels < smallest:
        raise UserError(f"max_voxels: expected at least {smallest}, found {max_voxels}")
    directory = Path(directory)
    target = directory / str(_next_version(directory))
    answers = signatures(predictor.config)
    texts = documents(read_json(description, "a surrogate's description"), answers, max_voxels, _versions())
    endpoints = Endpoints(predictor, max_voxels=max_voxels, documents=texts)
    with replacing_directory(target) as partial:
        archive = keras.export.ExportArchive()
        archive.track(predictor)
        for name, (function, specs) in endpoints.functions().items():
            archive.add_endpoint(name, function, input_signature=specs)
        archive.write_out(str(partial), verbose=False)
        (partial / "assets").mkdir(exist_ok=True)
        for name, text in texts.items():
            (partial / "assets" / name).write_text(text, encoding="utf-8")
        if warmup.available():
            (partial / "assets.extra").mkdir()
            warmup.write_warmup(partial / "assets.extra" / warmup.REQUESTS, answers)
    return target


def _versions() -> dict[str, str]:
    return {"tfmsnet": tfmsnet.__version__, "tensorflow": tf.__version__, "keras": keras.__version__}


def _next_version(directory: Path) -> int:
    if directory.exists() and not directory.is_dir():
        raise UserError(f"{directory}: expected a directory for the model's versions, found a file")
    names = [path.name for path in directory.iterdir()] if directory.exists() else []
    foreign = [name for name in names if not name.isdigit() and not name.startswith(".")]
    if foreign:
        raise UserError(
            f"{directory}: expected nothing but version directories (1, 2, ...), found {foreign[0]!r}; "
            "choose another OUT/NAME"
        )
    return max((int(name) for name in names if name.isdigit()), default=0) + 1
