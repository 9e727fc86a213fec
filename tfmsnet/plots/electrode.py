"""A picture of an electrode: three slices through the middle."""

from os import PathLike

import numpy as np

from tfmsnet.electrode.image import PHASE_NAMES, PhaseImage
from tfmsnet.files import replacing

_COLOURS = ("#a6cee3", "#8c8c8c", "#1a1a1a")  # electrolyte, AM, CBD: told apart in grey as well
_PANEL_INCHES = 4.0


def plot_slices(image: PhaseImage, path: str | PathLike) -> None:
    """Write a PNG of the middle slices across y, x and z, in micrometres, with the phases' volume shares."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # slow to import, and only needed here
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    middle = [n // 2 for n in image.shape]
    panels = (
        (image.phase[:, middle[1], :], "x", "z", "y", middle[1]),
        (image.phase[middle[0], :, :], "y", "z", "x", middle[0]),
        (image.phase[:, :, middle[2]], "x", "y", "z", middle[2]),
    )
    micrometre = image.voxel_size_m * 1e6
    tallest = max(panel[0].shape[1] / panel[0].shape[0] for panel in panels)
    figure = Figure(
        figsize=(3 * _PANEL_INCHES, _PANEL_INCHES * min(max(tallest, 0.75), 2.5) + 1), layout="constrained"
    )
    FigureCanvasAgg(figure)
    palette = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in _COLOURS], dtype=np.uint8)
    for axes, (labels, across, up, normal, index) in zip(figure.subplots(1, 3), panels, strict=True):
        extent = (0, labels.shape[0] * micrometre, 0, labels.shape[1] * micrometre)
        axes.imshow(palette[labels.T], origin="lower", extent=extent, interpolation="nearest")
        axes.set(xlabel=f"{across} / µm", ylabel=f"{up} / µm")
        axes.set_title(f"{normal} = {(index + 0.5) * micrometre:g} µm")
    fractions = image.volume_fractions
    handles = [
        Patch(facecolor=_COLOURS[label], edgecolor="black", label=f"{name} {100 * fractions[name]:.1f} %")
        for label, name in PHASE_NAMES.items()
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False)
    figure.suptitle(f"geometry {image.geometry_id}: z = 0 foil, top of z separator")
    with replacing(path) as partial:
        figure.savefig(partial, format="png", dpi=110)
