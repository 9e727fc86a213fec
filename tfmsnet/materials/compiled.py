"""Functions of `tfmsnet.materials.functions` for one number, compiled by numba for simulations."""

import math

from numba import njit

from tfmsnet.materials.functions import EXPONENTIAL, POLYNOMIAL, TANH


@njit(cache=True)
def value_at(flat, x):
    """f(x) of one number, from `Function.flat`."""
    return value_and_slope_at(flat, x)[0]


@njit(cache=True)
def value_and_slope_at(flat, x):
    """f(x) and f'(x) of one number, from `Function.flat`."""
    value, slope, begin = 0.0, 0.0, 0
    while begin < flat.size:
        kind, end = int(flat[begin]), begin + 2 + int(flat[begin + 1])
        begin += 2
        if kind == POLYNOMIAL:
            part, rise = 0.0, 0.0
            for k in range(end - 1, begin - 1, -1):
                rise = rise * x + part
                part = part * x + flat[k]
            value += part
            slope += rise
        elif kind == TANH:
            for k in range(begin, end, 3):
                tanh = math.tanh(flat[k + 1] * (x - flat[k + 2]))
                value += flat[k] * tanh
                slope += flat[k] * flat[k + 1] * (1 - tanh * tanh)
        elif kind == EXPONENTIAL:
            for k in range(begin, end, 3):
                term = flat[k] * math.exp(flat[k + 1] * (x - flat[k + 2]))
                value += term
                slope += flat[k + 1] * term
        else:
            inside = min(max(x, flat[begin]), flat[end - 1])
            low, high = 0, (end - begin) // 5
            while high - low > 1:
                middle = (low + high) // 2
                if flat[begin + 5 * middle] <= inside:
                    low = middle
                else:
                    high = middle
            k = begin + 5 * low
            step = inside - flat[k]
            rise = flat[k + 2] + step * (2 * flat[k + 3] + 3 * step * flat[k + 4])
            value += flat[k + 1] + step * (flat[k + 2] + step * (flat[k + 3] + step * flat[k + 4]))
            value += rise * (x - inside)
            slope += rise
        begin = end
    return value, slope
