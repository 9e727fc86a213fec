"""Splits by geometry."""

from collections import Counter

import pytest

from tfmsnet.errors import UserError
from tfmsnet.records import open_manifest
from tfmsnet.records.split import split_geometries

RECIPES = {f"g{i}": (float(85 + 5 * (i % 3)), float(10 * (i // 3 % 3))) for i in range(27)}


def test_held_out_geometries_take_the_recipes_in_turn():
    chosen = split_geometries(RECIPES, "9/9", seed=3)
    for split in ("test", "validation", "train"):
        recipes = Counter(RECIPES[name] for name, where in chosen.items() if where == split)
        assert set(recipes.values()) == {1}
        assert len(recipes) == 9


def test_unknown_recipes_are_drawn_at_random():
    unknown = {f"g{i}": (float("nan"), float("nan")) for i in range(6)}
    assert Counter(split_geometries(unknown, "1/2").values()) == {"train": 3, "test": 2, "validation": 1}
    assert split_geometries(unknown, "1/2", seed=1) != split_geometries(unknown, "1/2", seed=2)


def test_fewer_training_geometries_leave_the_held_out_ones_as_they_are():
    every, some = (split_geometries(RECIPES, rule, seed=2) for rule in ("3/9", "3/9/4"))
    assert Counter(some.values()) == {"train": 4, "test": 9, "validation": 3}
    assert some.items() <= every.items()


@pytest.mark.parametrize("rule", ["3", "3/9/4/1", "3/-1", "a/b"])
def test_a_rule_that_is_none_is_refused(rule):
    with pytest.raises(UserError, match="VALIDATION/TEST/TRAIN such as 2/4/30"):
        split_geometries(RECIPES, rule)


def test_more_than_there_are_is_refused():
    with pytest.raises(UserError, match="expected at least 42 geometries, found 27"):
        split_geometries(RECIPES, "3/9/30")


def test_a_grown_data_set_holds_out_what_the_old_records_did(small):
    manifest = open_manifest(small)
    old = {sample["geometry_id"]: split for split in manifest.splits for sample in manifest.samples(split)}
    grown = dict.fromkeys([*old, "new"], (90.0, 0.0))
    assert split_geometries(grown, str(small)) == old | {"new": "train"}
    del grown[next(name for name, split in old.items() if split == "test")]
    with pytest.raises(UserError, match="1 of its 3 held-out geometries aren't among the samples"):
        split_geometries(grown, str(small))
