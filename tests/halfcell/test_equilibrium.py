import numpy as np
import pytest

from tfmsnet.halfcell import Parameters, open_circuit_potential


def test_nmc111_starts_at_4_203_volts():
    assert open_circuit_potential(0.45925, Parameters()) == pytest.approx(4.203, abs=5e-4)


def test_potential_falls_all_the_way():
    dol = np.linspace(0.424, 1 - 1e-9, 2000)
    assert (np.diff(open_circuit_potential(dol, Parameters())) < 0).all()


def test_another_chemistry_is_another_function():
    lfp_like = Parameters(open_circuit_v={"polynomial": (3.4, -0.05), "tanh": ((-0.3, 40.0, 0.98),)})
    assert open_circuit_potential(0.5, lfp_like) == pytest.approx(3.4 - 0.025 + 0.3, abs=1e-9)
