"""The result of a simulation."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from tfmsnet.electrode.image import AM, ELECTROLYTE, PhaseImage
from tfmsnet.halfcell.parameters import Parameters

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False)
class Balances:
    """How well each time step (there are more than frames) conserves, relative.

    Attributes:
        times_s: (steps,) end of each step.
        charge: (steps,) largest current lost in a cell, between solid and electrolyte, or at the lithium
            metal, over the current.
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

    def plot(self) -> "Figure":
        """The discharge curve over DOL, and both fields of the last frame in the middle x-z plane.

        Returns:
            A matplotlib figure; `savefig` writes it.
        """
        from matplotlib.figure import Figure  # slow to import

        figure = Figure(figsize=(11, 3.5), layout="constrained")
        curve, *slices = figure.subplots(1, 3)
        rates = self.c_rate_profile[1:]
        curve.plot(self.dol, self.voltage_v, ".-")
        curve.set(xlabel="degree of lithiation", ylabel="voltage / V")
        if len(rates):
            curve.set_title(f"{rates[0]:g}C, {self.times_s[-1]:.0f} s")
        middle = self.image.shape[1] // 2
        phase = self.image.phase[:, middle]
        shown = (
            (
                self.concentration / self.parameters.c_max_mol_m3,
                phase != AM,
                "degree of lithiation",
                "viridis",
            ),
            (
                1e3 * (self.potential - self.voltage_v[-1]),
                phase == ELECTROLYTE,
                "potential over the foil's / mV",
                "magma",
            ),
        )
        width, _, thickness = (1e6 * length for length in self.image.size_m)
        for axes, (field_values, hidden, name, colours) in zip(slices, shown, strict=True):
            values = np.ma.masked_array(field_values[-1][:, middle], hidden)
            picture = axes.imshow(
                values, origin="lower", extent=(0, thickness, 0, width), cmap=colours, interpolation="nearest"
            )
            axes.set(xlabel="z / µm (foil at 0)", ylabel="x / µm", title=name)
            figure.colorbar(picture, ax=axes, shrink=0.8)
        return figure
