"""The predictors that there are: one entry each, without TensorFlow, so that names and sizes cost no time.

A predictor makes all frames of a discharge from image and load with a network; how, is its own affair.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from tfmsnet.references.registry import registered

# Functions of time that `basis` has by default; hidden layers of the network that makes them, and what it is
# told of each frame.
BASIS = 8
BASIS_WIDTH, TIME_FEATURES = 64, 6


@dataclass(frozen=True)
class Kind:
    """A predictor.

    Attributes:
        name: of the configuration's mode that it is trained in.
        home: "module:class" of its implementation, a `tfmsnet.predictors.predictor.Predictor`.
        label: what it puts before its network's name.
        autoregressive: whether the previous state is an input of its network.
        steps: whether it makes the next frame from the fields of any frame.
        constant_current: configuration of the network -> whether it answers constant current alone.
        network: values of the network's configuration that make it this one.
        training: values of the training's configuration that it needs.
        outputs: configuration of the network -> outputs of the network per channel of the state.
        operating_point: numbers that the network is told of a frame; None for the state's.
        parameters: configuration of the network -> weights and biases beside the network's own.
        frames_held: copies of all frames that a training step holds at its peak.
    """

    name: str
    home: str
    label: str
    autoregressive: bool
    steps: bool = True
    constant_current: Callable[[Any], bool] = lambda network: False
    network: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    outputs: Callable[[Any], int] = lambda network: 1
    operating_point: int | None = None
    parameters: Callable[[Any], int] = lambda network: 0
    frames_held: int = 2

    def load(self) -> type:
        """The implementation."""
        module, _, name = self.home.partition(":")
        return getattr(importlib.import_module(module), name)


def time_numbers(network: Any) -> int:
    """Inputs of the network that makes functions of time: of the frame, and of each plane in it."""
    return TIME_FEATURES + registered(network.reference).plane_numbers


def _basis_parameters(network: Any) -> int:
    sizes = (time_numbers(network), BASIS_WIDTH, BASIS_WIDTH, network.basis)
    return sum((before + 1) * after for before, after in pairwise(sizes))


_ROLLOUT = {
    "home": "tfmsnet.predictors.rollout:Rollout",
    "label": "AR-",
    "autoregressive": True,
    "network": {"autoregressive": True, "basis": 0},
}
KINDS = {
    kind.name: kind
    for kind in (
        # None: the values of the default preset.
        Kind("autoregressive", **_ROLLOUT, training={"horizon": None, "state_dropout": None, "noise": None}),
        Kind("classic", **_ROLLOUT, training={"horizon": ((1.0, 1),), "state_dropout": 0.0}),
        Kind(
            "direct",
            home="tfmsnet.predictors.direct:Direct",
            label="direct ",
            autoregressive=False,
            network={"autoregressive": False, "basis": 0},
            training={"horizon": ((1.0, 1),), "state_dropout": 0.0, "noise": 0.0},
        ),
        Kind(
            "basis",
            home="tfmsnet.predictors.basis:Basis",
            label="time-basis ",
            autoregressive=False,
            steps=False,
            constant_current=lambda network: not registered(network.reference).plane_numbers,
            network={"autoregressive": False},
            training={"horizon": ((1.0, 0),), "state_dropout": 0.0, "noise": 0.0},
            outputs=lambda network: network.basis,
            operating_point=1,
            parameters=_basis_parameters,
            frames_held=4,
        ),
    )
}


def kind_of(network: Any) -> Kind:
    """The predictor that a network's configuration is for.

    `classic` differs from `autoregressive` in how it is trained alone: both are the latter here.
    """
    if network.basis:
        return KINDS["basis"]
    return KINDS["autoregressive" if network.autoregressive else "direct"]
