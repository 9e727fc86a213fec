"""The network's configuration: one frozen dataclass, saved as JSON with every run."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from tfmsnet.configuration import check_keys, from_dict, is_count, require
from tfmsnet.fields import FIELDS
from tfmsnet.networks import config as networks
from tfmsnet.networks.registry import registered
from tfmsnet.predictors.kinds import kind_of
from tfmsnet.references.registry import REDUCED
from tfmsnet.references.registry import names as known_references

# The names of tfmsnet.features.CHANNELS, here without TensorFlow.
UPTAKE = ("uptake_1um", "uptake_2um", "uptake_4um", "uptake_8um")
CHANNELS = (
    *("inverted_distance", "phase_partition", "depth", "from_foil", "from_separator"),
    *("am_distance", "am", "cbd", "surface"),
    *UPTAKE,
    *("uptake_quarter", "uptake_half", "uptake_radius", "uptake_diameter"),
)


# The coarsest voxel is then as large as an image of 2048 voxels each way.
MOST_SCALES = 12


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

    JSON is flat: the values of `options` stand beside the others.

    Attributes:
        architecture: "msnet", "unet" that the paper compares it with, or what `tfmsnet.register_network` was
            given.
        fields: what is predicted, of "concentration" and "potential"; on a reduced model it has the other.
        state: "reference-deviation" or "min-max" (the paper), see `tfmsnet.predictors.state`.
        reference: what the state's deviation is from, see `tfmsnet.references`.
        channels: geometry channels, see `tfmsnet.features.CHANNELS`.
        autoregressive: whether the previous state is an input.
        basis: how many functions of time the frames of a direct network share, see
            `tfmsnet.predictors.basis`; 0 for a network that makes each frame by itself.
        scales: on how many the network answers, each half as fine as the one before.
        padding: what convolutions see beyond the image: "mirror", its mirror image, or "zero" (the paper).
        potential_filters: of the potential's own network, where each field has one as in the paper; 0 for
            one network that makes all fields.
        options: the architecture's own values, such as `tfmsnet.networks.config.MSNetConfig`; None for its
            defaults.
    """

    architecture: str = "msnet"
    fields: tuple[str, ...] = ("concentration", "potential")
    state: str = "reference-deviation"
    reference: str = "uniform"
    channels: tuple[str, ...] = (
        *("inverted_distance", "am_distance", "am", "cbd", "depth", "surface"),
        *UPTAKE,
    )
    autoregressive: bool = True
    basis: int = 0
    scales: int = 3
    padding: str = "mirror"
    potential_filters: int = 0
    options: Any = None

    def __post_init__(self) -> None:
        own = registered(self.architecture).config
        if self.options is None:
            object.__setattr__(self, "options", own())
        require(type(self.options) is own, "options", f"a {own.__name__}", self.options)
        taken = sorted(set(COMMON) & set(networks.field_names(own)))
        require(not taken, "options", "keys that no network has yet", ", ".join(taken))
        for name, allowed in (("fields", tuple(FIELDS)), ("channels", CHANNELS)):
            value = getattr(self, name)
            require(
                _are_names(value, allowed),
                name,
                f'a list of {", ".join(allowed)}, each at most once, such as ["{allowed[0]}"]',
                value,
            )
        for name, choices in (
            ("state", ("reference-deviation", "min-max")),
            ("reference", known_references()),
            ("padding", networks.PADDINGS),
        ):
            require(getattr(self, name) in choices, name, f"one of {', '.join(choices)}", getattr(self, name))
        require(isinstance(self.autoregressive, bool), "autoregressive", "true or false", self.autoregressive)
        require(
            self.autoregressive or self.state != "min-max",
            "state",
            "reference-deviation for a direct network, which min-max would tell no time (preset default, or "
            "state=reference-deviation)",
            self.state,
        )
        require(
            self.state != "min-max" or self.reference == "uniform",
            "state",
            f"reference-deviation for a network on {self.reference}: min-max leaves the reference out",
            self.state,
        )
        for name in ("basis", "potential_filters"):
            value = getattr(self, name)
            require(value == 0 or is_count(value), name, "a whole number of at least 0", value)
        require(
            is_count(self.scales) and self.scales <= MOST_SCALES,
            "scales",
            f"a positive integer of at most {MOST_SCALES}",
            self.scales,
        )
        self._check_potential_filters()
        require(
            self.basis == 0 or not self.autoregressive,
            "autoregressive",
            "false for a network with a time basis, which has no steps (--mode basis, or basis=0)",
            self.autoregressive,
        )

    @property
    def answers(self) -> tuple[str, ...]:
        """The fields of an answer, see `answered`."""
        return answered(self.fields, self.reference)

    def _check_potential_filters(self) -> None:
        require(
            not self.potential_filters or len(self.fields) == 2,
            "potential_filters",
            f"0 with the single field {self.fields[0]}, whose filters are `filters`",
            self.potential_filters,
        )
        require(
            not self.potential_filters or "filters" in networks.field_names(type(self.options)),
            "potential_filters",
            f"0 for {self.architecture}, which has no `filters`",
            self.potential_filters,
        )

    @classmethod
    def from_dict(cls, content: dict[str, Any], where: str = "configuration") -> "NetworkConfig":
        """Of flat values, as JSON has them; what they leave out keeps its default.

        Raises:
            UserError: a key that neither all networks nor this one have, or a value out of its range.
        """
        own = registered(content.get("architecture", cls.architecture)).config
        names = networks.field_names(own)
        check_keys(content, (*COMMON, *names), where)
        options = {key: value for key, value in content.items() if key in names}
        common = {key: value for key, value in content.items() if key not in names}
        return replace(from_dict(cls, common, where), options=from_dict(own, options, where))

    @classmethod
    def of(cls, **values: Any) -> "NetworkConfig":
        """The same from keywords: `NetworkConfig.of(filters=8, padding="zero")`."""
        return cls.from_dict(values)

    def as_dict(self) -> dict[str, Any]:
        """Flat, for JSON."""
        return {**{name: getattr(self, name) for name in COMMON}, **asdict(self.options)}

    def with_values(self, values: dict[str, Any], where: str = "configuration") -> "NetworkConfig":
        """The same with some flat values changed.

        Another architecture starts from its own defaults; of this one's options those that aren't its
        defaults go with it where the other knows their keys.

        Raises:
            UserError: as `from_dict`.
        """
        content = self.as_dict()
        other = values.get("architecture", self.architecture)
        if other != self.architecture:
            usual, known = asdict(type(self.options)()), networks.field_names(registered(other).config)
            for key, default in usual.items():
                if content[key] == default or key not in known:
                    del content[key]
        return NetworkConfig.from_dict({**content, **values}, where)

    def options_of(self, field: str) -> Any:
        """The options of a field's own network, where each field has one."""
        if field == "potential" and self.potential_filters:
            return replace(self.options, filters=self.potential_filters)
        return self.options


def answered(fields: Iterable[str], reference: str) -> tuple[str, ...]:
    """The fields of an answer: a reduced model has those that a network on it doesn't predict."""
    return tuple(FIELDS) if reference in REDUCED else tuple(fields)


# The keys of all networks.
COMMON = tuple(field.name for field in fields(NetworkConfig) if field.name != "options")


def describe_network(config: NetworkConfig) -> str:
    """What tables and cards call it: its mode and its architecture, such as "time-basis U-Net"."""
    return f"{kind_of(config).label}{registered(config.architecture).label}"


PAPER_NETWORK = NetworkConfig(
    fields=("concentration",),
    state="min-max",
    channels=("inverted_distance", "phase_partition", "depth"),
    padding="zero",
    options=networks.PAPER,
)
# The multiscale network of https://github.com/je-santos/ms_net in the paper's place.
MS_NETWORK = replace(PAPER_NETWORK, scales=4, options=networks.MS_NET)


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
