"""One number that was checked."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Check:
    """A measured number and its bound.

    Attributes:
        group: what it belongs to.
        name: what was measured.
        measured: the number.
        bound: what it must not exceed, or with `at_least` stay below.
        unit: of both, "" for none.
    """

    group: str
    name: str
    measured: float
    bound: float
    unit: str = ""
    at_least: bool = False

    @property
    def passed(self) -> bool:
        """Whether the number is within its bound; NaN never is."""
        return bool(self.measured >= self.bound if self.at_least else self.measured <= self.bound)

    def as_dict(self) -> dict:
        """For JSON."""
        return {**asdict(self), "measured": float(self.measured), "passed": self.passed}


def table(checks: Sequence[Check]) -> str:
    """All checks, a line each."""
    rows = [("check", "measured", "bound", "")]
    for check in checks:
        unit = f" {check.unit}" if check.unit else ""
        rows.append(
            (
                f"{check.group}: {check.name}",
                f"{check.measured:.3g}{unit}",
                f"{'>=' if check.at_least else '<='} {check.bound:g}{unit}",
                "pass" if check.passed else "FAIL",
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
