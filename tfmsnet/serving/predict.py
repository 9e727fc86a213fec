"""Prediction with a run or with an exported SavedModel, as one call."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfmsnet.electrode import PhaseImage
from tfmsnet.errors import UserError
from tfmsnet.files import read_json
from tfmsnet.halfcell import Parameters
from tfmsnet.load import constant_current
from tfmsnet.model.store import DESCRIPTION, load_surrogate
from tfmsnet.model.surrogate import check_grid
from tfmsnet.records.sample import Sample
from tfmsnet.serving.export import LARGEST_C_RATE, Endpoints

# phase (batch, x, y, z), c_rate (batch,) -> dict of arrays
Infer = Callable[[np.ndarray, np.ndarray], dict]


class LoadedModel:
    """A trained surrogate, whatever it was loaded from.

    Args:
        infer: from a batch of phase images and C-rates to concentration, potential, dol, voltage_v, times_s.
        description: the content of surrogate.json.
    """

    def __init__(self, infer: Infer, description: dict):
        self.infer = infer
        try:
            self.parameters = Parameters.from_dict(description["parameters"])
            self.voxel_size_m = description["voxel_size_m"]
            self.fields = tuple(description["network"]["fields"])
            self.scales = description["network"]["scales"]
        except (KeyError, TypeError) as error:
            raise UserError(f"model: its {DESCRIPTION} isn't one ({error}); export or train again") from None

    def predict(self, image: PhaseImage, c_rate: float) -> Sample:
        """The discharge of an electrode at constant current.

        Returns:
            A sample, 25 frames.

        Raises:
            UserError: a C-rate out of range, voxels of another size, a grid smaller than the network's
                scales need, or a model of one field alone.
        """
        if not 0 < c_rate <= LARGEST_C_RATE:
            raise UserError(
                f"C-rate: expected a number above 0 and at most {LARGEST_C_RATE:g}, found {c_rate:g}"
            )
        if abs(image.voxel_size_m - self.voxel_size_m) > 1e-3 * self.voxel_size_m:
            raise UserError(
                f"image: voxels of {image.voxel_size_m * 1e6:g} um, but the model was trained on "
                f"{self.voxel_size_m * 1e6:g} um; resample the image"
            )
        check_grid(image.phase.shape, self.scales, "image")
        if set(self.fields) != {"concentration", "potential"}:
            raise UserError(
                f"model: predicts {', '.join(self.fields)} alone, but a discharge needs concentration and "
                "potential; use a model of both fields"
            )
        answer = self.infer(image.phase[None], np.array([c_rate], np.float32))
        answer = {name: np.asarray(value)[0] for name, value in answer.items()}
        profile, times_s = constant_current(c_rate)
        return Sample(
            phase=image.phase,
            concentration=answer["concentration"],
            potential=answer["potential"],
            times_s=times_s,
            dol=answer["dol"].astype(np.float64),
            voltage_v=answer["voltage_v"].astype(np.float64),
            c_rate_profile=profile,
            voxel_size_m=image.voxel_size_m,
            geometry_id=image.geometry_id,
            parameters=self.parameters,
            am_wt_percent=image.am_wt_percent,
            calendering_percent=image.calendering_percent,
        )


def load_model(path: str | Path) -> LoadedModel:
    """Load a run directory, a SavedModel, or the newest version of an exported model.

    Raises:
        UserError: none of these.
    """
    path = Path(path)
    if (path / DESCRIPTION).is_file():
        return _from_run(path)
    versions = sorted((p for p in path.glob("[0-9]*") if p.name.isdigit()), key=lambda p: int(p.name))
    for candidate in (path, *reversed(versions)):
        if (candidate / "saved_model.pb").is_file():
            return _from_saved_model(candidate)
    raise UserError(
        f"{path}: expected a run made by `tfmsnet train` or a SavedModel made by `tfmsnet export`"
    )


def _from_run(path: Path) -> LoadedModel:
    infer = tf.function(Endpoints(load_surrogate(path)).fields, reduce_retracing=True)
    description = read_json(path / DESCRIPTION, "a surrogate's description")
    return LoadedModel(lambda phase, c_rate: infer(tf.constant(phase), tf.constant(c_rate)), description)


def _from_saved_model(path: Path) -> LoadedModel:
    description = read_json(path / "assets.extra" / DESCRIPTION, "a surrogate's description")
    try:
        loaded = tf.saved_model.load(str(path))
        signature = loaded.signatures["fields"]
    except (OSError, ValueError, KeyError) as error:
        raise UserError(
            f"{path}: not a SavedModel of `tfmsnet export` ({str(error).splitlines()[0]})"
        ) from None

    def infer(phase, c_rate, loaded=loaded):  # keeps the variables alive
        return signature(phase=tf.constant(phase), c_rate=tf.constant(c_rate))

    return LoadedModel(infer, description)
