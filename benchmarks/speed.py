"""How much faster the surrogate is than the simulator, on the same image and machine, in one run.

python benchmarks/speed.py
python benchmarks/speed.py --size 72 72 244
"""

import time
from pathlib import Path

import click
import numpy as np
from threadpoolctl import threadpool_limits

from tfmsnet.electrode import Recipe, generate
from tfmsnet.halfcell import simulate


@click.command()
@click.option(
    "--size",
    "sizes",
    type=int,
    nargs=3,
    multiple=True,
    help="Voxels x y z; may be repeated.  [default: 24 24 64]",
)
@click.option("--c-rate", default=1.0, show_default=True)
@click.option("--seed", default=900, show_default=True, help="Of the electrode: 90 wt%, calendered by 10 %.")
@click.option(
    "--model",
    type=click.Path(path_type=Path),
    help="A run of tfmsnet train or a model of tfmsnet export.  [default: the package's own]",
)
@click.option(
    "--repeats", default=3, show_default=True, help="Predictions timed after the first; the median counts."
)
def main(sizes, c_rate, seed, model, repeats):
    """Print seconds by the clock and of processor for a whole discharge, all fields at all frames."""
    from tfmsnet.predictors.store import trained_model
    from tfmsnet.serving.local import load_model

    surrogate = load_model(model or trained_model())
    simulate(generate(Recipe(90, 10, (12, 12, 16), seed=seed)), c_rate)  # numba compiles
    print(f"{'voxels':>14}{'':>18}{'clock / s':>12}{'CPU / s':>12}{'ratio (clock)':>16}{'(CPU)':>8}")
    for size in sizes or ((24, 24, 64),):
        image = generate(Recipe(90, 10, tuple(size), seed=seed))
        with threadpool_limits(1, user_api="blas"):
            slow = _timed(lambda image=image: simulate(image, c_rate))
        first = _timed(lambda image=image: surrogate.fields(image, c_rate))
        again = np.median(
            [_timed(lambda image=image: surrogate.fields(image, c_rate)) for _ in range(repeats)], axis=0
        )
        for name, spent in (("simulator", slow), ("surrogate, first", first), ("surrogate, again", again)):
            ratios = "" if name == "simulator" else f"{slow[0] / spent[0]:>16.0f}{slow[1] / spent[1]:>8.0f}"
            print(
                f"{'x'.join(map(str, size)):>14}{name:>18}{spent[0]:>12.2f}{spent[1]:>12.2f}{ratios}",
                flush=True,
            )


def _timed(work) -> tuple[float, float]:
    """Seconds by the clock and of processor, of all threads."""
    clock, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - clock, time.process_time() - processor


if __name__ == "__main__":
    main()
