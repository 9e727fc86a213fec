"""How large a network is: its convolutions, counted from the configuration alone, no TensorFlow."""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from tfmsnet.networks.config import filters_at
from tfmsnet.predictors.config import NetworkConfig

DRIVE_CHANNELS = {"reference-deviation": 2, "min-max": 1}
BASIS_WIDTH, TIME_FEATURES = 64, 6  # of `tfmsnet.predictors.basis`


class Convolution(NamedTuple):
    """A convolution of the network.

    Attributes:
        scale: 0 the finest.
        inputs, outputs: channels.
        kernel: edge, voxels.
        normalised: channels that are normalised before or after it.
    """

    scale: int
    inputs: int
    outputs: int
    kernel: int
    normalised: int = 0

    @property
    def parameters(self) -> int:
        """Weights and biases, those of the normalisation too."""
        return (self.kernel**3 * self.inputs + 1) * self.outputs + 2 * self.normalised


def parameters(network: NetworkConfig) -> int:
    """Weights and biases of the network."""
    return sum(layer.parameters for layer in convolutions(network)) + _basis_parameters(network)


def state_channels(network: NetworkConfig) -> int:
    """Of the state: the potential's deviation has two, its level and its pattern."""
    return sum(_channels(network, field) for field in network.fields)


def output_channels(network: NetworkConfig) -> int:
    """Of the network: the state's channels, each in all coefficients of a time basis."""
    return state_channels(network) * max(1, network.basis)


def convolutions(network: NetworkConfig) -> Iterator[Convolution]:
    """All convolutions, of all fields' networks."""
    layers = {"msnet": _msnet, "unet": _unet}[network.architecture]
    if not network.potential_filters:
        yield from layers(network, network.filters, state_channels(network))
        return
    filters = {"concentration": network.filters, "potential": network.potential_filters}
    for field in network.fields:
        yield from layers(network, filters[field], _channels(network, field))


def _channels(network: NetworkConfig, field: str) -> int:
    return 1 + (network.state == "reference-deviation" and field == "potential")


def _basis_parameters(network: NetworkConfig) -> int:
    sizes = (TIME_FEATURES, BASIS_WIDTH, BASIS_WIDTH, network.basis) if network.basis else ()
    return sum((before + 1) * after for before, after in pairwise(sizes))


def _inputs(network: NetworkConfig, channels: int) -> int:
    """Geometry, drive and previous state."""
    drive = 1 if network.basis else DRIVE_CHANNELS[network.state]
    return len(network.channels) + drive + (channels if network.autoregressive else 0)


def _msnet(network: NetworkConfig, filters: int, channels: int) -> Iterator[Convolution]:
    outputs = channels * max(1, network.basis)
    for scale in range(network.scales):
        width = filters_at(filters, network.growth, scale)
        inputs = _inputs(network, channels) + (outputs if scale < network.scales - 1 else 0)
        normalised = width if network.normalisation == "instance" else 0
        for before in [inputs, *[width] * (network.convolutions - 1)]:
            yield Convolution(scale, before, width, network.kernel, normalised)
        yield Convolution(scale, width + (inputs if network.shortcut else 0), outputs, 1)


def _unet(network: NetworkConfig, filters: int, channels: int) -> Iterator[Convolution]:
    outputs, inputs = channels * max(1, network.basis), _inputs(network, channels)
    widths = [filters_at(filters, network.growth, scale) for scale in range(network.scales)]
    for scale, before in enumerate([inputs, *widths[:-1]]):
        yield from _block(network, scale, before, widths[scale], first=scale == 0)
    for scale, (width, below) in enumerate(pairwise(widths)):
        yield from _block(network, scale, width + below, width)
    for scale, width in enumerate(widths):
        yield Convolution(scale, width + (inputs if network.shortcut and scale == 0 else 0), outputs, 1)


def _block(network, scale, inputs, width, first=False) -> Iterator[Convolution]:
    for index, before in enumerate([inputs, *[width] * (network.convolutions - 1)]):
        normalised = before if network.normalisation == "instance" and (index or not first) else 0
        yield Convolution(scale, before, width, network.kernel, normalised)
    yield Convolution(scale, inputs, width, 1)
