"""From an electrode and a C-rate to a discharge."""

import math
from collections.abc import Callable
from numbers import Real

import numpy as np

from tfmsnet.electrode.checks import check_dischargeable
from tfmsnet.electrode.image import PhaseImage
from tfmsnet.errors import UserError
from tfmsnet.halfcell.discharge import Balances, Discharge
from tfmsnet.halfcell.grid import build_grid
from tfmsnet.halfcell.parameters import FARADAY_C_MOL, Parameters
from tfmsnet.halfcell.stepping import Cell, State, walk
from tfmsnet.load import FRAMES, constant_current

_DEFAULT = Parameters()


def one_c_current_a(am_volume_m3: float, parameters: Parameters) -> float:
    """I_1C = F c_max (1 - x0) V_AM / 3600 s: fills the AM from its initial DOL to 1 in an hour, A."""
    vacancies = parameters.c_max_mol_m3 * (1 - parameters.initial_dol)
    return FARADAY_C_MOL * vacancies * am_volume_m3 / 3600


def simulate(
    image: PhaseImage,
    c_rate: float,
    parameters: Parameters = _DEFAULT,
    *,
    frames: int = FRAMES,
    progress: Callable[[float], None] | None = None,
) -> Discharge:
    grid = build_grid(image, parameters)
    current_a = c_rate * one_c_current_a(grid.am_volume_m3, parameters)
    profile, times = constant_current(c_rate, frames)
    cell = Cell(grid, parameters, parameters.calendered_cbd_conductivity_s_m(image.calendering_percent), current_a, times[1])
    out=[]; ch=[];li=[];sa=[];ts=[]
    first=None
    for state, ends in walk(cell, times[1], lambda f: None):
        if first is None: first=state
        else:
            ts.append(state.time_s); ch.append(state.charge_imbalance)
            q=current_a*state.time_s/FARADAY_C_MOL
            li.append(abs(cell.lithium.amount(state.lithium-first.lithium)-q)/abs(q))
            sa.append(abs(cell.salt.amount(state.salt-first.salt))/cell.salt.amount(first.salt))
        if ends: out.append(state)
        if len(out)==frames: break
    n=len(out)
    c=np.zeros((n,image.phase.size),np.float32); p=np.zeros_like(c)
    for i,s in enumerate(out):
        c[i,grid.am_voxels]=s.lithium; p[i,grid.solid_voxels]=s.potential[:cell.potentials.solids]
    return Discharge(image,parameters,profile[:n],times[:n],np.array([s.lithium.mean()/parameters.c_max_mol_m3 for s in out]),np.array([s.voltage_v for s in out]),c.reshape(n,*image.shape),p.reshape(n,*image.shape),Balances(*map(np.array,(ts,ch,li,sa))))
