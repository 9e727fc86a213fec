"""Which geometry is for training, which for validation, which for the test: never by sample."""

import numpy as np

from tfmsnet.errors import UserError

SPLITS = ("train", "validation", "test")


def split_geometries(recipes: dict[str, tuple[float, float]], rule: str, seed: int = 0) -> dict[str, str]:
    """Assign each geometry to a split.

    Args:
        recipes: geometry id -> (AM wt%, calendering %), NaN where unknown.
        rule: "paper" (the recipe of 90 wt% and 10 % calendering is the test), or
            "VALIDATION/TEST": how many geometries go to each, e.g. "2/4".
        seed: of the draw.

    Returns:
        geometry id -> "train", "validation" or "test".

    Raises:
        UserError: a rule that isn't one, or one that leaves no geometry for training or the test.
    """
    names = sorted(recipes)
    if rule == "paper":
        chosen = {name: "test" if tuple(recipes[name]) == (90.0, 10.0) else "train" for name in names}
    else:
        validation, test = _counts(rule)
        drawn = [names[i] for i in np.random.default_rng(seed).permutation(len(names))]
        chosen = dict.fromkeys(drawn, "train")
        chosen |= dict.fromkeys(drawn[:test], "test")
        chosen |= dict.fromkeys(drawn[test : test + validation], "validation")
    for split in ("train", "test"):
        if split not in chosen.values():
            raise UserError(
                f"split {rule}: no geometry is left for {split} among {len(names)}; "
                "give more geometries or another --split"
            )
    return chosen


def _counts(rule: str) -> tuple[int, int]:
    try:
        validation, test = (int(part) for part in rule.split("/"))
        if min(validation, test) < 0:
            raise ValueError
    except ValueError:
        raise UserError(
            f"split {rule!r}: expected 'paper' or VALIDATION/TEST geometries such as 2/4"
        ) from None
    return validation, test
