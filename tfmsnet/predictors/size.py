"""How large a predictor's network is: its parameters and convolutions, as its configuration counts them."""

from collections.abc import Iterator

from tfmsnet.fields import FIELDS
from tfmsnet.networks.config import ConvolutionSize
from tfmsnet.networks.registry import sizes
from tfmsnet.predictors.config import NetworkConfig
from tfmsnet.predictors.kinds import kind_of
from tfmsnet.references.registry import registered

DRIVE_CHANNELS = {"reference-deviation": 2, "min-max": 1}  # of `tfmsnet.predictors.state`


def parameters(network: NetworkConfig) -> int:
    """Weights and biases."""
    return sum(count for count, _ in _networks(network)) + kind_of(network).parameters(network)


def static_channels(network: NetworkConfig) -> int:
    """Of what stays the same in time: geometry, and what the reference knows of each voxel."""
    return len(network.channels) + registered(network.reference).voxel_numbers


def state_channels(network: NetworkConfig) -> int:
    """Of the state: one for each part of each field."""
    return sum(_channels(network, field) for field in network.fields)


def output_channels(network: NetworkConfig) -> int:
    """Of the network: what it makes for each of the state's channels."""
    return state_channels(network) * kind_of(network).outputs(network)


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
            channels * kind_of(network).outputs(network),
            network.scales,
        )


def _channels(network: NetworkConfig, field: str) -> int:
    return len(FIELDS[field].parts) if network.state == "reference-deviation" else 1


def _inputs(network: NetworkConfig, channels: int) -> int:
    """Geometry, operating point and previous state."""
    kind = kind_of(network)
    operating_point = kind.operating_point or DRIVE_CHANNELS[network.state]
    return static_channels(network) + operating_point + (channels if kind.autoregressive else 0)
