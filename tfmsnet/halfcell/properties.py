"""Material properties of all cells or faces at once."""

import numpy as np

from tfmsnet.halfcell.threads import blocks, kernel, share
from tfmsnet.materials.compiled import value_at
from tfmsnet.materials.functions import Function


def values(function: Function, quantity: np.ndarray, unit: float) -> np.ndarray:
    """f(quantity / unit), any shape: the function itself, but for rounding, by all threads that share it."""
    quantity = np.asarray(quantity, np.float64)
    result = np.empty(quantity.shape)
    flat = quantity.ravel(), unit, result.reshape(-1)
    if function.is_polynomial:
        _polynomial(blocks(quantity.size), np.array(function.polynomial), *flat)
    else:
        _evaluate(blocks(quantity.size), function.flat, *flat)
    return result


@kernel
def _polynomial(team, bounds, coefficients, quantity, unit, result):
    for block in range(*share(team, bounds.size - 1)):
        low, high, per_unit = bounds[block], bounds[block + 1], 1 / unit
        for place in range(low, high):
            result[place] = coefficients[-1] + 0.0 * quantity[place]  # a constant, but NaN of NaN
        for k in range(coefficients.size - 2, -1, -1):
            for place in range(low, high):
                result[place] = result[place] * (quantity[place] * per_unit) + coefficients[k]


@kernel
def _evaluate(team, bounds, flat, quantity, unit, result):
    for block in range(*share(team, bounds.size - 1)):
        for place in range(bounds[block], bounds[block + 1]):
            result[place] = value_at(flat, quantity[place] / unit)
