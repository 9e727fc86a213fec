"""Which network and training do best: KerasTuner over configurations, judged as users judge."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "dimension": ["Dimension"],
        "results": ["read_rows"],
        "search": ["Plan", "search"],
        "space": ["Budget", "Space"],
    },
)
