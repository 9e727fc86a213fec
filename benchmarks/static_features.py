"""What it could save to convolve the geometry channels once per rollout and not in every frame: at most.

    python benchmarks/static_features.py [--size 24 24 64] [--frames 4] [--threads 1]

Of the first convolution on every scale, the part that sees the geometry is the same in all frames.  A
training step with all geometry channels is timed, by turns, against one whose network has a single one: what
lies between is what they cost, and more than what keeping their part could save, which would have to be
added in every frame all the same.
"""

import argparse
import os
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tfmsnet  # noqa: F401  oneDNN on, before TensorFlow is imported

# isort: split
import tensorflow as tf
from made_up import trainer_and_batch

from tfmsnet.training.config import PRESETS

ROUNDS = 7


def training_step(preset, channels, size, frames):
    """A compiled optimizer step of one discharge; its cost doesn't depend on the data."""
    values = {"channels": list(channels), "batch_size": 1, "horizon": [[1.0, frames]]}
    config = PRESETS[preset].with_values(values, "benchmark")
    trainer, batch = trainer_and_batch(config, size, frames)
    step = tf.function(trainer.train_step)
    step(batch)
    return lambda: step(batch)["loss"].numpy()


def cpu_seconds(step):
    """Of one call."""
    begin = time.process_time()
    step()
    return time.process_time() - begin


def main(size, frames, threads):
    """Print the CPU time of both steps and how much more the first takes, medians."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    print(f"{'x'.join(map(str, size))}, {frames} frames, {threads} threads; CPU seconds a step")
    print(f"{'preset':>8} {'geometry channels':>18} {'all':>7} {'one':>7} {'saved at most':>14}")
    for preset in ("paper", "default"):
        channels = PRESETS[preset].network.channels
        steps = [training_step(preset, some, size, frames) for some in (channels, channels[:1])]
        rounds = [[cpu_seconds(step) for step in steps] for _ in range(ROUNDS)]
        every, one = (statistics.median(pair[i] for pair in rounds) for i in (0, 1))
        saved = statistics.median(1 - pair[1] / pair[0] for pair in rounds)
        print(f"{preset:>8} {len(channels):>18} {every:>7.2f} {one:>7.2f} {saved:>14.0%}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, nargs=3, default=[24, 24, 64])
    parser.add_argument("--frames", type=int, default=4)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    main(arguments.size, arguments.frames, arguments.threads)
