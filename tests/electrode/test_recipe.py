import pytest

from tfmsnet.electrode import Recipe
from tfmsnet.errors import UserError

# AM, CBD, pore by volume; published for calendering 0 and 20 %.
REFERENCE = {
    (85, 0): (0.337, 0.213, 0.45),
    (85, 20): (0.422, 0.266, 0.312),
    (90, 0): (0.394, 0.156, 0.45),
    (90, 20): (0.492, 0.195, 0.312),
    (95, 0): (0.463, 0.087, 0.45),
    (95, 20): (0.579, 0.109, 0.312),
}


@pytest.mark.parametrize("composition", REFERENCE)
def test_volume_fractions_follow_from_mass_and_calendering(composition):
    fractions = Recipe(*composition).volume_fractions
    expected = REFERENCE[composition]
    assert (fractions["AM"], fractions["CBD"], fractions["electrolyte"]) == pytest.approx(expected, abs=1e-3)


def test_calendering_takes_pores_and_leaves_the_solid():
    loose, dense = Recipe(90, 0), Recipe(90, 25)
    for phase in ("AM", "CBD"):
        per_area = 0.75 * dense.volume_fractions[phase]  # the coating is a quarter thinner
        assert per_area == pytest.approx(loose.volume_fractions[phase])


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"am_wt_percent": 0.9}, "am_wt_percent"),
        ({"am_wt_percent": float("nan")}, "am_wt_percent"),
        ({"am_wt_percent": "90"}, "am_wt_percent"),
        ({"calendering_percent": -1}, "calendering_percent"),
        ({"am_wt_percent": 97, "calendering_percent": 30}, "more than spheres pack"),
        ({"contact_m": 1e-5}, "contact_m"),
        ({"binder": "glue"}, "necks or scattered"),
        ({"size": (24, 24)}, "size"),
        ({"size": (24, 24, 7)}, "size"),
        ({"size": (24, 24, 64.0)}, "size"),
        ({"size": 24}, "size"),
        ({"size": (8, 8, 64), "voxel_size_m": 0.25e-6}, "wide"),
        ({"voxel_size_m": 0.5}, "voxel_size_m"),
        ({"seed": -1}, "seed"),
        ({"seed": 1.5}, "seed"),
    ],
)
def test_values_out_of_range_are_refused_by_name(change, named):
    with pytest.raises(UserError, match=named) as caught:
        Recipe(**change)
    assert "\n" not in str(caught.value)
