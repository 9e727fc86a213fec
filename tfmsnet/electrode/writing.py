"""Phase images to files that `read_image` and other people's programs read."""

from os import PathLike
from pathlib import Path

import numpy as np

from tfmsnet.electrode.image import PhaseImage
from tfmsnet.errors import UserError
from tfmsnet.files import replacing

_SUFFIXES = (".tif", ".tiff", ".npy")


def check_image_name(path: str | PathLike) -> None:
    """Raise a UserError unless the name is that of a TIFF stack or of a NumPy array."""
    if Path(path).suffix.lower() not in _SUFFIXES:
        raise UserError(f"{path}: expected a name that ends in .tif, .tiff or .npy")


def write_image(image: PhaseImage, path: str | PathLike) -> None:
    """Write labels 0, 1, 2 as uint8: a TIFF stack with pages along z, or a .npy array (x, y, z).

    A TIFF holds the voxel size in its resolution tags (pixels per cm) and in ImageJ's description (um).

    Raises:
        UserError: as `check_image_name`.
    """
    check_image_name(path)
    with replacing(path) as partial, partial.open("wb") as file:
        if Path(path).suffix.lower() == ".npy":
            np.save(file, image.phase)
        else:
            _write_tiff(image, file)


def _write_tiff(image: PhaseImage, file) -> None:
    import tifffile

    per_cm = 1e-2 / image.voxel_size_m
    tifffile.imwrite(
        file,
        np.ascontiguousarray(image.phase.transpose(2, 1, 0)),
        imagej=True,
        resolution=(per_cm, per_cm),
        resolutionunit="CENTIMETER",
        metadata={"axes": "ZYX", "spacing": image.voxel_size_m * 1e6, "unit": "um"},
    )
