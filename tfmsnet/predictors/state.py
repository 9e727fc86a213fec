"""What the network's state means: two translations between physical fields and the state.

`ReferenceDeviation` (the default) lets the network learn only what the 0-D cell doesn't know already;
`MinMax` is the paper's.  Both offer the same calls, so everything else is the same for both.

Arrays: a state is (batch, time, x, y, z, channel); a field (batch, time, x, y, z); masks
(batch, x, y, z, channel), of the phase that the channel's field lives in.
"""

from dataclasses import dataclass
from typing import NamedTuple

import tensorflow as tf

from tfmsnet.halfcell import Parameters, open_circuit_potential
from tfmsnet.references.uniform import SECONDS_PER_HOUR, dol_after


class Conditions(NamedTuple):
    """What is known of a discharge before it is solved.

    Attributes:
        c_rate: (batch, time) float32, 1/h; during the interval that ends at the frame.
        mean_dol: (batch, time) float32; mean degree of lithiation, from the charge passed.
        c_rate_scale: (batch,) float32; the largest |C-rate| of the whole discharge.
    """

    c_rate: tf.Tensor
    mean_dol: tf.Tensor
    c_rate_scale: tf.Tensor


def make_conditions(c_rate: tf.Tensor, times_s: tf.Tensor, parameters: Parameters) -> Conditions:
    """The conditions of whole discharges: Faraday's law on the C-rate profile.

    Args:
        c_rate: (batch, time) float32, 1/h.
        times_s: (batch, time) float32, s.
    """
    interval = times_s[:, 1:] - times_s[:, :-1]
    passed = tf.cumsum(c_rate[:, 1:] * interval, axis=1) / SECONDS_PER_HOUR
    mean_dol = dol_after(tf.pad(passed, [[0, 0], [1, 0]]), parameters)
    return Conditions(c_rate, mean_dol, tf.reduce_max(tf.abs(c_rate), axis=1))


