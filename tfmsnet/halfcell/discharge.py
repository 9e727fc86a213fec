"""The result of a simulation."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tfmsnet.electrode.image import PhaseImage
from tfmsnet.load import Ended, Load, is_complete
from tfmsnet.materials.parameters import Parameters

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False)
class Balances:
    """How well each time step (there are more than frames) conserves, relative.

    Attributes:
        times_s: (steps,) end of each step.
        charge: (steps,) largest current lost in a cell, between solid and electrolyte, or at the lithium
            metal, over the current.
        lithium: (steps,) lithium in the AM against the charge passed so far, over the charge moved so far in
            either direction.
        salt: (steps,) change of the salt in the electrolyte, over the salt.

    At currents below a hundredth of 1C, rests for example, charge and lithium are relative to that.
    """

    times_s: np.ndarray
    charge: np.ndarray
    lithium: np.ndarray
    salt: np.ndarray


@dataclass(frozen=True, eq=False, repr=False)
class Discharge:
    """What an electrode does under a load.

    Attributes:
        image: the electrode.
        parameters: the materials.
        load: what it was asked to do.
        c_rate_profile: (time,) 1/h, C-rate during the interval that ends at each frame (its mean where a
            voltage was held); [0] is 0.
        times_s: (time,) s.
        dol: (time,) mean degree of lithiation of the AM, 0 to 1.
        voltage_v: (time,) V, collector against lithium metal.
        concentration: (time, x, y, z) float32, mol/m3, lithium in the AM; exactly 0 outside it.
        potential: (time, x, y, z) float32, V against lithium metal, of AM and CBD; exactly 0 outside them.
        balances: of every time step.
        ends: how each segment of the load ended.
    """

    image: PhaseImage
    parameters: Parameters
    load: Load
    c_rate_profile: np.ndarray
    times_s: np.ndarray
    dol: np.ndarray
    voltage_v: np.ndarray
    concentration: np.ndarray = field(repr=False)
    potential: np.ndarray = field(repr=False)
    balances: Balances = field(repr=False)
    ends: tuple[Ended, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether the load was carried out to its end."""
        return is_complete(self.ends)

    def __repr__(self) -> str:
        end = "" if self.complete else ", incomplete"
        return (
            f"Discharge({self.load.label}: {len(self.times_s)} frames to {self.times_s[-1]:.6g} s, "
            f"{self.voltage_v[-1]:.3f} V, mean DOL {self.dol[-1]:.4f}{end})"
        )

    def save(self, path: str | Path) -> None:
        """Write it as a sample file (HDF5), which `tfmsnet.read_sample` and all commands read.

        Raises:
            UserError, OSError: as `tfmsnet.write_sample`; the file is then not there.
        """
        from tfmsnet.records.hdf5 import write_sample
        from tfmsnet.records.sample import Sample

        write_sample(Sample.from_discharge(self), path)

    def plot(self) -> "Figure":
        """The discharge curve, and both fields of the last frame in the middle x-z plane.

        The curve is that over DOL; unless the current is constant, with the voltage over time beside it.

        Returns:
            A matplotlib figure; `savefig` writes it.
        """
        from tfmsnet.plots.overview import overview_figure
        from tfmsnet.records.sample import Sample

        return overview_figure(Sample.from_discharge(self))
