"""A progress bar from a callback that is told the fraction done."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[..., None]]:
    """Yield a function of the fraction done, 0..1, and a note, which moves a bar with the time left."""
    layout = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"
    with tqdm(total=1.0, desc=title, bar_format=layout, mininterval=0.5) as bar:

        def advance(fraction: float, note: str = "") -> None:
            if note:
                bar.set_postfix_str(note, refresh=False)
            # Steps that are marked by a note are worth showing at once.
            if not bar.update(max(0.0, fraction - bar.n)) and note:
                bar.refresh()

        yield advance
