"""The configurations that a search goes through, within budgets of parameters, memory and time."""

import itertools
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tfmsnet.errors import UserError
from tfmsnet.networks.config import field_names
from tfmsnet.networks.registry import registered, registered_configs
from tfmsnet.predictors.domain import check_grid
from tfmsnet.records.manifest import Manifest
from tfmsnet.training.config import RunConfig, TrainingConfig
from tfmsnet.training.memory import estimate, parameters
from tfmsnet.tuning.dimension import CURRICULUM, MODE, Dimension, Value, horizon_of, parse


@dataclass(frozen=True)
class Budget:
    """Bounds on a trial; None where there is none.

    Attributes:
        parameters: of the network.
        memory_gb: of a training step, as `tfmsnet.training.memory` estimates it, 1e9 bytes.
        minutes: of training per trial; then the trial is scored as it stands.
    """

    parameters: int | None = None
    memory_gb: float | None = None
    minutes: float | None = None

    def excess(self, config: RunConfig, grid: tuple[int, int, int], frames: int) -> str | None:
        """What a configuration has too much of, or None where it fits.

        Args:
            config: of the trial.
            grid: voxels along x, y, z of the largest training discharge.
            frames: of a discharge, the initial one left out.
        """
        count = parameters(config)
        if self.parameters is not None and count > self.parameters:
            return f"{count:,} parameters, more than {self.parameters:,}"
        if self.memory_gb is not None:
            needed_gb = estimate(config, grid, frames=frames).total / 1e9
            if needed_gb > self.memory_gb:
                return f"{needed_gb:.2f} GB of memory, more than {self.memory_gb:g} GB"
        return None


DEFAULT = (
    "filters=4,8,16,24",
    "growth=1,2,4",
    "scales=2,3,4",
    "convolutions=3,5",
    "learning_rate=3e-4..6e-3",
    "curriculum=1,1-4,1-4-12",
)
_MOST_POINTS = 200_000

Point = dict[str, Value]


@dataclass(frozen=True)
class Space:
    """What may be tried.

    Attributes:
        base: the configuration that the points change, dimensions of one value in it.
        dimensions: those of several values.
        ranges: those drawn from a range.
        points: combinations of the values that fit; ranges are drawn beside them.
        left_out: how many combinations were left out since they don't fit.
    """

    base: RunConfig
    dimensions: tuple[Dimension, ...]
    ranges: tuple[Dimension, ...]
    points: tuple[Point, ...]
    left_out: int

    @classmethod
    def of(
        cls, base: RunConfig, dimensions: Sequence[Dimension], manifest: Manifest, budget: Budget
    ) -> "Space":
        """All that fits the records and the budget.

        Raises:
            UserError: nothing to choose from, or nothing that fits.
        """
        fixed = {d.name: d.values[0] for d in dimensions if len(d.values) == 1}
        base = with_point(base, fixed)
        chosen = tuple(d for d in dimensions if len(d.values) > 1)
        ranges = tuple(d for d in dimensions if d.is_range)
        if not chosen and not ranges:
            raise UserError(
                "--space: nothing to search, every dimension has one value; give one of them several, such "
                "as filters=8,16"
            )
        if math.prod(len(d.values) for d in chosen) > _MOST_POINTS:
            raise UserError(f"--space: expected at most {_MOST_POINTS:,} combinations; list fewer values")
        fitting = _Fitting(base, manifest, budget, {d.name: d.low for d in ranges})
        for values in itertools.product(*(d.values for d in chosen)):
            fitting.take({d.name: value for d, value in zip(chosen, values, strict=True)})
        if not fitting.points:
            raise UserError(fitting.refusal())
        return cls(base, chosen, ranges, tuple(fitting.points), fitting.left_out)

    def draw(self, rng: random.Random, points: Sequence[Point]) -> Point:
        """One of some points at random, with values of the ranges."""
        return {**rng.choice(points), **{d.name: d.at(rng.random()) for d in self.ranges}}

    def nearest(self, values: Point) -> Point:
        """The fitting point that is nearest to some values, in steps along each dimension's list."""

        def distance(point: Point) -> int:
            return sum(
                abs(d.values.index(point[d.name]) - _index(d, values[d.name])) for d in self.dimensions
            )

        return {
            **min(self.points, key=distance),
            **{d.name: float(min(max(values[d.name], d.low), d.high)) for d in self.ranges},
        }

    def config(self, values: Point) -> RunConfig:
        """The configuration of a point; other keys of the values are passed over.

        Values that came back from another process in single precision become the listed ones again.
        """
        point = {d.name: d.values[_index(d, values[d.name])] for d in self.dimensions}
        return with_point(self.base, {**point, **{d.name: float(values[d.name]) for d in self.ranges}})

    def describe(self) -> dict[str, str]:
        """Name -> values, of all dimensions."""
        return {d.name: str(d).partition("=")[2] for d in (*self.dimensions, *self.ranges)}