def phase_mean(values: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Mean over a phase of values, zero outside it, (batch, time, x, y, z); mask (batch, x, y, z)."""
    volume = tf.maximum(tf.reduce_sum(mask, axis=(1, 2, 3)), 1.0)
    return tf.reduce_sum(values, axis=(2, 3, 4)) / volume[:, None]


def foil_voltage(potential: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Mean potential of the solid on the foil (batch, time), V: the collector's, to 0.01 mV."""
    return phase_mean(potential[..., :1], mask[..., :1])


def _per_frame(values: tf.Tensor) -> tf.Tensor:
    """(batch, time) -> (batch, time, 1, 1, 1)."""
    return values[:, :, None, None, None]


def _per_sample(values: tf.Tensor) -> tf.Tensor:
    """(batch,) -> (batch, 1, 1, 1, 1)."""
    return values[:, None, None, None, None]


class Channel(NamedTuple):
    """A channel of the state.

    Attributes:
        field: what it is a part of.
        part: "whole", "pattern" or "level", see `Projection`.
        unit: physical value of 1, per unit of C-rate; of c / c_max for the concentration, in V for the
            potential.
    """

    field: str
    part: str
    unit: float


@dataclass(frozen=True)
class ReferenceDeviation:
    """The state is the deviation from the 0-D cell, in units of its training rms per unit of C-rate.

    Concentration: c / c_max minus Faraday's mean degree of lithiation.  Its mean over the AM is zero, so
    the state is its pattern.  Potential: phi minus the open-circuit potential of that mean, in two
    channels: its level, the overpotential of the whole cell, and its pattern, the ohmic drop in the
    solid, which is hundreds of times smaller and would be lost beside it.
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

    drive_channels = 2

    @classmethod
    def from_statistics(cls, fields, parameters, statistics) -> "ReferenceDeviation":
        channels = []
        for field in fields:
            channels.append(Channel(field, "pattern", statistics[field]["pattern_rms"]))
            if field == "potential":
                channels.append(Channel(field, "level", statistics[field]["level_rms"]))
        return cls(tuple(fields), parameters, tuple(channels))

    def drive(self, conditions: Conditions) -> tf.Tensor:
        """(batch, time, 2): C-rate and mean degree of lithiation, both about 0..1."""
        return tf.stack([conditions.c_rate / 3.0, conditions.mean_dol], axis=-1)

    def _reference(self, field: str, conditions: Conditions) -> tf.Tensor:
        if field == "concentration":
            return conditions.mean_dol * self.parameters.c_max_mol_m3
        return open_circuit_potential(conditions.mean_dol, self.parameters, tanh=tf.tanh)

    def _unit(self, channel: Channel, conditions: Conditions) -> tf.Tensor:
        amount = self.parameters.c_max_mol_m3 if channel.field == "concentration" else 1.0
        return _per_sample(conditions.c_rate_scale * channel.unit * amount)

    def encode(self, values: dict, masks: tf.Tensor, conditions: Conditions) -> tf.Tensor:
        """Physical fields -> state, zero outside the phases."""
        states = []
        for i, channel in enumerate(self.channels):
            mask = masks[:, None, ..., i]
            deviation = values[channel.field] - _per_frame(self._reference(channel.field, conditions))
            level = phase_mean(deviation * mask, masks[..., i])[:, :, None, None, None]
            kept = level if channel.part == "level" else deviation - level
            states.append(kept / self._unit(channel, conditions) * mask)
        return tf.stack(states, axis=-1)

    def deviation(self, state: tf.Tensor, conditions: Conditions) -> dict:
        """State -> deviation of each physical field from a uniform reference, zero outside the phases."""
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

    def decode(self, state: tf.Tensor, masks: tf.Tensor, conditions: Conditions) -> dict:
        """State -> physical fields, zero outside the phases."""
        owners = [channel.field for channel in self.channels]
        return {
            field: deviation
            + _per_frame(self._reference(field, conditions)) * masks[:, None, ..., owners.index(field)]
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
        minima, maxima: per field, mol/m3 or V.
    """

    fields: tuple[str, ...]
    parameters: Parameters
    minima: tuple[float, ...]
    maxima: tuple[float, ...]

    drive_channels = 1

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

    def drive(self, conditions: Conditions) -> tf.Tensor:
        """(batch, time, 1): the paper's feature D, the C-rate, about 0..1."""
        return conditions.c_rate[..., None] / 3.0

    def encode(self, values: dict, masks: tf.Tensor, conditions: Conditions) -> tf.Tensor:
        """Physical fields -> state, zero outside the phases."""
        states = [
            (values[field] - low) / (high - low)
            for field, low, high in zip(self.fields, self.minima, self.maxima, strict=True)
        ]
        return tf.stack(states, axis=-1) * masks[:, None]

    def deviation(self, state: tf.Tensor, conditions: Conditions) -> dict:
        """State -> deviation of each physical field from a uniform reference, zero outside the phases."""
        return {channel.field: state[..., i] * channel.unit for i, channel in enumerate(self.channels)}

    def decode(self, state: tf.Tensor, masks: tf.Tensor, conditions: Conditions) -> dict:
        """State -> physical fields, zero outside the phases."""
        return {
            field: (state[..., i] * (high - low) + low) * masks[:, None, ..., i]
            for i, (field, low, high) in enumerate(zip(self.fields, self.minima, self.maxima, strict=True))
        }

    def initial(self, masks: tf.Tensor, conditions: Conditions) -> tf.Tensor:
        """The equilibrium state (batch, x, y, z, channel)."""
        start = conditions.mean_dol[:, :1]
        values = {
            "concentration": _per_frame(start * self.parameters.c_max_mol_m3),
            "potential": _per_frame(open_circuit_potential(start, self.parameters, tanh=tf.tanh)),
        }
        return self.encode(values, masks, conditions)[:, 0]


STATES = {"reference-deviation": ReferenceDeviation, "min-max": MinMax}
