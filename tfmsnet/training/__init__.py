"""Training: runs over records, on one device or several machines."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "config": ["PRESETS", "RunConfig", "TrainingConfig", "load_config"],
        "loop": ["Interrupted"],
        "run": ["train"],
        "trainer": ["Trainer"],
    },
)
