"""Samples in, batches out: HDF5 samples, TFRecord shards with a manifest, tf.data stages.

Names are loaded on first use, so that the HDF5 side doesn't import TensorFlow.
"""

import lazy_loader

# The names are in __init__.pyi.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
