"""Microstructure-resolved half-cell: electrode and load in, discharge out."""

from tfmsnet.halfcell.discharge import Balances, Discharge
from tfmsnet.halfcell.equilibrium import open_circuit_potential
from tfmsnet.halfcell.failure import DischargeFailed
from tfmsnet.halfcell.simulate import simulate
from tfmsnet.materials import Parameters, one_c_a_m2

__all__ = [
    "Balances",
    "Discharge",
    "DischargeFailed",
    "Parameters",
    "one_c_a_m2",
    "open_circuit_potential",
    "simulate",
]
