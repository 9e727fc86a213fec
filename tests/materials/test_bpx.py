"""BPX in and out: the same functions and numbers, one electrode of a full cell, what has no place named."""

import copy
import json

import numpy as np
import pytest

from tfmsnet.errors import UserError
from tfmsnet.materials import names, parameter_set, read_parameters

pytest.importorskip("bpx")
from tfmsnet.materials.bpx import from_bpx, to_bpx

ELECTRODE = {
    "Particle radius [m]": 5e-06,
    "Thickness [m]": 5e-05,
    "Conductivity [S.m-1]": 0.5,
    "Surface area per unit volume [m-1]": 4e5,
    "Porosity": 0.3,
    "Transport efficiency": 0.16,
    "Reaction rate constant [mol.m-2.s-1]": 1e-05,
    "Diffusivity activation energy [J.mol-1]": 20000,
    "Reaction rate constant activation energy [J.mol-1]": 30000,
}
CELL = {
    "Header": {"BPX": "1.1.0", "Title": "a cell", "Model": "DFN"},
    "Parameterisation": {
        "Cell": {
            "Reference temperature [K]": 298.15,
            "Lower voltage cut-off [V]": 2.5,
            "Upper voltage cut-off [V]": 4.3,
            "Nominal cell capacity [A.h]": 1,
            "Electrode area [m2]": 0.1,
            "Number of electrode pairs connected in parallel to make a cell": 1,
        },
        "Electrolyte": {
            "Cation transference number": 0.26,
            "Conductivity [S.m-1]": "0.1297e-9 * x ** 3 - 2.51 * (x / 1000) ** 1.5 + 3.329 * (x / 1000)",
            "Diffusivity [m2.s-1]": "8.794e-11 * (x / 1000) ** 2 - 3.972e-10 * (x / 1000) + 4.862e-10",
            "Conductivity activation energy [J.mol-1]": 17100,
            "Diffusivity activation energy [J.mol-1]": 17100,
        },
        "Positive electrode": {
            **ELECTRODE,
            "Diffusivity [m2.s-1]": "1e-14 * (1.1 - x)",
            "OCP [V]": "4.4875 - 0.809 * x - 0.0428 * tanh(18.5138 * (x - 0.5542))",
            "Entropic change coefficient [V.K-1]": -1e-4,
            "Minimum stoichiometry": 0.3,
            "Maximum stoichiometry": 0.95,
            "Maximum concentration [mol.m-3]": 50000,
        },
        "Negative electrode": {
            **ELECTRODE,
            "Diffusivity [m2.s-1]": 3e-14,
            "OCP [V]": {"x": [0, 0.1, 0.3, 0.6, 1], "y": [1.0, 0.2, 0.12, 0.09, 0.05]},
            "Entropic change coefficient [V.K-1]": "0.0001 * exp(-x)",
            "Minimum stoichiometry": 0.01,
            "Maximum stoichiometry": 0.8,
            "Maximum concentration [mol.m-3]": 30000,
        },
        "Separator": {"Thickness [m]": 2e-05, "Porosity": 0.47, "Transport efficiency": 0.3222},
    },
    "State": {
        "Initial conditions": {
            "Initial state-of-charge": 1,
            "Initial temperature [K]": 298.15,
            "Initial electrolyte concentration [mol.m-3]": 1200,
        }
    },
}


def written(tmp_path, content):
    path = tmp_path / "cell.json"
    path.write_text(json.dumps(content))
    return path


def test_both_electrodes_of_a_cell_become_half_cells(tmp_path):
    path = written(tmp_path, CELL)
    cathode, anode = (from_bpx(path, name) for name in ("cathode", "anode"))
    assert read_parameters(path) == cathode.cell
    p = cathode.cell.parameters
    x = np.linspace(0.3, 0.95, 300)
    ocp = 4.4875 - 0.809 * x - 0.0428 * np.tanh(18.5138 * (x - 0.5542))
    np.testing.assert_allclose(p.open_circuit_v(x), ocp, atol=5e-6)
    np.testing.assert_allclose(p.solid_diffusivity(x), 1e-14 * (1.1 - x), rtol=1e-5)
    y = np.linspace(0.01, 2.4, 100)
    np.testing.assert_allclose(p.salt_conductivity(y), 0.1297 * y**3 - 2.51 * y**1.5 + 3.329 * y, rtol=1e-3)
    # i0 = F K at c_l = c_0 and x = 0.5, over 2.
    rate = p.reaction_rate_m2p5_s_mol0p5 * np.sqrt(1200 * 25000 * 25000)
    assert rate == pytest.approx(1e-5 / 2)
    assert p.separator_porosity**p.separator_bruggeman == pytest.approx(0.3222)
    assert (p.temperature_k, p.initial_salt_mol_m3) == (298.15, 1200)
    assert cathode.cell.at_temperature_c(40).parameters.temperature_k == pytest.approx(313.15)
    np.testing.assert_allclose(
        anode.cell.parameters.open_circuit_v([0.1, 0.3, 0.6]), [0.2, 0.12, 0.09], atol=1e-9
    )
    assert anode.cell.parameters.initial_dol < 0.03


