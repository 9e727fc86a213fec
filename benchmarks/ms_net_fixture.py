"""Outputs of the PyTorch MS-Net with its weights: the fixture of tests/networks/test_ms_net.py.

    git clone https://github.com/je-santos/ms_net
    pip install torch==2.13.0 numpy
    python benchmarks/ms_net_fixture.py ms_net

A small network of the repository's own code, its weights random, on a made-up distance transform; with its
instance normalisation and without.  Writes tests/networks/fixtures/ms_net.npz.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import torch

OUT = Path(__file__).parents[1] / "tests" / "networks" / "fixtures"
SIZE, SCALES = (12, 8, 16), 3
WIDTHS = {"num_scales": SCALES, "num_features": 1, "num_filters": 2, "f_mult": 2}


def main(repository):
    """Write the fixture."""
    sys.path.insert(0, str(repository))
    from network import MS_Net
    from pore_utils import get_coarsened_list

    torch.manual_seed(0)
    net = MS_Net(**WIDTHS).eval()
    noise = torch.nn.functional.avg_pool3d(torch.randn(1, 1, *SIZE), 3, stride=1, padding=1)
    distance = torch.relu(noise * 8)[0].numpy()
    inputs = get_coarsened_list(distance, SCALES)
    arrays = {"distance": distance[0]}
    arrays |= {f"weight/{name}": value.numpy() for name, value in net.state_dict().items()}
    OUT.mkdir(parents=True, exist_ok=True)
    with torch.no_grad():
        arrays |= {f"instance/{n}": y[0, 0].numpy() for n, y in enumerate(reversed(net(inputs)))}
        for model in net.models:
            for block in (model.head, *model.body):
                if hasattr(block, "i_norm"):
                    block.i_norm = torch.nn.Identity()
        arrays |= {f"none/{n}": y[0, 0].numpy() for n, y in enumerate(reversed(net(inputs)))}
    np.savez_compressed(OUT / "ms_net.npz", **arrays)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("repository", type=Path, help="a clone of je-santos/ms_net")
    main(parser.parse_args().repository)
