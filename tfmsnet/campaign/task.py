"""One discharge of a campaign, and the name of its sample."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tfmsnet.electrode import PhaseImage, Recipe
from tfmsnet.errors import UserError
from tfmsnet.load import FRAMES


@dataclass(frozen=True)
class Task:
    """One discharge to be made.

    Attributes:
        electrode: its name, unique among the campaign's electrodes.
        source: the electrode, or the recipe that makes it.
        c_rate: 1/h.
        frames: at most, frame 0 included.
        cutoff_voltage_v: where the discharge ends when it comes before the last frame, V; None for nowhere.
    """

    electrode: str
    source: Recipe | PhaseImage
    c_rate: float
    frames: int = FRAMES
    cutoff_voltage_v: float | None = None

    @property
    def name(self) -> str:
        """Of the sample file, without ending; another load is another file."""
        load = f"{self.c_rate:g}C"
        if self.frames != FRAMES:
            load += f"_{self.frames}frames"
        if self.cutoff_voltage_v is not None:
            load += f"_to{self.cutoff_voltage_v:g}V"
        return f"{self.electrode}_{load}"


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
