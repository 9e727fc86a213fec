"""Diffusion in the active material against the series of a sphere, conduction against layers in series."""

from functools import partial

import numpy as np
import pytest
import tensorflow as tf

from halfcell_checks.sphere import series
from tfmsnet.electrode import AM, CBD
from tfmsnet.halfcell import Parameters
from tfmsnet.references.geometry import Geometry
from tfmsnet.references.materials import Materials
from tfmsnet.references.particles import Spheres, Voxels

DIFFUSIVITY = 1e-14
VOXEL_M = 0.5e-6


def filled(kind, phase, fourier=0.1, steps=40):
    """Degree of lithiation gained, less its mean, over what the series has for its unit; the radius in m."""
    materials = Materials(Parameters(solid_diffusivity=(DIFFUSIVITY,)))
    geometry = Geometry(tf.constant(phase[None]), tf.constant([VOXEL_M], tf.float64), materials)
    particles = kind(geometry, materials)
    am = phase == AM
    radius_m = 3 * am.sum() * VOXEL_M / float(tf.reduce_sum(geometry.plane_area()))
    step_s = fourier * radius_m**2 / DIFFUSIVITY / steps
    density = 1e-3
    weight = tf.fill([1, 1, 1], 1 / step_s)
    diffusion = particles.diffusion(0.5 * particles.inside, tf.cast(weight, tf.float32))
    gain = particles.without_mean(particles.source(particles.uptake * density))
    u = tf.zeros_like(particles.inside)
    for _ in range(steps):
        u = diffusion.solve(u / step_s + gain, tf.zeros_like(particles.area), u, tf.constant(1e-9))
    unit = density * radius_m / (materials.double.charge_c_m3 * DIFFUSIVITY)
    return geometry, u / unit, radius_m


def sphere(radius=11.0, size=32):
    centre = (size - 1) / 2 + 0.3
    r = np.sqrt(((np.indices((size, size, size)) - centre) ** 2).sum(0))
    phase = np.where(r < radius, AM, CBD).astype(np.uint8)
    return phase, r


def test_voxels_fill_as_a_sphere_does():
    phase, r = sphere()
    geometry, u, radius_m = filled(Voxels, phase)
    am = phase == AM
    found = geometry.lattice.unpacked(u).numpy()[0][:, :, : phase.shape[2]][am]
    expected = series(np.minimum(r[am] * VOXEL_M / radius_m, 1.0), 0.1) - 0.3
    assert np.sqrt(np.mean((found - expected) ** 2)) < 0.03 * np.sqrt(np.mean((expected + 0.3) ** 2))


def test_shells_fill_as_a_sphere_does():
    phase, _ = sphere(8.0, 24)
    _, u, _ = filled(partial(Spheres, dimensions=3.0), phase)
    shells = u.shape[1]
    middle = (np.arange(shells) + 0.5) / shells
    expected = series(middle, 0.1) - 0.3
    plane = int(np.argmax((phase == AM).sum((0, 1))))
    assert np.abs(u.numpy()[0, :, plane] - expected).max() < 0.015 * np.abs(expected + 0.3).max()


def layer():
    am = np.zeros((8, 8, 24), bool)
    am[..., 4:20] = True
    return am


def cylinder():
    r = np.hypot(*(np.indices((32, 32)) - 15.2))
    return np.broadcast_to(r < 11.0, (8, 32, 32))


def ball():
    return sphere()[0] == AM


def of_many_sizes():
    am = np.zeros((40, 24, 26), bool)
    for centre, radius in (((11, 12, 12), 9.0), ((28, 6, 6), 3.5), ((28, 17, 6), 3.5), ((28, 12, 18), 3.5)):
        am |= ((np.indices(am.shape) - np.reshape(centre, (3, 1, 1, 1))) ** 2).sum(0) < radius**2
    return am


@pytest.mark.parametrize(
    ("body", "least", "most"),
    [(layer, 1.0, 1.05), (cylinder, 1.9, 2.15), (ball, 2.85, 3.2), (of_many_sizes, 4.0, 12.0)],
)
def test_particles_have_as_many_dimensions_as_what_fills_alike(body, least, most):
    phase = np.where(body(), AM, CBD).astype(np.uint8)
    materials = Materials(Parameters())
    geometry = Geometry(tf.constant(phase[None]), tf.constant([VOXEL_M], tf.float64), materials)
    assert least <= float(Spheres(geometry, materials).dimensions[0, 0, 0]) < most


def test_layers_conduct_in_series():
    phase = np.broadcast_to(np.repeat([AM, CBD, 0], [4, 3, 9]).astype(np.uint8), (4, 5, 16))
    parameters = Parameters()
    materials = Materials(parameters)
    geometry = Geometry(tf.constant(phase[None]), tf.constant([VOXEL_M], tf.float64), materials)
    f = parameters.cbd_transport_factor
    liquid, solid = geometry.conduction(0.01, tf.constant([16.0], tf.float64))
    liquid = liquid.between.numpy()[0] / VOXEL_M
    np.testing.assert_allclose(liquid[4:6], 1 / f, rtol=1e-3)
    assert liquid[6] == pytest.approx(0.5 / f + 0.5, rel=1e-3)
    np.testing.assert_allclose(liquid[7:15], 1.0, rtol=1e-3)
    np.testing.assert_allclose(solid.between.numpy()[0, :3] * 0.01 / VOXEL_M, 1.0, rtol=5e-3)
    assert float(solid.end[0, 0]) * 0.01 / VOXEL_M == pytest.approx(0.5, rel=5e-3)


def test_lithium_diffuses_between_voxels_by_the_diffusivity_halfway():
    """As in the simulator: near full, where D falls to a hundredth, the mean of both sides is off by more."""
    diffusivity = Parameters().solid_diffusivity
    materials = Materials(Parameters())
    phase = np.full((1, 1, 8, 3), AM, np.uint8)
    geometry = Geometry(tf.constant(phase), tf.constant([VOXEL_M], tf.float64), materials)
    particles = Voxels(geometry, materials)
    profile = np.linspace(0.6, 0.98, 8)
    images = np.broadcast_to(profile[None, None, :, None], phase.shape).astype(np.float32)
    u, weight = particles.inside * geometry.lattice.packed(tf.constant(images)), 1e-2
    diffusion = particles.diffusion(u, tf.fill([1, 1, 1], weight))
    nothing = tf.zeros_like(u)
    change = diffusion.residual(nothing, u) + weight * u
    flow = diffusivity((profile[1:] + profile[:-1]) / 2) * np.diff(profile) / VOXEL_M**2
    expected = np.diff(np.concatenate([[0], flow, [0]]))
    found = geometry.lattice.unpacked(change).numpy()[0, 0, :, 1]
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())
