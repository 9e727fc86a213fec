import dataclasses
import math

import numpy as np
import pytest

from tfmsnet.errors import UserError
from tfmsnet.halfcell import Parameters, open_circuit_potential
from tfmsnet.materials.parameters import GAS_CONSTANT_J_MOL_K

THERMAL = {
    "reaction_activation_j_mol": 50e3,
    "solid_diffusivity_activation_j_mol": 50e3,
    "salt_conductivity_activation_j_mol": 10e3,
    "salt_diffusivity_activation_j_mol": 10e3,
    "entropic_coefficient_v_k": -1e-4,
}


def test_json_and_dict_round_trips_are_exact():
    parameters = Parameters(
        initial_dol=0.5,
        open_circuit_v={"table": {"x": (0.4, 0.7, 1.0), "y": (4.2, 3.9, 3.0)}},
        salt_diffusivity=(1e-10,),
        **THERMAL,
    )
    assert Parameters.from_json(parameters.to_json()) == parameters
    assert Parameters.from_dict(parameters.as_dict()) == parameters
    assert hash(Parameters.from_json(parameters.to_json())) == hash(parameters)


def test_what_json_leaves_out_has_its_default():
    assert Parameters.from_json('{"initial_dol": 0.5}') == Parameters(initial_dol=0.5)


def test_the_form_of_older_samples_and_models_is_read():
    """They hold at whatever their temperature is."""
    older = {
        "temperature_k": 293.15,
        "c_max_mol_m3": 48207.0,
        "initial_dol": 0.45925,
        "reaction_rate_m2p5_s_mol0p5": 4.38e-11,
        "ocp_linear": [10.04892207, -3.04420906],
        "ocp_tanh": [
            [-0.65637536, -4.02134095, 0.80063948],
            [4.24678547, 12.17805062, 7.57659337],
            [-0.3757068, 59.33067782, 0.99784492],
        ],
        "ocp_dol_range": [0.424, 0.962],
        "solid_diffusivity": [6e-14, -1e-13, 3e-14, 1e-14],
        "solid_diffusivity_floor_m2_s": 1e-16,
        "cbd_conductivity_s_m": 15.93,
        "cbd_conductivity_per_strain_s_m": -17396.7,
        "cbd_strain": [[0.0, 0.0], [10.0, -0.0005], [20.0, -0.001]],
        "salt_conductivity": [0.016, 3.3222, -3.6247, 1.7131, -0.4071, 0.04],
        "salt_diffusivity": [5e-10, -3e-10, 6e-11, -6e-12],
        "transference_number": [0.5222, -0.287, 0.0434, 0.0015],
        "thermodynamic_factor": [1.1778, 0.6692, 0.0944, 0.1138],
        "salt_range_mol_m3": [1.0, 2500.0],
    }
    assert Parameters.from_dict(older) == Parameters()
    warm = Parameters.from_dict({**older, "temperature_k": 310.0})
    assert (warm.temperature_k, warm.at_temperature()) == (310.0, warm)
    np.testing.assert_allclose(open_circuit_potential(0.6, warm), open_circuit_potential(0.6, Parameters()))


def test_arrhenius_and_entropy_are_applied_at_another_temperature():
    warm = Parameters(temperature_k=313.15, **THERMAL).at_temperature()
    factor = math.exp(50e3 / GAS_CONSTANT_J_MOL_K * (1 / 293.15 - 1 / 313.15))
    assert warm.reaction_rate_m2p5_s_mol0p5 == pytest.approx(
        factor * Parameters().reaction_rate_m2p5_s_mol0p5
    )
    np.testing.assert_allclose(warm.solid_diffusivity(0.6), Parameters().solid_diffusivity(0.6) * factor)
    np.testing.assert_allclose(warm.open_circuit_v(0.6), Parameters().open_circuit_v(0.6) - 20 * 1e-4)
    assert warm.at_temperature() == warm


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"temperature_k": 300.0}, "hold at 293.15 K alone, got 300; give reaction_activation_j_mol"),
        ({"temperature_k": 350.0, **THERMAL}, "expected 273.15 to 333.15 K"),
        ({"reaction_activation_j_mol": 1e6}, "reaction_activation_j_mol: expected 0 to"),
        ({"entropic_coefficient_v_k": "x"}, "entropic_coefficient_v_k"),
    ],
)
def test_temperatures_that_nothing_is_known_of_are_refused(values, message):
    with pytest.raises(UserError, match=message):
        Parameters(**values)


@pytest.mark.parametrize("text", ["", "[1]", "null", '{"temperature": 300}'])
def test_other_json_is_refused(text):
    with pytest.raises(UserError, match="Parameters"):
        Parameters.from_json(text)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature_k", 20.0),
        ("temperature_k", math.nan),
        ("temperature_k", "300"),
        ("temperature_k", True),
        ("initial_dol", 0.0),
        ("initial_dol", 0.97),
        ("c_max_mol_m3", -48207.0),
        ("cbd_porosity", 0.0),
        ("cbd_porosity", 1.1),
        ("open_circuit_v", {"tanh": ((1.0, 2.0),)}),
        ("open_circuit_v", None),
        ("ocp_dol_range", (0.9, 0.5)),
        ("salt_range_mol_m3", (1.0, 3000.0)),
        ("salt_range_mol_m3", (1500.0, 2000.0)),
        ("salt_conductivity", (-1.0,)),
        ("salt_conductivity", ()),
        ("solid_diffusivity", "1e-14"),
        ("cbd_strain", ((10.0, 0.0), (0.0, 0.0))),
        ("cbd_strain", ((0.0, 0.0), (10.0, 1.0))),
    ],
)
def test_values_that_cannot_be_meant_are_refused_by_name(name, value):
    with pytest.raises(UserError, match=name if name != "cbd_strain" else "cbd_"):
        Parameters(**{name: value})


def test_every_field_is_documented():
    for spec in dataclasses.fields(Parameters):
        assert spec.name in Parameters.__doc__, spec.name


def test_cbd_conducts_better_the_more_it_is_calendered():
    conductivities = [Parameters().calendered_cbd_conductivity_s_m(percent) for percent in (0, 5, 10, 20)]
    assert conductivities == sorted(conductivities)
    assert conductivities[0] == pytest.approx(15.93)
    assert conductivities[2] == pytest.approx(100 * (0.1593 + 173.967 * 5e-4))
    # Unknown calendering counts as none; beyond the table its end holds.
    assert Parameters().calendered_cbd_conductivity_s_m(math.nan) == conductivities[0]
    assert Parameters().calendered_cbd_conductivity_s_m(40) == conductivities[-1]
