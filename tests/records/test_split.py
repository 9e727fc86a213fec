"""Splits by geometry."""

from collections import Counter

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
