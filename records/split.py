"""Which geometry is for training, which for validation, which for the test: never by sample."""

from pathlib import Path

import numpy as np

from tfmsnet.errors import UserError
from tfmsnet.records.manifest import open_manifest

SPLITS = ("train", "validation", "test")


def split_geometries(recipes: dict[str, tuple[float, float]], rule: str, seed: int = 0) -> dict[str, str]:
    """Assign each geometry to a split.

    Args:
        recipes: geometry id -> (AM wt%, calendering %), NaN where unknown.
        rule: "paper" (the recipe of 90 wt% and 10 % calendering is the test), or
            "VALIDATION/TEST": how many geometries go to each, e.g. "2/4"; drawn from the recipes in turn,
            so that nine geometries have nine recipes; or "VALIDATION/TEST/TRAIN", which leaves the
            others out: for learning curves, since the held-out ones stay the same; or a directory of
            records, whose held-out geometries stay held out while all others are for training: for a
            data set that has grown.
        seed: of the draw.

    Returns:
        geometry id -> "train", "validation" or "test"; those left out aren't there.

    Raises:
        UserError: a rule that isn't one, or one that leaves no geometry for training or the test; held-out
            geometries of other records that aren't among these.
    """
    names = sorted(recipes)
    if rule == "paper":
        chosen = {name: "test" if tuple(recipes[name]) == (90.0, 10.0) else "train" for name in names}
    elif Path(rule).is_dir():
        chosen = dict.fromkeys(names, "train") | _held_out(rule, names)
    else:
        validation, test, *train = _counts(rule)
        drawn = _in_turn(names, recipes, np.random.default_rng(seed))
        wanted = validation + test + sum(train) if train else len(drawn)
        if wanted > len(drawn):
            raise UserError(f"split {rule}: expected at least {wanted} geometries, found {len(drawn)}")
        chosen = dict.fromkeys(drawn[:wanted], "train")
        chosen |= dict.fromkeys(drawn[:test], "test")
        chosen |= dict.fromkeys(drawn[test : test + validation], "validation")
    for split in ("train", "test"):
        if split not in chosen.values():
            raise UserError(
                f"split {rule}: no geometry is left for {split} among {len(names)}; "
                "give more geometries or another --split"
            )
    return chosen


def _held_out(records: str, names: list[str]) -> dict[str, str]:
    """The validation and test geometries of other records."""
    manifest = open_manifest(records)
    held = {
        sample["geometry_id"]: split for split in ("validation", "test") for sample in manifest.samples(split)
    }
    missing = sorted(held.keys() - set(names))
    if missing:
        raise UserError(
            f"split {records}: {len(missing)} of its {len(held)} held-out geometries aren't among the "
            f"samples, such as {missing[0]}; expected all of them"
        )
    return held


def _in_turn(names: list[str], recipes: dict, rng: np.random.Generator) -> list[str]:
    """The geometries in a random order that takes the recipes in turn."""
    taken: dict[tuple, int] = {}
    turns = []
    for i in rng.permutation(len(names)):
        recipe = str(tuple(recipes[names[i]]))  # NaN isn't equal to itself, "nan" is
        turns.append((taken.get(recipe, 0), names[i]))
        taken[recipe] = taken.get(recipe, 0) + 1
    return [name for _, name in sorted(turns, key=lambda turn: turn[0])]


def _counts(rule: str) -> list[int]:
    try:
        counts = [int(part) for part in rule.split("/")]
        if min(counts) < 0 or len(counts) not in (2, 3):
            raise ValueError
    except ValueError:
        raise UserError(
            f"split {rule!r}: expected 'paper', VALIDATION/TEST geometries such as 2/4, "
            "VALIDATION/TEST/TRAIN such as 2/4/30, or a directory of records"
        ) from None
    return counts
