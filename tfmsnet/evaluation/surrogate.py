"""A trained surrogate as a predictor that can be scored."""

import numpy as np
import tensorflow as tf

from tfmsnet.errors import UserError
from tfmsnet.evaluation.candidate import Fields
from tfmsnet.predictors.predictor import Predictor
from tfmsnet.records.sample import Sample


class SurrogatePredictor:
    """Rolls a surrogate out over a sample's load profile, from image, profile and times alone."""

    def __init__(self, surrogate: Predictor):
        self.surrogate = surrogate
        self._infer = tf.function(surrogate.call, reduce_retracing=True)

    def __call__(self, sample: Sample) -> Fields:
        """The predicted fields of a discharge; None for one that the surrogate has none of.

        Raises:
            UserError: voxels of another size than the surrogate was trained on.
        """
        voxel = self.surrogate.voxel_size_m
        if abs(sample.voxel_size_m - voxel) > 1e-3 * voxel:
            raise UserError(
                f"{sample.sample_id}: voxels of {sample.voxel_size_m * 1e6:g} um, "
                f"but the model was trained on {voxel * 1e6:g} um"
            )
        answer = self._infer(
            {
                "phase": tf.constant(sample.phase[None]),
                "c_rate_profile": tf.constant(sample.c_rate_profile[None], tf.float32),
                "times_s": tf.constant(sample.times_s[None], tf.float32),
            }
        )
        fields = {
            name: np.asarray(answer[name])[0] if name in answer else None
            for name in ("concentration", "potential")
        }
        return Fields(**fields)
