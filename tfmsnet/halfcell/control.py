"""What drives a cell: a given current, or a voltage that is held."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Galvanostatic:
    """A given current, A: positive in a discharge, 0 at rest."""

    current_a: float


@dataclass(frozen=True)
class Potentiostatic:
    """A given voltage between collector and lithium metal, V."""

    voltage_v: float


Control = Galvanostatic | Potentiostatic
