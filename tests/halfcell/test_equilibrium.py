import math

import numpy as np
import pytest

from tfmsnet.halfcell import Parameters, open_circuit_potential


def test_nmc111_starts_at_4_203_volts():
    assert open_circuit_potential(0.45925, Parameters()) == pytest.approx(4.203, abs=5e-4)


def test_potential_falls_all_the_way():
    dol = np.linspace(0.424, 1 - 1e-9, 2000)
    assert (np.diff(open_circuit_potential(dol, Parameters())) < 0).all()


def test_any_librarys_tanh_will_do():
    parameters = Parameters()
    assert open_circuit_potential(0.7, parameters, math.tanh) == pytest.approx(
        open_circuit_potential(np.array(0.7), parameters), rel=1e-14
    )


def test_another_chemistry_is_other_coefficients():
    lfp_like = Parameters(ocp_linear=(3.4, -0.05), ocp_tanh=((-0.3, 40.0, 0.98),))
    assert open_circuit_potential(0.5, lfp_like) == pytest.approx(3.4 - 0.025 + 0.3, abs=1e-9)
