"""Which electrodes are put under which loads."""

import itertools
from collections.abc import Sequence

import numpy as np

from tfmsnet.campaign.task import Task, checked_loads
from tfmsnet.electrode import PhaseImage, Powder, Recipe, check_dischargeable
from tfmsnet.errors import UserError
from tfmsnet.load import Load

AM_WT_PERCENT = (85.0, 90.0, 95.0)
CALENDERING_PERCENT = (0.0, 10.0, 20.0)
RECIPES = tuple(itertools.product(AM_WT_PERCENT, CALENDERING_PERCENT))


def recipe_campaign(
    design: str,
    geometries: int | None,
    size: Sequence[int],
    loads: Sequence[Load | float],
    seed: int,
    *,
    powder: Powder | None = None,
    voxel_size_m: float = 0.5e-6,
) -> list[Task]:
    """Tasks for generated electrodes.

    Args:
        design: "paper": the 9 recipes of the paper's table 2 in turn; "random": recipes drawn from them.
        geometries: how many electrodes; None for 9.
        size: voxels (x, y, z).
        loads: every electrode is put under each; a number is a C-rate, see `checked_loads`.
        seed: of the packings and of the draw.
        powder: what they are made of; None for the default.
        voxel_size_m: edge of the voxels, m.

    Raises:
        UserError: another design, or a size or loads that can't be.
    """
    count = len(RECIPES) if geometries is None else geometries
    if design == "paper":
        chosen = [RECIPES[i % len(RECIPES)] for i in range(count)]
    elif design == "random":
        chosen = [RECIPES[i] for i in np.random.default_rng(seed).integers(len(RECIPES), size=count)]
    else:
        raise UserError(f"design: expected 'paper' or 'random', found {design!r}")
    recipes = [
        Recipe(am, calendering, tuple(size), voxel_size_m, seed * 100_000 + i, powder or Powder())
        for i, (am, calendering) in enumerate(chosen)
    ]
    checked = checked_loads(loads)
    return [Task(_electrode(recipe), recipe, load) for recipe in recipes for load in checked]


def _electrode(recipe: Recipe) -> str:
    grid = "x".join(str(n) for n in recipe.size)
    return f"am{recipe.am_wt_percent:g}_cal{recipe.calendering_percent:g}_{grid}_seed{recipe.seed}"


def image_campaign(image: PhaseImage, name: str, loads: Sequence[Load | float]) -> list[Task]:
    """Tasks for one electrode that is there already.

    Args:
        image: the electrode.
        name: what to call it in the names of its samples.
        loads: as for `recipe_campaign`.

    Raises:
        UserError: the image can't be discharged (see `check_dischargeable`), or loads that can't be.
    """
    try:
        check_dischargeable(image)
    except UserError as error:
        raise UserError(f"{name}: {error}") from None
    return [Task(name, image, load) for load in checked_loads(loads)]
