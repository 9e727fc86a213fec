"""surrogate.json: what a model says of itself, and whether that can be; without TensorFlow, for clients."""

from pathlib import Path

from tfmsnet.configuration import Maybe, check_form
from tfmsnet.electrode.image import VOXEL_SIZE_M
from tfmsnet.errors import UserError
from tfmsnet.fields import FIELDS, STATISTICS

FORMAT = 1
DESCRIPTION = "surrogate.json"
# SHA-256 of the weights, in surrogate.json; of those before too while they are replaced.
DIGESTS = "weights_sha256"
# How far off answers may be, see `tfmsnet.serving.calibration`.
ERRORS = "errors"
# Which of train_geometries chose best/, but taught nothing.
VALIDATION = "validation_geometries"
_LARGEST_ERROR = 1e6
_RANGE = [float]
_DOMAIN = {
    Maybe("samples"): int,
    Maybe("geometries"): int,
    Maybe("voxel_size_m"): float,
    Maybe("varying_loads"): bool,
    Maybe("charges"): bool,
    Maybe("ranges"): {str: _RANGE},
}
_FORM = {
    "format": int,
    "network": {str: object},
    Maybe("constant_current"): bool,
    "parameters": {str: object},
    "statistics": {Maybe(name): {Maybe(key): float for key in STATISTICS} for name in FIELDS},
    "voxel_size_m": (float, None),
    "domain": _DOMAIN,
    Maybe("train_geometries"): ([str], None),
    Maybe(DIGESTS): [str],
    Maybe("scores"): {str: object},
    Maybe(VALIDATION): [str],
    Maybe(ERRORS): {"samples": int, "geometries": int, "voltage_v": float, "concentration_vrmse": float},
}
# Of the network's values those that every network has; its own are its configuration's to check.
_NETWORK = {
    Maybe("architecture"): str,
    "fields": [str],
    Maybe("reference"): str,
    "autoregressive": bool,
    Maybe("basis"): int,
    "scales": int,
}
_REDUCED_FORM = {
    "format": int,
    "reference": str,
    "parameters": {str: object},
    Maybe("train_geometries"): ([str], None),
}


def check_description(content: dict, where: str | Path) -> None:
    """Refuse a surrogate.json, of a network or a reduced model, whose values can't be.

    Raises:
        UserError: names the entry, what was expected and what came.
    """
    if content.get("format") != FORMAT:
        raise UserError(f"{where}: format: expected {FORMAT}, found {content.get('format')!r}")
    if "reference" in content:
        check_form(content, _REDUCED_FORM, str(where))
        return
    check_form(content, _FORM, str(where))
    network = {key: value for key, value in content["network"].items() if key in _NETWORK}
    check_form(network, _NETWORK, f"{where}: network")
    if not set(network["fields"]) <= set(FIELDS):
        raise UserError(f"{where}: network: fields: expected some of {', '.join(FIELDS)}")
    low, high = VOXEL_SIZE_M
    voxel = content["voxel_size_m"]
    if voxel is not None and not low <= voxel <= high:
        raise UserError(f"{where}: voxel_size_m: expected {low:g} to {high:g} m, found {voxel:g}")
    for name, statistics in content["statistics"].items():
        spread = [statistics.get(key, 0.0) for key in ("std", "level_rms", "pattern_rms")]
        extent = [statistics[key] for key in ("minimum", "maximum") if key in statistics]
        if min(spread) < 0 or extent != sorted(extent):
            raise UserError(f"{where}: statistics: {name}: expected those of a field, found {statistics}")
    for name, value in content.get(ERRORS, {}).items():
        if not 0 <= value <= _LARGEST_ERROR:
            raise UserError(f"{where}: {ERRORS}: {name}: expected 0 to {_LARGEST_ERROR:g}, found {value}")
    for name, found in content["domain"].get("ranges", {}).items():
        if len(found) != 2 or found[0] > found[1]:
            raise UserError(f"{where}: domain: {name}: expected [smallest, largest], found {found}")
