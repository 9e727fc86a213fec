"""Convolution by planes against Keras' Conv3D: time of value and gradients, in turn, as a ratio.

python benchmarks/convolution.py
"""

import os
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import tensorflow as tf

from tfmsnet.model.convolution import Convolution

CASES = ((8, (24, 24, 64)), (16, (24, 24, 64)), (24, (12, 12, 32)), (72, (6, 6, 16)), (160, (6, 6, 16)))
ROUNDS = 15


def training_step(layer, inputs):
    """A compiled function of value and gradients."""
    layer.build(inputs.shape)
    variables = [variable.value for variable in layer.trainable_variables]

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            loss = tf.reduce_sum(layer(inputs) ** 2)
        return tape.gradient(loss, [inputs, *variables])

    step()
    return step


def seconds(step):
    begin = time.perf_counter()
    step()
    return time.perf_counter() - begin


def main():
    print(f"{'channels':>8} {'grid':>10} {'planes / ms':>12} {'Conv3D / ms':>12} {'Conv3D : planes':>16}")
    for channels, grid in CASES:
        inputs = tf.random.normal((2, *grid, channels))
        planes = training_step(Convolution(channels, 3, by_planes=True), inputs)
        conv3d = training_step(keras.layers.Conv3D(channels, 3, padding="same"), inputs)
        pairs = [(seconds(planes), seconds(conv3d)) for _ in range(ROUNDS)]
        ours, theirs = (1e3 * statistics.median(pair[i] for pair in pairs) for i in (0, 1))
        ratio = statistics.median(b / a for a, b in pairs)
        name = "x".join(map(str, grid))
        print(f"{channels:>8} {name:>10} {ours:>12.1f} {theirs:>12.1f} {ratio:>16.2f}")


if __name__ == "__main__":
    main()
