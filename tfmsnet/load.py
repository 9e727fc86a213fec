"""What a cell is asked to do over time: constant currents, rests and held voltages, one after the other.

1C is the current that fills the electrode's active material from its initial degree of lithiation (DOL) to
1 in an hour: I_1C = F c_max (1 - x0) V_AM / 3600 s.  Currents are positive in a discharge and negative in a
charge.  Charge is counted in hours of 1C: 1 fills the active material from its initial DOL.
"""

import csv
import hashlib
import itertools
import json
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from numbers import Integral, Real
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfmsnet.errors import UserError
from tfmsnet.files import parse_json, read_json
from tfmsnet.plugins import import_plugins

FRAMES = 25
# s between two frames of the paper at 1C: the last of 25 stands 2/3 of the way from the first DOL to 1.
FRAME_SECONDS_AT_1C = 100.0
HOUR_S = 3600.0
LARGEST_C_RATE = 1e3
_FRAME_CHARGE = FRAME_SECONDS_AT_1C / HOUR_S
# Frames of a constant current until the active material is full (in a charge: empty) on average.
FRAMES_TO_FULL = round(1 / _FRAME_CHARGE) + 1
_LARGEST_A_M2 = 1e6
# Frames that are closer to the end of a segment than this are the frame at its end, s.
_MERGED_S = 1e-6
# More than these are a mistake in the times, or hours of computing.
_MOST_FRAMES = 100_000
# A mean current below this, 1/h, is what rounding leaves of none.
_NO_C_RATE = 1e-9
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
FAILED, SATURATED = "failed", "saturated"


def equal_charge_frames(c_rate: float, frames: int = FRAMES) -> tuple[np.ndarray, np.ndarray]:
    """The C-rate profile and the times of the paper's frames at constant current, 100 s / |C-rate| apart.

    Returns:
        c_rate_profile (time,) in 1/h, element 0 is 0; times_s (time,).
    """
    profile = np.full(frames, float(c_rate))
    profile[0] = 0.0
    return profile, np.arange(frames) * FRAME_SECONDS_AT_1C / abs(c_rate)


def _number(name: str, value: object, low: float, high: float) -> float:
    """A finite number between two bounds, both excluded."""
    if isinstance(value, bool) or not isinstance(value, Real) or not low < value < high:
        raise UserError(f"{name}: expected a number between {low:g} and {high:g}, got {value!r}")
    return float(value)


@dataclass(frozen=True)
class End:
    """Where a segment ends: whichever of these comes first.

    Attributes:
        time_s: after so many seconds.
        voltage_v: as the voltage falls (in a charge: rises) to this, V.
        charge: after so much charge in the segment, in hours of 1C; above 0 in either direction.
        mean_dol: as the mean DOL of the active material comes to this.
        taper_c_rate, taper_a_m2: as the current under constant voltage falls to this, 1/h or A/m2; one of
            them.

    Raises:
        UserError: none is given, both tapers are, or one is out of range.
    """

    time_s: float | None = None
    voltage_v: float | None = None
    charge: float | None = None
    mean_dol: float | None = None
    taper_c_rate: float | None = None
    taper_a_m2: float | None = None

    def __post_init__(self) -> None:
        bounds = {
            "time_s": (0, 1e9),
            "voltage_v": (-10, 10),
            "charge": (0, 1e3),
            "mean_dol": (0, 1),
            "taper_c_rate": (1e-5, LARGEST_C_RATE),
            "taper_a_m2": (0, _LARGEST_A_M2),
        }
        for name in self.given:
            object.__setattr__(self, name, _number(f"End.{name}", getattr(self, name), *bounds[name]))
        if not self.given:
            raise UserError(f"End: expected one or more of {', '.join(bounds)}, got none")
        if self.taper_c_rate is not None and self.taper_a_m2 is not None:
            raise UserError("End: expected taper_c_rate or taper_a_m2, got both; give one")

    @property
    def given(self) -> list[str]:
        """The names of the ends that are set."""
        return [spec.name for spec in fields(self) if getattr(self, spec.name) is not None]

    def __str__(self) -> str:
        units = {
            "time_s": "{:g} s",
            "voltage_v": "{:g} V",
            "charge": "a charge of {:.4g} h of 1C",
            "mean_dol": "a mean DOL of {:g}",
            "taper_c_rate": "{:g}C",
            "taper_a_m2": "{:g} A/m2",
        }
        return " or ".join(units[name].format(getattr(self, name)) for name in self.given)


