"""What an electrode must be so that it can be discharged: wired, through-going, whole."""

import numpy as np
from scipy import ndimage

from tfmsnet.electrode.image import AM, CBD, ELECTROLYTE, PhaseImage
from tfmsnet.errors import UserError


def reachable(mask: np.ndarray, plane: int) -> np.ndarray:
    """The voxels of `mask` (x, y, z) joined through it to z plane number `plane` (0 foil, -1 separator)."""
    labels, count = ndimage.label(mask)
    at_plane = np.zeros(count + 1, dtype=bool)
    at_plane[labels[:, :, plane]] = True
    at_plane[0] = False
    return at_plane[labels]


def wired_solid(image: PhaseImage) -> np.ndarray:
    """Mask (x, y, z) of the AM and CBD voxels that are joined to the foil through AM and CBD."""
    return reachable(image.phase != ELECTROLYTE, 0)


def unwired_solid(phase: np.ndarray) -> np.ndarray:
    """Mask of the AM and CBD voxels of labels (x, y, z) that aren't joined to the foil through AM and CBD."""
    solid = phase != ELECTROLYTE
    return solid & ~reachable(solid, 0)


def wired_fraction(image: PhaseImage) -> float:
    """Share of the solid voxels (AM and CBD) that are joined to the foil through solid, 0 to 1."""
    return float(wired_solid(image).sum() / (image.phase != ELECTROLYTE).sum())


def wired_am_fraction(image: PhaseImage) -> float:
    """Share of the AM voxels that are joined to the foil through solid, 0 to 1."""
    am = image.phase == AM
    return float((wired_solid(image) & am).sum() / am.sum())


def cbd_percolation(image: PhaseImage) -> float:
    """Share of the CBD voxels that are joined to the foil through CBD alone, 0 to 1; NaN without CBD."""
    cbd = image.phase == CBD
    return float(reachable(cbd, 0).sum() / cbd.sum()) if cbd.any() else float("nan")


def open_electrolyte_fraction(image: PhaseImage) -> float:
    """Share of the electrolyte-bearing voxels (pore and CBD) joined through each other to the separator."""
    liquid = image.phase != AM
    return float(reachable(liquid, -1).sum() / liquid.sum())


_FEWEST_LAYERS = 8


def check_dischargeable(image: PhaseImage, min_cbd_percolation: float | None = None) -> None:
    """Raise a UserError when a discharge of the image has no solution, or isn't worth one.

    Checked are: at least 8 voxels between foil and separator; solid (AM or CBD) on the foil; every solid
    voxel joined to it through solid; electrolyte (pore or CBD, which is soaked with it) on the separator.
    That AM and electrolyte exist is assured by `PhaseImage`.

    Args:
        image: the electrode.
        min_cbd_percolation: smallest share of the CBD, 0 to 1, that must be joined to the foil through CBD
            alone; None doesn't ask, and then an image without CBD passes.
    """
    if image.shape[2] < _FEWEST_LAYERS:
        raise UserError(
            f"image: {image.shape[2]} voxels from foil to separator, expected at least {_FEWEST_LAYERS}; "
            "use smaller voxels or a thicker crop"
        )
    _check_wiring(image)
    if (image.phase[:, :, -1] == AM).all():
        raise UserError(
            "image: AM covers all of the last z plane, so no electrolyte meets the separator; "
            "check that z runs from foil to separator, or crop the end"
        )
    if min_cbd_percolation is not None:
        _check_percolation(image, min_cbd_percolation)


def _check_wiring(image: PhaseImage) -> None:
    _check_foil(image)
    islands = unwired_solid(image.phase)
    if islands.any():
        loose_am = int((image.phase[islands] == AM).sum())
        loose_cbd = int(islands.sum()) - loose_am
        percent = 100 * loose_am / (image.phase == AM).sum()
        raise UserError(
            f"image: {loose_am} AM voxels ({percent:.2g} % of the AM) and {loose_cbd} CBD voxels "
            "aren't wired to the foil (z = 0) through AM and CBD; drop them with remove_islands "
            "(--remove-islands), or check which end of z is the foil (--foil-last)"
        )


def _check_foil(image: PhaseImage) -> None:
    if (image.phase[:, :, 0] == ELECTROLYTE).all():
        raise UserError(
            "image: no AM or CBD on the foil (plane z = 0), so no current can flow; crop the empty planes, "
            "or check that z runs from foil to separator (--foil-last)"
        )


def _check_percolation(image: PhaseImage, smallest: float) -> None:
    if not 0 <= smallest <= 1:
        raise UserError(f"min_cbd_percolation: expected a share from 0 to 1, got {smallest!r}")
    if not (image.phase == CBD).any():
        raise UserError(
            "image: no CBD (label 2) in the image; check the label mapping, or ask for no percolation"
        )
    share = cbd_percolation(image)
    if share < smallest:
        raise UserError(
            f"image: {100 * share:.3g} % of the CBD is joined to the foil through CBD, expected at least "
            f"{100 * smallest:.3g} %; leave this image out or ask for less"
        )


def remove_islands(image: PhaseImage) -> tuple[PhaseImage, int]:
    """Turn solid that isn't wired to the foil through solid into electrolyte.

    Returns:
        The mended image and the number of voxels changed; the image itself when there are none.  A mended
        image is another geometry and gets its own geometry_id.

    Raises:
        UserError: no solid touches the foil, or no wired AM is left.
    """
    _check_foil(image)
    islands = unwired_solid(image.phase)
    changed = int(islands.sum())
    if not changed:
        return image, 0
    mended = PhaseImage(
        np.where(islands, ELECTROLYTE, image.phase),
        image.voxel_size_m,
        am_wt_percent=image.am_wt_percent,
        calendering_percent=image.calendering_percent,
    )
    return mended, changed
