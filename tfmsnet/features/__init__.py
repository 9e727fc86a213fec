"""Phase image -> geometry channels of the network, as TensorFlow operations.

This is the only implementation: the training pipeline, `tfmsnet predict` and the exported SavedModel
all run it, so no skew between training and serving can arise.  The channels are the paper's A-C
(figure 4) and more; the C-rate (the paper's D) is an input per frame, see `tfmsnet.predictors.state`.
"""

from tfmsnet.features.channels import CHANNELS, UPTAKE_LENGTHS_M, UPTAKE_RADII, geometry_features

__all__ = ["CHANNELS", "UPTAKE_LENGTHS_M", "UPTAKE_RADII", "geometry_features"]