class Ended(NamedTuple):
    """How a segment ended.

    Attributes:
        segment: its number, from 0.
        time_s: when, since the start of the load.
        reason: "time", "voltage", "charge", "mean_dol" or "taper", as in `End`; "saturated" where the
            surface of the active material was full (in a charge: empty), so that the voltage went through
            its limit; "failed" where the simulation found no solution.
    """

    segment: int
    time_s: float
    reason: str


def is_complete(ends: Sequence[Ended]) -> bool:
    """Whether a load was carried out to its end."""
    return all(end.reason != FAILED for end in ends)


def _check_until(kind: str, until: object, allowed: tuple[str, ...]) -> None:
    if not isinstance(until, End):
        raise UserError(f"{kind}.until: expected an End, such as End(time_s=600), got {until!r}")
    wrong = [name for name in until.given if name not in allowed]
    if wrong:
        raise UserError(
            f"{kind}.until: expected some of {', '.join(allowed)}, got {', '.join(wrong)}: no end of this "
            "segment"
        )


_BY_CURRENT = ("time_s", "voltage_v", "charge", "mean_dol")


@dataclass(frozen=True)
class CRate:
    """Constant current as a C-rate, 1/h; negative charges.

    Raises:
        UserError: a C-rate that can't be, or an end that isn't one of constant current.
    """

    c_rate: float
    until: End

    def __post_init__(self) -> None:
        value = self.c_rate
        if isinstance(value, bool) or not isinstance(value, Real) or not 0 < abs(value) <= LARGEST_C_RATE:
            raise UserError(
                f"c_rate: expected a number of 1/h other than 0, up to {LARGEST_C_RATE:g} (negative to "
                f"charge), got {value!r}"
            )
        object.__setattr__(self, "c_rate", float(value))
        _check_until("CRate", self.until, _BY_CURRENT)

    def __str__(self) -> str:
        return f"{self.c_rate:g}C"


@dataclass(frozen=True)
class CurrentDensity:
    """Constant current per area of the foil, A/m2; negative charges.

    Raises:
        UserError: a current that can't be, or an end that isn't one of constant current.
    """

    a_m2: float
    until: End

    def __post_init__(self) -> None:
        value = _number("a_m2", self.a_m2, -_LARGEST_A_M2, _LARGEST_A_M2)
        if value == 0:
            raise UserError("a_m2: expected a current other than 0, got 0; use Rest")
        object.__setattr__(self, "a_m2", value)
        _check_until("CurrentDensity", self.until, _BY_CURRENT)

    @classmethod
    def ma_cm2(cls, value: float, until: End) -> "CurrentDensity":
        """From mA/cm2, each 10 A/m2."""
        return cls(10 * _number("ma_cm2", value, -_LARGEST_A_M2, _LARGEST_A_M2), until)

    def __str__(self) -> str:
        return f"{self.a_m2:g} A/m2"


@dataclass(frozen=True)
class Rest:
    """No current, until a time."""

    until: End

    def __post_init__(self) -> None:
        _check_until("Rest", self.until, ("time_s",))

    def __str__(self) -> str:
        return "rest"


@dataclass(frozen=True)
class Voltage:
    """A voltage that is held, V, as in the second part of CC-CV."""

    voltage_v: float
    until: End

    def __post_init__(self) -> None:
        object.__setattr__(self, "voltage_v", _number("voltage_v", self.voltage_v, -10, 10))
        _check_until("Voltage", self.until, ("time_s", "charge", "mean_dol", "taper_c_rate", "taper_a_m2"))

    def __str__(self) -> str:
        return f"{self.voltage_v:g} V"


Segment = CRate | CurrentDensity | Rest | Voltage


@dataclass(frozen=True)
class EqualCharge:
    """Frames at equal steps of charge, as the paper has them; for one segment of constant current.

    Attributes:
        count: frames, the first (at the start) and the last (at the end that is known beforehand) included.
    """

    count: int = FRAMES

    def __post_init__(self) -> None:
        whole = isinstance(self.count, Integral) and not isinstance(self.count, bool)
        if not whole or not 2 <= self.count <= _MOST_FRAMES:
            raise UserError(f"frames: expected a whole number from 2 to {_MOST_FRAMES}, got {self.count!r}")
        object.__setattr__(self, "count", int(self.count))

    def within(self, start_s: float, end_s: float) -> Iterator[float]:
        """The frames between start and end of a segment, s; the end isn't known (inf) or is."""
        yield from (start_s + (end_s - start_s) * i / (self.count - 1) for i in range(1, self.count - 1))

    def __str__(self) -> str:
        return f"{self.count} frames at equal steps of charge"


