"""The materials of a half-cell as TensorFlow operations, from the same coefficients as the simulator's."""

import itertools
from typing import NamedTuple

import tensorflow as tf

from tfmsnet.halfcell import Parameters
from tfmsnet.halfcell.parameters import FARADAY_C_MOL

_SALT_MOL_M3 = 1000.0
# Beyond this |eta F / RT| the exponentials are continued by their tangent, as the simulator does.
_LARGEST_EXPONENT = 30.0


class Reaction(NamedTuple):
    """Lithium insertion at its present state.

    Attributes:
        current: A/m2, into the active material.
        per_volt: its fall by phi_s - phi_l, S/m2, above 0.
        per_dol: its fall by the surface's degree of lithiation, A/m2.
    """

    current: tf.Tensor
    per_volt: tf.Tensor
    per_dol: tf.Tensor


class Materials:
    """What `Parameters` hold, for tensors of any shape and floating type.

    Args:
        parameters: the numbers, see `tfmsnet.halfcell.Parameters`.
    """

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters

    @property
    def thermal_v(self) -> float:
        """R T / F, V."""
        return self.parameters.thermal_voltage_v

    @property
    def charge_c_m3(self) -> float:
        """F c_max, C/m3: the charge of full active material."""
        return FARADAY_C_MOL * self.parameters.c_max_mol_m3

    @property
    def separator_factor(self) -> float:
        """Transport in the separator over that in the bulk electrolyte."""
        return self.parameters.separator_porosity**self.parameters.separator_bruggeman

    def cbd_conductivity(self, calendering_percent: tf.Tensor) -> tf.Tensor:
        """Of electrons in the CBD, S/m; NaN (unknown calendering) counts as uncalendered."""
        unknown = tf.math.is_nan(calendering_percent)
        percent = tf.where(unknown, tf.zeros_like(calendering_percent), calendering_percent)
        pairs = self.parameters.cbd_strain
        percent = tf.clip_by_value(percent, pairs[0][0], pairs[-1][0])
        strain = pairs[0][1] * tf.ones_like(percent)
        for (low, at_low), (high, at_high) in itertools.pairwise(pairs):
            slope = (at_high - at_low) / (high - low)
            strain += slope * tf.clip_by_value(percent - low, 0.0, high - low)
        return self.parameters.cbd_conductivity_s_m + self.parameters.cbd_conductivity_per_strain_s_m * strain

    def open_circuit(self, dol: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The open-circuit potential, V, and its slope, V per degree of lithiation."""
        constant, slope = self.parameters.ocp_linear
        potential, by_dol = constant + slope * dol, slope
        for amplitude, steepness, centre in self.parameters.ocp_tanh:
            tanh = tf.tanh(steepness * (dol - centre))
            potential += amplitude * tanh
            by_dol += amplitude * steepness * (1.0 - tanh * tanh)
        return potential, by_dol

    def solid_diffusivity(self, dol: tf.Tensor) -> tf.Tensor:
        """D_s, m2/s, not below the floor."""
        return tf.maximum(
            _polynomial(self.parameters.solid_diffusivity, dol), self.parameters.solid_diffusivity_floor_m2_s
        )

    def salt_in_range(self, salt: tf.Tensor) -> tf.Tensor:
        """mol/m3, within the range in which the electrolyte's properties are used."""
        return tf.clip_by_value(salt, *self.parameters.salt_range_mol_m3)

    def conductivity(self, salt: tf.Tensor) -> tf.Tensor:
        """Of the electrolyte, S/m."""
        return _polynomial(self.parameters.salt_conductivity, salt / _SALT_MOL_M3)

    def salt_diffusivity(self, salt: tf.Tensor) -> tf.Tensor:
        """Of the salt, m2/s."""
        return _polynomial(self.parameters.salt_diffusivity, salt / _SALT_MOL_M3)

    def transference(self, salt: tf.Tensor) -> tf.Tensor:
        """Share of the current that lithium ions carry."""
        return _polynomial(self.parameters.transference_number, salt / _SALT_MOL_M3)

    def diffusion_voltage(self, salt: tf.Tensor) -> tf.Tensor:
        """(2 R T / F) (1 - t+) (1 + d ln f / d ln c), V per unit of ln c."""
        factor = _polynomial(self.parameters.thermodynamic_factor, salt / _SALT_MOL_M3)
        return 2.0 * self.thermal_v * (1.0 - self.transference(salt)) * factor

    def insertion(self, potential_step: tf.Tensor, dol: tf.Tensor, salt: tf.Tensor) -> Reaction:
        """Butler-Volmer kinetics (Eq. 8 of doi:10.1016/j.ensm.2023.102927).

        Args:
            potential_step: phi_s - phi_l, V.
            dol: of the surface, inside 0 to 1.
            salt: mol/m3 at the surface.
        """
        parameters = self.parameters
        anodic, cathodic = parameters.anodic_transfer_coefficient, parameters.cathodic_transfer_coefficient
        rate = (
            FARADAY_C_MOL
            * parameters.reaction_rate_m2p5_s_mol0p5
            * parameters.c_max_mol_m3 ** (2.0 * cathodic)
        )
        exchange = rate * tf.exp(anodic * tf.math.log(salt) + cathodic * tf.math.log(dol * (1.0 - dol)))
        equilibrium, slope = self.open_circuit(dol)
        overpotential = (potential_step - equilibrium) / self.thermal_v
        out, out_slope = _exponential(anodic * overpotential)
        into, into_slope = _exponential(-cathodic * overpotential)
        current = exchange * (into - out)
        per_volt = exchange * (anodic * out_slope + cathodic * into_slope) / self.thermal_v
        per_dol = -per_volt * slope - current * cathodic * (1.0 / dol - 1.0 / (1.0 - dol))
        return Reaction(current, per_volt, per_dol)

    def metal_overpotential(self, current: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Of the lithium metal and its film, V, and its derivative, ohm m2; `current` in A/m2, dissolving."""
        twice = 2.0 * self.parameters.lithium_exchange_current_a_m2
        volts, sei = 2.0 * self.thermal_v, self.parameters.sei_resistance_ohm_m2
        return (
            volts * tf.asinh(current / twice) + sei * current,
            volts / tf.sqrt(current**2 + twice**2) + sei,
        )


def _polynomial(coefficients: tuple[float, ...], x: tf.Tensor) -> tf.Tensor:
    """Constant first."""
    value = coefficients[-1] * tf.ones_like(x)
    for coefficient in coefficients[-2::-1]:
        value = value * x + coefficient
    return value


def _exponential(exponent: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """exp and its derivative, straight beyond the largest exponent."""
    slope = tf.exp(tf.minimum(exponent, _LARGEST_EXPONENT))
    return slope * (1.0 + tf.maximum(exponent - _LARGEST_EXPONENT, 0.0)), slope
