"""What stays the same along a rollout: geometry channels and masks on all scales."""

from typing import NamedTuple

import tensorflow as tf

from tfmsnet.fields import FIELDS
from tfmsnet.networks.msnet import coarsened
from tfmsnet.predictors.domain import smallest_edge


class StaticInputs(NamedTuple):
    """The static inputs of the network, padded to a size that the scales divide.

    Attributes:
        features: list over scales of (batch, x/2^n, y/2^n, z/2^n, channel) float32.
        masks: list over scales of (batch, x/2^n, y/2^n, z/2^n, field) float32.
    """

    features: list
    masks: list


def field_masks(phase: tf.Tensor, fields: tuple[str, ...]) -> tf.Tensor:
    """(batch, x, y, z) labels -> (batch, x, y, z, field) float32, 1 inside the field's phase."""
    return tf.stack([tf.cast(FIELDS[field].mask(phase), tf.float32) for field in fields], axis=-1)


def make_static_inputs(
    phase: tf.Tensor, features: tf.Tensor, fields: tuple[str, ...], scales: int, padding: str
) -> StaticInputs:
    """Masks and geometry channels on all scales.

    Masks end where the image does, so that what is conserved is conserved over the image.

    Args:
        phase: (batch, x, y, z) uint8.
        features: (batch, x, y, z, channel), see `tfmsnet.features`.
        fields: names of the state's fields.
        scales: of the network.
        padding: "mirror" or "zero", what the channels are beyond the image.
    """
    multiple = smallest_edge(scales)
    masks = pad_space(field_masks(phase, fields), multiple, axis=1)
    features = pad_space(features, multiple, axis=1, padding=padding)
    return StaticInputs(coarsened(features, scales), coarsened(masks, scales))


def pad_space(array: tf.Tensor, multiple: int, axis: int, padding: str = "zero") -> tf.Tensor:
    """Append zeros or the mirror image along x, y, z (from `axis` on) up to the next multiple."""
    size = tf.shape(array)
    paddings = [[0, -size[i] % multiple if axis <= i < axis + 3 else 0] for i in range(len(array.shape))]
    return tf.pad(array, paddings, "SYMMETRIC" if padding == "mirror" else "CONSTANT")


def crop_space(array: tf.Tensor, phase: tf.Tensor, axis: int) -> tf.Tensor:
    """Undo `pad_space`: x, y, z of `array` (from `axis` on) back to those of the phase image."""
    begin = [0] * len(array.shape)
    size = tf.concat([tf.shape(array)[:axis], tf.shape(phase)[1:], tf.shape(array)[axis + 3 :]], axis=0)
    return tf.slice(array, begin, size)
