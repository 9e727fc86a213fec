"""A reduced model as a model to ask: it answers from image and load without a network, on any voxels."""

import functools

import numpy as np
import tensorflow as tf

from tfmsnet.electrode import PhaseImage
from tfmsnet.errors import UserError
from tfmsnet.fields import FIELDS
from tfmsnet.halfcell import Parameters
from tfmsnet.load import Load
from tfmsnet.references.registry import make_reference
from tfmsnet.serving.endpoints import summary
from tfmsnet.serving.model import Model, Region, valid_part


class ReducedModel(Model):
    """`tfmsnet.references.reduced` behind the calls of every `Model`.

    Args:
        name: one of `tfmsnet.references.registry.REDUCED`.
        parameters: of the cell; None for the defaults.
    """

    def __init__(self, name: str, parameters: Parameters | None = None):
        self.name, self._parameters = name, parameters or Parameters()
        reference = make_reference(name, self._parameters, 0.0)
        self._discharge = tf.function(reference.discharge, reduce_retracing=True)
        super().__init__(self._refuse, dict)

    @staticmethod
    def _refuse(signature: str, inputs: dict) -> dict:
        raise UserError(f"signature {signature!r}: a reduced model in this process has none; use its methods")

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

    def _check(self, image: PhaseImage, load: Load, profile: np.ndarray) -> None:
        pass

    def _ask(self, image, load: Load | None, profile, times_s, window: tuple[int, Region]) -> dict:
        found = self._discharge(
            tf.constant(image.phase[None]),
            tf.constant([image.voxel_size_m], tf.float64),
            tf.constant([profile], tf.float64),
            tf.constant([times_s], tf.float64),
            tf.constant([image.calendering_percent], tf.float64),
        )
        kept, times = int(found["ended"][0]), tf.constant([times_s], tf.float32)
        curve = {name: tf.cast(found[name], tf.float32) for name in ("dol", "voltage_v")}
        scalars = summary(
            tf.constant(image.phase[None]),
            tf.minimum(times, times[:, kept - 1]),
            *curve.values(),
            found["concentration"][:, -1],
            self._parameters,
            image.voxel_size_m,
        )
        stride, (x0, x1, y0, y1, z0, z1) = window
        fields = {name: found[name][:, ::stride, x0:x1, y0:y1, z0:z1] for name in FIELDS}
        answer = {"times_s": times, **curve, **scalars, **fields}
        return valid_part({name: np.asarray(value)[0] for name, value in answer.items()}, load, kept, stride)


@functools.lru_cache(maxsize=8)
def reduced_model(name: str, parameters: Parameters) -> ReducedModel:
    """The reduced model of a name for a cell; one object for each, as it takes long to compile."""
    return ReducedModel(name, parameters)
