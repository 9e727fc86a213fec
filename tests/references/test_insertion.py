"""Kinetics and diffusion at the surface beside the simulator's, and what becomes of the capacity."""

import numpy as np
import pytest
import tensorflow as tf

import tfmsnet
from tfmsnet.electrode import Recipe, generate
from tfmsnet.halfcell import Parameters, open_circuit_potential, simulate
from tfmsnet.halfcell.grid import build_grid
from tfmsnet.halfcell.kinetics import Insertion as SimulatedInsertion
from tfmsnet.load import FRAMES_TO_FULL, constant_current
from tfmsnet.materials import parameter_set
from tfmsnet.references.geometry import Geometry
from tfmsnet.references.insertion import Insertion
from tfmsnet.references.materials import Materials
from tfmsnet.references.particles import Spheres, Voxels
from tfmsnet.references.reduced import ResolvedParticles


@pytest.fixture(scope="module")
def image():
    return generate(Recipe(92, 10, (12, 10, 16), 0.5e-6, seed=4))


def particles_of(kind, image):
    materials = Materials(Parameters())
    phase, voxel = tf.constant(image.phase[None]), tf.constant([image.voxel_size_m], tf.float64)
    return kind(Geometry(phase, voxel, materials), materials), materials


def states(kind, image, cell_dol, overpotential_v):
    """Random degrees of lithiation and overpotentials in ranges, and salt, for every site."""
    particles, materials = particles_of(kind, image)
    rng, shape = np.random.default_rng(3), particles.area.shape
    dol, over, salt = (rng.uniform(*ends, shape) for ends in (cell_dol, overpotential_v, (300, 1500)))
    step = open_circuit_potential(dol, Parameters()) + over
    return particles, materials, [part.astype(np.float32) for part in (step, dol, salt)]


def found(particles, materials, step, dol, salt):
    nothing = tf.zeros_like(particles.area)
    return Insertion(particles, materials).at(*map(tf.constant, (step, dol, salt)), nothing, nothing)


def simulated(particles, step, dol, salt):
    """The simulator's current at every face, then its mean over each site."""
    total = np.zeros(particles.area.shape)
    for area, depth_m in particles.faces():
        here = area.numpy() > 0
        values = [part[here].astype(float) for part in (step, dol, salt)]
        insertion = SimulatedInsertion(depth_m.numpy()[here].astype(float), Parameters())
        total[here] += area.numpy()[here] * insertion.react(*values, np.zeros(here.sum())).current
    area = particles.area.numpy()
    # Positive into the active material here.
    return -total / np.where(area > 0, area, 1)


@pytest.mark.parametrize("kind", [Voxels, Spheres])
@pytest.mark.parametrize(
    ("cell_dol", "overpotential_v"),
    [
        pytest.param((0.46, 0.8), (-0.05, 0.05), id="usual"),
        pytest.param((0.9, 0.99), (-0.6, -0.1), id="nearly full"),
        pytest.param((0.05, 0.3), (0.1, 0.6), id="emptied"),
        pytest.param((0.3, 0.97), (-3, 3), id="volts away"),
    ],
)
def test_faces_take_what_the_simulators_take(kind, cell_dol, overpotential_v, image):
    particles, materials, values = states(kind, image, cell_dol, overpotential_v)
    linear, known = found(particles, materials, *values), simulated(particles, *values)
    size = np.abs(known).max()
    assert size > 1
    np.testing.assert_allclose(linear.current, known, rtol=2e-3, atol=2e-4 * size)
    assert (linear.per_volt.numpy() >= 0).all()
    assert (linear.per_dol.numpy() >= 0).all()


def test_faces_are_the_simulators(image):
    particles, _ = particles_of(Voxels, image)
    known = build_grid(image, Parameters()).interface
    area, depth_m = (
        np.concatenate([np.ravel(part) for part in parts]) for parts in zip(*particles.faces(), strict=True)
    )
    reacts = area > 0
    assert reacts.sum() == len(known.area_m2)
    np.testing.assert_allclose(
        np.sort(area[reacts]) * image.voxel_size_m**2, np.sort(known.area_m2), rtol=1e-4
    )
    np.testing.assert_allclose(np.sort(depth_m[reacts]), np.sort(known.depth_m), rtol=1e-4)


