"""Models that answer: from a run, from a SavedModel, or on a server."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "client": ["Client"],
        "saved_model": ["export"],
        "local": ["load_model"],
        "model": ["UNITS", "Curve", "FieldFrames", "Model"],
    },
)
