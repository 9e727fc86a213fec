"""The sets by name: complete, sourced, physical; files; the same cell in the simulator and in TensorFlow."""

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf

from tfmsnet.errors import UserError
from tfmsnet.materials import Parameters, names, parameter_set, read_parameters
from tfmsnet.references.materials import Materials

SETS = [pytest.param(parameter_set(name), id=name) for name in names()]
THERMAL = [name for name in names() if name != "nmc111"]


@pytest.mark.parametrize("cell", SETS)
def test_every_value_that_is_not_the_default_has_a_source(cell):
    default = Parameters()
    fields = [spec.name for spec in dataclasses.fields(Parameters)]
    assert set(cell.sources) <= {*fields, "am_density_g_cm3", "particle_diameter_m"}
    changed = {name for name in fields if getattr(cell.parameters, name) != getattr(default, name)}
    assert changed <= set(cell.sources)


def test_the_default_set_has_all_sources():
    fields = {spec.name for spec in dataclasses.fields(Parameters)}
    unknown = {name for name in fields if "activation" in name or name == "entropic_coefficient_v_k"}
    assert set(parameter_set("nmc111").sources) == fields - unknown


@pytest.mark.parametrize("cell", SETS)
def test_the_potential_falls_and_everything_diffuses(cell):
    parameters = cell.parameters
    dol = np.linspace(*parameters.ocp_dol_range, 2001)
    assert (np.diff(parameters.open_circuit_v(dol)) < 0).all()
    assert (parameters.solid_diffusivity(dol) >= parameters.solid_diffusivity_floor_m2_s).all()


@pytest.mark.parametrize("cell", SETS)
def test_single_precision_is_enough(cell):
    """Terms that cancel would show."""
    parameters = cell.parameters
    dol = np.linspace(1e-5, 1 - 1e-5, 1001)
    volts, slope = Materials(parameters).open_circuit(tf.constant(dol, tf.float32))
    dol = dol.astype(np.float32).astype(np.float64)
    limit = 1e-5 + 1e-6 * np.abs(parameters.open_circuit_v.slope(dol))
    assert (np.abs(volts - parameters.open_circuit_v(dol)) < limit).all()
    off = np.abs(slope - parameters.open_circuit_v.slope(dol))
    assert (off < 1e-3 * (1 + np.abs(parameters.open_circuit_v.slope(dol)))).all()


def test_lfp_is_flat_and_graphite_has_stages():
    lfp, graphite = (parameter_set(name).parameters.open_circuit_v for name in ("lfp", "graphite"))
    assert np.ptp(lfp(np.linspace(0.15, 0.9, 100))) < 0.02
    slope = graphite.slope(np.linspace(0.05, 0.9, 2000))
    # Stages: steps at about 0.15-0.2 and 0.5, flat between them.
    assert (
        slope[np.linspace(0.05, 0.9, 2000) > 0.3].min() < 30 * slope[np.linspace(0.05, 0.9, 2000) > 0.3].max()
    )


@pytest.mark.parametrize("name", THERMAL)
def test_a_warm_cell_reacts_and_diffuses_faster(name):
    cell = parameter_set(name)
    warm = cell.at_temperature_c(45).parameters.at_temperature()
    assert warm.temperature_k == 318.15
    assert warm.reaction_rate_m2p5_s_mol0p5 > cell.parameters.reaction_rate_m2p5_s_mol0p5
    for function in ("solid_diffusivity", "salt_conductivity", "salt_diffusivity"):
        assert getattr(warm, function)(0.5) > getattr(cell.parameters, function)(0.5)
    shift = warm.open_circuit_v(0.6) - cell.parameters.open_circuit_v(0.6)
    np.testing.assert_allclose(shift, 20 * cell.parameters.entropic_coefficient_v_k(0.6), atol=1e-9)
    assert cell.at_temperature_c(25) == cell


def test_a_set_without_activation_energies_has_its_own_temperature_alone():
    assert parameter_set("nmc111").at_temperature_c(20) == parameter_set("nmc111")
    with pytest.raises(UserError, match=r"hold at 293\.15 K alone"):
        parameter_set("nmc111").at_temperature_c(25)


@pytest.mark.parametrize("name", names())
def test_a_file_of_a_set_is_the_set(name, tmp_path):
    path = tmp_path / "cell.json"
    path.write_text(json.dumps(parameter_set(name).as_dict()))
    assert read_parameters(path) == parameter_set(name) == read_parameters(name)


def test_a_file_of_some_parameters_leaves_the_others(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text('{"initial_dol": 0.5}')
    assert read_parameters(path).parameters == Parameters(initial_dol=0.5)


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "expected a file, or one of nmc111, "), ('{"k": 1}', "unknown k"), ("[]", "parameters")],
)
def test_no_set_is_refused_with_those_there_are(tmp_path, content, message):
    path = tmp_path / "cell.json"
    if content:
        path.write_text(content)
    with pytest.raises(UserError, match=message):
        read_parameters(path)
