"""How the figures look: one palette, one set of fonts, one way to save."""

import io
from collections.abc import Sequence
from pathlib import Path

from matplotlib import colormaps, rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Colormap
from matplotlib.figure import Figure

from tfmsnet.files import replacing

# Okabe and Ito's palette: told apart by people with any colour vision (https://jfly.uni-koeln.de/color/).
COLOURS = ("#000000", "#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 2)), (0, (6, 3)))
MARKERS = ("s", "o", "D", "^", "v", "P", "X")
OUTSIDE = "#e6e6e6"

_LOOK = {
    "font.size": 9.0,
    "axes.titlesize": 9.5,
    "axes.labelsize": 9.0,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.5,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "figure.dpi": 150.0,
    "savefig.dpi": 150.0,
    "svg.fonttype": "none",
    "svg.hashsalt": "tfmsnet",
}
_MOST_PANELS = 4


def look():
    """A context in which figures are made with this package's look."""
    return rc_context(_LOOK)


class _Shown(Figure):
    """A figure that notebooks show, though pyplot doesn't know it."""

    def _repr_png_(self) -> bytes:
        return png(self)


def new_figure(width_in: float, height_in: float) -> Figure:
    """A figure of its own, outside pyplot's state, laid out so that nothing overlaps."""
    figure = _Shown(figsize=(width_in, height_in), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def png(figure: Figure) -> bytes:
    """The figure as a PNG file's content, the same bytes for the same figure."""
    buffer = io.BytesIO()
    with look():
        figure.savefig(buffer, format="png", facecolor="white", metadata={"Software": None})
    return buffer.getvalue()


FORMATS = ("png", "pdf", "svg")


def save(figure: Figure, path: Path, dpi: float | None = None) -> None:
    """Write a figure in the format of the path's suffix, one of `FORMATS`; the file is whole or absent."""
    with replacing(path) as partial:
        draw(figure, partial, path.suffix[1:], dpi)


def draw(figure: Figure, path: Path, suffix: str, dpi: float | None = None) -> None:
    """Write a figure to a file of any name, in one of `FORMATS`."""
    metadata = {"png": {"Software": None}, "pdf": {"CreationDate": None}, "svg": {"Date": None}}[suffix]
    with look():
        figure.savefig(path, format=suffix, dpi=dpi, facecolor="white", metadata=metadata)


def thinned_out(loads: Sequence[str]) -> list[str]:
    """At most four of the loads, the first and the last among them, in order: what a figure can hold."""
    if len(loads) <= _MOST_PANELS:
        return list(loads)
    return [loads[round(i * (len(loads) - 1) / (_MOST_PANELS - 1))] for i in range(_MOST_PANELS)]


def colour_map(name: str) -> Colormap:
    """A Matplotlib colour map that paints what is outside the phase light grey."""
    return colormaps[name].with_extremes(bad=OUTSIDE)
