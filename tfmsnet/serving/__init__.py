"""Models that answer: from a run, from a SavedModel, or on a server."""

import importlib

_HOMES = {
    "UNITS": "model",
    "Client": "client",
    "Curve": "model",
    "FieldFrames": "model",
    "Model": "model",
    "export": "export",
    "load_model": "local",
}
__all__ = ["UNITS", "Client", "Curve", "FieldFrames", "Model", "export", "load_model"]


def __getattr__(name: str):
    """The names above, imported on first use: `tfmsnet export --help` needs none of them."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
