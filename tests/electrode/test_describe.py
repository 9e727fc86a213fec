import json
import subprocess
import sys

import numpy as np
import pytest

from tfmsnet.electrode import AM, CBD, PhaseImage, Recipe, describe, generate
from tfmsnet.plots import plot_slices


@pytest.fixture(scope="module")
def image():
    return generate(Recipe(90.0, 10.0, (16, 16, 32)))


def test_description_of_a_generated_electrode(image):
    description = describe(image)
    fractions = description.electrolyte_fraction, description.am_fraction, description.cbd_fraction
    assert fractions == pytest.approx(tuple(Recipe(90.0, 10.0).volume_fractions.values()), abs=1e-3)
    assert description.wired_fraction == description.cbd_percolation == description.wired_am_fraction == 1
    assert 1.2 < description.tortuosity_factor < 6
    diameters = description.particle_d10_m, description.particle_d50_m, description.particle_d90_m
    assert list(diameters) == sorted(diameters)
    assert 0.5e-6 < diameters[0] < diameters[2] < 4.5e-6
    # Spheres of diameter d have 6 / d of surface per volume; contacts take some away.
    area = description.am_electrolyte_area_per_m + description.am_cbd_area_per_m
    assert 0.3 < area / (6 / description.particle_d50_m * description.am_fraction) < 1.2


def test_table_names_every_quantity_with_its_unit(image):
    table = str(describe(image)).splitlines()
    assert len(table) == 24
    assert "voxel size                     0.5 um" in table
    assert "box                            8 x 8 x 16 um" in table
    assert "AM in the dry mass             90.00 %" in table


def test_dictionary_goes_into_json_when_values_are_unknown():
    phase = np.zeros((6, 6, 9), dtype=np.uint8)
    phase[:, :, 4] = AM  # no way through, no binder, no recipe
    description = describe(PhaseImage(phase))
    content = json.loads(json.dumps(description.as_dict(), allow_nan=False))
    for unknown in ("tortuosity_factor", "cbd_percolation", "am_wt_percent", "calendering_percent"):
        assert content[unknown] is None
    assert content["effective_transport"] == 0
    assert content["wired_am_fraction"] == 0
    assert "not known" in str(description)


def test_transport_through_binder_is_an_option(image):
    closed, open_ = describe(image, cbd_transport_factor=0), describe(image, cbd_transport_factor=0.5)
    assert closed.effective_transport < describe(image).effective_transport < open_.effective_transport


def test_slices_are_a_picture_with_all_phases(tmp_path, image):
    path = tmp_path / "new" / "slices.png"
    plot_slices(image, path)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert [p.name for p in path.parent.iterdir()] == ["slices.png"]
    from matplotlib.image import imread

    colours = {tuple(c) for c in np.round(imread(path)[..., :3] * 255).astype(int).reshape(-1, 3)}
    assert {(166, 206, 227), (140, 140, 140), (26, 26, 26)} <= colours
    assert CBD in image.phase


def test_import_is_light():
    code = (
        "import sys, tfmsnet.electrode as e\n"
        "e.generate(e.Recipe(size=(8, 8, 8)))\n"
        "heavy = [m for m in ('tensorflow', 'matplotlib', 'pyamg', 'numba', 'h5py') if m in sys.modules]\n"
        "sys.exit(f'{heavy} imported' if heavy else 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stderr == ""
