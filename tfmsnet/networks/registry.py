"""The networks that `architecture` may name, each with its configuration: the one place that lists them.

No TensorFlow: a layer is imported when it is made.
"""

import importlib
from dataclasses import dataclass, is_dataclass
from functools import cache

from tfmsnet.errors import UserError
from tfmsnet.networks.config import ConvolutionSize, MSNetConfig, UNetConfig
from tfmsnet.plugins import PLUGINS, import_plugins


@dataclass(frozen=True)
class RegisteredNetwork:
    """A network that can be chosen.

    Attributes:
        name: what `architecture` calls it.
        layer: its Keras layer, or "module:Class".
        config: its configuration, a frozen dataclass.
        label: what tables and cards call it.
    """

    name: str
    layer: type | str
    config: type
    label: str

    def layer_class(self) -> type:
        """The Keras layer."""
        if not isinstance(self.layer, str):
            return self.layer
        module, _, name = self.layer.partition(":")
        return getattr(importlib.import_module(module), name)


_NETWORKS = {
    "msnet": RegisteredNetwork("msnet", "tfmsnet.networks.msnet:MSNet", MSNetConfig, "MSNet"),
    "unet": RegisteredNetwork("unet", "tfmsnet.networks.unet:UNet", UNetConfig, "U-Net"),
}


def register_network(name: str, layer: type | str, config: type, *, label: str | None = None) -> None:
    """Make a network of one's own known by a name: then `architecture=NAME` trains, exports and tunes it.

    Args:
        name: for `--set architecture=NAME`; another network of this name is replaced.
        layer: a Keras layer that is made and called as `tfmsnet.networks.step_network.StepNetwork`, of which
            it is best a subclass; or "module:Class", imported on first use.
        config: a frozen dataclass of its values, all with defaults: the keys of `--set` and `--space`.
            With a method `convolution_sizes(inputs, outputs, scales)`, see `MSNetConfig`, memory is
            estimated without making the network.
        label: what tables and model cards call it; the name without it.

    Raises:
        UserError: a configuration that isn't one, or with a key of all networks.
    """
    if not (is_dataclass(config) and isinstance(config, type) and config.__dataclass_params__.frozen):
        raise UserError(f"register_network: {name}: config: expected a frozen dataclass, found {config!r}")
    try:
        config()
    except TypeError as error:
        raise UserError(
            f"register_network: {name}: config: expected defaults for all values ({error})"
        ) from None
    _NETWORKS[name] = RegisteredNetwork(name, layer, config, label or name)


def registered(name: str) -> RegisteredNetwork:
    """The network of a name.

    Raises:
        UserError: there is none.
    """
    if name not in _NETWORKS:
        import_plugins()
    if name not in _NETWORKS:
        raise UserError(
            f"configuration: architecture: expected one of {', '.join(_NETWORKS)}, found {name!r}; a network "
            f"of yours is found if {PLUGINS} names the module that registers it"
        )
    return _NETWORKS[name]


def config_of(layer: type) -> type:
    """The configuration of a network's layer."""
    names = (layer, f"{layer.__module__}:{layer.__qualname__}")
    return next(network.config for network in _NETWORKS.values() if network.layer in names)


def registered_configs() -> tuple[type, ...]:
    """The configurations of all networks."""
    import_plugins()
    return tuple(network.config for network in _NETWORKS.values())


def sizes(name: str, options, inputs: int, outputs: int, scales: int) -> tuple[int, list[ConvolutionSize]]:
    """Parameters and convolutions of a network.

    By its configuration's formula; without one the layer is made and looked at, all of its convolutions
    then being taken for those of the finest scale: more memory than it needs, not less.

    Args:
        name: of the architecture.
        options: its configuration.
        inputs: channels that it sees: geometry, operating_point, previous state.
        outputs: channels of the next state.
        scales: how many.
    """
    if hasattr(options, "convolution_sizes"):
        found = list(options.convolution_sizes(inputs, outputs, scales))
        return sum(size.parameters for size in found), found
    return _counted(registered(name).layer_class(), options, inputs, outputs, scales)


@cache
def _counted(layer_class, options, inputs, outputs, scales):
    layer = layer_class(outputs, options, scales=scales, autoregressive=False)
    space = (None, None, None, None)
    layer.build([(*space, inputs)] * scales, [(*space, outputs)] * scales, (None, 0))
    kernels = (tuple(v.shape) for v in layer.trainable_variables if len(v.shape) == 5)
    return layer.count_params(), [ConvolutionSize(0, k[3], k[4], k[0]) for k in kernels]
