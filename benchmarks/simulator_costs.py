"""What the simulator's tolerances cost, and what better starting values could save at most.

    python benchmarks/simulator_costs.py [--size 24 24 64] [--c-rates 1 2]

One discharge of an electrode of 90 wt%, calendered by 10 %, one thread.  All accepted errors (of potentials,
lost currents, lithium, salt) are made larger or smaller by a factor; errors are those against a hundredth of
them.  `best start`: each time step begins with its own solution, as no guess could do better.
"""

import argparse
import sys
import time

import numpy as np
from threadpoolctl import threadpool_limits

from tfmsnet.electrode import Recipe, generate
from tfmsnet.halfcell import cell, lithium, salt, simulate

ACCEPTED = (
    (cell, ("_MISFIT_V", "_RESTING_MISFIT_V", "_IMBALANCE")),
    (lithium, ("_ERROR",)),
    (salt, ("_ERROR",)),
)
USUAL = {(module, name): getattr(module, name) for module, names in ACCEPTED for name in names}
FACTORS = (10, 1, 0.1)
REFERENCE = 0.01


def discharged(electrode, c_rate: float, factor: float = 1.0):
    """CPU seconds and the discharge, with accepted errors so many times the usual ones."""
    for (module, name), value in USUAL.items():
        setattr(module, name, factor * value)
    begin = time.process_time()
    found = simulate(electrode, c_rate)
    return time.process_time() - begin, found


class Rehearsed(cell.Cell):
    """A cell that is told, the second time, what each step came to."""

    solutions, steps = [], None  # of all cells: there is one

    def step(self, now, before, step_s, control):
        if Rehearsed.steps is None:
            state = super().step(now, before, step_s, control)
            Rehearsed.solutions.append(state)
            return state
        solution = next(Rehearsed.steps)
        usual = cell._Times.ahead
        cell._Times.ahead = lambda times, name: getattr(solution, name).copy()
        self._switched = lambda *_: (solution.potential.copy(), solution.reaction, solution.metal)
        try:
            return super().step(now, before, step_s, control)
        finally:
            cell._Times.ahead = usual


def best_start(electrode, c_rate: float):
    """CPU seconds without and with it, and what the latter found."""
    module = sys.modules[simulate.__module__]
    usual, module.Cell = module.Cell, Rehearsed
    try:
        Rehearsed.solutions, Rehearsed.steps = [], None
        without = discharged(electrode, c_rate)[0]
        Rehearsed.steps = iter(Rehearsed.solutions)
        return without, *discharged(electrode, c_rate)
    finally:
        module.Cell = usual


def main(arguments) -> None:
    simulate(generate(Recipe(90, 10, (12, 12, 16), seed=1)), 1.0)  # numba
    electrode = generate(Recipe(90, 10, tuple(arguments.size), seed=900))
    print(f"{'C-rate':>6} {'':>14} {'CPU s':>7} {'ratio':>6} {'mV off':>9} {'DOL off':>9}", flush=True)
    for c_rate in arguments.c_rates:
        exact = discharged(electrode, c_rate, REFERENCE)[1]
        rows = {f"errors x {factor:g}": discharged(electrode, c_rate, factor) for factor in FACTORS}
        usual_s = rows["errors x 1"][0]
        without_s, started_s, started = best_start(electrode, c_rate)
        rows["best start"] = started_s * usual_s / without_s, started
        for name, (seconds, found) in rows.items():
            off_mv = 1e3 * np.abs(found.voltage_v - exact.voltage_v).max()
            off_dol = np.abs(found.concentration - exact.concentration).max() / found.parameters.c_max_mol_m3
            row = f"{c_rate:>6g} {name:>14} {seconds:>7.2f} {seconds / usual_s:>6.2f}"
            print(f"{row} {off_mv:>9.1e} {off_dol:>9.1e}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, nargs=3, default=[24, 24, 64])
    parser.add_argument("--c-rates", type=float, nargs="+", default=[1.0, 2.0])
    with threadpool_limits(1, user_api="blas"):
        main(parser.parse_args())
