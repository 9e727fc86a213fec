"""The porous-electrode model for every set of parameters, beside PyBaMM's half-cell DFN."""

import numpy as np
import pytest

from halfcell_checks.dfn import dfn_curve, dfn_electrode
from halfcell_checks.homogeneous import homogeneous_curve
from tfmsnet.halfcell import simulate
from tfmsnet.materials import names, parameter_set

FAST = ("lfp", "graphite")
# mV, root mean square and largest of the simulator's at 1C: its particles have many sizes, PyBaMM's have one.
SIMULATED_MV = {
    "nmc111": (2.0, 2.5),
    "nmc532": (3.0, 4.5),
    "nmc811": (5.5, 7.5),
    "lco": (1.5, 3.0),
    "lfp": (2.5, 5.5),
    "graphite": (4.5, 13.0),
}


def off_mv(voltage_v, name, c_rate):
    known = dfn_curve(c_rate if name == "nmc111" else f"{name}_{c_rate:g}C")["voltage_v"]
    assert len(voltage_v) == len(known)
    off = 1e3 * np.abs(voltage_v - known)
    return np.sqrt(np.mean(off**2)), off.max()


@pytest.mark.parametrize(
    "name", [n if n in FAST else pytest.param(n, marks=pytest.mark.slow) for n in names()]
)
def test_the_same_equations_have_pybamms_curve(name):
    """The first frames, of four time steps each, are farthest."""
    for c_rate in (0.5, 1.0, 2.0):
        mean, largest = off_mv(homogeneous_curve(name, c_rate), name, c_rate)
        assert mean < 0.3 * max(c_rate, 1)
        assert largest < 1.0 * max(c_rate, 1)


@pytest.mark.slow
@pytest.mark.parametrize("name", names())
def test_the_simulator_is_close_to_pybamm(name):
    run = simulate(dfn_electrode(name), 1.0, parameter_set(name).parameters)
    mean, largest = off_mv(run.voltage_v[1:], name, 1.0)
    assert mean < SIMULATED_MV[name][0]
    assert largest < SIMULATED_MV[name][1]
