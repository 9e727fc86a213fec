"""The phase image: which voxel of an electrode is electrolyte, active material or carbon-binder."""

import hashlib
import math
from dataclasses import dataclass, field
from numbers import Real

import numpy as np

from tfmsnet.errors import UserError

ELECTROLYTE = 0
AM = 1
CBD = 2
# Smallest and largest edge, m.
VOXEL_SIZE_M = (1e-9, 1e-4)
# Edges that differ by a smaller share are the same: files round them.
SAME_EDGE = 2e-3
PHASE_NAMES = {ELECTROLYTE: "electrolyte", AM: "AM", CBD: "CBD"}


@dataclass(frozen=True, eq=False)
class PhaseImage:
    """A labelled electrode: z = 0 lies on the current collector (foil), the last z plane on the separator.

    Args:
        phase: labels (x, y, z): 0 electrolyte (pore), 1 active material (AM), 2 carbon-binder domain (CBD).
            Any integer array; kept as a C-contiguous, read-only uint8 copy.
        voxel_size_m: edge of the cubic voxels, m.
        geometry_id: samples that share a geometry share it; "" fills in a hash of labels and voxel size.
        am_wt_percent: AM share of the dry mass, %; NaN when unknown.
        calendering_percent: reduction of the thickness by calendering, %; NaN when unknown.

    Raises:
        UserError: wrong rank or type, labels other than 0, 1 and 2, no AM or no electrolyte at all, or a
            voxel size or recipe value outside its range.  CBD may be absent.
    """

    phase: np.ndarray = field(repr=False)
    voxel_size_m: float = 0.5e-6
    geometry_id: str = ""
    am_wt_percent: float = math.nan
    calendering_percent: float = math.nan

    def __post_init__(self) -> None:
        phase = _checked_labels(np.asarray(self.phase))
        check_voxel_size("voxel_size_m", self.voxel_size_m)
        _check_percent("am_wt_percent", self.am_wt_percent)
        _check_percent("calendering_percent", self.calendering_percent)
        object.__setattr__(self, "phase", phase)
        object.__setattr__(self, "voxel_size_m", float(self.voxel_size_m))
        object.__setattr__(self, "geometry_id", self.geometry_id or _fingerprint(phase, self.voxel_size_m))

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of voxels (x, y, z)."""
        return self.phase.shape

    @property
    def size_m(self) -> tuple[float, float, float]:
        """Edges of the box (x, y, z), m."""
        return tuple(n * self.voxel_size_m for n in self.phase.shape)

    @property
    def volume_fractions(self) -> dict[str, float]:
        """Volume fraction of "electrolyte", "AM" and "CBD"; they add up to 1."""
        counts = np.bincount(self.phase.ravel(), minlength=3)
        return {name: float(counts[label] / self.phase.size) for label, name in PHASE_NAMES.items()}


def check_voxel_size(name: str, value: float) -> None:
    """Raise a UserError unless `value` is a length in metres between 1 nm and 100 um."""
    if not isinstance(value, Real) or not VOXEL_SIZE_M[0] <= value <= VOXEL_SIZE_M[1]:
        raise UserError(
            f"{name}: expected metres between 1e-9 and 1e-4, got {value!r}; 0.5 micrometre is 0.5e-6"
        )


def _check_percent(name: str, value: float) -> None:
    if not (math.isnan(value) or 0 <= value <= 100):
        raise UserError(f"{name}: expected percent between 0 and 100 (or NaN when unknown), got {value!r}")


def _checked_labels(phase: np.ndarray) -> np.ndarray:
    if phase.ndim != 3 or phase.size == 0:
        raise UserError(f"phase: expected a non-empty (x, y, z) array, got shape {phase.shape}")
    if phase.dtype.kind not in "iu":
        raise UserError(f"phase: expected integer labels, got {phase.dtype}; convert with astype('uint8')")
    if phase.min() < ELECTROLYTE or phase.max() > CBD:
        raise UserError(
            f"phase: expected the labels 0 (electrolyte), 1 (AM) and 2 (CBD), got {count_labels(phase)}; "
            "map them first (read_image does so with labels=(pore, am, cbd))"
        )
    for label in (AM, ELECTROLYTE):
        if not (phase == label).any():
            raise UserError(
                f"phase: no {PHASE_NAMES[label]} (label {label}) in the image, only {count_labels(phase)}; "
                "check the label mapping and the crop"
            )
    phase = np.array(phase, dtype=np.uint8, order="C")
    phase.setflags(write=False)
    return phase


def count_labels(phase: np.ndarray) -> str:
    """What labels an array holds, for messages: "0 (120 voxels), 85 (30 voxels)"; at most eight are named."""
    labels, counts = np.unique(phase, return_counts=True)
    named = ", ".join(f"{label} ({n} voxels)" for label, n in zip(labels[:8], counts[:8], strict=True))
    return named if len(labels) <= 8 else f"{named} and {len(labels) - 8} more labels"


def _fingerprint(phase: np.ndarray, voxel_size_m: float) -> str:
    digest = hashlib.sha256(repr((phase.shape, float(voxel_size_m))).encode())
    digest.update(phase.tobytes())
    return digest.hexdigest()[:16]
