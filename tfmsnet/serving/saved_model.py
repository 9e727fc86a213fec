"""A surrogate as a SavedModel for TF Serving: phase image and C-rate in, discharge out."""

import shutil
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

import tfmsnet
from tfmsnet.configuration import check_form
from tfmsnet.errors import UserError
from tfmsnet.evaluation.report import read_headline
from tfmsnet.files import check_name, replacing_directory
from tfmsnet.materials import Parameters
from tfmsnet.predictors.config import describe_network
from tfmsnet.predictors.description import FORMAT
from tfmsnet.predictors.predictor import Predictor
from tfmsnet.predictors.store import (
    load_predictor,
    read_description,
    train_geometries,
)
from tfmsnet.references.registry import is_reduced
from tfmsnet.seals import check_files, read_sealed, sha256, write_sealed
from tfmsnet.serving.card import documents
from tfmsnet.serving.endpoints import Endpoints, errors_of
from tfmsnet.serving.quantities import MAX_GIB, MAX_VOXELS, Signature, signatures
from tfmsnet.serving.reduced_endpoints import SIGNATURES, ReducedEndpoints
from tfmsnet.serving.transports import SCHEMES

# TF Serving looks for this file and for no other.
WARMUP_REQUESTS = "tf_serving_warmup_requests"
# SHA-256 of every other file of a version.
SEAL_FILE = "seal.json"
_EDGE = 16


def export(
    source: str | Path,
    directory: str | Path,
    *,
    max_voxels: int | None = None,
    max_gib: float | None = None,
    parameters: Parameters | None = None,
    report: str | Path | None = None,
) -> Path:
    """Write `directory`/<version>/, the next version, complete or not at all.

    In the version's folder, beside what TensorFlow writes: assets/ with surrogate.json, signatures.json and
    MODEL_CARD.md; assets.extra/ with requests to warm up, when the extra `serving` is installed; seal.json,
    the checksums of all these.

    Args:
        source: a run directory of `tfmsnet train` or its best/, or a SavedModel of an earlier export, which
            is taken over as it is; or a reduced model, see `tfmsnet.references.registry.REDUCED`, whose cell
            and voxels are inputs with defaults.
        directory: OUT/NAME, as TF Serving's --model_base_path wants it.
        max_voxels: most voxels of a request, batch included; None for `MAX_VOXELS`.
        max_gib: most memory that an answer may take, as estimated from its sizes, GiB; None for `MAX_GIB`.
        parameters: of a reduced model's default cell; None for `Parameters()`.
        report: directory of a report of `tfmsnet evaluate` on this model, whose scores go into the card.

    Returns:
        The version's directory.

    Raises:
        UserError: a source that isn't one of these, a report on another model, a directory that is
            something else than a base path of versions, max_voxels or max_gib that are too few, or that a
            SavedModel has already.
    """
    if str(source).partition("://")[0] in SCHEMES:
        raise UserError(f"{source}: a server doesn't hand its weights out; export the run that it serves")
    directory = Path(directory)
    check_name(directory)
    target, given = directory / str(_next_version(directory)), max_voxels is not None or max_gib is not None
    max_voxels = MAX_VOXELS if max_voxels is None else max_voxels
    max_gib = MAX_GIB if max_gib is None else max_gib
    if not max_gib > 0:
        raise UserError(f"max_gib: expected a number above 0, found {max_gib}")
    if is_reduced(source):
        _write_reduced(source, parameters or Parameters(), target, max_voxels, max_gib)
        return target
    if parameters is not None:
        raise UserError(f"{source}: has the cell that it was trained on; --parameters are for reduced models")
    source = Path(source)
    saved = newest_saved_model(source)
    if saved is not None:
        if given:
            raise UserError(
                f"{saved}: max_voxels, max_gib: are in the SavedModel already; export the run again"
            )
        if report is not None:
            raise UserError(f"{saved}: its card is written already; export the run again, with the report")
        check_saved_model(saved)
        with replacing_directory(target) as partial:
            shutil.copytree(saved, partial, dirs_exist_ok=True)
        return target
    predictor, description = load_predictor(source), read_description(source)
    if report is not None:
        description |= {"scores": _scores(report, describe_network(predictor.config))}
    _write(predictor, description, source, target, max_voxels, max_gib)
    return target


def _scores(report: str | Path, title: str) -> dict:
    judged, headline = read_headline(report)
    if judged != title:
        raise UserError(f"{report}: is a report on {judged}, expected one on {title}, which is exported")
    return headline


def newest_saved_model(path: Path) -> Path | None:
    """A SavedModel that a path is, or the newest of the versions in it; None without one."""
    versions = sorted((p for p in path.glob("[0-9]*") if p.name.isdigit()), key=lambda p: int(p.name))
    found = (
        candidate for candidate in (path, *reversed(versions)) if (candidate / "saved_model.pb").is_file()
    )
    return next(found, None)


def seal_saved_model(version: Path) -> None:
    """Write the checksums of a SavedModel's files beside them."""
    files = sorted(path for path in version.rglob("*") if path.is_file() and path.name != SEAL_FILE)
    write_sealed(
        version / SEAL_FILE, {"files": {path.relative_to(version).as_posix(): sha256(path) for path in files}}
    )


