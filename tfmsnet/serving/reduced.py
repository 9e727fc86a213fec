"""A reduced model as a model to ask: it answers from image and load without a network, on any voxels."""

import functools
import json

import numpy as np
import tensorflow as tf

from tfmsnet.electrode import PhaseImage
from tfmsnet.errors import UserError
from tfmsnet.fields import FIELDS
from tfmsnet.halfcell import Parameters
from tfmsnet.halfcell.simulate import check_start
from tfmsnet.load import Load, Voltage
from tfmsnet.references.registry import make_reference, reference_class
from tfmsnet.references.segments import SPECIFICATION as SEGMENTS
from tfmsnet.references.segments import ended, of_load
from tfmsnet.serving.cost import REDUCED_COST
from tfmsnet.serving.endpoints import summary
from tfmsnet.serving.kept_graph import kept_graph
from tfmsnet.serving.model import Model, Region, as_load, cached_property, check_ended
from tfmsnet.serving.quantities import ERRORS

_SPECIFICATION = (
    tf.TensorSpec([None] * 4, tf.uint8),
    tf.TensorSpec([None], tf.float64),
    SEGMENTS,
    tf.TensorSpec([None], tf.float64),
)
# What a curve has for every frame.
_BY_FRAME = (
    *("c_rate_profile", "times_s", "dol", "voltage_v", "segment"),
    *(quantity.name for quantity in ERRORS),
)


class ReducedModel(Model):
    """`tfmsnet.references.reduced` behind the calls of every `Model`.

    Args:
        name: one of `tfmsnet.references.registry.REDUCED`.
        parameters: of the cell; None for the defaults.
    """

    def __init__(self, name: str, parameters: Parameters | None = None):
        self.name, self._parameters = name, parameters or Parameters()
        self.bytes_per_voxel = REDUCED_COST[name].bytes_per_voxel
        super().__init__(self._refuse, dict)

    @staticmethod
    def _refuse(signature: str, inputs: dict) -> dict:
        raise UserError(f"signature {signature!r}: a reduced model in this process has none; use its methods")

    @cached_property
    def _discharge(self):
        """Under a load, for images and loads of all sizes: one graph."""
        reference = make_reference(self.name, self._parameters)
        ours = reference_class(self.name) is type(reference)
        if not (ours and type(reference).__module__.startswith("tfmsnet.")):  # a user's, of unknown code
            return tf.function(reference.under_load, input_signature=_SPECIFICATION, autograph=False)
        cell = json.dumps([self.name, self._parameters.as_dict()], sort_keys=True)
        return kept_graph(reference.under_load, _SPECIFICATION, cell)

    takes_cell = True

    @property
    def title(self) -> str:
        return self.name

    @property
    def parameters(self) -> Parameters:
        return self._parameters

    def of_cell(self, parameters: Parameters) -> "ReducedModel":
        """The same for another cell."""
        return reduced_model(self.name, parameters)

    @property
    def fields_predicted(self) -> tuple[str, ...]:
        return tuple(FIELDS)

    @property
    def train_geometries(self) -> list[str]:
        """None at all: nothing was trained."""
        return []

    def __repr__(self) -> str:
        return f"ReducedModel({self.name})"

    def outside(self, image: PhaseImage, load: Load | float) -> list[str]:
        """Nothing: there is no training to lie outside of."""
        return []

    def _answer(self, image: PhaseImage, load: Load | float, window: tuple[int, Region]) -> tuple[dict, dict]:
        load = as_load(load)
        check_start(load, self._parameters)
        if not any(isinstance(part, Voltage) or part.until.voltage_v is not None for part in load.segments):
            load.known_ends(*self._cell(image))  # says what can't be
        segments = of_load(load, *self._cell(image))
        REDUCED_COST[self.name].require(image.phase.size, load.known_frames)
        found = self._discharge(
            tf.constant(image.phase[None]),
            tf.constant([image.voxel_size_m], tf.float64),
            segments,
            tf.constant([image.calendering_percent], tf.float64),
        )
        kept = int(found["ended"][0])
        check_ended(load, kept)
        frames = {name: np.asarray(found[name])[0, :kept] for name in (*FIELDS, *_BY_FRAME)}
        scalars = summary(
            tf.constant(image.phase[None]),
            *(tf.constant(frames[name][None], tf.float32) for name in ("times_s", "dol", "voltage_v")),
            tf.constant(frames["concentration"][None, -1]),
            self._parameters,
            image.voxel_size_m,
        )
        curve = {
            "load": load,
            **{name: frames[name] for name in _BY_FRAME},
            "ends": ended(np.asarray(found["reason"])[0], np.asarray(found["ended_s"])[0]),
            "summary": {name: float(np.asarray(value)[0]) for name, value in scalars.items()},
        }
        stride, (x0, x1, y0, y1, z0, z1) = window
        return curve, {name: frames[name][::stride, x0:x1, y0:y1, z0:z1] for name in FIELDS}


@functools.lru_cache(maxsize=8)
def reduced_model(name: str, parameters: Parameters) -> ReducedModel:
    """The reduced model of a name for a cell; one object for each, as it takes long to compile."""
    return ReducedModel(name, parameters)
