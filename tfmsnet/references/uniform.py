"""The 0-D cell as a reference: both fields the same all over their phase, as TensorFlow operations."""

import tensorflow as tf

from tfmsnet.materials import Parameters
from tfmsnet.references.faraday import SECONDS_PER_HOUR, dol_after
from tfmsnet.references.materials import Materials
from tfmsnet.references.reference import Conditions


class Uniform:
    """The 0-D cell as a `Reference`: both fields the same all over their phase.

    Args:
        parameters: of the cell.
    """

    def __init__(self, parameters: Parameters):
        self._materials = Materials(parameters)

    def conditions(
        self,
        phase: tf.Tensor | None,
        voxel_size_m: tf.Tensor | None,
        c_rate: tf.Tensor,
        times_s: tf.Tensor,
        calendering_percent: tf.Tensor | None = None,
    ) -> Conditions:
        """Faraday's law on the C-rate profile; see `Reference`.  The electrode isn't looked at."""
        interval = times_s[:, 1:] - times_s[:, :-1]
        passed = tf.cumsum(c_rate[:, 1:] * interval, axis=1) / SECONDS_PER_HOUR
        mean_dol = dol_after(tf.pad(passed, [[0, 0], [1, 0]]), self._materials.single)
        return self.at(c_rate, mean_dol, tf.reduce_max(tf.abs(c_rate[:, 1:]), axis=1))

    def at(self, c_rate: tf.Tensor, mean_dol: tf.Tensor, c_rate_scale: tf.Tensor) -> Conditions:
        """The conditions of frames whose mean degree of lithiation is known."""
        everywhere = mean_dol[:, :, None, None, None]
        fields = {
            "concentration": everywhere * self._materials.single.c_max_mol_m3,
            "potential": self._materials.open_circuit(everywhere)[0],
        }
        batch, time = tf.unstack(tf.shape(mean_dol))
        planes, static = tf.zeros([batch, time, 1, 0]), tf.zeros([batch, 1, 1, 1, 0])
        return Conditions(c_rate, mean_dol, c_rate_scale, fields, planes, static)
