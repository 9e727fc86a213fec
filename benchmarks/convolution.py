"""Rate of MSNet's convolutions, value and gradients, against a large matrix product in the same process.

    python benchmarks/convolution.py [--threads 2] [--cpu-time]

The layers are those of the paper's network (10, 40 and 160 filters on three scales of 24x24x64 voxels) and
of the default one (16, 32, 64).  The product and the convolution take turns.
"""

import argparse
import os
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tfmsnet  # noqa: F401  oneDNN on, before TensorFlow is imported

# isort: split
import keras
import tensorflow as tf

from tfmsnet.networks.convolution import Convolution

CASES = (
    (10, (24, 24, 64)),
    (16, (24, 24, 64)),
    (32, (12, 12, 32)),
    (40, (12, 12, 32)),
    (64, (6, 6, 16)),
    (160, (6, 6, 16)),
    (10, (72, 72, 244)),
    (40, (36, 36, 122)),
    (160, (18, 18, 61)),
)
PRODUCT = 2048
ROUNDS = 7


def training_step(filters, grid, precision="float32"):
    """A compiled function of a layer's value and gradients, and its floating-point operations."""
    dtype = keras.DTypePolicy(precision).compute_dtype
    inputs = tf.random.normal((1, *grid, filters), dtype=dtype)
    layer = Convolution(filters, dtype=precision)
    layer.build(inputs.shape)
    variables = [variable.value for variable in layer.trainable_variables]
    # Of the output, so that the gradients are full arrays.
    towards = tf.random.normal(inputs.shape, dtype=dtype)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = layer(inputs)
        return tape.gradient(outputs, [inputs, *variables], output_gradients=towards), outputs

    voxels = grid[0] * grid[1] * grid[2]
    return step, 3 * 2 * 27 * filters**2 * voxels


def product(size=PRODUCT, precision="float32"):
    """A compiled matrix product and its floating-point operations."""
    matrix = tf.random.normal((size, size), dtype=keras.DTypePolicy(precision).compute_dtype)
    return tf.function(lambda: tf.linalg.matmul(matrix, matrix)), 2 * size**3


def rate(step, operations, clock):
    """Operations per second, of enough calls to fill some milliseconds."""
    calls = max(1, round(1e9 / operations))
    begin = clock()
    for _ in range(calls):
        step()
    return calls * operations / (clock() - begin)


def main(threads, clock):
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    reference = product()
    reference[0]()
    print(f"{threads} threads; rates in GFLOP/s, value and gradients")
    print(f"{'filters':>8} {'grid':>10} {'convolution':>12} {'product':>8} {'share':>6}")
    for filters, grid in CASES:
        case = training_step(filters, grid)
        case[0]()
        pairs = [(rate(*case, clock), rate(*reference, clock)) for _ in range(ROUNDS)]
        ours, theirs = (statistics.median(pair[i] for pair in pairs) / 1e9 for i in (0, 1))
        share = statistics.median(a / b for a, b in pairs)
        name = "x".join(map(str, grid))
        print(f"{filters:>8} {name:>10} {ours:>12.0f} {theirs:>8.0f} {share:>6.0%}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--cpu-time", action="store_true", help="for a busy machine, with one thread")
    arguments = parser.parse_args()
    main(arguments.threads, time.process_time if arguments.cpu_time else time.perf_counter)
