"""Which of a solver's domains is which phase."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from tfmsnet.electrode import AM, CBD, ELECTROLYTE
from tfmsnet.errors import UserError


@dataclass(frozen=True)
class Domains:
    """Numbers of the domains (or materials) that are AM and CBD; every other one is electrolyte."""

    am: frozenset[int] = frozenset({1})
    cbd: frozenset[int] = frozenset()

    def __init__(self, am: Iterable[int] = (1,), cbd: Iterable[int] = ()) -> None:
        object.__setattr__(self, "am", frozenset(am))
        object.__setattr__(self, "cbd", frozenset(cbd))
        if self.am & self.cbd:
            raise UserError(f"domains: {sorted(self.am & self.cbd)} can't be AM and CBD at once")

    def labels(self, values: np.ndarray, what: str) -> np.ndarray:
        """Labels (item,) uint8 of items (cells, nodes) by their domain's number.

        Raises:
            UserError: numbers that aren't whole, or a domain named here that no item has.
        """
        if not np.array_equal(values, np.round(values)):
            odd = values[values != np.round(values)][0]
            raise UserError(f"{what}: expected whole numbers of domains, found {odd:g}")
        found = {int(value) for value in np.unique(values)}
        absent = sorted((self.am | self.cbd) - found)
        if absent:
            raise UserError(
                f"{what}: domains {absent} aren't in the file, which has {_some(sorted(found))}; say which "
                "are AM and CBD"
            )
        labels = np.full(len(values), ELECTROLYTE, np.uint8)
        labels[np.isin(values, list(self.am))] = AM
        labels[np.isin(values, list(self.cbd))] = CBD
        return labels


def _some(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers[:12])) + (f" ... {numbers[-1]}" if len(numbers) > 12 else "")
