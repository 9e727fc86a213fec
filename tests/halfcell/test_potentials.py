import numpy as np
import pytest
from scipy.sparse.linalg import spsolve

from tfmsnet.electrode import PhaseImage
from tfmsnet.halfcell import Parameters
from tfmsnet.halfcell.control import Galvanostatic
from tfmsnet.halfcell.grid import build_grid
from tfmsnet.halfcell.potentials import Link, Potentials

CURRENT_A = 5e-10


def solved(image, parameters, salt=None, conductance=100.0, source=4.0):
    """Grid, potentials object, potentials and flows under a uniform linear reaction."""
    grid = build_grid(image, parameters)
    potentials = Potentials(grid, parameters)
    faces = len(grid.interface.am)
    salt = np.full(potentials.liquids, 1000.0) if salt is None else salt
    metal = np.full(len(grid.metal), CURRENT_A / len(grid.metal) / grid.voxel_face_m2)
    link = Link(np.full(faces, conductance), np.full(faces, source))
    potential = np.zeros(potentials.solids + potentials.liquids + 1)
    # From a guess that is volts away rounding leaves some 1e-7 of the current; the second solution cures it.
    for _ in range(2):
        potential, flows = potentials.solve(
            potential, link, salt, metal, Galvanostatic(CURRENT_A), 1e-9, 1e-10
        )
    return grid, potentials, potential, flows


def test_agrees_with_a_direct_solver(electrode):
    rng = np.random.default_rng(0)
    salt = rng.uniform(800, 1200, len(build_grid(electrode, Parameters()).liquid_volume_m3))
    _, potentials, potential, flows = solved(electrode, Parameters(), salt)
    order = potentials._order
    matrix = potentials._network.matrix(potentials._conductance, potentials._ground[order])
    right = matrix @ potential[order]
    assert np.abs(spsolve(matrix.tocsc(), right) - potential[order]).max() < 1e-8
    assert flows.imbalance < 1e-8


def test_the_whole_current_crosses_every_plane(electrode):
    grid, potentials, potential, flows = solved(electrode, Parameters())
    nodes_z = np.concatenate([grid.solid_voxels % electrode.shape[2], np.full(potentials.liquids, -1), [-1]])
    order, network = potentials._order, potentials._network
    tails, heads = order[network.tails], order[network.heads]
    current = potentials._conductance * (potential[tails] - potential[heads] - potentials._source)
    solid = (tails < potentials.solids) & (heads < potentials.solids)
    z = nodes_z[tails[solid]], nodes_z[heads[solid]]
    for plane in range(1, electrode.shape[2]):
        through_solid = current[solid][(z[0] == plane - 1) & (z[1] == plane)].sum()
        # Reactions on the foil's side of the plane have turned the rest into ions.
        behind = nodes_z[grid.interface.solid] < plane
        reacted = (grid.interface.area_m2 * flows.reaction)[behind].sum()
        assert through_solid == pytest.approx(-CURRENT_A - reacted, abs=1e-7 * CURRENT_A)
    assert (grid.interface.area_m2 * flows.reaction).sum() == pytest.approx(-CURRENT_A, rel=1e-10)
    assert flows.metal.sum() * grid.voxel_face_m2 == pytest.approx(CURRENT_A, rel=1e-10)


def test_a_slab_obeys_ohms_law():
    """AM slab, reacting plane, electrolyte, separator, metal: resistances in series."""
    # Hardly any salt gradient, and so no diffusion potential.
    parameters = Parameters(transference_number=(1 - 1e-9,))
    phase = np.zeros((4, 4, 12), np.uint8)
    phase[:, :, :7] = 1
    grid, _, potential, _ = solved(PhaseImage(phase), parameters, conductance=100.0, source=4.0)
    h, density = 0.5e-6, CURRENT_A / (16 * grid.voxel_face_m2)
    salt_conductivity = float(parameters.salt_conductivity(1.0))
    separator = parameters.separator_thickness_m / (parameters.separator_porosity**1.5 * salt_conductivity)
    metal = (
        2 * parameters.thermal_voltage_v * np.arcsinh(density / 2 / parameters.lithium_exchange_current_a_m2)
    )
    # Face to face: seven cells of AM; centres to face is half a cell more on both sides of the reaction.
    drop = density * (
        (7 - 0.5) * h / parameters.am_conductivity_s_m
        + (5 - 0.5) * h / salt_conductivity
        + separator
        + parameters.sei_resistance_ohm_m2
        + 1 / 100.0
    )
    assert 4.0 - potential[-1] == pytest.approx(drop + metal, rel=1e-6)


def test_at_open_circuit_a_salt_gradient_makes_the_diffusion_potential():
    """Without current, phi_l follows the integral of the diffusion voltage over ln c."""
    from tfmsnet.halfcell import electrolyte

    parameters = Parameters()
    phase = np.zeros((4, 4, 40), np.uint8)
    phase[:, :, :8] = 1
    image = PhaseImage(phase)
    grid = build_grid(image, parameters)
    potentials = Potentials(grid, parameters)
    column = np.concatenate([np.linspace(900, 1100, 32), np.full(6, 1100.0)])
    salt = np.tile(column, 16)
    faces = len(grid.interface.am)
    potential, _ = potentials.solve(
        np.zeros(potentials.solids + potentials.liquids + 1),
        Link(np.full(faces, 100.0), np.full(faces, 4.0)),
        salt,
        np.zeros(16),
        Galvanostatic(0.0),
        1e-9,
        np.inf,
    )
    liquid = potential[potentials.solids : potentials.solids + 38]
    fine = np.linspace(900, 1100, 4001)
    integrand = electrolyte.diffusion_voltage(fine, parameters) / fine
    expected = integrand.mean() * (fine[-1] - fine[0])
    assert liquid[31] - liquid[0] == pytest.approx(expected, rel=1e-4)
    assert potential[-1] == pytest.approx(4.0 - expected, abs=1e-6)
