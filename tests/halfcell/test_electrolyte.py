import numpy as np
import pytest

from tfmsnet.halfcell import Parameters, electrolyte


def test_one_molar_electrolyte_is_that_of_landesfeind_and_gasteiger():
    one_molar = np.array([1000.0])
    assert electrolyte.conductivity(one_molar, Parameters()) == pytest.approx(1.0595, rel=1e-6)
    assert electrolyte.diffusivity(one_molar, Parameters()) == pytest.approx(2.54e-10)
    assert electrolyte.transference(one_molar, Parameters()) == pytest.approx(0.2801)
    # 2 R T / F (1 - t+) times a thermodynamic factor of about 2.
    assert electrolyte.diffusion_voltage(one_molar, Parameters()) == pytest.approx(
        2 * 0.025261 * (1 - 0.2801) * 2.0552, rel=1e-4
    )


def test_transport_data_are_physical_over_the_allowed_range():
    parameters = Parameters()
    salt = np.linspace(*parameters.salt_range_mol_m3, 500)
    assert (electrolyte.conductivity(salt, parameters) > 0).all()
    assert (electrolyte.diffusivity(salt, parameters) > 0).all()
    transference = electrolyte.transference(salt, parameters)
    assert transference.min() > 0
    assert transference.max() < 1
