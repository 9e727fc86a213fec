"""What a discharge costs on larger and larger grids."""

import multiprocessing
import resource
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullFormatter
from threadpoolctl import threadpool_limits

from tfmsnet.electrode import Recipe, generate
from tfmsnet.halfcell import simulate
from tfmsnet.load import constant_current
from tfmsnet.plots.style import COLOURS, look, new_figure

Size = tuple[int, int, int]
LADDER: tuple[Size, ...] = ((16, 16, 48), (24, 24, 64), (36, 36, 122), (48, 48, 160), (72, 72, 244))
LARGEST_EXPONENT = 1.2
_FROM_VOXELS = 24 * 24 * 64


@dataclass(frozen=True)
class Cost:
    """Of a discharge at 1C with 25 frames on one thread.

    Attributes:
        size: voxels x, y, z.
        cpu_s: of the discharge.
        memory_gb: largest of the process, that of making the electrode and compiling included.
    """

    size: Size
    cpu_s: float
    memory_gb: float

    @property
    def voxels(self) -> int:
        """How many."""
        return int(np.prod(self.size))


def costs(sizes: Sequence[Size], recipe: tuple[float, float], seed: int) -> Iterator[Cost]:
    """Discharge an electrode of each size, each in a process of its own."""
    for size in sizes:
        # A fresh process: the largest memory of one that did another grid would be that grid's.
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            yield pool.submit(_cost, size, recipe, seed).result()


def _cost(size: Size, recipe: tuple[float, float], seed: int) -> Cost:
    with threadpool_limits(1):
        warm_up()
        image = generate(Recipe(*recipe, size, seed=seed))
        begin = time.process_time()
        simulate(image, 1.0)
        cpu_s = time.process_time() - begin
    return Cost(size, round(cpu_s, 2), round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 3))


def warm_up() -> None:
    """Compile what a discharge needs."""
    simulate(generate(Recipe(90.0, 0.0, (12, 12, 16), seed=0)), constant_current(1.0, 2))


def exponent(measured: Sequence[Cost]) -> float:
    """p of cost ~ voxels^p, least squares over the grids from 24 x 24 x 64 on."""
    fitted = [cost for cost in measured if cost.voxels >= _FROM_VOXELS]
    voxels, seconds = np.log([[cost.voxels, cost.cpu_s] for cost in fitted]).T
    return float(np.polyfit(voxels, seconds, 1)[0])


def growth_figure(measured: Sequence[Cost]) -> Figure:
    """CPU time and memory over the number of voxels."""
    ordered = sorted(measured, key=lambda cost: cost.voxels)
    voxels = np.array([cost.voxels for cost in ordered])
    seconds, memory_gb = ([getattr(cost, name) for cost in ordered] for name in ("cpu_s", "memory_gb"))
    with look():
        figure = new_figure(9.0, 3.6)
        left, right = figure.subplots(1, 2)
        for axes, values, colour in ((left, seconds, COLOURS[2]), (right, memory_gb, COLOURS[1])):
            axes.loglog(voxels, values, "o-", color=colour)
            axes.set_xlabel("voxels N")
            axes.xaxis.set_minor_formatter(NullFormatter())
        start = next(cost for cost in ordered if cost.voxels >= _FROM_VOXELS)
        ends = np.array([start.voxels, voxels[-1]])
        allowed = start.cpu_s * (ends / ends[0]) ** LARGEST_EXPONENT
        left.loglog(ends, allowed, "--", color="#888888", linewidth=1, label="bound: N$^{1.2}$")
        left.set(ylabel="CPU time (s)", title=f"1C on one thread: N$^{{{exponent(ordered):.2f}}}$")
        left.legend()
        right.set(ylabel="largest memory (GB)", title="Memory")
        _name_grids(right, ordered)
        for axes, ticks in ((left, (1, 3, 10, 30, 100, 300)), (right, (0.25, 0.5, 1, 2))):
            axes.yaxis.set_major_locator(FixedLocator(ticks))
            axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
            axes.yaxis.set_minor_formatter(NullFormatter())
    return figure


def _name_grids(axes, ordered: Sequence[Cost]) -> None:
    for cost in ordered:
        axes.annotate(
            " x ".join(map(str, cost.size)),
            (cost.voxels, cost.memory_gb),
            xytext=(-7, 4),
            textcoords="offset points",
            ha="right",
            fontsize=8,
        )
    axes.set_xlim(left=ordered[0].voxels / 8)
    axes.set_ylim(top=1.3 * ordered[-1].memory_gb)
