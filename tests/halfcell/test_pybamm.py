import numpy as np
import pytest

from halfcell_checks.dfn import dfn_curve, dfn_electrode, dfn_loads, off_dfn_v
from tfmsnet.halfcell import simulate


@pytest.mark.parametrize(
    "c_rate", [pytest.param(0.5, marks=pytest.mark.slow), pytest.param(1.0, marks=pytest.mark.slow), 2.0]
)
def test_curve_of_a_well_wired_electrode_is_that_of_pybamms_half_cell_dfn(c_rate):
    """Same thickness, porosity, surface, effective conductivities and materials, nothing fitted.

    Electrode and curves were made by benchmarks/halfcell_pybamm.py.
    """
    curve, discharge = dfn_curve(c_rate), simulate(dfn_electrode(), c_rate)
    np.testing.assert_allclose(discharge.times_s[1:], curve["time_s"])
    np.testing.assert_allclose(discharge.dol[1:], curve["dol"], atol=1e-5)
    # 3.8 mV was measured; a DFN has one particle size, no necks, and no drop of potential within particles.
    assert np.abs(discharge.voltage_v[1:] - curve["voltage_v"]).max() < 5e-3


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pulses", "drive_cycle", "cccv"])
def test_voltage_under_a_load_is_that_of_pybamms_half_cell_dfn(name):
    discharge = simulate(dfn_electrode(), dfn_loads()[name])
    assert discharge.complete
    assert np.sqrt(np.mean(off_dfn_v(discharge, name) ** 2)) < 3e-3
