"""The open-circuit potential of the active material against lithium metal."""

from collections.abc import Callable

import numpy as np

from tfmsnet.halfcell.parameters import Parameters


def open_circuit_potential(dol, parameters: Parameters, tanh: Callable = np.tanh):
    """E(x) = e0 + e1 x + sum A tanh(s (x - x0)), V.

    Args:
        dol: degree of lithiation x, any shape.
        parameters: whose `ocp_linear` and `ocp_tanh` are used; the fit holds within `ocp_dol_range` and is
            continued smoothly outside.
        tanh: elementwise, of the library that `dol` belongs to (np.tanh, tf.tanh).
    """
    constant, slope = parameters.ocp_linear
    potential = constant + slope * dol
    for amplitude, steepness, centre in parameters.ocp_tanh:
        potential = potential + amplitude * tanh(steepness * (dol - centre))
    return potential
