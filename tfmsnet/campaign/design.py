"""Which electrodes are discharged at which C-rates."""

import itertools
from collections.abc import Sequence

import numpy as np

from tfmsnet.campaign.task import Task, checked_c_rates
from tfmsnet.electrode import PhaseImage, Recipe, check_dischargeable
from tfmsnet.errors import UserError
from tfmsnet.load import FRAMES

AM_WT_PERCENT = (85.0, 90.0, 95.0)
CALENDERING_PERCENT = (0.0, 10.0, 20.0)
RECIPES = tuple(itertools.product(AM_WT_PERCENT, CALENDERING_PERCENT))


def recipe_campaign(
    design: str,
    geometries: int | None,
    size: Sequence[int],
    c_rates: Sequence[float],
    seed: int,
    *,
    frames: int = FRAMES,
    cutoff_voltage_v: float | None = None,
) -> list[Task]:
    """Tasks for generated electrodes.

    Args:
        design: "paper": the 9 recipes of the paper's table 2 in turn; "random": recipes drawn from them.
        geometries: how many electrodes; None for 9.
        size: voxels (x, y, z).
        c_rates: 1/h; every electrode is discharged at each.
        seed: of the packings and of the draw.
        frames, cutoff_voltage_v: where discharges end, see `Task`.

    Raises:
        UserError: another design, or a size or C-rates that can't be.
    """
    count = len(RECIPES) if geometries is None else geometries
    if design == "paper":
        chosen = [RECIPES[i % len(RECIPES)] for i in range(count)]
    elif design == "random":
        chosen = [RECIPES[i] for i in np.random.default_rng(seed).integers(len(RECIPES), size=count)]
    else:
        raise UserError(f"design: expected 'paper' or 'random', found {design!r}")
    recipes = [
        Recipe(am, calendering, tuple(size), seed=seed * 100_000 + i)
        for i, (am, calendering) in enumerate(chosen)
    ]
    rates = checked_c_rates(c_rates)
    return [
        Task(_electrode(recipe), recipe, rate, frames, cutoff_voltage_v)
        for recipe in recipes
        for rate in rates
    ]


def _electrode(recipe: Recipe) -> str:
    grid = "x".join(str(n) for n in recipe.size)
    return f"am{recipe.am_wt_percent:g}_cal{recipe.calendering_percent:g}_{grid}_seed{recipe.seed}"


def image_campaign(
    image: PhaseImage,
    name: str,
    c_rates: Sequence[float],
    *,
    frames: int = FRAMES,
    cutoff_voltage_v: float | None = None,
) -> list[Task]:
    """Tasks for one electrode that is there already.

    Args:
        image: the electrode.
        name: what to call it in the names of its samples.
        c_rates: 1/h.
        frames, cutoff_voltage_v: where discharges end, see `Task`.

    Raises:
        UserError: the image can't be discharged (see `check_dischargeable`), or C-rates that can't be.
    """
    try:
        check_dischargeable(image)
    except UserError as error:
        raise UserError(f"{name}: {error}") from None
    return [Task(name, image, rate, frames, cutoff_voltage_v) for rate in checked_c_rates(c_rates)]
