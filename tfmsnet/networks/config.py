"""The configurations of networks, and what they say of sizes; no TensorFlow."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import ClassVar, NamedTuple

from tfmsnet.configuration import is_count, is_number, require

PADDINGS = ("mirror", "zero")


class ConvolutionSize(NamedTuple):
    """A convolution of a network.

    Attributes:
        scale: 0 the finest.
        inputs, outputs: channels.
        kernel: edge, voxels.
        normalised: channels that are normalised before or after it.
        affine: whether the normalisation has weights.
    """

    scale: int
    inputs: int
    outputs: int
    kernel: int
    normalised: int = 0
    affine: bool = True

    @property
    def parameters(self) -> int:
        """Weights and biases, those of the normalisation too."""
        weights = (self.kernel**3 * self.inputs + 1) * self.outputs
        return weights + (2 * self.normalised if self.affine else 0)


@dataclass(frozen=True)
class ConvolutionalConfig:
    """What the configurations of MSNet and U-Net share.

    Attributes:
        filters: channels of the hidden layers at the finest scale.
        growth: factor of the channels from one scale to the next coarser.
        convolutions: hidden ones of each scale's branch (MSNet) or of each residual block (U-Net).
        kernel: edge of their kernels, voxels, odd.
        activation: a Keras activation.
        normalisation: "none" or "instance".
        shortcut: whether the last layer of a scale sees the inputs too, so that what is linear in them need
            not pass the hidden ones.
    """

    filters: int = 16
    growth: float = 2.0
    convolutions: int = 5
    kernel: int = 3
    activation: str = "celu"
    normalisation: str = "none"
    shortcut: bool = True

    NORMALISATIONS: ClassVar = ("none", "instance")

    def __post_init__(self) -> None:
        for name, choices in (
            ("normalisation", self.NORMALISATIONS),
            ("activation", ("celu", "elu", "gelu", "relu", "silu", "tanh")),
        ):
            require(getattr(self, name) in choices, name, f"one of {', '.join(choices)}", getattr(self, name))
        for name in ("filters", "convolutions", "kernel"):
            require(is_count(getattr(self, name)), name, "a positive integer", getattr(self, name))
        require(self.convolutions <= 100, "convolutions", "at most 100", self.convolutions)
        require(self.kernel % 2 == 1, "kernel", "an odd number", self.kernel)
        require(
            is_number(self.growth) and 0 < self.growth <= 100,
            "growth",
            "a positive number up to 100",
            self.growth,
        )
        require(isinstance(self.shortcut, bool), "shortcut", "true or false", self.shortcut)

    def filters_at(self, scale: int) -> int:
        """Channels of the hidden layers at a scale, 0 the finest."""
        return max(1, round(self.filters * self.growth**scale))


@dataclass(frozen=True)
class MSNetConfig(ConvolutionalConfig):
    """Of `tfmsnet.networks.msnet.MSNet`; the paper's network is `PAPER`, je-santos/ms_net's `MS_NET`.

    Attributes:
        normalisation: "none", "instance" (all hidden layers, with a scale and a shift), or "ms_net": as
            je-santos/ms_net has it, without weights, with an epsilon of 1e-5, and not after the last hidden
            convolution.
        masked: "all": every scale's output is zero outside the fields' phases; "refinement": only what
            comes up from the scale below is, as in je-santos/ms_net.
    """

    masked: str = "all"

    NORMALISATIONS: ClassVar = ("none", "instance", "ms_net")

    def __post_init__(self) -> None:
        super().__post_init__()
        choices = ("all", "refinement")
        require(self.masked in choices, "masked", f"one of {', '.join(choices)}", self.masked)

    def normalised_layers(self) -> int:
        """How many of a scale's hidden convolutions are followed by a normalisation."""
        return {"none": 0, "instance": self.convolutions, "ms_net": self.convolutions - 1}[self.normalisation]

    def convolution_sizes(self, inputs: int, outputs: int, scales: int) -> Iterator[ConvolutionSize]:
        """All convolutions.

        Args:
            inputs: channels that every scale sees: geometry, operating_point, previous state.
            outputs: channels of the next state.
            scales: of the network.
        """
        for scale in range(scales):
            width, seen = self.filters_at(scale), inputs + (outputs if scale < scales - 1 else 0)
            for index, before in enumerate([seen, *[width] * (self.convolutions - 1)]):
                normalised = width if index < self.normalised_layers() else 0
                affine = self.normalisation == "instance"
                yield ConvolutionSize(scale, before, width, self.kernel, normalised, affine)
            yield ConvolutionSize(scale, width + (seen if self.shortcut else 0), outputs, 1)


PAPER = MSNetConfig(filters=10, growth=4.0, shortcut=False)
# The defaults of `MS_Net` in https://github.com/je-santos/ms_net, on four scales.
MS_NET = MSNetConfig(filters=2, growth=4.0, shortcut=False, normalisation="ms_net", masked="refinement")


@dataclass(frozen=True)
class UNetConfig(ConvolutionalConfig):
    """Of `tfmsnet.networks.unet.UNet`; PoreFlow-Net has two convolutions in each block."""

    def convolution_sizes(self, inputs: int, outputs: int, scales: int) -> Iterator[ConvolutionSize]:
        """As `MSNetConfig.convolution_sizes`; only the finest scale sees the inputs."""
        widths = [self.filters_at(scale) for scale in range(scales)]
        for scale, before in enumerate([inputs, *widths[:-1]]):
            yield from self._block(scale, before, widths[scale], first=scale == 0)
        for scale, (width, below) in enumerate(pairwise(widths)):
            yield from self._block(scale, width + below, width)
        for scale, width in enumerate(widths):
            seen = width + (inputs if self.shortcut and scale == 0 else 0)
            yield ConvolutionSize(scale, seen, outputs, 1)

    def _block(self, scale, inputs, width, first=False) -> Iterator[ConvolutionSize]:
        for index, before in enumerate([inputs, *[width] * (self.convolutions - 1)]):
            normalised = before if self.normalisation == "instance" and (index or not first) else 0
            yield ConvolutionSize(scale, before, width, self.kernel, normalised)
        yield ConvolutionSize(scale, inputs, width, 1)


def field_names(config: type) -> tuple[str, ...]:
    """The keys of a configuration."""
    return tuple(field.name for field in fields(config))
