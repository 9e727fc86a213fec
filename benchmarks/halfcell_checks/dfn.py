"""The electrode and the curves that benchmarks/halfcell_pybamm.py made with PyBaMM's half-cell DFN."""

from pathlib import Path

import numpy as np

from tfmsnet.electrode import PhaseImage

FIXTURES = Path(__file__).parents[2] / "tests" / "halfcell" / "fixtures"
C_RATES = (0.5, 1.0, 2.0)


def dfn_electrode() -> PhaseImage:
    """The voxel electrode that PyBaMM's porous electrode stands for: 24 x 24 x 64, 90 wt%, uncalendered."""
    return PhaseImage(np.load(FIXTURES / "electrode.npz")["phase"], calendering_percent=0.0)


def dfn_curve(c_rate: float) -> np.ndarray:
    """PyBaMM's curve, every frame but the first: columns time_s, dol, voltage_v."""
    return np.genfromtxt(FIXTURES / f"pybamm_{c_rate:g}C.csv", delimiter=",", names=True)
