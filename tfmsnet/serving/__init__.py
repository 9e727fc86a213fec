"""Models that answer: from a run, from a SavedModel, or on a server."""

import lazy_loader

# The names are in __init__.pyi.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
