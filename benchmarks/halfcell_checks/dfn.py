"""Electrode, loads and curves of benchmarks/halfcell_pybamm.py, made with PyBaMM's half-cell DFN."""

from pathlib import Path

import numpy as np

from tfmsnet.electrode import PhaseImage
from tfmsnet.electrode.transport import effective_conductivity
from tfmsnet.halfcell import Discharge, Parameters
from tfmsnet.load import Load, cccv, gitt, read_profile

FIXTURES = Path(__file__).parents[2] / "tests" / "halfcell" / "fixtures"
C_RATES = (0.5, 1.0, 2.0)
VOXELS_M = {"lfp": 0.1e-6}


def dfn_loads() -> dict[str, Load]:
    """Loads other than constant current, by the names of their curves."""
    return {
        "pulses": gitt(1.0, pulses=8, pulse_charge=0.05, rest_s=600, every_s=60),
        "drive_cycle": read_profile(FIXTURES / "drive_cycle.csv"),
        "cccv": cccv(1.0, 4.1, 0.05, discharge_charge=0.4),
    }


def dfn_electrode(cell: str = "") -> PhaseImage:
    """The voxel electrode that PyBaMM's porous electrode stands for: 24 x 24 x 64, 90 wt%, uncalendered.

    Particles of LFP are smaller: a set of parameters may have other voxels.
    """
    phase = np.load(FIXTURES / "electrode.npz")["phase"]
    return PhaseImage(phase, VOXELS_M.get(cell, 0.5e-6), calendering_percent=0.0)


def solid_conductivity_s_m(image: PhaseImage, parameters: Parameters) -> float:
    """Effective electronic conductivity of an electrode's solid from foil to separator, S/m."""
    cbd_s_m = parameters.calendered_cbd_conductivity_s_m(image.calendering_percent)
    return effective_conductivity(np.array([0.0, parameters.am_conductivity_s_m, cbd_s_m])[image.phase])


def dfn_curve(name: float | str) -> np.ndarray:
    """PyBaMM's curve at a C-rate or under one of the loads, every frame but the first.

    Returns:
        Columns time_s, dol, voltage_v; of a load time_s, c_rate, voltage_v.
    """
    name = name if isinstance(name, str) else f"{name:g}C"
    return np.genfromtxt(FIXTURES / f"pybamm_{name}.csv", delimiter=",", names=True)


def off_dfn_v(discharge: Discharge, name: str) -> np.ndarray:
    """Voltage under a load less PyBaMM's (straight between its frames), V, every frame but the first."""
    curve = dfn_curve(name)
    return discharge.voltage_v[1:] - np.interp(discharge.times_s[1:], curve["time_s"], curve["voltage_v"])
