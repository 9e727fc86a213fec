"""Electrodes as phase images: made from a recipe, read from a file, checked and described."""

from tfmsnet.electrode.checks import check_dischargeable, remove_islands
from tfmsnet.electrode.connectivity import cbd_percolation, wired_fraction
from tfmsnet.electrode.describe import Description, describe
from tfmsnet.electrode.generate import generate
from tfmsnet.electrode.image import AM, CBD, ELECTROLYTE, PhaseImage
from tfmsnet.electrode.morphology import morphology
from tfmsnet.electrode.reading import read_image
from tfmsnet.electrode.recipe import Recipe
from tfmsnet.electrode.resampling import resample
from tfmsnet.electrode.slices import plot_slices
from tfmsnet.electrode.transport import tortuosity_factor

__all__ = [
    "AM",
    "CBD",
    "ELECTROLYTE",
    "Description",
    "PhaseImage",
    "Recipe",
    "cbd_percolation",
    "check_dischargeable",
    "describe",
    "generate",
    "morphology",
    "plot_slices",
    "read_image",
    "remove_islands",
    "resample",
    "tortuosity_factor",
    "wired_fraction",
]
