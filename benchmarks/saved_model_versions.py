"""Whether SavedModels travel between releases of TensorFlow: each exports, each loads all exports.

    python benchmarks/saved_model_versions.py RUN PYTHON [PYTHON ...]

RUN is a run of `tfmsnet train`; each PYTHON has another TensorFlow, and tfmsnet.  Prints the largest relative
difference of `fields` (concentration, potential) to the exporter's own answer, which stays below 1e-5.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

EXPORT = """
import sys, tensorflow as tf
from pathlib import Path
from tfmsnet.serving.saved_model import export
run = Path(sys.argv[1])
export(run, sys.argv[2])
print(tf.__version__)
"""
# The loader has no use for tfmsnet and Keras.
LOAD = """
import sys, numpy as np, tensorflow as tf
answer = tf.saved_model.load(sys.argv[1]).signatures["fields"](
    phase=tf.constant(np.load(sys.argv[2])), c_rate=tf.constant([1.5]),
    frame_stride=tf.constant([1]), region=tf.constant([[0] * 6]))
np.savez(sys.argv[3], **{name: value.numpy() for name, value in answer.items()})
assert not {"tfmsnet"} & set(sys.modules)
"""


def run(python, code, *arguments):
    result = subprocess.run([python, "-c", code, *map(str, arguments)], capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"{python}: {result.stderr[-2000:]}")
    return result.stdout.split("\n")[-2] if result.stdout else ""


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("python", nargs="+")
    arguments = parser.parse_args()
    phase = np.random.default_rng(0).integers(0, 3, (1, 9, 11, 13)).astype(np.uint8)
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        np.save(folder / "phase.npy", phase)
        versions = []
        for python in arguments.python:
            versions.append(
                run(python, EXPORT, arguments.run.resolve(), folder / str(len(versions)) / "cathode")
            )
        print("exported by / loaded by   " + "".join(f"{version:>12}" for version in versions))
        for i, version in enumerate(versions):
            answers = []
            for j, python in enumerate(arguments.python):
                out = folder / f"{i}-{j}.npz"
                run(python, LOAD, folder / str(i) / "cathode" / "1", folder / "phase.npy", out)
                answers.append(np.load(out))
            own, row = answers[i], []
            for answer in answers:
                names = ("concentration", "potential")
                row.append(max(np.abs(answer[n] - own[n]).max() / np.abs(own[n]).max() for n in names))
            failed |= max(row) > 1e-5
            print(f"{version:<26}" + "".join(f"{value:>12.1e}" for value in row), flush=True)
    sys.exit(int(failed))


if __name__ == "__main__":
    main()
