from pathlib import Path

import numpy as np
import pytest

from tfmsnet.electrode import PhaseImage
from tfmsnet.halfcell import simulate

FIXTURES = Path(__file__).parent / "fixtures"


@pytest.mark.parametrize(
    "c_rate", [pytest.param("0.5", marks=pytest.mark.slow), pytest.param("1", marks=pytest.mark.slow), "2"]
)
def test_curve_of_a_well_wired_electrode_is_that_of_pybamms_half_cell_dfn(c_rate):
    """Same thickness, porosity, surface, effective transport and materials, nothing fitted.

    Electrode and curves were made by benchmarks/halfcell_pybamm.py.
    """
    image = PhaseImage(np.load(FIXTURES / "electrode.npz")["phase"], calendering_percent=0.0)
    curve = np.genfromtxt(FIXTURES / f"pybamm_{c_rate}C.csv", delimiter=",", names=True)
    discharge = simulate(image, float(c_rate))
    np.testing.assert_allclose(discharge.times_s[1:], curve["time_s"])
    np.testing.assert_allclose(discharge.dol[1:], curve["dol"], atol=1e-5)
    # 1.1 mV was measured; a DFN has one particle size and no necks.
    assert np.abs(discharge.voltage_v[1:] - curve["voltage_v"]).max() < 3e-3
