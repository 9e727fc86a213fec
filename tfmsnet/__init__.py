"""tfmsnet: the 4D discharge of a lithium-ion cathode from its 3D image.

Importing this package imports nothing heavy; the parts are `tfmsnet.electrode`, `tfmsnet.halfcell`
(neither imports TensorFlow), `tfmsnet.records`, `tfmsnet.model`, `tfmsnet.training`,
`tfmsnet.evaluation` and `tfmsnet.serving`.
"""

import os

# Read when TensorFlow is imported: oneDNN's convolutions, several times as fast, on older CPUs too.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

__version__ = "0.1.0"
