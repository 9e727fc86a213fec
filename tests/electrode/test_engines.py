"""Engines: by their names, one's own too."""

import numpy as np
import pytest

from tfmsnet.electrode import PhaseImage, Recipe, engines, generate, read_image, register_engine
from tfmsnet.errors import UserError

SMALL = ("--size", 12, 12, 16, "--seed", 5)


def test_the_command_packs_by_default(tfmsnet, tmp_path):
    status, out, err = tfmsnet("electrode", "make", *SMALL, "--out", tmp_path / "a.tif")
    assert status == 0, err
    assert "100.00 % of the CBD through CBD" in out
    made = generate(Recipe(90, 10, (12, 12, 16), seed=5))
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif").phase, made.phase)
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]


def test_the_powder_is_the_cells(tfmsnet, tmp_path):
    def fractions(*words):
        status, out, err = tfmsnet("electrode", "make", *SMALL, *words, "--out", tmp_path / "a.npy")
        assert status == 0, err
        return out

    assert fractions() != fractions("--parameters", "lfp", "--voxel-size-um", 0.1)


def test_ones_own_engine_is_known_by_its_name(monkeypatch, tfmsnet, tmp_path):
    monkeypatch.setattr(engines, "_ENGINES", dict(engines._ENGINES))

    def slab(recipe, folder, progress):
        progress(1.0, "")
        phase = np.zeros(recipe.size, np.uint8)
        phase[:, :, : round(recipe.volume_fractions["AM"] * recipe.size[2])] = 1
        return PhaseImage(phase, recipe.voxel_size_m)

    register_engine("slab", slab)
    words = ("--engine", "slab", "--out", tmp_path / "slab.npy")
    assert tfmsnet("electrode", "make", *SMALL, *words)[0] == 0
    assert np.load(tmp_path / "slab.npy")[:, :, 0].all()
    with pytest.raises(UserError, match="engine: expected one of packing, lammps, slab, found 'press'"):
        engines.engine("press")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--engine", "press"), "engine: expected one of packing, lammps, found 'press'"),
        (("--calendering-percent", 40), "calendering_percent: expected 0 to 30 %"),
        (("--am-wt-percent", 97, "--calendering-percent", 30), "more than spheres pack"),
        (("--particle-diameter-um", 1), "at least 3 voxels"),
        (("--parameters", "nothing"), "nothing"),
    ],
)
def test_mistakes_are_one_line(tfmsnet, tmp_path, words, message):
    status, _, err = tfmsnet("electrode", "make", *SMALL, *words, "--out", tmp_path / "a.tif")
    assert (status, err.count("\n")) == (2, 1)
    assert message in err
    assert not list(tmp_path.iterdir())
