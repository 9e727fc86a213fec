"""Discharges that ended before the others, as at a cut-off voltage."""

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
    if choice not in CHOICES:
        raise UserError(f"short: expected one of {', '.join(CHOICES)}, found {choice!r}")
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
