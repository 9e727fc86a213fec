"""How large a network is: its parameters and convolutions, as its configuration counts them."""

from collections.abc import Iterator
from itertools import pairwise

from tfmsnet.networks.config import ConvolutionSize
from tfmsnet.networks.registry import sizes
from tfmsnet.predictors.config import NetworkConfig

DRIVE_CHANNELS = {"reference-deviation": 2, "min-max": 1}
BASIS_WIDTH, TIME_FEATURES = 64, 6  # of `tfmsnet.predictors.basis`


def parameters(network: NetworkConfig) -> int:
    """Weights and biases of the network."""
    return sum(count for count, _ in _networks(network)) + _basis_parameters(network)


def state_channels(network: NetworkConfig) -> int:
    """Of the state: the potential's deviation has two, its level and its pattern."""
    return sum(_channels(network, field) for field in network.fields)


def output_channels(network: NetworkConfig) -> int:
    """Of the network: the state's channels, each in all coefficients of a time basis."""
    return state_channels(network) * max(1, network.basis)


def convolutions(network: NetworkConfig) -> list[ConvolutionSize]:
    """All convolutions, of all fields' networks."""
    return [layer for _, layers in _networks(network) for layer in layers]


def _networks(network: NetworkConfig) -> Iterator[tuple[int, list[ConvolutionSize]]]:
    """Parameters and convolutions of the network, or of each field's."""
    groups = [(field,) for field in network.fields] if network.potential_filters else [network.fields]
    for group in groups:
        channels = sum(_channels(network, field) for field in group)
        yield sizes(
            network.architecture,
            network.options_of(group[0]),
            _inputs(network, channels),
            channels * max(1, network.basis),
            network.scales,
        )


def _channels(network: NetworkConfig, field: str) -> int:
    return 1 + (network.state == "reference-deviation" and field == "potential")


def _basis_parameters(network: NetworkConfig) -> int:
    sizes = (TIME_FEATURES, BASIS_WIDTH, BASIS_WIDTH, network.basis) if network.basis else ()
    return sum((before + 1) * after for before, after in pairwise(sizes))


def _inputs(network: NetworkConfig, channels: int) -> int:
    """Geometry, drive and previous state."""
    drive = 1 if network.basis else DRIVE_CHANNELS[network.state]
    return len(network.channels) + drive + (channels if network.autoregressive else 0)
