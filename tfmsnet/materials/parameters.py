"""What a half-cell is made of: every material value with its unit and source."""

import dataclasses
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real

import numpy as np

from tfmsnet.errors import UserError
from tfmsnet.files import parse_json
from tfmsnet.materials.functions import Function, Table

FARADAY_C_MOL = 96485.33212  # CODATA 2018
C_M2_PER_MAH_CM2 = 3.6e4
GAS_CONSTANT_J_MOL_K = 8.31446261815324  # CODATA 2018

# Field -> smallest and largest value that can be meant.
_RANGES = {
    "temperature_k": (200.0, 400.0),
    "reference_temperature_k": (200.0, 400.0),
    "c_max_mol_m3": (1e2, 1e6),
    "initial_dol": (1e-3, 1 - 1e-3),
    "reaction_rate_m2p5_s_mol0p5": (1e-16, 1e-5),
    "anodic_transfer_coefficient": (0.05, 0.95),
    "cathodic_transfer_coefficient": (0.05, 0.95),
    "solid_diffusivity_floor_m2_s": (1e-22, 1e-9),
    "am_conductivity_s_m": (1e-6, 1e5),
    "cbd_conductivity_s_m": (1e-6, 1e5),
    "cbd_conductivity_per_strain_s_m": (-1e8, 1e8),
    "cbd_porosity": (1e-3, 1.0),
    "cbd_transport_factor": (1e-6, 1.0),
    "initial_salt_mol_m3": (10.0, 5000.0),
    "sei_resistance_ohm_m2": (0.0, 10.0),
    "lithium_exchange_current_a_m2": (1e-4, 1e6),
    "separator_thickness_m": (1e-7, 1e-3),
    "separator_porosity": (0.01, 1.0),
    "separator_bruggeman": (0.0, 10.0),
}
# Field of several numbers -> how many.
_LENGTHS = {"ocp_dol_range": 2, "salt_range_mol_m3": 2, "temperature_range_k": 2}
# Of the DOL.
_OF_DOL = ("open_circuit_v", "solid_diffusivity", "entropic_coefficient_v_k")
# Of y = c_l / SALT_UNIT_MOL_M3, above 0 over the salt's range.
_OF_SALT = ("salt_conductivity", "salt_diffusivity", "transference_number", "thermodynamic_factor")
# What another temperature needs; each of the first goes with a property below.
_ACTIVATIONS = {
    "reaction_activation_j_mol": "reaction_rate_m2p5_s_mol0p5",
    "solid_diffusivity_activation_j_mol": "solid_diffusivity",
    "salt_conductivity_activation_j_mol": "salt_conductivity",
    "salt_diffusivity_activation_j_mol": "salt_diffusivity",
}
_LARGEST_ACTIVATION_J_MOL = 2e5
SALT_UNIT_MOL_M3 = 1000.0


# The paper's NMC111 and electrolyte, and an open-circuit potential for it.
_OPEN_CIRCUIT_V = Function(
    (10.04892207, -3.04420906),
    tanh=(
        (-0.65637536, -4.02134095, 0.80063948),
        (4.24678547, 12.17805062, 7.57659337),
        (-0.3757068, 59.33067782, 0.99784492),
    ),
)
_SOLID_DIFFUSIVITY = Function((6e-14, -1e-13, 3e-14, 1e-14))
_SALT_CONDUCTIVITY = Function((0.016, 3.3222, -3.6247, 1.7131, -0.4071, 0.04))
_SALT_DIFFUSIVITY = Function((5e-10, -3e-10, 6e-11, -6e-12))
_TRANSFERENCE_NUMBER = Function((0.5222, -0.287, 0.0434, 0.0015))
_THERMODYNAMIC_FACTOR = Function((1.1778, 0.6692, 0.0944, 0.1138))