@pytest.mark.parametrize("cell_dol", [(0.5, 0.8), (0.9, 0.97)])
def test_the_currents_slopes_are_those_of_the_simulators(cell_dol, image):
    particles, materials, (step, dol, salt) = states(Voxels, image, cell_dol, (-0.2, -0.02))
    linear = found(particles, materials, step, dol, salt)
    for name, change, moved in (("per_volt", 1e-4, 0), ("per_dol", 1e-5, 1)):
        shifted = []
        for sign in (1, -1):
            values = [part.astype(float) for part in (step, dol, salt)]
            values[moved] = values[moved] + sign * change
            shifted.append(simulated(particles, *values))
        slope = -(shifted[0] - shifted[1]) / (2 * change)
        scale = np.abs(slope).max()
        np.testing.assert_allclose(getattr(linear, name), slope, rtol=0.03, atol=5e-3 * scale)


def test_a_sample_whose_potentials_are_nan_leaves_the_others_alone(image):
    materials = Materials(Parameters())
    phase = tf.constant(np.stack([image.phase, image.phase]))
    particles = Voxels(
        Geometry(phase, tf.constant([image.voxel_size_m] * 2, tf.float64), materials), materials
    )
    _, _, values = states(Voxels, image, (0.5, 0.8), (-0.1, 0.1))
    pairs = [np.concatenate([part, part]) for part in values]
    alone = found(*particles_of(Voxels, image), *values)
    pairs[0][0] = np.nan
    both = found(particles, materials, *pairs)
    np.testing.assert_allclose(both.current[1], alone.current[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("model", "share"), [("resolved-particles", 1e-3), ("porous-electrode", 2e-2)])
def test_the_capacity_to_a_cutoff_is_the_simulators(model, share):
    """Down the collapse to the voltage itself: a model whose surfaces fall behind ends above it."""
    image = generate(Recipe(94, 5, (16, 16, 24), 0.6e-6, seed=8))
    load = constant_current(1.5, FRAMES_TO_FULL, 3.0)
    known, answer = simulate(image, load), tfmsnet.load_model(model).curve(image, load)
    assert [ended.reason for ended in answer.ends] == ["voltage"] == [ended.reason for ended in known.ends]
    assert answer.voltage_v[-1] == pytest.approx(3.0, abs=5e-3)
    assert answer.dol[-1] - answer.dol[0] == pytest.approx(known.dol[-1] - known.dol[0], rel=share)


@pytest.mark.parametrize(("cell", "c_rate", "cutoff_v"), [("lfp", 1.0, 2.6), ("graphite", 3.0, 0.01)])
def test_other_cells_come_to_their_cutoff(cell, c_rate, cutoff_v):
    """From a flat potential a first pass leads to full surfaces; full voxels take no more, and no less."""
    image = generate(Recipe(92, 10, (12, 12, 20), 0.5e-6, seed=11))
    load = constant_current(c_rate, FRAMES_TO_FULL, cutoff_v)
    parameters = parameter_set(cell).parameters
    known = simulate(image, load, parameters)
    answer = tfmsnet.load_model("resolved-particles").of_cell(parameters).curve(image, load)
    assert [ended.reason for ended in answer.ends] == ["voltage"] == [ended.reason for ended in known.ends]
    assert answer.ends[0].time_s == pytest.approx(known.ends[0].time_s, rel=1e-3)


def test_a_neighbour_without_active_material_changes_nothing(image):
    """First in the batch: what it leaves must not run over into the next sample."""
    times_s = 50.0 * np.arange(30)
    # A graph, as outside of tests.
    discharge = tf.function(ResolvedParticles(Parameters()).discharge, reduce_retracing=True)

    def end(*phases):
        count = len(phases)
        found = discharge(
            tf.constant(np.stack(phases)),
            tf.fill([count], tf.constant(image.voxel_size_m, tf.float64)),
            tf.constant(np.full((count, 30), 2.0)),
            tf.constant(np.tile(times_s, (count, 1))),
            tf.fill([count], tf.constant(np.nan, tf.float64)),
        )
        return found["ended"].numpy()[-1], found["voltage_v"].numpy()[-1]

    (ended, voltage), (alone, known) = end(np.zeros_like(image.phase), image.phase), end(image.phase)
    assert ended == alone > 15
    np.testing.assert_allclose(voltage, known, atol=2e-4)
