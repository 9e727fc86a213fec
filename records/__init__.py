"""Samples in, batches out: HDF5 samples, TFRecord shards with a manifest, tf.data stages.

Names are loaded on first use, so that the HDF5 side doesn't import TensorFlow.
"""

import importlib

_HOMES = {
    "Sample": "sample",
    "read_sample": "hdf5",
    "sample_files": "hdf5",
    "write_sample": "hdf5",
    "Manifest": "manifest",
    "open_manifest": "manifest",
    "Split": "manifest",
    "verify": "verification",
    "write_records": "write",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
