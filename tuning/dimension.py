"""One dimension of a search space: a key of the configuration, and the values or range that it may take."""

import json
import math
from dataclasses import dataclass, fields

from tfmsnet.errors import UserError
from tfmsnet.networks.registry import registered_configs
from tfmsnet.predictors.config import NetworkConfig
from tfmsnet.training.config import MODES, TrainingConfig

Value = int | float | str | bool

CURRICULUM, MODE = "curriculum", "mode"
WHOLE = "all"
# Drawn from a range, so memory must not depend on them.
_RANGED = ("learning_rate", "noise", "state_dropout", "clip_norm")
_UNSEARCHED = ("steps", "steps_per_epoch", "autoregressive", "basis")
_MOST_WHOLE_NUMBERS = 64
# A range that spans this factor is drawn on a logarithmic scale.
_LOGARITHMIC = 10.0


@dataclass(frozen=True)
class Dimension:
    """A key with the values that are tried.

    Attributes:
        name: a key of the configuration, or "mode", or "curriculum" (frames of the stages, such as 1-4-12;
            all: whole discharges).
        values: those that are tried; empty for a range.
        low, high: ends of a range, drawn on a logarithmic scale where it spans a factor of ten.
    """

    name: str
    values: tuple[Value, ...] = ()
    low: float = math.nan
    high: float = math.nan

    @property
    def is_range(self) -> bool:
        """Whether it is drawn from a range."""
        return not self.values

    @property
    def logarithmic(self) -> bool:
        """Whether a range is drawn on a logarithmic scale."""
        return self.low > 0 and self.high / self.low >= _LOGARITHMIC

    def at(self, share: float) -> float:
        """The value of a range at a share 0..1 of it."""
        if self.logarithmic:
            return min(self.high, self.low * (self.high / self.low) ** share)
        return self.low + share * (self.high - self.low)

    def __str__(self) -> str:
        if self.is_range:
            return f"{self.name}={self.low:g}..{self.high:g}"
        return f"{self.name}={','.join(map(str, self.values))}"


def parse(text: str) -> Dimension:
    """Read "filters=8,16,24", "learning_rate=1e-4..3e-3", "scales=2..4" or "scales=3".

    Raises:
        UserError: not of this form, a key that can't be searched, or no values.
    """
    key, _, content = (part.strip() for part in text.partition("="))
    name = key.rpartition(".")[2]
    _check_name(name, text)
    parts = [part.strip() for part in content.split(",") if part.strip()]
    if not parts:
        raise UserError(f"--space {text!r}: expected values, such as {name}=A,B or a range {name}=A..B")
    low, dots, high = content.partition("..")
    if dots:
        return _range(name, low, high, text)
    values = tuple(dict.fromkeys(_value(name, part, text) for part in parts))
    if any(isinstance(value, float) for value in values):  # KerasTuner wants values of one type
        values = tuple(float(value) for value in values)
    return Dimension(name, values)


def horizon_of(curriculum: str) -> tuple[tuple[float, int], ...]:
    """ "1-4-12" -> stages of equal length with windows of 1, 4 and 12 frames, as `TrainingConfig.horizon`."""
    parts = curriculum.split("-")
    try:
        frames = [0 if part == WHOLE else int(part) for part in parts]
        if any(number < 1 for number, part in zip(frames, parts, strict=True) if part != WHOLE):
            raise ValueError
    except ValueError:
        raise UserError(
            f"curriculum: expected frames of its stages such as 1-4-12 or all, found {curriculum!r}"
        ) from None
    return tuple((round((i + 1) / len(frames), 6), number) for i, number in enumerate(frames))


def _keys() -> dict[str, Value]:
    """The configuration's keys, those of all registered networks too, with their defaults."""
    defaults = [config() for config in (*registered_configs(), NetworkConfig, TrainingConfig)]
    values = {field.name: getattr(config, field.name) for config in defaults for field in fields(config)}
    return {key: value for key, value in values.items() if isinstance(value, Value)}


def _check_name(name: str, text: str) -> None:
    searched = [key for key in (*_keys(), MODE, CURRICULUM) if key not in _UNSEARCHED]
    if name not in searched:
        hint = "; use curriculum and mode" if name in ("horizon", "autoregressive", "basis") else ""
        raise UserError(f"--space {text!r}: expected KEY=VALUES with KEY of {', '.join(searched)}{hint}")


def _value(name: str, text: str, whole: str) -> Value:
    if name == CURRICULUM:
        horizon_of(text)
        return text
    if name == MODE:
        if text not in MODES:
            raise UserError(f"--space {whole!r}: mode: expected some of {', '.join(MODES)}, found {text!r}")
        return text
    if isinstance(_keys()[name], str):
        return text
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        value = None
    wanted = (bool,) if isinstance(_keys()[name], bool) else (int, float)
    if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
        expected = "true or false" if bool in wanted else "a number"
        raise UserError(f"--space {whole!r}: {name}: expected {expected}, found {text!r}")
    return value


def _range(name: str, low: str, high: str, text: str) -> Dimension:
    try:
        ends = [json.loads(end) for end in (low, high)]
        well_formed = all(isinstance(end, int | float) and math.isfinite(end) for end in ends)
    except json.JSONDecodeError:
        well_formed = False
    if not well_formed or ends[0] > ends[1]:
        raise UserError(f"--space {text!r}: expected a range LOW..HIGH of two numbers, LOW first")
    if name in _RANGED:
        if ends[0] == ends[1]:
            return Dimension(name, (float(ends[0]),))
        return Dimension(name, (), float(ends[0]), float(ends[1]))
    if isinstance(_keys().get(name), int) and all(isinstance(end, int) for end in ends):
        values = tuple(range(ends[0], ends[1] + 1))
        if len(values) <= _MOST_WHOLE_NUMBERS:
            return Dimension(name, values)
    raise UserError(
        f"--space {text!r}: a range is for {', '.join(_RANGED)} or at most {_MOST_WHOLE_NUMBERS} whole "
        f"numbers; list the values, such as {name}={low},{high}"
    )