def test_what_a_half_cell_has_not_is_named(tmp_path):
    remarks = "\n".join(from_bpx(written(tmp_path, CELL)).remarks)
    for name in ("Thickness [m]", "Negative electrode", "Nominal cell capacity", "Surface area"):
        assert name in remarks


@pytest.mark.parametrize("name", names())
def test_a_set_through_bpx_is_the_set(name, tmp_path):
    content, remarks = to_bpx(parameter_set(name))
    found, known = from_bpx(written(tmp_path, content)).cell.parameters, parameter_set(name).parameters
    x = np.linspace(*known.ocp_dol_range, 500)
    np.testing.assert_allclose(found.open_circuit_v(x), known.open_circuit_v(x), atol=5e-5)
    np.testing.assert_allclose(found.solid_diffusivity(x), known.solid_diffusivity(x), rtol=1e-4)
    y = np.linspace(0.1, 2.4, 100)
    for function in ("salt_conductivity", "salt_diffusivity"):
        np.testing.assert_allclose(getattr(found, function)(y), getattr(known, function)(y), rtol=1e-4)
    same = ("c_max_mol_m3", "reaction_rate_m2p5_s_mol0p5", "separator_bruggeman", "reaction_activation_j_mol")
    for field in (*same, "temperature_k"):
        assert getattr(found, field) == pytest.approx(getattr(known, field)), field
    assert ("transference" in " ".join(remarks)) == (name == "nmc111")


def without(*path):
    content = copy.deepcopy(CELL)
    part = content
    for key in path[:-1]:
        part = part[key]
    del part[path[-1]]
    return content


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (without("Parameterisation", "Positive electrode", "OCP [V]"), "OCP"),
        (without("Parameterisation", "Separator"), "Separator"),
        ({**CELL, "Header": {"BPX": "1.1.0", "Model": "unknown"}}, "not a cell of BPX"),
    ],
)
def test_what_is_not_bpx_is_refused_in_one_line(content, message, tmp_path):
    with pytest.raises(UserError, match=message) as caught:
        from_bpx(written(tmp_path, content))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "expression",
    [
        *("4 - x + 9**9**9**9", "9.0**99999 - x", "4 / (1 - 1) - x", "exp(exp(exp(100 * x)))", "1e400"),
        *("tanh()", "exp(9**9**9**9, x)", "x.real", "__import__('os')", "[x] * 10**9", "y", "4 if x else 3"),
        *("(" * 3000 + "x" + ")" * 3000, "-" * 5000 + "x", "+".join("x" * 4000), "9" * 6000, ""),
    ],
    ids=lambda expression: expression[:20],
)
def test_an_expression_of_a_strangers_file_ends_in_one_line(tmp_path, expression):
    content = copy.deepcopy(CELL)
    content["Parameterisation"]["Positive electrode"]["OCP [V]"] = expression
    with pytest.raises(UserError) as caught:
        from_bpx(written(tmp_path, content))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("part", "entry", "value"),
    [
        ("Separator", "Porosity", 1.0),
        ("Separator", "Transport efficiency", 0.0),
        ("Positive electrode", "Maximum concentration [mol.m-3]", 0),
        ("Positive electrode", "Minimum stoichiometry", 0.95),
        ("Positive electrode", "OCP [V]", {"x": [1, 0], "y": [4, 3]}),
    ],
)
def test_numbers_that_no_cell_has_are_one_line(part, entry, value, tmp_path):
    content = copy.deepcopy(CELL)
    content["Parameterisation"][part][entry] = value
    with pytest.raises(UserError, match=r"cell\.json: ") as caught:
        from_bpx(written(tmp_path, content))
    assert "\n" not in str(caught.value)
