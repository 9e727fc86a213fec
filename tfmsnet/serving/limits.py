"""What a request may take: its memory and its work are estimated from its sizes before it is answered."""

from dataclasses import dataclass

import tensorflow as tf

from tfmsnet.load import FRAMES
from tfmsnet.predictors import size
from tfmsnet.predictors.config import NetworkConfig
from tfmsnet.serving.checks import require
from tfmsnet.serving.cost import Cost

GIB = 2**30
_FLOAT = 4
# Copies of the widest convolution's inputs and outputs that are there at once; of the fields that are kept:
# in their list, stacked, in the order of the answer, in the message.  Fitted to the peak resident memory of
# a process on a CPU.
_CONVOLUTION, _KEPT = 11.5, 4.0


def network_cost(network: NetworkConfig) -> Cost:
    """Of a network, which makes one frame after the other."""
    widest = max((layer.outputs for layer in size.convolutions(network) if layer.scale == 0), default=1)
    channels = size.static_channels(network) + 2 * size.output_channels(network) + _CONVOLUTION * widest
    return Cost(_FLOAT * channels, 0.0, _KEPT * _FLOAT * len(network.answers))


@dataclass(frozen=True)
class Limits:
    """What a request may take.

    Attributes:
        cost: of the model's answer.
        max_voxels: most voxels of a request, batch included; None for no limit.
        max_gib: most memory of an answer, GiB; None for no limit.
    """

    cost: Cost
    max_voxels: int | None = None
    max_gib: float | None = None

    def checks(self, phase: tf.Tensor, frames: tf.Tensor | int, kept: tf.Tensor | int = 0) -> list:
        """Assertions that a request stays within the limits.

        Args:
            phase: (batch, x, y, z).
            frames: of the load.
            kept: voxels and frames of each field that are asked for, batch included.
        """
        found = []
        voxels, frames, kept = (tf.cast(n, tf.float64) for n in (tf.size(phase, tf.int64), frames, kept))
        if self.max_voxels is not None:
            most = float(FRAMES * self.max_voxels)
            message = f"times_s: expected at most {most:.0f} voxels times frames, found"
            found.append(require(voxels * frames <= most, message, voxels * frames))
        if self.max_gib is not None:
            each = self.cost.voxel + self.cost.frame * frames + self.cost.kept * kept / voxels
            fits = tf.floor(self.max_gib * GIB / each)
            found.append(
                require(
                    voxels <= fits,
                    f"request: expected one that takes at most {self.max_gib:g} GiB of memory, found about",
                    each * voxels / GIB,
                    "for",
                    voxels,
                    "voxels; with these frames and fields it may have",
                    fits,
                )
            )
        return found
