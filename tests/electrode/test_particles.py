"""Spheres to voxels: volumes, periodic faces, overlaps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfmsnet.electrode import AM, CBD, ELECTROLYTE
from tfmsnet.electrode import particles as particles_module
from tfmsnet.electrode.particles import Box, ParticleList, rasterise
from tfmsnet.errors import UserError

UM = 1e-6


def spheres(*rows, box=(10, 10, 10), periodic=(False, False, False)):
    """Rows of x, y, z, radius in um and label."""
    table = np.array(rows, float)
    return ParticleList(
        table[:, :3] * UM,
        table[:, 3] * UM,
        table[:, 4].astype(np.uint8),
        Box((0.0, 0.0, 0.0), tuple(np.array(box) * UM), periodic),
    )


@pytest.mark.parametrize("supersampling", [1, 3])
def test_the_volume_of_a_sphere_converges(supersampling):
    one = spheres((5.03, 4.98, 5.1, 3.7, AM))
    exact, errors = 4 / 3 * np.pi * 3.7**3, []
    for size in (1.0, 0.5, 0.25):
        phase = rasterise(one, size * UM, supersampling=supersampling).phase
        errors.append(abs(np.count_nonzero(phase) * size**3 / exact - 1))
    assert errors[1] < 0.01
    assert errors[2] < 0.002
    assert errors[2] < errors[0]


@settings(max_examples=30, deadline=None)
@given(
    centre=st.tuples(*[st.floats(-20, 30)] * 3),
    radius=st.floats(1.0, 4.9),
    shift=st.tuples(*[st.integers(-30, 30)] * 3),
)
def test_a_periodic_image_keeps_its_volume_and_moves_with_its_particle(centre, radius, shift):
    def phase(place):
        box = spheres((*place, radius, AM), (*place, 0.1, AM), periodic=(True, True, True))
        return rasterise(box, 0.5 * UM).phase

    # Voxel centres at multiples of a power of two: moves by whole voxels don't round.
    centre = np.round(np.array(centre) * 64) / 64
    still, moved = phase(centre), phase(centre + np.array(shift) * 0.5)
    np.testing.assert_array_equal(np.roll(still, shift, (0, 1, 2)), moved)
    assert np.count_nonzero(still) * 0.125 == pytest.approx(4 / 3 * np.pi * radius**3, rel=0.5 / radius**1.5)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), overlap=st.sampled_from(["am", "cbd", "deepest"]))
def test_every_voxel_is_as_the_distances_say(seed, overlap):
    rng = np.random.default_rng(seed)
    rows = np.column_stack([rng.uniform(-1, 7, (12, 3)), rng.uniform(0.3, 2.5, 12), rng.integers(1, 3, 12)])
    rows = np.concatenate([rows, [[1, 1, 1, 1.5, AM]]])
    phase = rasterise(spheres(*rows, box=(6, 5, 8)), 0.5 * UM, overlap=overlap).phase
    centres = np.stack(np.meshgrid(*[(np.arange(n) + 0.5) / 2 for n in phase.shape], indexing="ij"), -1)
    depth = rows[:, 3] - np.linalg.norm(centres[..., None, :] - rows[:, :3], axis=-1)
    inside = {label: ((depth > 0) & (rows[:, 4] == label)).any(-1) for label in (AM, CBD)}
    first, second = (CBD, AM) if overlap == "cbd" else (AM, CBD)
    expected = np.where(inside[first], first, np.where(inside[second], second, ELECTROLYTE))
    if overlap == "deepest":
        expected = np.where(depth.max(-1) > 0, rows[depth.argmax(-1), 4], ELECTROLYTE)
    assert (phase == expected).mean() > 0.999  # a centre on a surface may fall to either side


def test_slabs_change_nothing(monkeypatch):
    rng = np.random.default_rng(0)
    rows = np.column_stack([rng.uniform(0, 10, (40, 3)), rng.uniform(0.5, 2, 40), rng.integers(1, 3, 40)])
    one = spheres(*rows, periodic=(True, True, False))
    for overlap in ("am", "deepest"):
        whole = rasterise(one, 0.5 * UM, overlap=overlap, supersampling=2).phase
        with monkeypatch.context() as context:
            context.setattr(particles_module, "_SLAB_VOXELS", 1)
            told = []
            slabs = rasterise(one, 0.5 * UM, overlap=overlap, supersampling=2, progress=told.append)
        np.testing.assert_array_equal(slabs.phase, whole)
        assert told == pytest.approx(np.arange(1, 21) / 20)


def test_an_open_face_cuts_and_a_periodic_one_wraps():
    row = (5, 5, 0.5, 3, AM)
    cut, wrapped = (
        rasterise(spheres(row, periodic=(False, False, last)), 0.5 * UM).phase for last in (False, True)
    )
    assert not cut[:, :, 10:].any()
    assert wrapped[10, 10, -1] == AM
    assert np.count_nonzero(wrapped) > 1.5 * np.count_nonzero(cut)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rasterise(spheres((5e6, 5e6, 5e6, 3e6, 1), box=(1e7,) * 3)), "box: 1e.07 .* check the unit"),
        (
            lambda: rasterise(spheres((5, 5, 5, 0.1, 1))),
            "the largest has a diameter of 0.2 um, less than a voxel",
        ),
        (lambda: rasterise(spheres((5, 5, 5, 3, 1), box=(0.2, 9, 9))), "expected at least 1 along each axis"),
        (
            lambda: rasterise(spheres((5, 5, 5, 6, 1), periodic=(True,) * 3)),
            "x is periodic over 10 um, less than",
        ),
        (lambda: rasterise(spheres((5, 5, 5, 3, 2))), "no AM"),
        (lambda: rasterise(spheres((50, 5, 5, 3, 1))), "no AM"),
        (lambda: rasterise(spheres((5, 5, 5, 30, 1))), "no electrolyte"),
        (
            lambda: rasterise(spheres((5, 5, 5, 3, 1)), overlap="first"),
            "overlap: expected one of am, cbd, deepest",
        ),
        (
            lambda: rasterise(spheres((5, 5, 5, 3, 1)), supersampling=0),
            "supersampling: expected a whole number",
        ),
        (lambda: Box((0, 0, 1), (1, 1, 1)), "below the upper one along z"),
    ],
)
def test_what_cannot_be_is_refused(call, message):
    with pytest.raises(UserError, match=message):
        call()