def with_point(base: RunConfig, values: Point) -> RunConfig:
    """A configuration with some values changed.

    The curriculum counts in the mode "autoregressive" alone; the other modes say what a window is.  What
    only other architectures have doesn't count either.
    """
    own = registered(values.get("architecture", base.network.architecture)).config
    of_others = {name for config in registered_configs() for name in field_names(config)}
    of_others -= {*field_names(own), *field_names(TrainingConfig)}
    changes = {name: value for name, value in values.items() if name not in (CURRICULUM, MODE, *of_others)}
    config = base.in_mode(values.get(MODE, base.mode)).with_values(changes, "--space")
    if CURRICULUM in values and _has_curriculum(config):
        horizon = horizon_of(values[CURRICULUM])
        config = RunConfig(config.network, replace(config.training, horizon=horizon))
    return config


def with_defaults(given: Sequence[Dimension], set_keys: Sequence[str], base: RunConfig) -> list[Dimension]:
    """The given dimensions and, for what they and `--set` don't speak of, the usual ones."""
    spoken = {d.name for d in given} | {key.rpartition(".")[2] for key in set_keys}
    modes = next((d.values for d in given if d.name == MODE), (base.mode,))
    if "horizon" in spoken or "autoregressive" not in modes:
        spoken.add(CURRICULUM)
    known = {CURRICULUM, *(key for part in base.as_dict().values() for key in part)}
    return [*given, *(d for d in map(parse, DEFAULT) if d.name in known - spoken)]


def _has_curriculum(config: RunConfig) -> bool:
    return config.mode == "autoregressive"


def _index(dimension: Dimension, value: Value) -> int:
    if value in dimension.values:
        return dimension.values.index(value)
    return min(range(len(dimension.values)), key=lambda i: abs(dimension.values[i] - value))


class _Fitting:
    """Collects the points that fit."""

    def __init__(self, base: RunConfig, manifest: Manifest, budget: Budget, ranged: Point):
        self.base, self.budget, self.ranged = base, budget, ranged
        samples = manifest.samples("train")
        self.grid = max((tuple(sample["grid"]) for sample in samples), key=math.prod)
        self.frames = max(sample["frames"] for sample in samples) - 1
        grids = {tuple(s["grid"]) for split in manifest.splits for s in manifest.samples(split)}
        self.narrowest = min(grids, key=min)
        self.points: list[Point] = []
        self.left_out = 0
        self.problem: str | None = None
        self.least = math.inf
        self._seen: set[RunConfig] = set()

    def take(self, point: Point) -> None:
        """Keep a point if it fits and isn't the same run as one before it."""
        try:
            config = with_point(self.base, {**point, **self.ranged})
            check_grid(self.narrowest, config.network.scales, "--space")
        except UserError as error:
            self.left_out += 1
            self.problem = self.problem or str(error)
            return
        if config in self._seen:
            return
        self._seen.add(config)
        excess = self.budget.excess(config, self.grid, self.frames)
        if excess is None:
            self.points.append(point)
            return
        self.left_out += 1
        if parameters(config) < self.least:
            self.least, self.problem = parameters(config), f"the smallest has {excess}"

    def refusal(self) -> str:
        """Why there are no points."""
        return f"--space: no point fits ({self.problem}); raise the budget or list smaller values"
