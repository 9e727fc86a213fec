"""A discharge in a few numbers, as TensorFlow operations."""

import tensorflow as tf

from tfmsnet.electrode import AM, CBD, ELECTROLYTE
from tfmsnet.halfcell.parameters import FARADAY_C_MOL

_C_M2_PER_MAH_CM2 = 3.6e4


def summary(phase, times_s, dol, voltage_v, last_concentration, parameters, voxel_size_m: float) -> dict:
    """The scalars of a discharge; `quantities.SUMMARY` explains them.

    Args:
        phase: (batch, x, y, z) uint8.
        times_s, dol: (batch, frame).
        voltage_v: (batch, frame), or None for a model without the potential.
        last_concentration: (batch, x, y, z) at the last frame, mol/m3, or None for a model without it.
        parameters: of the cell.
        voxel_size_m: m.

    Returns:
        name -> (batch,) float32.
    """
    fractions = {
        name: tf.reduce_mean(tf.cast(phase == label, tf.float32), axis=(1, 2, 3))
        for name, label in (("electrolyte_fraction", ELECTROLYTE), ("am_fraction", AM), ("cbd_fraction", CBD))
    }
    thickness_m = tf.cast(tf.shape(phase)[3], tf.float32) * voxel_size_m
    capacity_c_m3 = FARADAY_C_MOL * parameters.c_max_mol_m3 / _C_M2_PER_MAH_CM2
    passed = capacity_c_m3 * (dol[:, -1] - dol[:, 0]) * fractions["am_fraction"] * thickness_m
    found = {"areal_capacity_mah_cm2": passed, **fractions}
    if voltage_v is not None:
        # The current is constant in an interval, and so is the charge per time: the trapezoidal rule.
        means = (voltage_v[:, 1:] + voltage_v[:, :-1]) / 2.0
        charges = dol[:, 1:] - dol[:, :-1]
        energy, charge = tf.reduce_sum(means * charges, axis=1), tf.reduce_sum(charges, axis=1)
        some = tf.abs(charge) > 1e-3 * tf.reduce_sum(tf.abs(charges), axis=1)
        mean = tf.where(some, energy / tf.where(some, charge, 1.0), _time_mean(means, times_s))
        per_dol = capacity_c_m3 * fractions["am_fraction"] * thickness_m
        found |= {"mean_voltage_v": mean, "areal_energy_mwh_cm2": per_dol * energy}
    if last_concentration is not None:
        found["end_dol_std"] = _spread(last_concentration, phase == AM) / parameters.c_max_mol_m3
    return found


def _time_mean(means, times_s):
    """(batch, frame - 1), (batch, frame) -> (batch,)."""
    return tf.reduce_sum(means * (times_s[:, 1:] - times_s[:, :-1]), axis=1) / (
        times_s[:, -1] - times_s[:, 0]
    )


def _spread(values, mask):
    """Standard deviation over a mask, (batch, x, y, z) each -> (batch,)."""
    mask = tf.cast(mask, tf.float32)
    volume = tf.reduce_sum(mask, axis=(1, 2, 3), keepdims=True)
    mean = tf.reduce_sum(values * mask, axis=(1, 2, 3), keepdims=True) / volume
    squares = tf.square(values - mean) * mask
    return tf.sqrt(tf.reduce_sum(squares, axis=(1, 2, 3)) / volume[:, 0, 0, 0])
