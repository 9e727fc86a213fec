"""Which devices a run uses."""

import tensorflow as tf

from tfmsnet.errors import UserError

CHOICES = ("auto", "one", "mirrored")


def make_strategy(choice: str) -> tf.distribute.Strategy:
    """A tf.distribute strategy on this machine.

    Args:
        choice: "one" device; "mirrored" over all devices of the best kind; "auto": mirrored when there
            is more than one GPU (or, without GPUs, more than one logical CPU), else one.

    Raises:
        UserError: a choice that doesn't exist.
    """
    if choice not in CHOICES:
        raise UserError(f"strategy: expected one of {', '.join(CHOICES)}, found {choice!r}")
    devices = [d.name for d in tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")]
    if choice == "mirrored" or (choice == "auto" and len(devices) > 1):
        return tf.distribute.MirroredStrategy(devices)
    return tf.distribute.get_strategy()
