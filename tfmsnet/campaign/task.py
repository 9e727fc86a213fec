"""One discharge of a campaign, and the name of its sample."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tfmsnet.electrode import PhaseImage, Recipe
from tfmsnet.errors import UserError
from tfmsnet.load import Load, constant_current


@dataclass(frozen=True)
class Task:
    """One discharge to be made.

    Attributes:
        electrode: its name, unique among the campaign's electrodes.
        source: the electrode, or the recipe that makes it.
        load: what to do with it.
    """

    electrode: str
    source: Recipe | PhaseImage
    load: Load

    @property
    def name(self) -> str:
        """Of the sample file, without ending; another load is another file."""
        return f"{self.electrode}_{self.load.label}"


@dataclass(frozen=True)
class Failure:
    """A discharge that couldn't be made.

    Attributes:
        name: of its task; for a generated electrode it holds recipe, size and seed.
        reason: one line.
    """

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


def checked_c_rates(c_rates: Sequence[float]) -> tuple[float, ...]:
    """The C-rates, if they can be simulated.

    Raises:
        UserError: none, one that isn't a positive number, or one twice.
    """
    for rate in c_rates:
        if not (math.isfinite(rate) and rate > 0):
            raise UserError(f"C-rate: expected a number above 0, found {rate:g}")
    if not c_rates or len(set(c_rates)) < len(c_rates):
        raise UserError(f"C-rates: expected some that differ, found {list(c_rates)}")
    return tuple(c_rates)


def checked_loads(loads: Sequence[Load | float]) -> tuple[Load, ...]:
    """The loads of each electrode; a number is constant current with the paper's frames.

    Raises:
        UserError: none, one twice, or a number that is no C-rate of a discharge.
    """
    checked_c_rates([load for load in loads if not isinstance(load, Load)] or [1.0])
    made = tuple(load if isinstance(load, Load) else constant_current(load) for load in loads)
    labels = [load.label for load in made]
    if not made or len(set(labels)) < len(labels):
        raise UserError(f"loads: expected some that differ, found {', '.join(labels) or 'none'}")
    return made
