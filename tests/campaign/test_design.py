"""Which discharges a campaign consists of."""

import itertools
from collections import Counter

import numpy as np
import pytest

from tfmsnet.campaign import (
    Task,
    checked_c_rates,
    checked_loads,
    image_campaign,
    random_load,
    recipe_campaign,
    wide_campaign,
)
from tfmsnet.electrode import PhaseImage, check_dischargeable, generate
from tfmsnet.errors import UserError
from tfmsnet.load import constant_current, gitt

SIZE = (12, 12, 16)


def test_the_paper_s_design_is_its_nine_recipes_at_three_c_rates():
    tasks = recipe_campaign("paper", None, SIZE, (0.5, 1.0, 2.0), seed=0)
    assert len(tasks) == 27
    expected = set(itertools.product((85, 90, 95), (0, 10, 20), (0.5, 1.0, 2.0)))
    found = [(t.source.am_wt_percent, t.source.calendering_percent, t.load.segments[0].c_rate) for t in tasks]
    assert len(found) == len(set(found))
    assert set(found) == expected
    assert len({task.source for task in tasks}) == 9
    assert {task.source.size for task in tasks} == {SIZE}
    # The same electrode at every C-rate, and no seed shared by two electrodes.
    assert len({task.source.seed for task in tasks}) == 9
    assert len({task.name for task in tasks}) == 27


def test_more_electrodes_of_the_paper_s_design_repeat_recipes_with_other_seeds():
    recipes = [task.source for task in recipe_campaign("paper", 18, SIZE, (1.0,), seed=3)]
    counts = Counter((r.am_wt_percent, r.calendering_percent) for r in recipes)
    assert set(counts.values()) == {2}
    assert len(set(recipes)) == 18


def test_the_random_design_draws_recipes():
    def drawn(seed):
        tasks = recipe_campaign("random", 200, SIZE, (1.0,), seed=seed)
        return [(task.source.am_wt_percent, task.source.calendering_percent) for task in tasks]

    counts = Counter(drawn(0))
    assert len(counts) == 9
    # 200 draws of 9: 22 each, standard deviation 4.4.
    assert 8 < min(counts.values()) < max(counts.values()) < 40
    assert drawn(0) == drawn(0)
    assert drawn(0) != drawn(1)


def test_the_wide_design_spans_what_it_says():
    tasks = wide_campaign(150, seed=5)
    recipes = [task.source for task in tasks[::2]]
    assert len({task.name for task in tasks}) == 300
    assert {(np.sign(recipe.contact_m), recipe.binder) for recipe in recipes} == {
        (0, "necks"), (1, "necks"), (-1, "necks"), (0, "scattered"), (1, "scattered")
    }  # fmt: skip
    ranges = {
        "am": ([recipe.am_wt_percent for recipe in recipes], 80, 96),
        "calendering": ([recipe.calendering_percent for recipe in recipes], 0, 25),
        "particles": ([recipe.powder.particle_diameter_m / 5.5e-6 for recipe in recipes], 0.8, 2.5),
        "voxels": ([1e6 * recipe.voxel_size_m for recipe in recipes], 0.25, 0.8),
        "across": ([recipe.size[0] for recipe in recipes], 24, 48),
        "planes": ([recipe.size[2] for recipe in recipes], 32, 160),
    }
    for name, (values, low, high) in ranges.items():
        assert low - 0.01 <= min(values) < low + 0.2 * (high - low), name
        assert high - 0.3 * (high - low) < max(values) <= high + 0.01, name
    loads = [task.load for task in tasks]
    assert np.mean([not load.is_constant_current for load in loads]) == 1 / 3
    rates = [abs(segment.c_rate) for load in loads for segment in load.segments if hasattr(segment, "c_rate")]
    assert 0.2 <= min(rates) < 0.25 < 3.5 < max(rates) <= 4


def test_electrodes_of_the_wide_design_are_the_same_in_longer_campaigns():
    assert wide_campaign(4, seed=2) == wide_campaign(7, seed=2)[:8]
    assert wide_campaign(4, seed=2) != wide_campaign(4, seed=3)


def test_electrodes_of_the_wide_design_can_be_discharged():
    for task in wide_campaign(12, seed=1)[::2]:
        check_dischargeable(generate(task.source))


@pytest.mark.parametrize("seed", range(20))
def test_random_loads_stay_between_their_limits(seed):
    load = random_load(np.random.default_rng(seed))
    profile, times_s, _ = load.schedule()
    assert len(times_s) == 25
    charge_h = np.cumsum(profile[1:] * np.diff(times_s)) / 3600
    assert profile[1] > 0
    assert -1e-3 < charge_h.min() < charge_h.max() < 0.83


def test_campaigns_of_two_seeds_share_no_electrode():
    first, second = (
        {task.name for task in recipe_campaign("random", 50, SIZE, (1.0,), seed=seed)} for seed in (0, 1)
    )
    assert not first & second


def test_a_name_tells_discharges_of_one_electrode_apart():
    loads = [constant_current(*load) for load in [(1.0,), (1.0, 10), (1.0, 25, 3.5), (1.0, 25, 3.6), (0.5,)]]
    loads += [gitt(1.0), gitt(1.0, pulses=3)]
    assert len({Task("electrode", None, load).name for load in loads}) == len(loads)
    assert Task("electrode", None, constant_current(2.0)).name == "electrode_2C"
    assert Task("electrode", None, constant_current(2.0, cutoff_voltage_v=2.8)).name == (
        "electrode_2C_25frames_or_2.8V"
    )


@pytest.mark.parametrize("loads", [(), (1.0, constant_current(1.0)), (gitt(), gitt()), (-1.0, gitt())])
def test_loads_that_cannot_be(loads):
    with pytest.raises(UserError, match=r"loads: expected some that differ|C-rate"):
        checked_loads(loads)


@pytest.mark.parametrize("c_rates", [(), (1.0, 1.0), (0.0,), (-1.0,), (float("nan"),), (float("inf"),)])
def test_c_rates_that_cannot_be(c_rates):
    with pytest.raises(UserError, match="C-rate"):
        checked_c_rates(c_rates)


def test_a_design_that_is_none():
    with pytest.raises(UserError, match="'paper' or 'random', found 'latin'"):
        recipe_campaign("latin", 1, SIZE, (1.0,), seed=0)


def test_an_image_that_cannot_be_discharged_has_no_campaign():
    phase = np.zeros((8, 8, 16), np.uint8)
    phase[:, :, 4:8] = 1
    with pytest.raises(UserError, match="foil"):
        image_campaign(PhaseImage(phase), "floating", (1.0,))
