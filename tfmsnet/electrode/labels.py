"""Which labels of a file are which phase."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tfmsnet.electrode.image import AM, CBD, ELECTROLYTE, count_labels
from tfmsnet.errors import UserError

# Label sets that can only mean one thing; any other needs to be told.
_KNOWN = ((0, 1, 2), (0, 85, 170))
_PHASES = {"pore": ELECTROLYTE, "am": AM, "cbd": CBD}
OUTSIDE = "outside"
_HELP = 'such as "pore=0,3 am=1 cbd=2", a range as am=5-40, all from one on as am=1-, padding as outside=255'

# What a phase's labels are: (first, last) of each range, the last one None where it is open.
Ranges = tuple[tuple[int, int | None], ...]


@dataclass(frozen=True)
class Labels:
    """The labels of each phase, and of what lies outside of the electrode.

    Attributes:
        ranges: "pore", "am", "cbd", "outside" -> ranges of labels.
    """

    ranges: dict[str, Ranges]

    @classmethod
    def of(cls, given: "Labels | Sequence[int] | Mapping[str, int | Sequence[int]] | str") -> "Labels":
        """From three numbers (pore, am, cbd), a mapping to numbers, or text such as "pore=0,3 am=1-".

        Raises:
            UserError: it can't be read, a label of two phases, no label for pore or am.
        """
        if isinstance(given, Labels):
            return given
        if isinstance(given, str):
            ranges = {name: _ranges(text) for name, text in _words(given)}
        elif isinstance(given, Mapping):
            ranges = {
                name: tuple((int(v), int(v)) for v in np.ravel(np.asarray(values)))
                for name, values in given.items()
            }
        else:
            values = tuple(given)
            if len(values) != 3 or len(set(values)) != 3:
                raise UserError(
                    f"labels: expected three different numbers (pore, am, cbd), got {values}; or {_HELP}"
                )
            ranges = {name: ((v, v),) for name, v in zip(_PHASES, values, strict=True)}
        unknown = sorted(set(ranges) - {*_PHASES, OUTSIDE})
        if unknown or not {"pore", "am"} <= set(ranges):
            raise UserError(
                f"labels: expected pore and am, and where there are some cbd and outside, "
                f"got {', '.join(ranges) or 'none'}; {_HELP}"
            )
        return cls(ranges)

    def phases(self, array: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Labels 0, 1, 2 uint8 in place of a file's, and where it is outside, bool.

        Raises:
            UserError: a label of no phase, or of two.
        """
        owners = np.zeros(array.shape, np.uint8)
        result = np.zeros(array.shape, np.uint8)
        outside = np.zeros(array.shape, bool)
        for name, ranges in self.ranges.items():
            mask = _within(array, ranges)
            if (owners[mask] > 0).any():
                raise UserError(f"labels: some of {name} are another phase's, too; give each to one; {_HELP}")
            owners[mask] = 1
            if name == OUTSIDE:
                outside = mask
            else:
                result[mask] = _PHASES[name]
        if not owners.all():
            raise UserError(
                f"labels {self} leave some out: found {count_labels(array)}; give each of them to a phase, "
                f"{_HELP}"
            )
        return result, outside

    def __str__(self) -> str:
        return " ".join(
            f"{name}={','.join(_text(*bounds) for bounds in ranges)}" for name, ranges in self.ranges.items()
        )


def map_labels(array: np.ndarray, labels: Sequence[int] | None) -> np.ndarray:
    """Labels 0, 1, 2 uint8 in place of a file's; see `read_image` for `labels`."""
    check_numbers(array)
    return (known_labels(array, whole=True) if labels is None else Labels.of(labels)).phases(array)[0]


def check_numbers(array: np.ndarray) -> None:
    """Raise a UserError unless an array holds numbers."""
    if array.dtype.kind not in "biuf":
        raise UserError(f"expected whole numbers as labels, got {array.dtype}")


def known_labels(array: np.ndarray, whole: bool) -> Labels:
    """0, 1, 2 or 0, 85, 170, where an image holds exactly these; of a part of an image, some of them.

    Raises:
        UserError: it holds others.
    """
    found = set(np.unique(array).tolist())
    fitting = [known for known in _KNOWN if (found == set(known) if whole else found <= set(known))]
    if len(fitting) != 1 and not (fitting and found <= {0}):
        raise UserError(
            f"can't tell which label is which phase: found {count_labels(array)}; "
            f"name them with labels=(pore, am, cbd) (--labels), {_HELP}"
        )
    return Labels.of(fitting[0])


def _within(array: np.ndarray, ranges: Ranges) -> np.ndarray:
    mask = np.zeros(array.shape, bool)
    for first, last in ranges:
        mask |= (array == first) if last == first else (array >= first) & (last is None or array <= last)
    return mask


def _words(text: str) -> list[tuple[str, str]]:
    words = [word.partition("=") for word in text.split()]
    if not words or not all(equals and value for _, equals, value in words):
        raise UserError(f"labels: can't read {text!r}; {_HELP}")
    names = [name for name, _, _ in words]
    if len(set(names)) < len(names):
        raise UserError(f"labels: {text!r} names a phase twice; {_HELP}")
    return [(name.lower(), value) for name, _, value in words]


def _ranges(text: str) -> Ranges:
    ranges = []
    for part in text.split(","):
        match = re.fullmatch(r"(-?\d+)(?:(-)(\d*))?", part)
        if not match:
            raise UserError(f"labels: can't read {part!r}; {_HELP}")
        first, dash, last = int(match[1]), match[2], match[3]
        ranges.append((first, (int(last) if last else None) if dash else first))
    return tuple(ranges)


def _text(first: int, last: int | None) -> str:
    return f"{first}" if first == last else f"{first}-{'' if last is None else last}"
