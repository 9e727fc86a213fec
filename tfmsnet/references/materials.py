"""The materials of a half-cell as TensorFlow operations, from the same coefficients as the simulator's."""

import itertools
from typing import NamedTuple

import tensorflow as tf

from tfmsnet.materials.functions import Function, evaluate
from tfmsnet.materials.parameters import FARADAY_C_MOL, GAS_CONSTANT_J_MOL_K, SALT_UNIT_MOL_M3, Parameters

# Beyond this |eta F / RT| the exponentials are continued by their tangent, as the simulator does.
_LARGEST_EXPONENT = 30.0


class LinearisedReaction(NamedTuple):
    """Lithium insertion at its present state.

    Attributes:
        current: A/m2, into the active material.
        per_volt: its fall by phi_s - phi_l, S/m2, above 0.
        per_dol: its fall by the surface's degree of lithiation, A/m2.
    """

    current: tf.Tensor
    per_volt: tf.Tensor
    per_dol: tf.Tensor


class Numbers:
    """The numbers of a cell by their names in `Parameters`, as they go with tensors of a type.

    Args:
        parameters: of the cell; what has tensors for numbers is cast.
        dtype: of the tensors.
    """

    def __init__(self, parameters: Parameters, dtype: tf.DType) -> None:
        self._parameters, self._dtype = parameters, dtype

    def __getattr__(self, name: str):
        value = getattr(self._parameters, name)
        return tf.cast(value, self._dtype) if tf.is_tensor(value) else value

    @property
    def charge_c_m3(self):
        """F c_max, C/m3: the charge of full active material."""
        return FARADAY_C_MOL * self.c_max_mol_m3

    @property
    def thermal_voltage_v(self):
        """R T / F, V."""
        return GAS_CONSTANT_J_MOL_K / FARADAY_C_MOL * self.temperature_k

    @property
    def separator_factor(self):
        """Transport in the separator over that in the bulk electrolyte."""
        return self.separator_porosity**self.separator_bruggeman


class _Library:
    """TensorFlow for `tfmsnet.materials.functions.evaluate`."""

    zeros_like, tanh, exp = tf.zeros_like, tf.tanh, tf.exp

    @staticmethod
    def clip(x: tf.Tensor, low, high) -> tf.Tensor:
        return tf.clip_by_value(x, tf.cast(low, x.dtype), tf.cast(high, x.dtype))

    @staticmethod
    def cubics(table, inside: tf.Tensor) -> list[tf.Tensor]:
        rows, places = tf.cast(table.cubics, inside.dtype), tf.reshape(inside, [-1])
        interval = tf.searchsorted(rows[:, 0], places, side="right") - 1
        found = tf.gather(rows, tf.reshape(tf.maximum(interval, 0), tf.shape(inside)))
        return tf.unstack(found, num=5, axis=-1)


