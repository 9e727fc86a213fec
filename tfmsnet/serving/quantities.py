"""What goes into and comes out of the SavedModel's signatures: one table for graph, metadata and clients."""

from dataclasses import dataclass

from tfmsnet.fields import FIELDS as TABLE
from tfmsnet.predictors.config import NetworkConfig
from tfmsnet.predictors.kinds import kind_of
from tfmsnet.references.registry import REDUCED

LABELS = {0: "electrolyte (pore)", 1: "active material (AM)", 2: "carbon-binder domain (CBD)"}
LARGEST_C_RATE = 20.0
# A bound on the memory that one request can take; set at the export.
MAX_VOXELS = 4_000_000
MAX_FRAMES = 1000
# Of an answer; set at the export, too.
MAX_GIB = 4.0
# Below, a discharge takes centuries and float32 knows its numbers no longer.
SMALLEST_C_RATE, LONGEST_S = 1e-6, 1e10


@dataclass(frozen=True)
class Quantity:
    """One tensor of a signature.

    Attributes:
        name: its key in requests and answers.
        dtype: TensorFlow's name of its type.
        axes: names of its dimensions; a number is a fixed size.
        unit: "1" without one.
        meaning: what it is.
        values: what an input may be; "" for outputs.
        optional: whether a request may leave it out.
    """

    name: str
    dtype: str
    axes: tuple
    unit: str
    meaning: str
    values: str = ""
    optional: bool = False

    def as_dict(self) -> dict:
        """Without the name, for JSON."""
        content = {"dtype": self.dtype, "shape": list(self.axes), "unit": self.unit, "meaning": self.meaning}
        content |= {"values": self.values} if self.values else {}
        return {**content, "optional": True} if self.optional else content


_IMAGE = ("batch", "x", "y", "z")
PHASE = Quantity(
    "phase",
    "uint8",
    _IMAGE,
    "1",
    "phase image, z = 0 at the foil, the last z plane at the separator",
    "labels 0 electrolyte, 1 AM, 2 CBD; AM and electrolyte in every image, AM or CBD on the foil",
)
C_RATE = Quantity(
    "c_rate",
    "float32",
    ("batch",),
    "1/h",
    "C-rate of the discharge",
    f"{SMALLEST_C_RATE:g}..{LARGEST_C_RATE:g}",
)
FRAME_STRIDE = Quantity(
    "frame_stride",
    "int32",
    ("batch or 1",),
    "1",
    "fields of frames 0, frame_stride, 2 frame_stride, ... are answered; the curve has all frames",
    "1 (the default) or more, the same for the whole batch",
    optional=True,
)
REGION = Quantity(
    "region",
    "int32",
    ("batch or 1", 6),
    "voxel",
    "x0 x1 y0 y1 z0 z1 of the fields' box, ends not included; it crops the answer, not the computation",
    "0 <= begin < end <= size, the same for the whole batch; six zeros (the default) for all of the image",
    optional=True,
)
PROFILE = (
    Quantity(
        "c_rate_profile",
        "float32",
        ("batch", "frame"),
        "1/h",
        "C-rate during the interval that ends at each frame, negative while charging; element 0 is not used",
        f"-{LARGEST_C_RATE:g}..{LARGEST_C_RATE:g}, not 0 throughout, 2 to {MAX_FRAMES} frames; "
        f"less than {SMALLEST_C_RATE:g} in size is 0",
    ),
    Quantity(
        "times_s",
        "float32",
        ("batch", "frame"),
        "s",
        "time of each frame",
        f"0 at first, strictly rising, at most {LONGEST_S:g}",
    ),
)
VOXEL = Quantity(
    "voxel_size_m",
    "float32",
    ("batch or 1",),
    "m",
    "edge of a voxel, the same for the whole batch",
    "above 0",
)
CALENDERING = Quantity(
    "calendering_percent",
    "float32",
    ("batch or 1",),
    "%",
    "what the electrode was calendered by, which its binder conducts electrons better for",
    "0 (the default) to below 100, the same for the whole batch",
    optional=True,
)
TIME = Quantity(
    "time_s",
    "float32",
    ("batch",),
    "s",
    "time of the given state since the start",
    "0 <= time_s <= 3600 / c_rate",
)
CURVE = (
    Quantity("times_s", "float32", ("batch", "frame"), "s", "time of each frame; 100 s apart at 1C"),
    Quantity("dol", "float32", ("batch", "frame"), "1", "mean degree of lithiation of the AM, 0..1"),
    Quantity("voltage_v", "float32", ("batch", "frame"), "V", "collector against lithium metal"),
)
ERRORS = (
    Quantity(
        "voltage_error_v",
        "float32",
        ("batch", "frame"),
        "V",
        "how far voltage_v may be off: nine of ten curves are nearer to the simulator, root mean square",
    ),
    Quantity(
        "concentration_vrmse",
        "float32",
        ("batch", "frame"),
        "1",
        "how far the concentration may be off, over its standard deviation in the frame, likewise",
    ),
)
VALID_FRAMES = Quantity(
    "valid_frames",
    "int32",
    ("batch",),
    "1",
    "frames until the AM is full (empty) or the salt depleted; later ones repeat the last of them",
)
FIELDS = tuple(
    Quantity(
        field.name,
        "float32",
        ("batch", "kept frame", "x", "y", "z"),
        field.unit,
        f"{field.meaning}, at every voxel of {field.phases}, exactly 0 elsewhere",
    )
    for field in TABLE.values()
)
SUMMARY = (
    Quantity(
        "mean_voltage_v",
        "float32",
        ("batch",),
        "V",
        "energy over charge by the last frame; averaged over time where no charge is left",
    ),
    Quantity(
        "areal_capacity_mah_cm2",
        "float32",
        ("batch",),
        "mAh/cm2",
        "charge passed by the last frame per foil area",
    ),
    Quantity(
        "areal_energy_mwh_cm2",
        "float32",
        ("batch",),
        "mWh/cm2",
        "energy given by the last frame per foil area",
    ),
    Quantity(
        "end_dol_std",
        "float32",
        ("batch",),
        "1",
        "standard deviation of the local degree of lithiation at the end",
    ),
    Quantity("electrolyte_fraction", "float32", ("batch",), "1", "volume fraction of label 0"),
    Quantity("am_fraction", "float32", ("batch",), "1", "volume fraction of label 1"),
    Quantity("cbd_fraction", "float32", ("batch",), "1", "volume fraction of label 2"),
)
# Not in the answers of a model without the field.
_NEEDS = {
    "voltage_v": "potential",
    "mean_voltage_v": "potential",
    "areal_energy_mwh_cm2": "potential",
    "end_dol_std": "concentration",
}


