import dataclasses
import math

import pytest

from tfmsnet.errors import UserError
from tfmsnet.halfcell import Parameters


def test_json_and_dict_round_trips_are_exact():
    parameters = Parameters(initial_dol=0.5, ocp_tanh=((0.1, 2.0, 0.3),), salt_diffusivity=(1e-10,))
    assert Parameters.from_json(parameters.to_json()) == parameters
    assert Parameters.from_dict(parameters.as_dict()) == parameters
    assert hash(Parameters.from_json(parameters.to_json())) == hash(parameters)


def test_what_json_leaves_out_has_its_default():
    assert Parameters.from_json('{"temperature_k": 300}') == Parameters(temperature_k=300)


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
        ("ocp_linear", (1.0,)),
        ("ocp_tanh", ((1.0, 2.0),)),
        ("ocp_tanh", 3.0),
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
