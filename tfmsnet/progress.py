"""What is said on the way: progress, as a bar in a terminal and as plain lines elsewhere, and notes."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

SECONDS_BETWEEN_LINES = 10.0
_quiet = False


def set_quiet(quiet: bool) -> None:
    """Whether neither progress nor notes are shown from now on in this process."""
    global _quiet
    _quiet = quiet


def note(text: str) -> None:
    """Say on stderr what is done and what was chosen, unless the user wants it quiet."""
    if not _quiet:
        print(text, file=sys.stderr, flush=True)


@contextmanager
def progress_bar(title: str, begin: float = 0.0) -> Iterator[Callable[..., None]]:
    """Yield a function of the fraction done, 0..1, and a note, which shows both with the time left.

    Args:
        title: what is going on.
        begin: the fraction that was done before.
    """
    if _quiet:
        yield lambda fraction, note="": None
    elif sys.stderr.isatty():
        yield from _bar(title, begin)
    else:
        yield from _lines(title, begin)


def _bar(title: str, begin: float) -> Iterator[Callable[..., None]]:
    layout = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"
    with tqdm(total=1.0, initial=begin, desc=title, bar_format=layout, mininterval=0.5) as bar:

        def advance(fraction: float, note: str = "") -> None:
            if note:
                bar.set_postfix_str(note, refresh=False)
            # Steps that are marked by a note are worth showing at once.
            if not bar.update(max(0.0, fraction - bar.n)) and note:
                bar.refresh()

        yield advance


def _lines(title: str, begin: float) -> Iterator[Callable[..., None]]:
    started = said = time.monotonic()
    latest, latest_note = begin, ""

    def say(now: float) -> None:
        parts = [f"{100 * latest:.0f} %", tqdm.format_interval(now - started)]
        if begin < latest < 1:
            left_s = (now - started) * (1 - latest) / (latest - begin)
            parts.append(f"{tqdm.format_interval(left_s)} left")
        print(f"{title}: {', '.join([*parts, *filter(None, [latest_note])])}", file=sys.stderr, flush=True)

    def advance(fraction: float, note: str = "") -> None:
        nonlocal said, latest, latest_note
        latest, latest_note = max(latest, fraction), note or latest_note
        now = time.monotonic()
        if now - said >= SECONDS_BETWEEN_LINES:
            said = now
            say(now)

    yield advance
    say(time.monotonic())
