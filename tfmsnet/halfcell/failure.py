"""How a discharge can fail."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tfmsnet.halfcell.discharge import Discharge


class DischargeFailed(RuntimeError):
    """A discharge couldn't be computed to the end.

    The message names the time, the step, what didn't hold and by how much, and what to try.

    Attributes:
        partial: the discharge up to the last time step that was solved, not `complete`; None where there is
            nothing but the equilibrium.
    """

    partial: "Discharge | None" = None


class Saturated(DischargeFailed):
    """The surface of the active material is full or empty: the voltage falls (or rises) without bound."""


class NotConverged(ArithmeticError):
    """One time step wasn't solved; it may be with a shorter one.

    Args:
        what: the part and the criterion.
        residual: how far from met, in the criterion's own measure.
    """

    def __init__(self, what: str, residual: float) -> None:
        super().__init__(f"{what}: {residual:.3g}")
