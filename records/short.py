"""Discharges that ended before the others, as at a cut-off voltage, or where their simulation failed."""

from collections.abc import Sequence
from pathlib import Path

from tfmsnet.errors import UserError
from tfmsnet.records.sample import Sample

REFUSE, KEEP, DROP = "refuse", "keep", "drop"
CHOICES = (REFUSE, KEEP, DROP)


def without_short(
    files: Sequence[Path], headers: Sequence[Sample], choice: str
) -> tuple[list[Path], list[Sample]]:
    """The files and headers to take; short are those of fewer frames than the longest.

    Args:
        files: of samples.
        headers: their samples, with or without the fields.
        choice: "refuse" takes none of a data set with short samples, "drop" leaves these out, "keep" takes
            all; the windows of a training are then no longer than its shortest sample.

    Raises:
        UserError: there are short samples and the choice is to refuse them, or it is another one.
    """
    _check_choice("short", choice)
    longest = max(header.frames for header in headers)
    pairs = list(zip(files, headers, strict=True))
    short = [(file, header.frames) for file, header in pairs if header.frames < longest]
    if short and choice == REFUSE:
        file, frames = min(short, key=lambda item: item[1])
        raise UserError(
            f"{file}: {frames} frames, where the longest discharge has {longest}; {len(short)} of "
            f"{len(files)} samples are short: leave them out (--short drop), or take them (--short keep) and "
            f"train on windows of at most {frames - 1} frames"
        )
    if choice == DROP:
        pairs = [(file, header) for file, header in pairs if header.frames == longest]
    return [file for file, _ in pairs], [header for _, header in pairs]


def without_partial(
    files: Sequence[Path], headers: Sequence[Sample], choice: str
) -> tuple[list[Path], list[Sample]]:
    """The files and headers to take; partial are those whose simulation failed before the end of the load.

    Args:
        files: of samples.
        headers: their samples, with or without the fields.
        choice: "refuse" takes none of a data set with partial samples, "drop" leaves these out, "keep" takes
            all.

    Raises:
        UserError: there are partial samples and the choice is to refuse them, or it is another one; nothing
            is left.
    """
    _check_choice("partial", choice)
    pairs = list(zip(files, headers, strict=True))
    partial = [(file, header) for file, header in pairs if not header.complete]
    if partial and choice == REFUSE:
        file, header = partial[0]
        raise UserError(
            f"{file}: its simulation failed after {header.times_s[-1]:g} s; {len(partial)} of {len(files)} "
            "samples are partial: leave them out (--partial drop), or take them (--partial keep)"
        )
    if choice == DROP:
        pairs = [(file, header) for file, header in pairs if header.complete]
    if not pairs:
        raise UserError(
            f"{files[0].parent}: all {len(files)} samples are partial; take them (--partial keep)"
        )
    return [file for file, _ in pairs], [header for _, header in pairs]


def _check_choice(name: str, choice: str) -> None:
    if choice not in CHOICES:
        raise UserError(f"{name}: expected one of {', '.join(CHOICES)}, found {choice!r}")
