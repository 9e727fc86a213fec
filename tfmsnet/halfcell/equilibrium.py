"""The open-circuit potential of the active material against lithium metal."""

import numpy as np

from tfmsnet.materials import Parameters


def open_circuit_potential(dol, parameters: Parameters) -> np.ndarray:
    """At the cell's temperature, V.

    Args:
        dol: degree of lithiation, any shape.
        parameters: whose `open_circuit_v` was measured within `ocp_dol_range` and goes on smoothly outside.
    """
    return parameters.at_temperature().open_circuit_v(dol)
