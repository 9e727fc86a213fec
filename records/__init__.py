"""Samples in, batches out: HDF5 samples, TFRecord shards with a manifest, tf.data stages.

Names are loaded on first use, so that the HDF5 side doesn't import TensorFlow.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "hdf5": ["read_sample", "sample_files", "write_sample"],
        "manifest": ["Manifest", "Split", "open_manifest"],
        "sample": ["Sample"],
        "verification": ["verify"],
        "write": ["write_records"],
    },
)
