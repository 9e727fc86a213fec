"""What a reference is: an answer for a discharge that nothing had to be trained for.

Networks learn the deviation from it, and every score stands beside it.
"""

from typing import NamedTuple, Protocol

import tensorflow as tf


class Conditions(NamedTuple):
    """What is known of a discharge before a network answers; all float32.

    Attributes:
        c_rate: (batch, time) 1/h; during the interval that ends at the frame.
        mean_dol: (batch, time); mean degree of lithiation, from the charge passed.
        c_rate_scale: (batch,); the largest |C-rate| of the whole discharge.
        fields: name of a field -> its reference (batch, time, x, y, z) in the field's unit; x, y, z are 1
            where it is the same all over its phase.  Over the AM the concentration's mean is Faraday's.
        planes: (batch, time, z, number); what else it knows of each plane, each about 1; z is 1 and there
            are no numbers where it knows nothing.
        static: (batch, x, y, z, number); likewise of each voxel, at all times.
        valid_frames: (batch,) int32; how many frames it has an answer for, where a surface that is full or
            salt that is used up may end it: later ones repeat the last.  None where nothing does.
    """

    c_rate: tf.Tensor
    mean_dol: tf.Tensor
    c_rate_scale: tf.Tensor
    fields: dict[str, tf.Tensor]
    planes: tf.Tensor
    static: tf.Tensor
    valid_frames: tf.Tensor | None = None

    def frames(self, begin, size: int) -> "Conditions":
        """Those of `size` frames from `begin` on; what holds for the whole discharge stays."""

        def cut(values):
            return values[:, begin : begin + size]

        return Conditions(
            cut(self.c_rate),
            cut(self.mean_dol),
            self.c_rate_scale,
            {name: cut(values) for name, values in self.fields.items()},
            cut(self.planes),
            self.static,
            self.valid_frames,
        )


class Reference(Protocol):
    """A model of the cell that needs no training.

    Made with the cell's `halfcell.Parameters`.
    """

    def conditions(
        self,
        phase: tf.Tensor,
        voxel_size_m: tf.Tensor,
        c_rate: tf.Tensor,
        times_s: tf.Tensor,
        calendering_percent: tf.Tensor,
    ) -> Conditions:
        """Its answer under a load.

        Args:
            phase: (batch, x, y, z) uint8.
            voxel_size_m: (batch,) float32, edge of a voxel, m.
            c_rate: (batch, time) float32, 1/h; during the interval that ends at the frame.
            times_s: (batch, time) float32, s.
            calendering_percent: (batch,) float32, what the electrode was calendered by; NaN if unknown.
        """
        ...
