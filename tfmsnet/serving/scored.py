"""A model as a candidate that `tfmsnet evaluate` scores: by what it answers, wherever it computes."""

import numpy as np

from tfmsnet.electrode import PhaseImage
from tfmsnet.errors import UserError
from tfmsnet.evaluation.candidates import Fields
from tfmsnet.load import Load
from tfmsnet.records.sample import Sample
from tfmsnet.serving.model import EndedAtOnce, Model


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
        try:
            answer = self.model.fields(image_of(sample), load_of(sample))
        except EndedAtOnce:
            nothing = np.full_like(sample.concentration, np.nan)
            return Fields(nothing, nothing)
        except UserError as error:
            raise UserError(f"{self.model.title}: {sample.sample_id}: {error}") from None
        return Fields(*(_whole(values, sample.frames) for values in (answer.concentration, answer.potential)))


def answered(model: Model, sample: Sample) -> Sample:
    """A model's answer for a sample's electrode, cell and currents; it may end before the sample does.

    Raises:
        UserError: what the model can't answer.
    """
    return model.of_cell(sample.parameters).predict(image_of(sample), load_of(sample))


def load_of(sample: Sample) -> Load:
    """The currents of a sample; where it held a voltage, the mean of each interval."""
    return Load.from_profile(sample.c_rate_profile, sample.times_s)


def image_of(sample: Sample) -> PhaseImage:
    """Its electrode."""
    return PhaseImage(
        sample.phase,
        sample.voxel_size_m,
        sample.geometry_id,
        calendering_percent=sample.calendering_percent,
    )


def _whole(values: np.ndarray | None, frames: int) -> np.ndarray | None:
    """Fields at all of a sample's frames: NaN, which scores infinity, after an answer that ended before."""
    if values is None or len(values) == frames:
        return values
    return np.concatenate([values, np.full((frames - len(values), *values.shape[1:]), np.nan, values.dtype)])