@dataclass(frozen=True)
class Every:
    """Frames every so many seconds from the start of each segment, and at its end."""

    seconds: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "seconds", _number("Every.seconds", self.seconds, 0, 1e9))

    def within(self, start_s: float, end_s: float) -> Iterator[float]:
        """The frames between start and end of a segment, s; the end isn't known (inf) or is."""
        if math.isfinite(end_s):
            self._check((end_s - start_s) / self.seconds)
        number = 1
        while start_s + number * self.seconds < end_s - _MERGED_S:
            yield start_s + number * self.seconds
            number += 1
            self._check(number)

    def _check(self, frames: float) -> None:
        if frames > _MOST_FRAMES:
            raise UserError(
                f"load: expected at most {_MOST_FRAMES} frames in a segment, got {frames:.3g}, {self}; ask "
                "for longer intervals, and check that times are in s"
            )

    def __str__(self) -> str:
        return f"frames every {self.seconds:g} s"


@dataclass(frozen=True)
class At:
    """Frames at given times since the start of the load, s, and at the end of every segment.

    Attributes:
        times_s: rising; times after the end aren't reached.  Empty: at the ends of the segments alone.
    """

    times_s: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        times = tuple(_number("At.times_s", time, 0, 1e9) for time in self.times_s)
        if any(later <= earlier for earlier, later in itertools.pairwise(times)):
            raise UserError(f"At.times_s: expected times that rise, got {times}; sort them, give each once")
        object.__setattr__(self, "times_s", times)

    def within(self, start_s: float, end_s: float) -> Iterator[float]:
        """The frames between start and end of a segment, s; the end isn't known (inf) or is."""
        yield from (time for time in self.times_s if start_s + _MERGED_S < time < end_s - _MERGED_S)

    def __str__(self) -> str:
        return f"frames at {len(self.times_s)} times and the segments' ends"


Frames = EqualCharge | Every | At

_SEGMENTS = {"c_rate": CRate, "current_density": CurrentDensity, "rest": Rest, "voltage": Voltage}
_FRAMES = {"equal_charge": EqualCharge, "every": Every, "at": At}


