"""Weights of the PyTorch MS-Net, https://github.com/je-santos/ms_net, for an `MSNet`.

MS-Net (Santos et al. 2021, doi:10.1007/s11242-021-01617-y) is what the paper's network comes from: a branch
of convolutions on each of several scales, the coarsest first, each seeing the geometry and what the one
below predicts.
"""

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tfmsnet.errors import UserError
from tfmsnet.networks.config import MS_NET, MSNetConfig

# models.0.head.conv.weight, models.0.body.block1.conv.weight, models.0.tail.0.weight, and biases; `models` is
# not there where only they were saved.
_NAME = re.compile(r"(?:.*\.)?(\d+)\.(head|body\.block(\d+)|tail)\.(?:conv|0)\.(weight|bias)")


@dataclass(frozen=True)
class MSNetWeights:
    """The weights of an MS-Net.

    Attributes:
        branches: per scale, finest first, the layers in their order: kernel (x, y, z, in, out), bias (out,).
    """

    branches: tuple[tuple[tuple[np.ndarray, np.ndarray], ...], ...]

    @classmethod
    def from_state(cls, state: dict[str, np.ndarray], where: str) -> "MSNetWeights":
        """Of the arrays of a state_dict.

        Raises:
            UserError: not an MS-Net's, or not one that an `MSNet` can be.
        """
        scales: dict[int, dict[int, dict[str, np.ndarray]]] = {}
        for name, value in state.items():
            match = _NAME.fullmatch(name)
            if match is None:
                raise UserError(
                    f"{where}: expected the state_dict of an MS-Net of je-santos/ms_net, such as "
                    f"models.0.head.conv.weight, found {name!r}"
                )
            scale, part, block, kind = match.groups()
            index = {"head": 0, "tail": -1}.get(part, int(block or 0))
            scales.setdefault(int(scale), {}).setdefault(index, {})[kind] = np.asarray(value, np.float32)
        try:
            coarsest_first = [
                tuple(
                    (layers[index]["weight"].transpose(2, 3, 4, 1, 0), layers[index]["bias"])
                    for index in [*range(len(layers) - 1), -1]
                )
                for layers in (scales[number] for number in range(len(scales)))
            ]
            weights = cls(tuple(reversed(coarsest_first)))
            weights.options()
        except (KeyError, ValueError, IndexError) as error:
            raise UserError(f"{where}: not an MS-Net of je-santos/ms_net ({error!r})") from None
        return weights

    @property
    def features(self) -> int:
        """Channels of the geometry."""
        return self.branches[-1][0][0].shape[3]

    @property
    def outputs(self) -> int:
        """Channels that it predicts."""
        return self.branches[0][-1][0].shape[4]

    def options(self) -> MSNetConfig:
        """The configuration of the `MSNet` that it is.

        Raises:
            ValueError: there is none.
        """
        widths = [branch[0][0].shape[4] for branch in self.branches]
        growth = widths[1] / widths[0] if len(widths) > 1 else MS_NET.growth
        kernel, convolutions = self.branches[0][0][0].shape[0], len(self.branches[0]) - 1
        options = replace(MS_NET, filters=widths[0], growth=growth, kernel=kernel, convolutions=convolutions)
        if widths != [options.filters_at(scale) for scale in range(len(widths))]:
            raise ValueError(f"filters {widths}, which don't grow alike from scale to scale")
        return options

    def give(self, network) -> None:
        """Set the weights of a network.

        What the network sees beside the geometry and the prediction of the scale below, such as the C-rate
        and the previous state, has no say: its weights are zero.

        Args:
            network: an `MSNet` that is built, of these options and scales, its geometry channels first.
        """
        for branch, layers in zip(network.branches, self.branches, strict=True):
            for layer, (kernel, bias) in zip([*branch.hidden, branch.head], layers, strict=True):
                wider = np.zeros(layer.kernel.shape, np.float32)
                below = kernel.shape[3] - self.features if layer is branch.hidden[0] else 0
                seen = kernel.shape[3] - below
                wider[..., :seen, :] = kernel[..., :seen, :]
                if below:
                    wider[..., -below:, :] = kernel[..., seen:, :]
                layer.set_weights([wider, bias])


def read_state(path: str | Path) -> dict[str, np.ndarray]:
    """The arrays of a state_dict that PyTorch saved; PyTorch reads it, and nothing in it is executed.

    Raises:
        UserError: PyTorch isn't installed, no such file, or something else than weights.
    """
    try:
        import torch
    except ImportError:
        raise UserError(f"{path}: PyTorch reads it, and isn't installed here; pip install torch") from None
    if not Path(path).is_file():
        raise UserError(f"{path}: no such file")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever its unpickler meets
        raise UserError(
            f"{path}: expected a state_dict, PyTorch reads no weights from it ({type(error).__name__}); "
            "where whole modules were saved, save their state_dict() with the code that they are of"
        ) from None
    content = content.get("state_dict", content) if isinstance(content, dict) else None
    if not content or not all(isinstance(value, torch.Tensor) for value in content.values()):
        raise UserError(f"{path}: expected a state_dict, names and tensors")
    return {name: value.float().numpy() for name, value in content.items()}
