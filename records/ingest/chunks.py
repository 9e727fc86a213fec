"""Work cut into pieces that fit into memory."""

from collections.abc import Iterator

import numpy as np


def bounded_ranges(counts: np.ndarray, most: int) -> Iterator[tuple[int, int]]:
    """Ranges (begin, end) of items, in order, whose `counts` (item,) add up to `most` or less.

    An item that alone has more makes a range of its own.
    """
    total, begin = np.cumsum(counts, dtype=np.int64), 0
    while begin < len(counts):
        before = total[begin - 1] if begin else 0
        end = max(begin + 1, int(np.searchsorted(total, before + most, side="right")))
        yield begin, end
        begin = end