def check_saved_model(version: Path) -> None:
    """Compare a SavedModel's files with their checksums: TensorFlow reads what was damaged without a word.

    Raises:
        UserError: it has no checksums, or a file is missing or another.
    """
    path = version / SEAL_FILE
    advice = f"expected a model of `tfmsnet export`; where you trust it, `tfmsnet seal {version}`"
    if not path.is_file():
        raise UserError(f"{version}: holds no checksums ({SEAL_FILE}); {advice}")
    content = read_sealed(path, "the checksums of a SavedModel", advice)
    check_form(content, {"files": {str: str}}, str(path))
    if any(Path(name).is_absolute() or ".." in Path(name).parts for name in content["files"]):
        raise UserError(f"{path}: files: expected names within the directory")
    check_files(version, content["files"])
    others = sorted(path.name for path in (version / "variables").glob("*"))
    unknown = [name for name in others if f"variables/{name}" not in content["files"]]
    if unknown:
        raise UserError(
            f"{version}: variables/{unknown[0]} isn't among its checksums; export the model again"
        )


def _write(
    predictor: Predictor, description: dict, source: Path, target: Path, max_voxels: int, max_gib: float
) -> None:
    smallest = 8 ** (predictor.config.scales - 1)
    if max_voxels < smallest:
        raise UserError(f"max_voxels: expected at least {smallest}, found {max_voxels}")
    errors = errors_of(description)
    answers = signatures(predictor.config, predictor.voxel_size_m is None, bool(errors))
    content = {**description, "train_geometries": train_geometries(description, source)}
    texts = documents(content, answers, max_voxels, max_gib, _versions())
    endpoints = Endpoints(predictor, max_voxels=max_voxels, max_gib=max_gib, documents=texts, errors=errors)
    with replacing_directory(target) as partial:
        archive = keras.export.ExportArchive()
        archive.track(predictor)
        for name, (function, specs) in endpoints.functions().items():
            archive.add_endpoint(name, function, input_signature=specs)
        archive.write_out(str(partial), verbose=False)
        _write_beside(partial, texts, answers)


def _write_reduced(name: str, parameters: Parameters, target: Path, max_voxels: int, max_gib: float) -> None:
    content = {
        "format": FORMAT,
        "reference": name,
        "parameters": parameters.as_dict(),
        "train_geometries": [],
    }
    texts = documents(content, SIGNATURES, max_voxels, max_gib, _versions())
    endpoints = ReducedEndpoints(name, parameters, max_voxels=max_voxels, max_gib=max_gib, documents=texts)
    with replacing_directory(target) as partial:
        module = tf.Module()
        module.endpoints = {
            key: tf.function(function, input_signature=specs, autograph=False)
            for key, (function, specs) in endpoints.functions().items()
        }
        tf.saved_model.save(module, str(partial), signatures=dict(module.endpoints))
        _write_beside(partial, texts, SIGNATURES)


def _write_beside(version: Path, texts: dict[str, str], answers: dict[str, Signature]) -> None:
    """The documents, and requests to warm up with."""
    (version / "assets").mkdir(exist_ok=True)
    for name, text in texts.items():
        (version / "assets" / name).write_text(text, encoding="utf-8")
    if can_warm_up():
        (version / "assets.extra").mkdir()
        write_warmup(version / "assets.extra" / WARMUP_REQUESTS, answers)
    seal_saved_model(version)


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


def can_warm_up() -> bool:
    """Whether the request types of TF Serving are installed (extra `serving`)."""
    try:
        import tensorflow_serving.apis.prediction_log_pb2  # noqa: F401
    except ImportError:
        return False
    return True


def write_warmup(path: Path, signatures: dict[str, Signature]) -> None:
    """Write one request for each signature that takes an image, on a layered cube of 16 voxels.

    Args:
        path: the file, `<version>/assets.extra/tf_serving_warmup_requests`.
        signatures: what the model answers.
    """
    from tensorflow_serving.apis import model_pb2, predict_pb2, prediction_log_pb2

    with tf.io.TFRecordWriter(str(path)) as writer:
        for name, signature in signatures.items():
            inputs = {
                q.name: _TENSORS[q.name]().astype(q.dtype) for q in signature.inputs if q.name in _TENSORS
            }
            if not inputs.keys() >= {q.name for q in signature.inputs if not q.optional}:
                continue
            request = predict_pb2.PredictRequest(
                # TF Serving fills in the model's name.
                model_spec=model_pb2.ModelSpec(signature_name=name),
                inputs={key: tf.make_tensor_proto(value) for key, value in inputs.items()},
            )
            log = prediction_log_pb2.PredictLog(request=request)
            writer.write(prediction_log_pb2.PredictionLog(predict_log=log).SerializeToString())


def _phase() -> np.ndarray:
    """AM with layers of CBD and pores."""
    phase = np.ones([1] + [_EDGE] * 3, np.uint8)
    phase[..., ::4] = 2
    phase[:, ::2, :, 1::4] = 0
    return phase


_TENSORS = {
    "phase": _phase,
    "voxel_size_m": lambda: np.array([0.5e-6]),
    "c_rate": lambda: np.array([1.0], np.float32),
    "time_s": lambda: np.array([100.0], np.float32),
    "concentration": lambda: np.where(_phase() == 1, 2e4, 0).astype(np.float32),
    "potential": lambda: np.where(_phase() != 0, 4.0, 0).astype(np.float32),
    "frame_stride": lambda: np.array([12], np.int32),
    "region": lambda: np.zeros((1, 6), np.int32),
    "c_rate_profile": lambda: np.array([[0.0, 1.0, 1.0]], np.float32),
    "times_s": lambda: np.array([[0.0, 100.0, 200.0]], np.float32),
}
