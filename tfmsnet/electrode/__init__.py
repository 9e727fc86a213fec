"""Electrodes as phase images: made from a recipe, read from a file, checked and described."""

from tfmsnet.electrode.checks import cbd_percolation, check_dischargeable, remove_islands, wired_fraction
from tfmsnet.electrode.describe import Description, describe, morphology
from tfmsnet.electrode.engines import register_engine
from tfmsnet.electrode.generate import generate
from tfmsnet.electrode.image import AM, CBD, ELECTROLYTE, PhaseImage
from tfmsnet.electrode.reading import read_image
from tfmsnet.electrode.recipe import Powder, Recipe
from tfmsnet.electrode.resampling import resample
from tfmsnet.electrode.transport import tortuosity_factor

__all__ = [
    "AM",
    "CBD",
    "ELECTROLYTE",
    "Description",
    "PhaseImage",
    "Powder",
    "Recipe",
    "cbd_percolation",
    "check_dischargeable",
    "describe",
    "generate",
    "morphology",
    "read_image",
    "register_engine",
    "remove_islands",
    "resample",
    "tortuosity_factor",
    "wired_fraction",
]
