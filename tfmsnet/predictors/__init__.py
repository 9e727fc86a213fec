"""Predictors: all frames of a discharge from image and load, by a network."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "config": ["NetworkConfig", "Objective", "describe_network"],
        "kinds": ["KINDS"],
        "predictor": ["Predictor", "make_predictor"],
        "store": ["load_predictor"],
    },
)
