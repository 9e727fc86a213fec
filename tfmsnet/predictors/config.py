"""The network's configuration: one frozen dataclass, saved as JSON with every run."""

from dataclasses import dataclass
from typing import Any

from tfmsnet.configuration import is_count, is_number, require
from tfmsnet.fields import FIELDS

# The names of tfmsnet.features.CHANNELS, here without TensorFlow.
UPTAKE = ("uptake_1um", "uptake_2um", "uptake_4um", "uptake_8um")
CHANNELS = (
    *("inverted_distance", "phase_partition", "depth", "am_distance", "am", "cbd", "surface"),
    *UPTAKE,
)


def _are_names(value: Any, allowed: tuple[str, ...]) -> bool:
    return (
        isinstance(value, tuple)
        and len(value) > 0
        and all(name in allowed for name in value)
        and len(set(value)) == len(value)
    )


@dataclass(frozen=True)
class NetworkConfig:
    """The network and the meaning of its state.

    Attributes:
        architecture: "msnet", or "unet" that the paper compares it with, see `tfmsnet.networks.unet`.
        fields: what is predicted, of "concentration" and "potential".
        state: "reference-deviation" or "min-max" (the paper), see `tfmsnet.predictors.state`.
        channels: geometry channels, see `tfmsnet.features.CHANNELS`.
        autoregressive: whether the previous state is an input.
        basis: how many functions of time the frames of a direct network share, see
            `tfmsnet.predictors.basis`; 0 for a network that makes each frame by itself.
        scales, filters, growth, convolutions, kernel, activation, normalisation, shortcut: see `MSNet` and
            `UNet`, whose residual blocks have so many convolutions each.
        potential_filters: of the potential's own network, where each field has one as in the paper; 0 for
            one network that makes all fields.
    """

    architecture: str = "msnet"
    fields: tuple[str, ...] = ("concentration", "potential")
    state: str = "reference-deviation"
    channels: tuple[str, ...] = (
        *("inverted_distance", "am_distance", "am", "cbd", "depth", "surface"),
        *UPTAKE,
    )
    autoregressive: bool = True
    basis: int = 0
    scales: int = 3
    filters: int = 16
    potential_filters: int = 0
    growth: float = 2.0
    convolutions: int = 5
    kernel: int = 3
    activation: str = "celu"
    normalisation: str = "none"
    shortcut: bool = True

    def __post_init__(self) -> None:
        for name, allowed in (("fields", tuple(FIELDS)), ("channels", CHANNELS)):
            value = getattr(self, name)
            require(
                _are_names(value, allowed),
                name,
                f'a list of {", ".join(allowed)}, each at most once, such as ["{allowed[0]}"]',
                value,
            )
        for name, choices in (
            ("architecture", ("msnet", "unet")),
            ("state", ("reference-deviation", "min-max")),
            ("normalisation", ("none", "instance")),
            ("activation", ("celu", "elu", "gelu", "relu", "silu", "tanh")),
        ):
            require(getattr(self, name) in choices, name, f"one of {', '.join(choices)}", getattr(self, name))
        for name in ("autoregressive", "shortcut"):
            value = getattr(self, name)
            require(isinstance(value, bool), name, "true or false", value)
        require(
            self.autoregressive or self.state != "min-max",
            "state",
            "reference-deviation for a direct network, which min-max would tell no time (preset default, or "
            "state=reference-deviation)",
            self.state,
        )
        for name in ("basis", "potential_filters"):
            value = getattr(self, name)
            require(value == 0 or is_count(value), name, "a whole number of at least 0", value)
        require(
            not self.potential_filters or len(self.fields) == 2,
            "potential_filters",
            f"0 with the single field {self.fields[0]}, whose filters are `filters`",
            self.potential_filters,
        )
        require(
            self.basis == 0 or not self.autoregressive,
            "autoregressive",
            "false for a network with a time basis, which has no steps (--mode basis, or basis=0)",
            self.autoregressive,
        )
        for name in ("scales", "filters", "convolutions", "kernel"):
            require(is_count(getattr(self, name)), name, "a positive integer", getattr(self, name))
        require(self.kernel % 2 == 1, "kernel", "an odd number", self.kernel)
        require(is_number(self.growth) and self.growth > 0, "growth", "a positive number", self.growth)


PAPER_NETWORK = NetworkConfig(
    fields=("concentration",),
    state="min-max",
    channels=("inverted_distance", "phase_partition", "depth"),
    filters=10,
    growth=4.0,
    shortcut=False,
)


@dataclass(frozen=True)
class Objective:
    """What a training step makes small, and how; see `tfmsnet.training.config.TrainingConfig`.

    Attributes:
        loss: "mse", "relative" or "relative-root".
        gradient: of a rollout, "adjoint" or "tape".
        noise: standard deviation of the noise on a window's first state.
        state_dropout: share of the steps in which the previous state is hidden.
        seed: of noise and dropout.
    """

    loss: str
    gradient: str
    noise: float
    state_dropout: float
    seed: int
