"""tfmsnet: what a lithium-ion cathode does under a load, at every voxel of its 3D image.

    electrode = tfmsnet.electrode.read_image("electrode.tif", voxel_size_m=0.5e-6)
    discharge = tfmsnet.simulate(electrode, 1.0)             # hours of computing in large images, exact
    answer = tfmsnet.load_model().predict(electrode, 1.0)    # seconds, by a reduced model

Importing this package imports nothing heavy; the parts are `tfmsnet.electrode`, `tfmsnet.halfcell`
(neither imports TensorFlow), `tfmsnet.records`, `tfmsnet.networks`, `tfmsnet.predictors`,
`tfmsnet.training`, `tfmsnet.evaluation`, `tfmsnet.serving` and `tfmsnet.tuning`.
"""

import os

import lazy_loader

# Read when TensorFlow is imported: oneDNN's convolutions, several times as fast, on older CPUs too.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

__version__ = "0.1.0"

# The names are in __init__.pyi.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