@dataclass(frozen=True)
class Signature:
    """A signature of the SavedModel: its purpose, inputs and outputs."""

    purpose: str
    inputs: tuple[Quantity, ...]
    outputs: tuple[Quantity, ...]

    def as_dict(self) -> dict:
        """For JSON."""
        return {
            "purpose": self.purpose,
            "inputs": {quantity.name: quantity.as_dict() for quantity in self.inputs},
            "outputs": {quantity.name: quantity.as_dict() for quantity in self.outputs},
        }


CARD = Signature(
    "the model's documents, the files of assets/",
    (Quantity("name", "string", ("file",), "1", "file names", "names of files in assets/"),),
    (Quantity("content", "string", ("file",), "1", "their content, UTF-8"),),
)


def signatures(
    config: NetworkConfig, asks_voxels: bool = False, says_errors: bool = False
) -> dict[str, Signature]:
    """The signatures of a model: without `step` for a network with a time basis, which has no steps.

    Args:
        config: of the network.
        asks_voxels: whether it was trained on voxels of several sizes, so that their edge is an input.
        says_errors: whether it knows how far off it may be.
    """
    fields, kind = config.answers, kind_of(config)
    electrode = (VOXEL,) if asks_voxels else ()
    on_model = config.reference in REDUCED
    electrode += (CALENDERING,) if on_model else ()
    end = (VALID_FRAMES,) if on_model else ()
    end += ERRORS if says_errors else ()

    def known(*quantities: Quantity) -> tuple[Quantity, ...]:
        needed = (_NEEDS.get(q.name, q.name if q in FIELDS else fields[0]) for q in quantities)
        return tuple(q for q, field in zip(quantities, needed, strict=True) if field in fields)

    state = tuple(_without_frames(quantity) for quantity in known(*FIELDS))
    window = (FRAME_STRIDE, REGION)
    found = {
        "serving_default": Signature(
            "the discharge curve and its summary: a small answer",
            (PHASE, C_RATE, *electrode),
            (*known(*CURVE, *SUMMARY), *end),
        ),
        "fields": Signature(
            "curve, summary and the fields at every voxel",
            (PHASE, C_RATE, *electrode, *window),
            (*known(*CURVE, *SUMMARY, *FIELDS), *end),
        ),
        "profile": Signature(
            "the same at any frames of a constant current"
            if kind.constant_current(config)
            else "the same under a C-rate that changes with time",
            (PHASE, *PROFILE, *electrode, *window),
            (*known(*CURVE, *SUMMARY, *FIELDS), *end),
        ),
        "step": Signature(
            "the next frame, 100 s / c_rate later, from the fields of a frame",
            (PHASE, C_RATE, TIME, *(_given(q) for q in state if q.name in config.fields), *electrode),
            (*(_without_frames(quantity) for quantity in known(*CURVE)), *state),
        ),
        "card": CARD,
    }
    if not kind.steps:
        del found["step"]
    return found


def _without_frames(quantity: Quantity) -> Quantity:
    axes = tuple(axis for axis in quantity.axes if "frame" not in axis)
    return Quantity(quantity.name, quantity.dtype, axes, quantity.unit, quantity.meaning)


def _given(quantity: Quantity) -> Quantity:
    return Quantity(
        quantity.name, quantity.dtype, quantity.axes, quantity.unit, quantity.meaning, "finite numbers"
    )
