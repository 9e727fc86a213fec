"""The result of a simulation."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from tfmsnet.electrode.image import PhaseImage
from tfmsnet.halfcell.parameters import Parameters

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Balances:
    """How well each time step (there are more than frames) conserves, relative.

    Attributes:
        times_s: (steps,) end of each step.
        charge: (steps,) largest current lost in a cell, between solid and electrolyte, or at the lithium metal,
            over the current.
        lithium: (steps,) lithium in the AM against the charge passed so far, over that charge.
        salt: (steps,) change of the salt in the electrolyte, over the salt.
    """

    times_s: np.ndarray
    charge: np.ndarray
    lithium: np.ndarray
    salt: np.ndarray


@dataclass(frozen=True, eq=False)
class Discharge:
    """A discharge (or charge) at constant current.

    Attributes:
        image: the electrode.
        parameters: the materials.
        c_rate_profile: (time,) 1/h, C-rate during the interval that ends at each frame; [0] is 0.
        times_s: (time,) s.
        dol: (time,) mean degree of lithiation of the AM, 0 to 1.
        voltage_v: (time,) V, collector against lithium metal.
        concentration: (time, x, y, z) float32, mol/m3, lithium in the AM; exactly 0 outside it.
        potential: (time, x, y, z) float32, V against lithium metal, of AM and CBD; exactly 0 outside them.
        balances: of every time step.
    """

    image: PhaseImage
    parameters: Parameters
    c_rate_profile: np.ndarray
    times_s: np.ndarray
    dol: np.ndarray
    voltage_v: np.ndarray
    concentration: np.ndarray = field(repr=False)
    potential: np.ndarray = field(repr=False)
    balances: Balances = field(repr=False)
