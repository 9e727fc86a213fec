"""Predictors: all frames of a discharge from image and load, by a network."""

import lazy_loader

# The names are in __init__.pyi.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
