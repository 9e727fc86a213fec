"""What a reference says of samples, stored beside them: computed once, when records are written.

Training reads it; where a model is asked, the same TensorFlow code computes it in its graph.
"""

import hashlib
import inspect
import json
from functools import cached_property
from pathlib import Path

import numpy as np
import tensorflow as tf

import tfmsnet
from tfmsnet.errors import UserError
from tfmsnet.fields import FIELDS
from tfmsnet.halfcell import Parameters
from tfmsnet.records.sample import Sample
from tfmsnet.references import make_reference

# Before a field's name: what the reference says of it.
REFERENCE = "reference_"
PLANES, STATIC = "planes", "static"
ENTRIES = (*FIELDS, PLANES, STATIC)
# Code that answers follow from, in the package's directory.
_CODE = ("references/*.py", "materials/functions.py", "features/surface.py", "electrode/surface.py")

_SPECIFICATION = (
    tf.TensorSpec([1, None, None, None], tf.uint8),
    tf.TensorSpec([1], tf.float32),
    tf.TensorSpec([1, None], tf.float32),
    tf.TensorSpec([1, None], tf.float32),
    tf.TensorSpec([1], tf.float32),
)


class StoredReference:
    """A reference that records are to hold.

    Args:
        name: see `tfmsnet.references.registry`.
        parameters: of the cell.

    Raises:
        UserError: there is no such reference.
    """

    def __init__(self, name: str, parameters: Parameters) -> None:
        self.name = name
        self._reference = make_reference(name, parameters)
        self._cell = {"parameters": parameters.as_dict()}

    @cached_property
    def identity(self) -> dict[str, str]:
        """What a manifest keeps of it: its name, and a digest of its code and the cell."""
        digest = hashlib.sha256(json.dumps(self._cell, sort_keys=True).encode())
        package = Path(tfmsnet.__file__).parent
        ours = (path for part in _CODE for path in sorted(package.glob(part)))
        for path in (Path(inspect.getfile(type(self._reference))), *ours):
            digest.update(path.read_bytes())
        return {"name": self.name, "digest": digest.hexdigest()}

    @cached_property
    def _conditions(self):
        return tf.function(self._reference.conditions, input_signature=_SPECIFICATION)

    def of(self, sample: Sample) -> dict[str, np.ndarray]:
        """What it says of a sample.

        Returns:
            Each field (time, x, y, z), planes (time, z, number), static (x, y, z, number), float32; see
            `tfmsnet.references.Conditions`.

        Raises:
            UserError: it says nothing finite.
        """
        load = (tf.cast(values[None], tf.float32) for values in (sample.c_rate_profile, sample.times_s))
        voxel = tf.constant([sample.voxel_size_m], tf.float32)
        calendering = tf.constant([sample.calendering_percent], tf.float32)
        found = self._conditions(sample.phase[None], voxel, *load, calendering)
        shape = (sample.frames, *sample.grid)
        arrays = {
            name: np.ascontiguousarray(np.broadcast_to(found.fields[name].numpy()[0], shape))
            for name in FIELDS
        }
        arrays |= {PLANES: found.planes.numpy()[0], STATIC: found.static.numpy()[0]}
        broken = [name for name, values in arrays.items() if not np.isfinite(values).all()]
        if broken:
            raise UserError(
                f"{sample.sample_id}: what the reference {self.name} says of its {broken[0]} isn't finite; "
                "leave the sample out, or store no reference"
            )
        return arrays
