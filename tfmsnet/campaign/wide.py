"""A campaign that spans what users have: composition, particles, binder, voxels, sizes, loads."""

from dataclasses import replace

import numpy as np

from tfmsnet.campaign.task import Task
from tfmsnet.electrode import Powder, Recipe
from tfmsnet.errors import UserError
from tfmsnet.load import FRAMES, HOUR_S, At, CRate, End, Load, Rest, constant_current

# Limits of the draws.
AM_WT_PERCENT = (80.0, 96.0)
CALENDERING_PERCENT = (0.0, 25.0)
PARTICLE_SCALE = (0.8, 2.5)  # of the powder's median diameter
VOXEL_SIZE_UM = (0.25, 0.8)
ACROSS = (24, 48)
PLANES = (32, 160)
C_RATE = (0.2, 4.0)
# What makes particles meet and binder percolate: (contact, um, at either end; binder).
CONTACTS = (
    ((0.0, 0.0), "necks"),
    ((0.2, 1.0), "necks"),
    ((-0.6, -0.2), "necks"),
    ((0.0, 0.0), "scattered"),
    ((0.2, 1.0), "scattered"),
)
_LEAST_ACROSS = 1.5  # median particles side by side
_REST_S = (60.0, 3600.0)
_CHARGE_H = (0.02, 0.25)  # of a segment, hours of 1C
_MOST_CHARGE_H = 0.82
_ATTEMPTS = 1000


def wide_campaign(geometries: int | None = None, seed: int = 0, powder: Powder | None = None) -> list[Task]:
    """Tasks for electrodes that differ in everything, two loads each.

    Drawn evenly: AM (80 to 96 wt%), calendering (0 to 25 %), kind of contact and binder.  Drawn evenly on a
    logarithmic scale: particles (0.8 to 2.5 times the powder's), voxels (0.25 to 0.8 um), voxels across (24
    to 48), planes (32 to 160), C-rates (0.2 to 4).  The first load is a constant current; the second is in
    two of three electrodes a random one (see `random_load`), else a constant current too.  Electrode number
    i is the same in campaigns of any length.

    Args:
        geometries: how many electrodes; None for 300.
        seed: of the draw.
        powder: what they are made of; None for the default.
    """
    powder = powder or Powder()
    tasks = []
    for number in range(300 if geometries is None else geometries):
        rng = np.random.default_rng([seed, number])
        recipe = _recipe(rng, seed * 100_000 + number, powder)
        first = constant_current(_c_rate(rng))
        second = constant_current(_c_rate(rng)) if number % 3 == 0 else random_load(rng)
        name = f"wide{number:04d}_seed{seed}_am{recipe.am_wt_percent:g}_cal{recipe.calendering_percent:g}"
        name += f"_{'x'.join(str(n) for n in recipe.size)}_{1e6 * recipe.voxel_size_m:g}um"
        tasks += [Task(name, recipe, first), Task(name, recipe, second)]
    return tasks


def random_load(rng: np.random.Generator) -> Load:
    """Discharge, rest and charge in random order and lengths, in 25 frames.

    The first segment is a discharge.  The mean state stays between the initial one and 0.82 h of 1C after
    it, as long as the cell doesn't end it before.
    """
    segments, times, left, q_h, now_s = [], [], FRAMES - 1, 0.0, 0.0
    while left:
        frames = int(min(left, rng.integers(2, 7)))
        kind = rng.choice(["discharge", "rest", "charge"], p=[0.55, 0.2, 0.25])
        amount_h = rng.uniform(*_CHARGE_H)
        if not segments or (kind == "charge" and q_h < _CHARGE_H[0]):
            kind = "discharge"
        if kind == "discharge" and q_h + amount_h > _MOST_CHARGE_H:
            kind = "charge"
        if kind == "rest":
            duration_s, rate = float(_log_uniform(rng, *_REST_S)), 0.0
        else:
            amount_h = min(amount_h, q_h) if kind == "charge" else amount_h
            rate = _c_rate(rng) * (-1 if kind == "charge" else 1)
            duration_s = HOUR_S * amount_h / abs(rate)
        duration_s = round(duration_s, 1)
        segments.append(CRate(rate, End(time_s=duration_s)) if rate else Rest(End(time_s=duration_s)))
        times += [now_s + duration_s * (i + 1) / frames for i in range(frames)]
        now_s = times[-1]
        q_h += rate * duration_s / HOUR_S
        left -= frames
    return Load(tuple(segments), At(tuple(times)), "random")


def _recipe(rng: np.random.Generator, seed: int, powder: Powder) -> Recipe:
    for _ in range(_ATTEMPTS):
        am, calendering = rng.uniform(*AM_WT_PERCENT), rng.uniform(*CALENDERING_PERCENT)
        diameter_um = round(1e6 * powder.particle_diameter_m * _log_uniform(rng, *PARTICLE_SCALE), 1)
        voxel_um = round(_log_uniform(rng, *VOXEL_SIZE_UM), 2)
        across, planes = (8 * round(_log_uniform(rng, *limits) / 8) for limits in (ACROSS, PLANES))
        contact_um, binder = CONTACTS[rng.integers(len(CONTACTS))]
        if across * voxel_um < _LEAST_ACROSS * diameter_um:
            continue
        try:
            return Recipe(
                round(am, 1),
                round(calendering, 1),
                (across, across, planes),
                round(1e-6 * voxel_um, 9),
                seed,
                replace(powder, particle_diameter_m=1e-6 * diameter_um),
                round(1e-6 * rng.uniform(*contact_um), 8),
                binder,
            )
        except UserError:  # more AM than packs, or particles of too few voxels
            continue
    raise UserError(f"powder: no electrode of the wide design can be made of {powder}")


def _c_rate(rng: np.random.Generator) -> float:
    return round(_log_uniform(rng, *C_RATE), 3)


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