@dataclass(frozen=True)
class Parameters:
    """Materials of an electrode | separator | lithium metal half-cell; the defaults are the paper's NMC111.

    `tfmsnet.materials.parameter_set` has other chemistries by name.  Unless said otherwise the values are
    those of table 1 of doi:10.1016/j.ensm.2023.102927.  Functions are `tfmsnet.materials.Function` (a number,
    coefficients of a polynomial, constant first, or its JSON will do): those of the electrolyte are of
    y = c_l / (1000 mol/m3), the others of the DOL x = c_s / c_max.  All values hold at the reference
    temperature; `at_temperature` has those at the cell's.

    Attributes:
        temperature_k: of the cell, K, the same everywhere and always.
        reference_temperature_k: at which the values hold, K; the table's electrolyte data are of 20 C.
        c_max_mol_m3: largest lithium concentration of the active material (AM), mol/m3.
        initial_dol: degree of lithiation at the start, 0 to 1.
        reaction_rate_m2p5_s_mol0p5: k of i0 = F k c_l^aa c_s^ac (c_max - c_s)^ac, m^2.5 / (s mol^0.5).
        anodic_transfer_coefficient, cathodic_transfer_coefficient: aa, ac.
        open_circuit_v: open-circuit potential against lithium metal, V; that of the NMC111 electrode in the
            BPX standard's public example of a pouch cell (About:Energy); not in the paper.
        ocp_dol_range: DOL between which it was measured.
        solid_diffusivity: D_s, m2/s.  The table prints c_l / c_ref for its argument; x is what can be meant.
        solid_diffusivity_floor_m2_s: smallest D_s (the polynomial is 0 at x = 1); assumed.
        am_conductivity_s_m: of electrons in the AM, S/m.
        cbd_conductivity_s_m: of electrons in the carbon-binder domain (CBD) before calendering, S/m.
        cbd_conductivity_per_strain_s_m: what a unit of calendering strain adds to it, S/m.
        cbd_strain: pairs (calendering in %, strain of the CBD), rising, straight lines between them.  Its
            source (a supplement of the paper's reference 37) isn't public: assumed; a factor of 10 in the
            conductivity moves the voltage by 0.4 mV.
        cbd_porosity: electrolyte per volume of CBD.
        cbd_transport_factor: ionic conductivity and diffusivity in the CBD over those of the bulk
            electrolyte.
        salt_conductivity: of the electrolyte, S/m (Landesfeind and Gasteiger 2019, doi:10.1149/2.0571912jes).
        salt_diffusivity: D_l, m2/s (same source).
        transference_number: t+ (same source).
        thermodynamic_factor: 1 + d ln f / d ln c (same source; the table's row lacks the 1).
        salt_range_mol_m3: concentrations between which the four are used; assumed (D_l is negative above
            2700).
        initial_salt_mol_m3: salt concentration at the start, mol/m3.
        sei_resistance_ohm_m2: of the film on the lithium metal, ohm m2.
        lithium_exchange_current_a_m2: of the lithium metal, A/m2; not in the paper (Xu et al. 2019,
            J. Electrochem. Soc. 166 A3456).
        separator_thickness_m, separator_porosity, separator_bruggeman: separator; transport factor
            porosity ** bruggeman.  Not in the paper: a usual polyolefin separator.
        reaction_activation_j_mol, solid_diffusivity_activation_j_mol, salt_conductivity_activation_j_mol,
        salt_diffusivity_activation_j_mol: activation energies E, J/mol: at T the property is its value times
            exp(E / R (1 / T_ref - 1 / T)); None where not known.
        entropic_coefficient_v_k: change of the open-circuit potential with temperature, V/K; None if unknown.
        temperature_range_k: in which these five may be used, K.

    Raises:
        UserError: a value of the wrong type or outside what can be meant.
    """

    temperature_k: float = 293.15
    reference_temperature_k: float = 293.15
    c_max_mol_m3: float = 48207.0
    initial_dol: float = 0.45925
    reaction_rate_m2p5_s_mol0p5: float = 4.38e-11
    anodic_transfer_coefficient: float = 0.5
    cathodic_transfer_coefficient: float = 0.5
    open_circuit_v: Function = _OPEN_CIRCUIT_V
    ocp_dol_range: tuple[float, float] = (0.424, 0.962)
    solid_diffusivity: Function = _SOLID_DIFFUSIVITY
    solid_diffusivity_floor_m2_s: float = 1e-16
    am_conductivity_s_m: float = 0.01
    cbd_conductivity_s_m: float = 15.93
    cbd_conductivity_per_strain_s_m: float = -17396.7
    cbd_strain: tuple[tuple[float, float], ...] = ((0.0, 0.0), (10.0, -5e-4), (20.0, -1e-3))
    cbd_porosity: float = 0.27
    cbd_transport_factor: float = 0.05
    salt_conductivity: Function = _SALT_CONDUCTIVITY
    salt_diffusivity: Function = _SALT_DIFFUSIVITY
    transference_number: Function = _TRANSFERENCE_NUMBER
    thermodynamic_factor: Function = _THERMODYNAMIC_FACTOR
    salt_range_mol_m3: tuple[float, float] = (1.0, 2500.0)
    initial_salt_mol_m3: float = 1000.0
    sei_resistance_ohm_m2: float = 1e-3
    lithium_exchange_current_a_m2: float = 70.0
    separator_thickness_m: float = 25e-6
    separator_porosity: float = 0.45
    separator_bruggeman: float = 1.5
    reaction_activation_j_mol: float | None = None
    solid_diffusivity_activation_j_mol: float | None = None
    salt_conductivity_activation_j_mol: float | None = None
    salt_diffusivity_activation_j_mol: float | None = None
    entropic_coefficient_v_k: Function | None = None
    temperature_range_k: tuple[float, float] = (273.15, 333.15)

    def __post_init__(self) -> None:
        for name in _RANGES:
            object.__setattr__(self, name, _number(name, getattr(self, name)))
        for name, length in _LENGTHS.items():
            object.__setattr__(self, name, _numbers(name, getattr(self, name), length))
        object.__setattr__(self, "cbd_strain", _rows("cbd_strain", self.cbd_strain, 2))
        for name in (*_OF_DOL, *_OF_SALT):
            object.__setattr__(self, name, _function(name, getattr(self, name)))
        for name, (low, high) in _RANGES.items():
            if not low <= getattr(self, name) <= high:
                raise UserError(
                    f"Parameters.{name}: expected {low:g} to {high:g}, got {getattr(self, name):g}; "
                    "check the unit"
                )
        self._check_ranges()
        self._check_strain()
        self._check_temperature()

    def _check_ranges(self) -> None:
        low, high = self.ocp_dol_range
        if not 0 <= low <= self.initial_dol <= high <= 1:
            raise UserError(
                f"Parameters.ocp_dol_range: expected 0 <= low <= high <= 1 around initial_dol "
                f"({self.initial_dol:g}), got {self.ocp_dol_range}; correct the range or initial_dol"
            )
        low, high = self.salt_range_mol_m3
        if not 0 < low < self.initial_salt_mol_m3 < high:
            raise UserError(
                "Parameters.salt_range_mol_m3: expected 0 < low < initial_salt_mol_m3 "
                f"({self.initial_salt_mol_m3:g}) < high, got {self.salt_range_mol_m3}; correct the range"
            )
        salt = np.linspace(low, high, 101) / SALT_UNIT_MOL_M3
        for name in _OF_SALT:
            function = getattr(self, name)
            if function(salt).min() <= 0:
                raise UserError(
                    f"Parameters.{name}: expected a function of c_l / (1000 mol/m3) above 0 over "
                    f"salt_range_mol_m3 {self.salt_range_mol_m3}, got {function.as_json()}"
                )
            self._check_table(name, function.table, low / SALT_UNIT_MOL_M3, high / SALT_UNIT_MOL_M3)
        for name in _OF_DOL:
            if getattr(self, name) is not None:
                self._check_table(name, getattr(self, name).table, *self.ocp_dol_range)

    @staticmethod
    def _check_table(name: str, table: Table | None, low: float, high: float) -> None:
        if table is not None and not (table.x[0] <= low + 1e-6 and table.x[-1] >= high - 1e-6):
            raise UserError(
                f"Parameters.{name}: expected a table from {low:g} to {high:g}, got {table.x[0]:g} to "
                f"{table.x[-1]:g}; extend it, or narrow "
                f"{'ocp_dol_range' if name in _OF_DOL else 'salt_range_mol_m3'}"
            )

    def _check_temperature(self) -> None:
        for name in _ACTIVATIONS:
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, _number(name, value))
                if not 0 <= value <= _LARGEST_ACTIVATION_J_MOL:
                    raise UserError(
                        f"Parameters.{name}: expected 0 to {_LARGEST_ACTIVATION_J_MOL:g}, got {value:g}; "
                        "check the unit"
                    )
        if self.temperature_k == self.reference_temperature_k:
            return
        unknown = [n for n in (*_ACTIVATIONS, "entropic_coefficient_v_k") if getattr(self, n) is None]
        if unknown:
            raise UserError(
                f"Parameters.temperature_k: the values hold at {self.reference_temperature_k:g} K alone, got "
                f"{self.temperature_k:g}; give {', '.join(unknown)}, or take a set that has them"
            )
        low, high = self.temperature_range_k
        if not low <= self.temperature_k <= high:
            raise UserError(
                f"Parameters.temperature_k: expected {low:g} to {high:g} K (temperature_range_k), got "
                f"{self.temperature_k:g}"
            )

    def _check_strain(self) -> None:
        calendering = [pair[0] for pair in self.cbd_strain]
        if sorted(set(calendering)) != calendering:
            raise UserError(f"Parameters.cbd_strain: expected rising calendering degrees, got {calendering}")
        for percent in calendering:
            self.calendered_cbd_conductivity_s_m(percent)

    @property
    def thermal_voltage_v(self) -> float:
        """R T / F, V."""
        return GAS_CONSTANT_J_MOL_K * self.temperature_k / FARADAY_C_MOL

    def at_temperature(self) -> "Parameters":
        """The same cell with all values as they are at its temperature, which then is the reference."""
        now, reference = self.temperature_k, self.reference_temperature_k
        if now == reference:
            return self
        changed = {}
        for energy, name in _ACTIVATIONS.items():
            inverse = 1 / reference - 1 / now
            factor = math.exp(getattr(self, energy) / GAS_CONSTANT_J_MOL_K * inverse)
            value = getattr(self, name)
            changed[name] = value.scaled(factor) if isinstance(value, Function) else factor * value
        changed["open_circuit_v"] = self.open_circuit_v.plus(
            self.entropic_coefficient_v_k.scaled(now - reference)
        )
        return dataclasses.replace(self, reference_temperature_k=now, **changed)

    def differences(self, other: "Parameters") -> str:
        """What is another in a second cell, for a message; "" where both are the same."""
        names = [spec.name for spec in dataclasses.fields(self)]
        values = [(n, getattr(self, n), getattr(other, n)) for n in names]
        return ", ".join(
            f"{name} {a:g} and {b:g}" if isinstance(a, float) and isinstance(b, float) else name
            for name, a, b in values
            if a != b
        )

    def calendered_cbd_conductivity_s_m(self, calendering_percent: float) -> float:
        """Electronic conductivity of the CBD, S/m; NaN (unknown calendering) counts as uncalendered."""
        percent = 0.0 if math.isnan(calendering_percent) else calendering_percent
        strain = np.interp(percent, *np.transpose(self.cbd_strain))
        conductivity = self.cbd_conductivity_s_m + self.cbd_conductivity_per_strain_s_m * float(strain)
        if not conductivity > 0:
            raise UserError(
                f"Parameters.cbd_conductivity_per_strain_s_m: expected a CBD conductivity above 0, got "
                f"{conductivity:g} S/m at {percent:g} % calendering; check its sign and that of cbd_strain"
            )
        return conductivity

    def as_dict(self) -> dict:
        """The values by name, as JSON types (lists for tuples)."""
        return json.loads(self.to_json())

    def to_json(self) -> str:
        """The values by name, as one line of JSON."""
        values = {spec.name: getattr(self, spec.name) for spec in dataclasses.fields(self)}
        return json.dumps({n: v.as_json() if isinstance(v, Function) else v for n, v in values.items()})

    @classmethod
    def from_dict(cls, values: dict) -> "Parameters":
        """The inverse of `as_dict`; what is left out has its default, an unknown name is a UserError.

        Older samples, records and models have the open-circuit potential as `ocp_linear` and `ocp_tanh`, and
        values that hold at whatever their temperature is.
        """
        values = dict(values)
        if {"ocp_linear", "ocp_tanh"} <= set(values):
            values["open_circuit_v"] = {
                "polynomial": values.pop("ocp_linear"),
                "tanh": values.pop("ocp_tanh"),
            }
            values.setdefault(
                "reference_temperature_k", values.get("temperature_k", cls.reference_temperature_k)
            )
        known = [spec.name for spec in dataclasses.fields(cls)]
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise UserError(f"Parameters: unknown {', '.join(unknown)}; expected some of {', '.join(known)}")
        return cls(**values)

    @classmethod
    def from_json(cls, text: str | bytes) -> "Parameters":
        """The inverse of `to_json`."""
        try:
            values = parse_json(text)
        except ValueError as error:
            raise UserError(f"Parameters: expected JSON, got something else: {error}") from None
        if not isinstance(values, dict):
            raise UserError(f"Parameters: expected a JSON object, got {type(values).__name__}")
        return cls.from_dict(values)


def _function(name: str, value: object) -> Function | None:
    if value is None and name == "entropic_coefficient_v_k":
        return None
    try:
        return Function.of(value)
    except UserError as error:
        raise UserError(f"Parameters.{name}: {error}") from None


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise UserError(f"Parameters.{name}: expected finite numbers, got {value!r}")
    return float(value)


def _items(name: str, value: object, length: int | None) -> Sequence:
    expected = "one item or more" if length is None else f"{length} items"
    if (
        not isinstance(value, Sequence)
        or isinstance(value, str)
        or not len(value) == (length or len(value) or 1)
    ):
        raise UserError(f"Parameters.{name}: expected a sequence of {expected}, got {value!r}")
    return value


def _numbers(name: str, value: object, length: int | None) -> tuple[float, ...]:
    return tuple(_number(name, item) for item in _items(name, value, length))


def _rows(name: str, value: object, width: int) -> tuple[tuple[float, ...], ...]:
    return tuple(_numbers(name, row, width) for row in _items(name, value, None))
