"""A surrogate as a SavedModel for TF Serving: phase image and C-rate in, discharge out."""

import shutil
from pathlib import Path

import keras
import tensorflow as tf

from tfmsnet.errors import UserError
from tfmsnet.files import replacing_directory
from tfmsnet.load import FRAME_SECONDS_AT_1C, FRAMES
from tfmsnet.model.store import DESCRIPTION
from tfmsnet.model.surrogate import Surrogate

LARGEST_C_RATE = 20.0


class Endpoints:
    """The signatures of the SavedModel, over one surrogate.

    Both take phase (batch, x, y, z) uint8 with labels 0 electrolyte, 1 AM, 2 CBD, z = 0 at the foil, and
    c_rate (batch,) float32, 0 < c_rate <= 20.  Both refuse other input with an error that says what was
    expected.
    """

    def __init__(self, surrogate: Surrogate):
        self.surrogate = surrogate

    def curve(self, phase, c_rate):
        """times_s, dol and, with the potential, voltage_v, each (batch, 25) float32: a small message."""
        return {name: value for name, value in self.fields(phase, c_rate).items() if len(value.shape) == 2}

    def fields(self, phase, c_rate):
        """The curve, and concentration (mol/m3) and potential (V), each (batch, 25, x, y, z) float32."""
        smallest = 2 ** (self.surrogate.config.scales - 1)
        with tf.control_dependencies(_checks(phase, c_rate, smallest)):
            phase, current = tf.identity(phase), tf.identity(c_rate)[:, None]
        c_rate_profile = tf.concat([tf.zeros_like(current), tf.repeat(current, FRAMES - 1, axis=1)], axis=1)
        times_s = tf.range(FRAMES, dtype=tf.float32)[None] * FRAME_SECONDS_AT_1C / current
        outputs = self.surrogate({"phase": phase, "c_rate_profile": c_rate_profile, "times_s": times_s})
        return {**outputs, "times_s": times_s}


def _checks(phase, c_rate, smallest):
    usable = tf.math.is_finite(c_rate) & (c_rate > 0) & (c_rate <= LARGEST_C_RATE)
    return [
        tf.debugging.assert_greater_equal(
            tf.reduce_min(tf.shape(phase)[1:]),
            smallest,
            f"phase: expected at least {smallest} voxels each way",
        ),
        tf.debugging.assert_less_equal(
            tf.reduce_max(phase), tf.constant(2, tf.uint8), "phase: expected labels 0, 1 and 2"
        ),
        tf.debugging.assert_equal(
            tf.reduce_all(tf.reduce_any(phase == 1, axis=(1, 2, 3))),
            True,
            "phase: no active material (label 1)",
        ),
        tf.debugging.assert_equal(
            tf.reduce_all(usable), True, f"c_rate: expected 0 < c_rate <= {LARGEST_C_RATE:g}"
        ),
        tf.debugging.assert_equal(
            tf.shape(phase)[0], tf.shape(c_rate)[0], "c_rate: expected one for each image of the batch"
        ),
    ]


def export(surrogate: Surrogate, description: str | Path, directory: str | Path) -> Path:
    """Write `directory`/<version>/, the next version, complete or not at all.

    Args:
        surrogate: what to export.
        description: its surrogate.json, kept in assets.extra.
        directory: OUT/NAME, as TF Serving's --model_base_path wants it.

    Returns:
        The version's directory.

    Raises:
        UserError: the directory is something else than a base path of versions.
    """
    directory = Path(directory)
    target = directory / str(_next_version(directory))
    endpoints = Endpoints(surrogate)
    signature = [tf.TensorSpec([None] * 4, tf.uint8, "phase"), tf.TensorSpec([None], tf.float32, "c_rate")]
    with replacing_directory(target) as partial:
        archive = keras.export.ExportArchive()
        archive.track(surrogate)
        archive.add_endpoint("serving_default", endpoints.curve, input_signature=signature)
        archive.add_endpoint("fields", endpoints.fields, input_signature=signature)
        archive.write_out(str(partial), verbose=False)
        extra = partial / "assets.extra"
        extra.mkdir()
        shutil.copyfile(description, extra / DESCRIPTION)
    return target


def _next_version(directory: Path) -> int:
    if directory.exists() and not directory.is_dir():
        raise UserError(f"{directory}: expected a directory for the model's versions, found a file")
    names = [path.name for path in directory.iterdir()] if directory.exists() else []
    foreign = [name for name in names if not name.isdigit() and not name.startswith(".")]
    if foreign:
        raise UserError(
            f"{directory}: expected nothing but version directories (1, 2, ...), found {foreign[0]!r}; "
            "choose another OUT/NAME"
        )
    return max((int(name) for name in names if name.isdigit()), default=0) + 1
