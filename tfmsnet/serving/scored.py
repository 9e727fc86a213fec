"""A model as a candidate that `tfmsnet evaluate` scores: by what it answers, wherever it computes."""

from tfmsnet.electrode import PhaseImage
from tfmsnet.evaluation.candidates import Fields
from tfmsnet.load import Load
from tfmsnet.records.sample import Sample
from tfmsnet.serving.model import Model


class Scored:
    """Asks a model for a sample's discharge, from image, C-rate profile and times alone."""

    def __init__(self, model: Model):
        self.model = model

    def __call__(self, sample: Sample) -> Fields:
        """The predicted fields; None for one that the model has none of.

        Where the sample held a voltage, the model is given the mean current of each interval.

        Raises:
            UserError: what the model can't answer, as voxels of another size than it was trained on.
        """
        image = PhaseImage(sample.phase, sample.voxel_size_m, sample.geometry_id)
        answer = self.model.fields(image, Load.from_profile(sample.c_rate_profile, sample.times_s))
        return Fields(answer.concentration, answer.potential)
