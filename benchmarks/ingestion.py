"""The Gaussian kernel on nodes 0.5 um apart: its error by radius and sharpness, its speed and its memory.

python benchmarks/ingestion.py
"""

import resource
import time

import numpy as np

from tfmsnet.records.ingest import GaussianKernel, VoxelGrid, interpolate

WAVE_PER_UM = np.array([0.5, -0.4, 0.6])
RADII_UM = (0.6, 0.75, 1.0, 1.5)
SHARPNESSES = (2.0, 3.0, 4.0)
FRAMES = 25


def ball(radius_um):
    """Nodes (node, 3) of a mesh of 0.5 um, and the centres of the voxels of a ball, m."""
    edge = 2 * radius_um + 2
    axis = np.arange(0, edge, 0.5)
    nodes = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
    nodes += np.random.default_rng(0).uniform(-0.12, 0.12, nodes.shape)
    grid = VoxelGrid.over((0.0, 0.0, 0.0), (edge * 1e-6,) * 3, 0.5e-6)
    centres = grid.centres_m(np.ones(grid.shape, bool))
    inside = [
        np.linalg.norm(places - edge / 2 * unit, axis=1) < radius_um * unit
        for places, unit in ((nodes, 1.0), (centres, 1e-6))
    ]
    return nodes[inside[0]] * 1e-6, centres[inside[1]]


def wave(places_m):
    return np.sin(places_m * 1e6 @ WAVE_PER_UM)


def main():
    nodes, targets = ball(5.0)
    spread = wave(targets).std()
    print(f"a wave of 7 um over a ball of 5 um, {len(nodes)} nodes, {len(targets)} voxels")
    print("radius, um   sharpness   rms error / spread   largest error / spread")
    for radius in RADII_UM:
        for sharpness in SHARPNESSES:
            kernel = GaussianKernel(radius * 1e-6, sharpness)
            found = interpolate(nodes, wave(nodes)[:, None], targets, kernel, fill="nearest")[0]
            error = np.abs(found - wave(targets)) / spread
            print(f"{radius:10g}{sharpness:12g}{np.sqrt((error**2).mean()):21.3f}{error.max():25.3f}")
    nodes, targets = ball(25.0)
    values = np.repeat(wave(nodes)[:, None], FRAMES, axis=1)
    before, begin = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    interpolate(nodes, values, targets, GaussianKernel())
    seconds = time.process_time() - begin
    more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    result = 4 * FRAMES * len(targets) / 2**20
    print(
        f"{len(nodes)} nodes, {len(targets)} voxels, {FRAMES} frames: {seconds:.0f} s CPU, {more:.0f} MiB "
        f"more than before, of which {result:.0f} MiB are the result"
    )


if __name__ == "__main__":
    main()
