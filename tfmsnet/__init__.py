"""tfmsnet: the 4D discharge of a lithium-ion cathode from its 3D image.

Importing this package imports nothing heavy; the parts are `tfmsnet.electrode`, `tfmsnet.halfcell`
(neither imports TensorFlow), `tfmsnet.records`, `tfmsnet.networks`, `tfmsnet.training`,
`tfmsnet.evaluation` and `tfmsnet.serving`.
"""

import importlib
import os

# Read when TensorFlow is imported: oneDNN's convolutions, several times as fast, on older CPUs too.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

__version__ = "0.1.0"

# Name -> module that has it, imported on first use.
_LAZY = {"register_network": "tfmsnet.networks.registry"}


def __getattr__(name):
    if name not in _LAZY:
        raise AttributeError(f"module 'tfmsnet' has no attribute {name!r}")
    return getattr(importlib.import_module(_LAZY[name]), name)


def __dir__():
    return sorted([*globals(), *_LAZY])
