"""The points of a search: all of them fit, none is left out that does."""

import itertools
import random

import pytest

from tfmsnet.errors import UserError
from tfmsnet.records import open_manifest
from tfmsnet.training.memory import estimate, parameters
from tfmsnet.tuning.dimension import parse
from tfmsnet.tuning.space import Budget, Space, with_defaults, with_point


@pytest.fixture
def make_space(judged, base):
    def make(*texts, **budget):
        dimensions = [parse(text) for text in texts]
        return Space.of(base, dimensions, open_manifest(judged), Budget(**budget))

    return make


SIZES = ("filters=2,4,8,16", "growth=1,2,4", "convolutions=1,3")


def test_exactly_those_within_the_budget_are_kept(make_space, base):
    space = make_space(*SIZES, parameters=5000)
    kept = [tuple(point.values()) for point in space.points]
    for values in itertools.product((2, 4, 8, 16), (1, 2, 4), (1, 3)):
        point = dict(zip(("filters", "growth", "convolutions"), values, strict=True))
        assert (parameters(with_point(base, point)) <= 5000) == (values in kept)
    assert len(kept) + space.left_out == 24
    assert 0 < len(kept) < 24


def test_the_memory_budget_is_the_estimator_s(make_space):
    needed = {
        filters: estimate(make_space("filters=2,64").config({"filters": filters}), (12, 12, 16)).total / 1e9
        for filters in (2, 64)
    }
    space = make_space("filters=2,64", memory_gb=sum(needed.values()) / 2)
    assert space.points == ({"filters": 2},)


def test_scales_that_the_image_is_too_small_for_are_left_out(make_space):
    assert [point["scales"] for point in make_space("scales=1..6").points] == [1, 2, 3, 4]


def test_draws_fit_and_reach_every_point(make_space):
    space = make_space("filters=2,4,8", "growth=1,2", "learning_rate=1e-4..1e-2", parameters=1100)
    rng = random.Random(0)
    drawn = [space.draw(rng, space.points) for _ in range(200)]
    assert {(p["filters"], p["growth"]) for p in drawn} == {tuple(p.values()) for p in space.points}
    rates = [space.config(point).training.learning_rate for point in drawn]
    assert 1e-4 <= min(rates) < 3e-4 < 3e-3 < max(rates) <= 1e-2
    assert max(parameters(space.config(point)) for point in drawn) <= 1100


def test_the_nearest_point_fits(make_space):
    space = make_space(*SIZES, parameters=5000)
    assert space.nearest(space.points[3]) == space.points[3]
    assert space.nearest({"filters": 16, "growth": 4, "convolutions": 3}) in space.points


def test_single_precision_from_another_process_is_put_right(make_space):
    space = make_space("learning_rate=0.0001,0.003")
    assert space.config({"learning_rate": 0.003000000026077032}).training.learning_rate == 0.003


def test_a_curriculum_counts_in_the_autoregressive_mode_alone(make_space):
    space = make_space("mode=direct,autoregressive", "curriculum=1,1-3,all")
    horizons = [space.config(point).training.horizon for point in space.points]
    assert horizons == [((1.0, 1),), ((1.0, 1),), ((0.5, 1), (1.0, 3)), ((1.0, 0),)]
    assert [space.config(point).network.autoregressive for point in space.points] == [False, True, True, True]


def test_what_is_given_replaces_what_is_usual(base):
    usual = with_defaults([parse("filters=8")], ["network.scales"], base.in_mode("autoregressive"))
    names = [dimension.name for dimension in usual]
    assert names == ["filters", "growth", "convolutions", "learning_rate", "curriculum"]
    assert "curriculum" not in {dimension.name for dimension in with_defaults([], [], base)}


def test_switches_words_and_a_field_s_own_network_are_searched_like_any_key(make_space):
    space = make_space("shortcut=true,false", "loss=relative,relative-root", "potential_filters=0,2")
    configs = [space.config(point) for point in space.points]
    assert {(c.network.options.shortcut, c.training.loss) for c in configs} == set(
        itertools.product((True, False), ("relative", "relative-root"))
    )
    assert {c.network.potential_filters for c in configs} == {0}  # the base has no potential
    assert space.left_out == 4


@pytest.mark.parametrize(
    ("texts", "budget", "message"),
    [
        ((), {}, "nothing to search"),
        (("filters=8",), {}, "nothing to search"),
        (("filters=8,16",), {"parameters": 10}, "the smallest has"),
        (("filters=8,16",), {"memory_gb": 0.1}, "GB of memory, more than 0.1 GB"),
        (("scales=7,8",), {}, "use a larger image or fewer scales"),
        (("filters=0,-1",), {}, "filters: expected a positive integer"),
    ],
)
def test_an_empty_space_is_told(make_space, texts, budget, message):
    with pytest.raises(UserError) as error:
        make_space(*texts, **budget)
    assert message in str(error.value)


def test_keys_of_other_architectures_do_not_count(make_space):
    """MSNet's `masked` in a space of both networks: the U-Net is one point, not two, and none is refused."""
    space = make_space("architecture=msnet,unet", "masked=all,refinement")
    configs = [space.config(point).network for point in space.points]
    assert [(c.architecture, getattr(c.options, "masked", "-")) for c in configs] == [
        *[("msnet", "all"), ("msnet", "refinement"), ("unet", "-")]
    ]
    assert space.left_out == 0
