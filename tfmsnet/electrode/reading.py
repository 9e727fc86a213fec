"""Phase images from files: TIFF stacks and .npy arrays of other people's segmentations."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from operator import index
from os import PathLike
from pathlib import Path

import numpy as np

from tfmsnet.electrode.image import AM, CBD, ELECTROLYTE, PhaseImage, check_voxel_size, count_labels
from tfmsnet.electrode.resampling import resample
from tfmsnet.errors import UserError

# Label sets that can only mean one thing; any other needs `labels`.
_KNOWN_LABELS = ((0, 1, 2), (0, 85, 170))
_DEFAULT_AXES = {".npy": "xyz", ".tif": "zyx", ".tiff": "zyx"}

Crop = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]


def read_image(
    path: str | PathLike,
    voxel_size_m: float = 0.5e-6,
    *,
    labels: Sequence[int] | None = None,
    axes: str | None = None,
    foil_last: bool = False,
    target_voxel_size_m: float | None = None,
    crop: Crop | None = None,
) -> PhaseImage:
    """Read a segmented electrode from a TIFF stack (.tif, .tiff) or a NumPy array (.npy).

    Args:
        path: the file.  The first series of a TIFF is read.
        voxel_size_m: voxel edge in the file, m.
        labels: the file's labels of pore, AM and CBD, in this order.  None takes 0, 1, 2 or 0, 85, 170
            (in this meaning) where the file holds exactly these three.
        axes: what the file's axes are, "zyx" (pages of a TIFF along z, the default there), "xyz" (the default
            for .npy) or any other order.  z is the way from the foil to the separator.
        foil_last: the foil is at the end of the file's z axis, not at its start.
        target_voxel_size_m: voxel edge of the result, by majority vote (see `resample`); None keeps the
            file's.
        crop: ((x0, x1), (y0, y1), (z0, z1)), begin and end in voxels of the result, end not included.

    Raises:
        UserError: the file is missing, truncated, of another kind or not three-dimensional; its labels aren't
            the given ones; an option doesn't fit; AM or electrolyte is absent.  The message names the file.
    """
    path = Path(path)
    check_voxel_size("voxel_size_m", voxel_size_m)
    array = _load(path)
    try:
        phase = _map_labels(_as_xyz(array, axes or _DEFAULT_AXES[path.suffix.lower()]), labels)
        if foil_last:
            phase = phase[:, :, ::-1]
        if target_voxel_size_m is not None:
            phase = resample(phase, voxel_size_m, target_voxel_size_m)
        if crop is not None:
            phase = _cropped(phase, crop)
        return PhaseImage(phase, target_voxel_size_m or voxel_size_m)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def _load(path: Path) -> np.ndarray:
    suffix = path.suffix.lower()
    if suffix not in _DEFAULT_AXES:
        raise UserError(f"{path}: expected a .tif, .tiff or .npy file; convert the image to one of them")
    if not path.is_file():
        raise UserError(f"{path}: no such file; expected a phase image")
    if path.stat().st_size == 0:
        raise UserError(f"{path}: the file is empty; copy it again")
    try:
        array = _load_npy(path) if suffix == ".npy" else _load_tiff(path)
    except Exception as error:  # whatever a foreign file brings up in the parsers
        reason = " ".join(str(error).split()) or type(error).__name__
        kind = "NumPy array" if suffix == ".npy" else "TIFF stack"
        raise UserError(
            f"{path}: not readable as a {kind}, it may be truncated or of another kind: {reason}"
        ) from None
    if array.ndim != 3 or array.size == 0:
        raise UserError(f"{path}: expected a 3-D image of grey values, got shape {array.shape}")
    return array


def _load_npy(path: Path) -> np.ndarray:
    # Mapped first: a header that promises more than the file holds fails before memory is taken.
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    if not isinstance(array, np.ndarray):
        raise TypeError("it holds an archive of arrays (.npz)")
    return np.array(array)


def _load_tiff(path: Path) -> np.ndarray:
    import tifffile

    with _complaints("tifffile") as complaints, tifffile.TiffFile(path) as tiff:
        len(tiff.pages)  # follows the chain of pages to its end
        array = tiff.series[0].asarray()
    if complaints:
        raise OSError(complaints[0])
    return array


@contextmanager
def _complaints(logger_name: str) -> Iterator[list[str]]:
    """Collect what a library logs as errors: of a TIFF cut short tifffile reads what is left, and logs."""
    messages: list[str] = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = lambda record: messages.append(record.getMessage())
    logger = logging.getLogger(logger_name)
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield messages
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate


def _as_xyz(array: np.ndarray, axes: str) -> np.ndarray:
    if sorted(axes) != ["x", "y", "z"]:
        raise UserError(f"axes: expected the letters x, y, z in the file's order, like 'zyx', got {axes!r}")
    return array.transpose([axes.index(axis) for axis in "xyz"])


def _map_labels(array: np.ndarray, labels: Sequence[int] | None) -> np.ndarray:
    """Labels 0, 1, 2 (x, y, z) uint8 in place of the file's."""
    if array.dtype.kind not in "biuf":
        raise UserError(f"expected whole numbers as labels, got {array.dtype}")
    found = np.unique(array)
    if labels is None:
        labels = next((known for known in _KNOWN_LABELS if np.array_equal(found, known)), None)
        if labels is None:
            raise UserError(
                f"can't tell which label is which phase: found {count_labels(array)}; "
                "name them with labels=(pore, am, cbd) (--labels)"
            )
    labels = _checked_label_option(labels)
    unknown = np.setdiff1d(found, labels)
    if unknown.size:
        raise UserError(
            f"labels {labels} (pore, AM, CBD) leave some out: found {count_labels(array)}; "
            "give the three that the file holds, after merging any others"
        )
    phase = np.zeros(array.shape, dtype=np.uint8)
    for phase_label, file_label in zip((ELECTROLYTE, AM, CBD), labels, strict=True):
        phase[array == file_label] = phase_label
    return phase


def _checked_label_option(labels: Sequence[int]) -> tuple[int, int, int]:
    given = tuple(labels)
    if len(given) != 3 or len(set(given)) != 3:
        raise UserError(f"labels: expected three different numbers (pore, am, cbd), got {given}")
    return given


def _cropped(phase: np.ndarray, crop: Crop) -> np.ndarray:
    try:
        edges = [(index(begin), index(end)) for begin, end in crop]
    except (TypeError, ValueError):
        edges = []
    fits = len(edges) == 3 and all(
        0 <= begin < end <= count for (begin, end), count in zip(edges, phase.shape, strict=True)
    )
    if not fits:
        raise UserError(
            f"crop: expected begin < end within the image of {phase.shape} voxels for x, y and z, got {crop}"
        )
    return phase[tuple(slice(*edge) for edge in edges)]
