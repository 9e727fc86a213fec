"""What the network's state means: two translations between physical fields and the state.

`ReferenceDeviation` (the default) lets the network learn only what a reference doesn't know already;
`MinMax` is the paper's.  Both offer the same calls, so everything else is the same for both.

Arrays: a state is (batch, time, x, y, z, channel); a field (batch, time, x, y, z); masks
(batch, x, y, z, channel), of the phase that the channel's field lives in.
"""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import tensorflow as tf

from tfmsnet.fields import FIELDS
from tfmsnet.halfcell import Parameters
from tfmsnet.references.reference import Conditions

# C-rate that networks are told as 1: the largest of the paper's.
UNIT_C_RATE = 3.0


def phase_mean(values: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Mean over a phase of values that are zero outside it.

    Args:
        values: (batch, [time,] x, y, z[, channel]).
        mask: (batch, x, y, z[, channel]), fractions of voxels.

    Returns:
        (batch, [time][, channel]).
    """
    mask = tf.cast(mask, values.dtype)
    volume = tf.maximum(tf.reduce_sum(mask, axis=(1, 2, 3)), 1.0)
    if len(values.shape) == len(mask.shape):
        return tf.reduce_sum(values, axis=(1, 2, 3)) / volume
    return tf.reduce_sum(values, axis=(2, 3, 4)) / volume[:, None]


def foil_voltage(potential: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Mean potential of the solid on the foil (batch, time), V: the collector's, to 0.05 mV up to 2C."""
    return phase_mean(potential[..., :1], mask[..., :1])


class Channel(NamedTuple):
    """A channel of the state.

    Attributes:
        field: what it is a part of.
        part: "whole", "pattern" or "level", see `Projection`.
        unit: physical value of 1, per unit of C-rate; relative to `Field.amount` of the cell.
    """

    field: str
    part: str
    unit: float


class StateEncoding(Protocol):
    """Physical fields <-> state.

    Attributes:
        fields: names.
        channels: of the state, in their order.
        operating_point_channels: how many numbers a frame's `operating_point` has.
    """

    fields: tuple[str, ...]
    operating_point_channels: int

    @property
    def channels(self) -> tuple[Channel, ...]: ...

    def operating_point(self, conditions: Conditions) -> tf.Tensor:
        """(batch, time, operating-point channel): what a network is told of each frame, about 0..1."""

    def encode(self, values: dict, masks: tf.Tensor, conditions: Conditions) -> tf.Tensor:
        """Physical fields -> state, zero outside the phases."""

    def deviation(self, state: tf.Tensor, conditions: Conditions) -> dict:
        """State -> deviation of each field from something uniform or known, zero outside the phases."""

    def known(self, conditions: Conditions) -> dict:
        """What `deviation` is from: field -> (batch, time, x, y, z), or 1 for x, y and z."""

    def decode(self, state: tf.Tensor, masks: tf.Tensor, conditions: Conditions) -> dict:
        """State -> physical fields, zero outside the phases."""

    def initial(self, masks: tf.Tensor, conditions: Conditions) -> tf.Tensor:
        """The equilibrium state (batch, x, y, z, channel)."""


@dataclass(frozen=True)
class ReferenceDeviation:
    """The state is the deviation from a reference, in units of its training rms per unit of C-rate.

    Concentration: its mean over the AM is Faraday's, as the reference's is, so the state is a pattern.
    Potential: two channels, its level and its pattern; see `Field.parts`.
    To first order the deviations are proportional to the current: dividing by it makes the discharges
    of one electrode at several C-rates nearly alike.

    Args:
        fields: names.
        parameters: of the cell.
        channels: of the state, in their order.
    """

    fields: tuple[str, ...]
    parameters: Parameters
    channels: tuple[Channel, ...]

    operating_point_channels = 2

    @classmethod
    def from_statistics(cls, fields, parameters, statistics) -> "ReferenceDeviation":
        channels = tuple(
            Channel(field, part, statistics[field][f"{part}_rms"])
            for field in fields
            for part in FIELDS[field].parts
        )
        return cls(tuple(fields), parameters, channels)

    def operating_point(self, conditions: Conditions) -> tf.Tensor:
        """(batch, time, 2): C-rate and mean degree of lithiation, both about 0..1."""
        return tf.stack([conditions.c_rate / UNIT_C_RATE, conditions.mean_dol], axis=-1)

    def _unit(self, channel: Channel, conditions: Conditions) -> tf.Tensor:
        amount = FIELDS[channel.field].amount(self.parameters)
        return (conditions.c_rate_scale * channel.unit * amount)[:, None, None, None, None]

    def encode(self, values: dict, masks: tf.Tensor, conditions: Conditions) -> tf.Tensor:
        """Physical fields -> state, zero outside the phases."""
        states = []
        for i, channel in enumerate(self.channels):
            mask = masks[:, None, ..., i]
            deviation = values[channel.field] - conditions.fields[channel.field]
            level = phase_mean(deviation * mask, masks[..., i])[:, :, None, None, None]
            kept = level if channel.part == "level" else deviation - level
            states.append(kept / self._unit(channel, conditions) * mask)
        return tf.stack(states, axis=-1)

    def deviation(self, state: tf.Tensor, conditions: Conditions) -> dict:
        """State -> deviation of each physical field from the reference, zero outside the phases."""
        return {
            field: tf.add_n(
                [
                    state[..., i] * self._unit(channel, conditions)
                    for i, channel in enumerate(self.channels)
                    if channel.field == field
                ]
            )
            for field in self.fields
        }

    def known(self, conditions: Conditions) -> dict:
        """The reference's fields."""
        return {field: conditions.fields[field] for field in self.fields}

    def decode(self, state: tf.Tensor, masks: tf.Tensor, conditions: Conditions) -> dict:
        """State -> physical fields, zero outside the phases."""
        owners = [channel.field for channel in self.channels]
        return {
            field: deviation + conditions.fields[field] * masks[:, None, ..., owners.index(field)]
            for field, deviation in self.deviation(state, conditions).items()
        }

    def initial(self, masks: tf.Tensor, conditions: Conditions) -> tf.Tensor:
        """The equilibrium state (batch, x, y, z, channel): no deviation."""
        return tf.zeros_like(masks)


@dataclass(frozen=True)
class MinMax:
    """The paper's state: each field scaled to 0..1 by its range in the training set.

    Args:
        fields: names, in the order of the state's channels.
        parameters: of the cell.
        minima, maxima: per field, in its unit.
    """

    fields: tuple[str, ...]
    parameters: Parameters
    minima: tuple[float, ...]
    maxima: tuple[float, ...]

    operating_point_channels = 1

    @classmethod
    def from_statistics(cls, fields, parameters, statistics) -> "MinMax":
        return cls(
            tuple(fields),
            parameters,
            tuple(statistics[f]["minimum"] for f in fields),
            tuple(statistics[f]["maximum"] for f in fields),
        )

    @property
    def channels(self) -> tuple[Channel, ...]:
        """One for each field, all of it."""
        return tuple(
            Channel(field, "whole", high - low)
            for field, low, high in zip(self.fields, self.minima, self.maxima, strict=True)
        )

    def operating_point(self, conditions: Conditions) -> tf.Tensor:
        """(batch, time, 1): the paper's feature D, the C-rate, about 0..1."""
        return conditions.c_rate[..., None] / UNIT_C_RATE

    def encode(self, values: dict, masks: tf.Tensor, conditions: Conditions) -> tf.Tensor:
        """Physical fields -> state, zero outside the phases."""
        states = [
            (values[field] - low) / (high - low) * masks[:, None, ..., i]
            for i, (field, low, high) in enumerate(zip(self.fields, self.minima, self.maxima, strict=True))
        ]
        return tf.stack(states, axis=-1)

    def deviation(self, state: tf.Tensor, conditions: Conditions) -> dict:
        """State -> deviation of each physical field from a uniform one, zero outside the phases."""
        return {channel.field: state[..., i] * channel.unit for i, channel in enumerate(self.channels)}

    def known(self, conditions: Conditions) -> dict:
        """Something uniform."""
        return {field: tf.zeros([1, tf.shape(conditions.c_rate)[1], 1, 1, 1]) for field in self.fields}

    def decode(self, state: tf.Tensor, masks: tf.Tensor, conditions: Conditions) -> dict:
        """State -> physical fields, zero outside the phases."""
        return {
            field: (state[..., i] * (high - low) + low) * masks[:, None, ..., i]
            for i, (field, low, high) in enumerate(zip(self.fields, self.minima, self.maxima, strict=True))
        }

    def initial(self, masks: tf.Tensor, conditions: Conditions) -> tf.Tensor:
        """The equilibrium state (batch, x, y, z, channel): every reference begins there."""
        start = {name: values[:, :1] for name, values in conditions.fields.items()}
        return self.encode(start, masks, conditions)[:, 0]


STATES = {"reference-deviation": ReferenceDeviation, "min-max": MinMax}
