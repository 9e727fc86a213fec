"""One discharge: a phase image and what it does under a load, in memory."""

from dataclasses import dataclass

import numpy as np

from tfmsnet.fields import FIELDS
from tfmsnet.halfcell import Discharge, Parameters
from tfmsnet.load import Ended, Load, is_complete
from tfmsnet.materials.parameters import C_M2_PER_MAH_CM2, FARADAY_C_MOL


@dataclass(frozen=True)
class Sample:
    """One discharge of one electrode.

    Attributes:
        phase: (x, y, z) uint8; 0 electrolyte, 1 active material, 2 carbon-binder domain.
        concentration: (time, x, y, z) float32, mol/m3; lithium in the active material, 0 elsewhere.
        potential: (time, x, y, z) float32, V against lithium; in active material and CBD, 0 elsewhere.
        times_s: (time,) float64, s; frame 0 is the equilibrium state at 0 s.
        dol: (time,) float64; mean degree of lithiation of the active material, 0..1.
        voltage_v: (time,) float64, V; collector against lithium metal.
        c_rate_profile: (time,) float64, 1/h; C-rate during the interval that ends at each frame (its mean
            where a voltage was held), element 0 is 0.
        voxel_size_m: edge of a voxel, m.
        geometry_id: the same for all samples of one electrode; data sets are split by it.
        parameters: the cell's parameters (chemistry and operating condition).
        am_wt_percent, calendering_percent: the recipe, %; NaN when unknown.
        load: what the cell was asked to do; None where that isn't known (files of version 1, other people's
            results), and the profile is all there is.
        ends: how each segment of the load ended; empty where that isn't known.
    """

    phase: np.ndarray
    concentration: np.ndarray
    potential: np.ndarray
    times_s: np.ndarray
    dol: np.ndarray
    voltage_v: np.ndarray
    c_rate_profile: np.ndarray
    voxel_size_m: float
    geometry_id: str
    parameters: Parameters
    am_wt_percent: float = float("nan")
    calendering_percent: float = float("nan")
    load: Load | None = None
    ends: tuple[Ended, ...] = ()

    @classmethod
    def from_discharge(cls, discharge: Discharge) -> "Sample":
        """The sample that a simulated discharge makes."""
        image = discharge.image
        return cls(
            phase=image.phase,
            concentration=discharge.concentration,
            potential=discharge.potential,
            times_s=discharge.times_s,
            dol=discharge.dol,
            voltage_v=discharge.voltage_v,
            c_rate_profile=discharge.c_rate_profile,
            voxel_size_m=image.voxel_size_m,
            geometry_id=image.geometry_id,
            parameters=discharge.parameters,
            am_wt_percent=image.am_wt_percent,
            calendering_percent=image.calendering_percent,
            load=discharge.load,
            ends=discharge.ends,
        )

    @property
    def frames(self) -> int:
        """How many frames, the initial one included."""
        return len(self.times_s)

    @property
    def grid(self) -> tuple[int, int, int]:
        """Voxels along x, y, z."""
        return self.phase.shape

    @property
    def c_rate(self) -> float:
        """The largest C-rate of the profile by magnitude; under constant current, the C-rate."""
        return float(self.c_rate_profile[np.argmax(np.abs(self.c_rate_profile))])

    @property
    def label(self) -> str:
        """What the load is called: its label; the C-rate where it isn't known."""
        return f"{self.c_rate:g}C" if self.load is None else self.load.label

    @property
    def areal_capacity_mah_cm2(self) -> np.ndarray:
        """(time,) mAh per cm2 of the foil since the first frame, by the lithium in the AM."""
        am_m = self.voxel_size_m * self.grid[2] * float(self.am_mask.mean())
        coulomb_m2 = FARADAY_C_MOL * self.parameters.c_max_mol_m3 * (self.dol - self.dol[0]) * am_m
        return coulomb_m2 / C_M2_PER_MAH_CM2

    @property
    def is_constant_current(self) -> bool:
        """Whether one current other than 0 flows in all intervals."""
        rates = self.c_rate_profile[1:]
        return bool(len(rates) and rates[0] != 0 and (rates == rates[0]).all())

    @property
    def load_name(self) -> str:
        """The load in tables, where samples under loads of one name stand together: "1C", or its name."""
        if self.is_constant_current:
            return f"{self.c_rate:g}C"
        return (self.load.name if self.load else "") or "varying load"

    @property
    def complete(self) -> bool:
        """Whether the load was carried out to its end, as far as that is known."""
        return is_complete(self.ends)

    @property
    def sample_id(self) -> str:
        """Names the sample within a data set: geometry and load."""
        return f"{self.geometry_id}_{self.label}"

    @property
    def am_mask(self) -> np.ndarray:
        """(x, y, z) bool: where the concentration lives."""
        return FIELDS["concentration"].mask(self.phase)

    @property
    def solid_mask(self) -> np.ndarray:
        """(x, y, z) bool: where the potential lives."""
        return FIELDS["potential"].mask(self.phase)
