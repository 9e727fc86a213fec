"""What 1C is: the current that fills the active material from its initial degree of lithiation in an hour."""

import numpy as np

from tfmsnet.electrode import AM, PhaseImage
from tfmsnet.materials.parameters import FARADAY_C_MOL, Parameters


def one_c_current_a(am_volume_m3: float, parameters: Parameters) -> float:
    """I_1C = F c_max (1 - x0) V_AM / 3600 s, A: fills the AM from its initial DOL to 1 in an hour."""
    vacancies = parameters.c_max_mol_m3 * (1 - parameters.initial_dol)
    return FARADAY_C_MOL * vacancies * am_volume_m3 / 3600


def one_c_a_m2(image: PhaseImage, parameters: Parameters) -> float:
    """What 1C is for an electrode, A per m2 of its foil (10 A/m2 are 1 mA/cm2)."""
    am_volume_m3 = np.count_nonzero(image.phase == AM) * image.voxel_size_m**3
    return one_c_current_a(am_volume_m3, parameters) / (image.size_m[0] * image.size_m[1])