@dataclass(frozen=True, repr=False)
class Load:
    """Segments, one after the other, and the moments that are kept.

    The cell starts at equilibrium, which is frame 0.  A frame stands at the end of every segment too, so
    that in the interval that ends at a frame either the current or the voltage is constant.

    Attributes:
        segments: one or more.
        frames: which moments are kept.
        name: for people and file names; it doesn't tell loads apart.

    Raises:
        UserError: no segments, frames at equal charge for another load than one of constant current to an end
            known beforehand, or a name of other signs than letters, digits and . _ + -.
    """

    segments: tuple[Segment, ...]
    frames: Frames = field(default_factory=EqualCharge)
    name: str = ""

    def __post_init__(self) -> None:
        segments = tuple(self.segments)
        object.__setattr__(self, "segments", segments)
        kinds = tuple(_SEGMENTS.values())
        if not segments or not all(isinstance(segment, kinds) for segment in segments):
            raise UserError(
                f"Load.segments: expected some of {', '.join(kind.__name__ for kind in kinds)}, got "
                f"{segments!r}"
            )
        if not isinstance(self.frames, tuple(_FRAMES.values())):
            raise UserError(f"Load.frames: expected EqualCharge, Every or At, got {self.frames!r}")
        if isinstance(self.frames, EqualCharge) and not (
            len(segments) == 1
            and isinstance(segments[0], CRate | CurrentDensity)
            and {"time_s", "charge", "mean_dol"} & set(segments[0].until.given)
        ):
            raise UserError(
                "Load.frames: EqualCharge is for one segment of constant current that ends by charge, mean "
                f"DOL or time, got {len(segments)} segments, the first {_sentence(segments[0])}; use Every "
                "or At"
            )
        if not isinstance(self.name, str) or (self.name and not _NAME.fullmatch(self.name)):
            raise UserError(
                f"Load.name: expected letters, digits and . _ + -, a letter or digit first, got {self.name!r}"
            )

    @property
    def known_frames(self) -> int:
        """How many frames it has, as far as the times of its segments tell; it may have more."""
        if isinstance(self.frames, EqualCharge):
            return self.frames.count
        ends = 1 + len(self.segments)
        if isinstance(self.frames, At):
            return ends + len(self.frames.times_s)
        return ends + int(sum(part.until.time_s or 0.0 for part in self.segments) / self.frames.seconds)

    def __repr__(self) -> str:
        shown = [_sentence(segment) for segment in self.segments[:3]]
        if len(self.segments) > 3:
            shown.append(f"... ({len(self.segments)} segments)")
        return f"Load({self.label}: {', '.join(shown)}; {self.frames})"

    @property
    def digest(self) -> str:
        """8 hexadecimal digits that tell loads apart, whatever their names."""
        content = json.dumps(self._as_dict(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(content.encode()).hexdigest()[:8]

    @property
    def label(self) -> str:
        """What the load is called in the names of samples.

        The paper's load is "1C", another number of frames "1C_37frames", with a voltage limit
        "1C_37frames_or_2.8V"; any other load is name-digest.
        """
        first = self.segments[0]
        if (
            len(self.segments) > 1
            or not isinstance(self.frames, EqualCharge)
            or self != _paper_like(first, self.frames.count, self.name)
        ):
            return f"{self.name or 'load'}-{self.digest}"
        label, count, limit_v = str(first), self.frames.count, first.until.voltage_v
        if count != FRAMES or limit_v is not None:
            label += f"_{count}frames"
        return label if limit_v is None else f"{label}_or_{limit_v:g}V"

    @property
    def is_constant_current(self) -> bool:
        """Whether it is one segment of constant current."""
        return len(self.segments) == 1 and isinstance(self.segments[0], CRate | CurrentDensity)

    def schedule(
        self, a_m2_per_c_rate: float | None = None, initial_dol: float | None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What is known of the load before it is carried out: current and moment of every frame.

        Voltage limits aren't looked at: where one comes first, it cuts the schedule.

        Args:
            a_m2_per_c_rate: what 1C is, A/m2, for segments of a current density; see
                `tfmsnet.halfcell.one_c_a_m2`.
            initial_dol: of the cell, for segments that end at a mean DOL.

        Returns:
            c_rate_profile (time,) in 1/h: during the interval that ends at each frame, element 0 is 0;
            times_s (time,); segment (time,) int: the number of the segment that the interval lies in.

        Raises:
            UserError: a segment holds a voltage or ends at one alone; an argument that the load needs is
                missing; a mean DOL that the current leads away from.
        """
        profile, times, numbers = [0.0], [0.0], [0]
        for number, rate, end in self._known(a_m2_per_c_rate, initial_dol):
            times += [*self.frames.within(times[-1], end.time_s), end.time_s]
            profile += [rate] * (len(times) - len(profile))
            numbers += [number] * (len(times) - len(numbers))
        return np.array(profile), np.array(times), np.array(numbers)

    def known_ends(
        self, a_m2_per_c_rate: float | None = None, initial_dol: float | None = None
    ) -> tuple[Ended, ...]:
        """How each segment ends, where no voltage limit comes first; arguments and errors as `schedule`."""
        return tuple(end for _, _, end in self._known(a_m2_per_c_rate, initial_dol))

    def _known(
        self, a_m2_per_c_rate: float | None, initial_dol: float | None
    ) -> Iterator[tuple[int, float, Ended]]:
        """Number, C-rate and end of each segment."""
        start_s, charge = 0.0, 0.0
        for number, segment in enumerate(self.segments):
            what = f"load: segment {number} ({_sentence(segment)})"
            if isinstance(segment, Voltage):
                raise UserError(f"{what}: its current isn't known beforehand; use loads of given currents")
            rate = c_rate_of(segment, a_m2_per_c_rate)
            dol = math.nan if initial_dol is None else initial_dol + charge * (1 - initial_dol)
            if segment.until.mean_dol is not None and initial_dol is None:
                raise UserError(f"{what}: a mean DOL needs initial_dol; give it, or end by charge or time")
            known_s, reason = known_duration(segment, rate, dol, initial_dol)
            if math.isinf(known_s):
                raise UserError(f"{what}: when it ends isn't known beforehand; end it by time or charge too")
            if known_s <= 0:
                raise UserError(
                    f"{what}: starts at a mean DOL of {dol:.4f}, which the current leads away from; correct "
                    f"its {reason}"
                )
            start_s += known_s
            charge += rate * known_s / HOUR_S
            yield number, rate, Ended(number, start_s, reason)

    def to_json(self) -> str:
        """All of it, as one line of JSON."""
        return json.dumps({"name": self.name, **self._as_dict()})

    def _as_dict(self) -> dict:
        return {
            "segments": [_tagged(segment, _SEGMENTS) for segment in self.segments],
            "frames": _tagged(self.frames, _FRAMES),
        }

    @classmethod
    def from_json(cls, text: str | bytes) -> "Load":
        """The inverse of `to_json`.

        Raises:
            UserError: not JSON, an unknown kind or value, or what can't be.
        """
        try:
            content = parse_json(text)
        except ValueError as error:
            raise UserError(f"load: expected JSON, got something else: {error}") from None
        return cls.from_dict(content)

    @classmethod
    def from_dict(cls, content: object) -> "Load":
        """From what `to_json` writes, parsed; `frames` may be left out for the paper's, `name` for none."""
        values = _known("load", content, {"name", "segments", "frames"})
        segments = values.get("segments")
        if not isinstance(segments, list) or not segments:
            raise UserError(f"load: segments: expected a list of one or more, got {segments!r}")
        made = tuple(_untagged(f"load: segment {i}", item, _SEGMENTS) for i, item in enumerate(segments))
        frames = _untagged("load: frames", values.get("frames", {"kind": "equal_charge"}), _FRAMES)
        return cls(made, frames, values.get("name", ""))

    @classmethod
    def from_profile(cls, c_rate_profile: np.ndarray, times_s: np.ndarray, name: str = "profile") -> "Load":
        """The load whose schedule is this one.

        Args:
            c_rate_profile: (time,) 1/h, during the interval that ends at each frame; element 0 isn't looked
                at.
            times_s: (time,) s, rising from 0.
        """
        rates, times = np.asarray(c_rate_profile, float), np.asarray(times_s, float)
        if len(times) > 1 and rates[1] != 0 and (rates[1:] == rates[1]).all():
            _, expected = equal_charge_frames(rates[1], len(times))
            if np.allclose(times, expected, rtol=1e-9):
                return constant_current(rates[1], len(times))
        segments = [
            _at_rate(rate, end - start)
            for rate, start, end in zip(rates[1:], times[:-1], times[1:], strict=True)
        ]
        return cls(tuple(segments), At(), name)


def _sentence(segment: Segment) -> str:
    return f"{segment} until {segment.until}"


def _at_rate(c_rate: float, seconds: float) -> Segment:
    end = End(time_s=float(seconds))
    return CRate(float(c_rate), end) if abs(c_rate) > _NO_C_RATE else Rest(end)


def _tagged(item, kinds: dict) -> dict:
    """A dataclass as JSON types; what isn't set is left out."""
    content = {"kind": next(kind for kind, cls in kinds.items() if isinstance(item, cls))}
    for spec in fields(item):
        value = getattr(item, spec.name)
        if isinstance(value, End):
            value = {name: getattr(value, name) for name in value.given}
        content[spec.name] = list(value) if isinstance(value, tuple) else value
    return content


def _untagged(where: str, content: object, kinds: dict):
    values = dict(content) if isinstance(content, dict) else {}
    kind = values.pop("kind", None)
    if not isinstance(kind, str) or kind not in kinds:
        raise UserError(
            f"{where}: expected an object whose kind is one of {', '.join(kinds)}, got {content!r}"
        )
    cls = kinds[kind]
    values = _known(where, values, {spec.name for spec in fields(cls)})
    try:
        if "until" in values:
            values["until"] = End(**_known("until", values["until"], {spec.name for spec in fields(End)}))
        return cls(**values)
    except UserError as error:
        raise UserError(f"{where}: {error}") from None
    except TypeError:
        expected = ", ".join(spec.name for spec in fields(cls))
        raise UserError(f"{where}: a {kind} has {expected}, got {', '.join(values) or 'none'}") from None


def _known(where: str, content: object, names: set[str]) -> dict:
    if not isinstance(content, dict):
        raise UserError(f"{where}: expected a JSON object, got {content!r}")
    unknown = sorted(set(content) - names)
    if unknown:
        raise UserError(f"{where}: unknown {', '.join(unknown)}; expected some of {', '.join(sorted(names))}")
    return dict(content)


def c_rate_of(segment: Segment, a_m2_per_c_rate: float | None) -> float:
    """The C-rate of a segment of given current, 0 at rest.

    Args:
        segment: not one of a voltage.
        a_m2_per_c_rate: what 1C is, A/m2.

    Raises:
        UserError: a current density without what 1C is.
    """
    if isinstance(segment, Rest):
        return 0.0
    if isinstance(segment, CRate):
        return segment.c_rate
    if a_m2_per_c_rate is None:
        raise UserError(f"load: {segment}: a current density needs to know what 1C is in A/m2; give C-rates")
    return segment.a_m2 / a_m2_per_c_rate


def known_duration(
    segment: Segment, c_rate: float, dol: float, initial_dol: float | None
) -> tuple[float, str]:
    """How long a segment of constant current is at most, s, and which end that is; inf where no end tells.

    Args:
        segment: not one of a voltage.
        c_rate: its current, 1/h.
        dol: mean DOL at its start; not looked at where no end is a mean DOL.
        initial_dol: of the cell.
    """
    until, durations = segment.until, {}
    if until.time_s is not None:
        durations["time"] = until.time_s
    if until.charge is not None:
        durations["charge"] = HOUR_S * until.charge / abs(c_rate)
    if until.mean_dol is not None:
        durations["mean_dol"] = HOUR_S * (until.mean_dol - dol) / (1 - initial_dol) / c_rate
    reason = min(durations, key=durations.get, default="")
    return durations.get(reason, math.inf), reason


def _paper_like(segment: Segment, frames: int, name: str = "") -> Load | None:
    """The paper's load at the C-rate and voltage limit of a segment; None where that has no C-rate."""
    if not isinstance(segment, CRate):
        return None
    end = End(charge=(frames - 1) * _FRAME_CHARGE, voltage_v=segment.until.voltage_v)
    return Load((CRate(segment.c_rate, end),), EqualCharge(frames), name)


def constant_current(c_rate: float, frames: int = FRAMES, cutoff_voltage_v: float | None = None) -> Load:
    """The paper's load: constant current, frames at equal steps of charge, 100 s / |C-rate| apart.

    Args:
        c_rate: 1/h; a negative one charges.
        frames: at most, frame 0 included.
        cutoff_voltage_v: ends where the voltage falls (in a charge: rises) to this, V, when it comes first;
            the last frame stands there.

    Raises:
        UserError: what can't be.
    """
    EqualCharge(frames)  # says what is wrong with the number of frames
    if cutoff_voltage_v is not None:
        _number("cutoff_voltage_v", cutoff_voltage_v, -10, 10)
    end = End(charge=(frames - 1) * _FRAME_CHARGE, voltage_v=cutoff_voltage_v)
    return _paper_like(CRate(c_rate, end), frames)


def gitt(
    c_rate: float = 0.5,
    *,
    pulses: int = 12,
    pulse_charge: float = 0.05,
    rest_s: float = 1800.0,
    every_s: float | None = None,
    limit_v: float | None = None,
) -> Load:
    """Galvanostatic intermittent titration: pulses of constant current, each followed by a rest.

    Args:
        c_rate: of the pulses, 1/h; negative ones charge.
        pulses: how many.
        pulse_charge: of each, in hours of 1C.
        rest_s: of each rest, s.
        every_s: between frames; a third of the rest by default.
        limit_v: ends a pulse where the voltage comes first, V.
    """
    pulse = CRate(c_rate, End(charge=pulse_charge, voltage_v=limit_v))
    rest = Rest(End(time_s=rest_s))
    return Load((pulse, rest) * pulses, Every(rest_s / 3 if every_s is None else every_s), "gitt")


def hppc(
    c_rate: float = 1.0,
    *,
    levels: int = 6,
    level_charge: float = 0.1,
    level_c_rate: float = 1 / 3,
    pulse_s: float = 10.0,
    pause_s: float = 40.0,
    rest_s: float = 3600.0,
) -> Load:
    """Hybrid pulse power characterisation (after the FreedomCAR manual, DOE/ID-11069).

    At every level of charge: a rest, a discharge pulse, a pause, a charge pulse of 3/4 of its current, a
    pause, and a slow discharge to the next level.  Frames stand at the ends of the segments.

    Args:
        c_rate: of the discharge pulses, 1/h.
        levels: how many.
        level_charge: between two levels, in hours of 1C.
        level_c_rate: of the slow discharges, 1/h.
        pulse_s, pause_s, rest_s: how long pulses, pauses and rests are, s.
    """
    level = (
        Rest(End(time_s=rest_s)),
        CRate(c_rate, End(time_s=pulse_s)),
        Rest(End(time_s=pause_s)),
        CRate(-0.75 * c_rate, End(time_s=pulse_s)),
        Rest(End(time_s=pause_s)),
        CRate(level_c_rate, End(charge=level_charge)),
    )
    return Load(level * levels, At(), "hppc")


def cccv(
    charge_c_rate: float = 0.5,
    voltage_v: float = 4.15,
    taper_c_rate: float = 0.05,
    *,
    discharge_c_rate: float = 1.0,
    discharge_charge: float = 24 / 36,
    rest_s: float = 600.0,
    every_s: float = 120.0,
) -> Load:
    """A discharge, a rest, and a charge of constant current and then constant voltage (CC-CV).

    Args:
        charge_c_rate: of the charge, 1/h, above 0.
        voltage_v: to which it charges, and which it holds, V.
        taper_c_rate: the current at which it ends, 1/h.
        discharge_c_rate: of the discharge before, 1/h.
        discharge_charge: of the discharge before, in hours of 1C.
        rest_s: between them, s.
        every_s: between frames.
    """
    segments = (
        CRate(discharge_c_rate, End(charge=discharge_charge)),
        Rest(End(time_s=rest_s)),
        CRate(-charge_c_rate, End(voltage_v=voltage_v)),
        Voltage(voltage_v, End(taper_c_rate=taper_c_rate)),
    )
    return Load(segments, Every(every_s), "cccv")


def drive_cycle(
    times_s: Sequence[float],
    c_rate: Sequence[float] | None = None,
    a_m2: Sequence[float] | None = None,
    *,
    every_s: float,
    name: str = "drive-cycle",
) -> Load:
    """A profile of many steps, resampled to frames: their mean current, so that charge is kept.

    Args:
        times_s: (rows,) rising from 0; each current holds from its time on, the last time ends the load.
        c_rate, a_m2: (rows,) 1/h or A/m2, one of them; the last isn't looked at.
        every_s: between frames; the last interval may be shorter.
        name: of the load.

    Raises:
        UserError: arrays that don't fit, or what can't be.
    """
    times, currents, density = _profile(times_s, c_rate, a_m2)
    every_s = _number("every_s", every_s, 0, 1e9)
    if times[-1] > _MOST_FRAMES * every_s:
        raise UserError(
            f"drive_cycle: expected at most {_MOST_FRAMES} frames, got {times[-1] / every_s:.3g}, every "
            f"{every_s:g} s over {times[-1]:g} s; ask for longer intervals, and check that times are in s"
        )
    count = max(1, math.ceil((times[-1] - _MERGED_S) / every_s))
    edges = np.append(np.arange(count) * every_s, times[-1])
    passed = np.concatenate([[0.0], np.cumsum(currents[:-1] * np.diff(times))])
    means = np.diff(np.interp(edges, times, passed)) / np.diff(edges)
    return _steps(edges, means, density, name)


def _profile(times_s, c_rate, a_m2) -> tuple[np.ndarray, np.ndarray, bool]:
    """Times (rows,), currents (rows,), and whether these are A/m2."""
    if (c_rate is None) == (a_m2 is None):
        raise UserError("drive_cycle: expected c_rate or a_m2, got both or none; give one")
    times, currents = np.asarray(times_s, float), np.asarray(a_m2 if c_rate is None else c_rate, float)
    if times.ndim != 1 or times.shape != currents.shape or len(times) < 2:
        raise UserError(
            f"drive_cycle: expected a current for each of two or more times, got {times.shape} times and "
            f"{currents.shape} currents"
        )
    if not (np.isfinite(times).all() and np.isfinite(currents).all()):
        raise UserError("drive_cycle: expected numbers, got some that aren't finite")
    if times[0] != 0 or (np.diff(times) <= 0).any():
        raise UserError(
            "drive_cycle: expected times_s that rise from 0; start at 0, sort them, give each once"
        )
    return times, currents, c_rate is None


def _steps(edges: np.ndarray, currents: np.ndarray, density: bool, name: str) -> Load:
    """A segment for each interval."""
    segments = []
    for current, seconds in zip(currents, np.diff(edges), strict=True):
        end = End(time_s=float(seconds))
        if density and abs(current) > _NO_C_RATE:
            segments.append(CurrentDensity(float(current), end))
        else:
            segments.append(_at_rate(current, seconds))
    return Load(tuple(segments), At(), name)


_COLUMNS = ("c_rate", "current_a_m2")


def read_profile(path: str | Path, every_s: float | None = None) -> Load:
    """A load from a table (CSV): the current from each time on; the last row ends it.

    Args:
        path: columns time_s, rising from 0, and c_rate (1/h) or current_a_m2 (A/m2); positive discharges.
        every_s: between frames, with the mean current of each interval; None for a frame at every row's time.

    Raises:
        UserError: no such file, other columns, something that is no number (with its line), times that don't
            rise.
    """
    path = Path(path)
    column, rows = _rows(path)
    times, currents = np.transpose(rows)
    name = _name_of(path)
    try:
        if every_s is None:
            return _steps(times, currents[:-1], column == _COLUMNS[1], name)
        given = {"c_rate" if column == _COLUMNS[0] else "a_m2": currents}
        return drive_cycle(times, **given, every_s=every_s, name=name)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def _rows(path: Path) -> tuple[str, list[tuple[float, float]]]:
    """The name of the current's column, and (time in s, current) of each row."""
    expected = "a table of time_s, and c_rate or current_a_m2"
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; expected {expected}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not readable as {expected}: {error}") from None
    table = csv.reader(lines)
    header = [cell.strip() for cell in next(table, [])]
    column = [name for name in header if name in _COLUMNS]
    if header.count("time_s") != 1 or len(column) != 1:
        found = ", ".join(header) or "nothing"
        raise UserError(f"{path}: line 1: expected the columns {expected[11:]}, found {found}")
    places, rows = [header.index(name) for name in ("time_s", column[0])], []
    for cells in table:
        if not any(cell.strip() for cell in cells):
            continue
        line = table.line_num
        if len(cells) > len(header) and any(cell.strip() for cell in cells[len(header) :]):
            raise UserError(
                f"{path}: line {line}: expected {len(header)} numbers as in the header, found "
                f"{','.join(cells)!r}; write decimals with a point, and separate columns by commas"
            )
        try:
            time, current = (float(cells[place]) for place in places)
        except (ValueError, IndexError):
            raise UserError(f"{path}: line {line}: expected numbers, found {','.join(cells)!r}") from None
        if not (math.isfinite(time) and math.isfinite(current)):
            raise UserError(f"{path}: line {line}: expected finite numbers, found {','.join(cells)!r}")
        if rows and time <= rows[-1][0]:
            raise UserError(
                f"{path}: line {line}: expected a time after {rows[-1][0]:g} s, found {time:g} s; sort the "
                "rows, and give each time once"
            )
        if not rows and time != 0:
            raise UserError(f"{path}: line {line}: expected the load from 0 s on first, found {time:g} s")
        rows.append((time, current))
    if len(rows) < 2:
        raise UserError(f"{path}: expected two rows or more (the last one ends the load), found {len(rows)}")
    return column[0], rows


def _name_of(path: Path) -> str:
    name = re.sub(r"[^A-Za-z0-9._+-]+", "-", path.stem).strip("-._+")
    return name or "load"


# Ready-made loads that have a name at the command line; each is made with its defaults.
LOADS: dict[str, Callable[[], Load]] = {"gitt": gitt, "hppc": hppc, "cccv": cccv}


def register_load(name: str, make: Callable[[], Load]) -> None:
    """Give a load of one's own a name, for `--load NAME`; another load of this name is replaced."""
    LOADS[name] = make


def read_load(source: str | Path, every_s: float | None = None) -> Load:
    """A load by its name, or from a file: a table (see `read_profile`), or JSON as `Load.to_json` writes it.

    Args:
        source: one of `LOADS`, unless there is a file of this name; else a file, .json for JSON.  A load
            without a name is called as the file is.
        every_s: resamples a table, see `read_profile`.

    Raises:
        UserError: as `read_profile` and `Load.from_json`, with the file's name; `every_s` for another load
            than a table's.
    """
    path = Path(source)
    if not path.exists():
        import_plugins()
    named = str(source) in LOADS and not path.exists()
    if not named and path.suffix.lower() != ".json":
        if not path.exists():
            raise UserError(f"{path}: no such file; expected one, or a load of {', '.join(LOADS)}")
        return read_profile(path, every_s)
    if every_s is not None:
        raise UserError(f"{path}: the frames of this load are its own; resample tables (.csv) only")
    if named:
        return LOADS[str(source)]()
    content = read_json(path, "a load")
    try:
        return Load.from_dict({**content, "name": content.get("name") or _name_of(path)})
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