class Materials:
    """What `Parameters` hold, for tensors of any shape and floating type.

    Args:
        parameters: see `tfmsnet.materials.Parameters`; values are taken at their temperature.

    Attributes:
        single, double: the numbers, for float32 and float64.
    """

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters
        self._now = parameters.at_temperature()
        self.single, self.double = Numbers(self._now, tf.float32), Numbers(self._now, tf.float64)

    def _numbers(self, x: tf.Tensor) -> Numbers:
        return self.single if x.dtype == tf.float32 else self.double

    def cbd_conductivity(self, calendering_percent: tf.Tensor) -> tf.Tensor:
        """Of electrons in the CBD, S/m; NaN (unknown calendering) counts as uncalendered."""
        unknown = tf.math.is_nan(calendering_percent)
        percent = tf.where(unknown, tf.zeros_like(calendering_percent), calendering_percent)
        numbers, pairs = self._numbers(percent), self._now.cbd_strain
        percent = tf.clip_by_value(percent, pairs[0][0], pairs[-1][0])
        strain = pairs[0][1] * tf.ones_like(percent)
        for (low, at_low), (high, at_high) in itertools.pairwise(pairs):
            slope = (at_high - at_low) / (high - low)
            strain += slope * tf.clip_by_value(percent - low, 0.0, high - low)
        return numbers.cbd_conductivity_s_m + numbers.cbd_conductivity_per_strain_s_m * strain

    def open_circuit(self, dol: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The open-circuit potential, V, and its slope, V per degree of lithiation."""
        return evaluate(self._now.open_circuit_v, dol, _Library)

    def solid_diffusivity(self, dol: tf.Tensor) -> tf.Tensor:
        """D_s, m2/s, not below the floor."""
        return self.solid_diffusivity_and_slope(dol)[0]

    def solid_diffusivity_and_slope(self, dol: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """D_s, m2/s, not below the floor, and its slope per degree of lithiation."""
        value, slope = evaluate(self._now.solid_diffusivity, dol, _Library)
        floor = self._numbers(dol).solid_diffusivity_floor_m2_s
        return tf.maximum(value, floor), tf.where(value > floor, slope, tf.zeros_like(slope))

    def salt_in_range(self, salt: tf.Tensor) -> tf.Tensor:
        """mol/m3, within the range in which the electrolyte's properties are used."""
        limits = self._numbers(salt).salt_range_mol_m3
        return tf.clip_by_value(salt, limits[0], limits[1])

    def conductivity(self, salt: tf.Tensor) -> tf.Tensor:
        """Of the electrolyte, S/m."""
        return _of_salt(self._now.salt_conductivity, salt)

    def salt_diffusivity(self, salt: tf.Tensor) -> tf.Tensor:
        """Of the salt, m2/s."""
        return _of_salt(self._now.salt_diffusivity, salt)

    def transference(self, salt: tf.Tensor) -> tf.Tensor:
        """Share of the current that lithium ions carry."""
        return _of_salt(self._now.transference_number, salt)

    def diffusion_voltage(self, salt: tf.Tensor) -> tf.Tensor:
        """(2 R T / F) (1 - t+) (1 + d ln f / d ln c), V per unit of ln c."""
        factor = _of_salt(self._now.thermodynamic_factor, salt)
        return 2.0 * self._numbers(salt).thermal_voltage_v * (1.0 - self.transference(salt)) * factor

    def insertion(self, potential_step: tf.Tensor, dol: tf.Tensor, salt: tf.Tensor) -> LinearisedReaction:
        """Butler-Volmer kinetics (Eq. 8 of doi:10.1016/j.ensm.2023.102927).

        Args:
            potential_step: phi_s - phi_l, V.
            dol: of the surface, inside 0 to 1.
            salt: mol/m3 at the surface.
        """
        numbers = self._numbers(dol)
        anodic, cathodic = numbers.anodic_transfer_coefficient, numbers.cathodic_transfer_coefficient
        rate = FARADAY_C_MOL * numbers.reaction_rate_m2p5_s_mol0p5 * numbers.c_max_mol_m3 ** (2.0 * cathodic)
        exchange = rate * tf.exp(anodic * tf.math.log(salt) + cathodic * tf.math.log(dol * (1.0 - dol)))
        equilibrium, slope = self.open_circuit(dol)
        overpotential = (potential_step - equilibrium) / numbers.thermal_voltage_v
        out, out_slope = _exponential(anodic * overpotential)
        into, into_slope = _exponential(-cathodic * overpotential)
        current = exchange * (into - out)
        per_volt = exchange * (anodic * out_slope + cathodic * into_slope) / numbers.thermal_voltage_v
        per_dol = -per_volt * slope - current * cathodic * (1.0 / dol - 1.0 / (1.0 - dol))
        return LinearisedReaction(current, per_volt, per_dol)

    def metal_overpotential(self, current: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Of the lithium metal and its film, V, and its derivative, ohm m2; `current` in A/m2, dissolving."""
        numbers = self._numbers(current)
        twice = 2.0 * numbers.lithium_exchange_current_a_m2
        volts, sei = 2.0 * numbers.thermal_voltage_v, numbers.sei_resistance_ohm_m2
        return (
            volts * tf.asinh(current / twice) + sei * current,
            volts / tf.sqrt(current**2 + twice**2) + sei,
        )


def _of_salt(function: Function, salt: tf.Tensor) -> tf.Tensor:
    return evaluate(function, salt / SALT_UNIT_MOL_M3, _Library)[0]


def _exponential(exponent: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """exp and its derivative, straight beyond the largest exponent."""
    slope = tf.exp(tf.minimum(exponent, _LARGEST_EXPONENT))
    return slope * (1.0 + tf.maximum(exponent - _LARGEST_EXPONENT, 0.0)), slope
