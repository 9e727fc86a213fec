"""The configuration of a training run: network and training, frozen, one JSON file."""

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from tfmsnet.configuration import Maybe, from_dict, is_count, is_number, require
from tfmsnet.errors import UserError
from tfmsnet.files import read_json, write_json
from tfmsnet.networks.config import field_names
from tfmsnet.networks.registry import registered
from tfmsnet.predictors.config import COMMON, MS_NETWORK, PAPER_NETWORK, NetworkConfig, Objective
from tfmsnet.predictors.kinds import BASIS, KINDS, kind_of
from tfmsnet.seals import read_sealed

MODES = tuple(KINDS)


@dataclass(frozen=True)
class TrainingConfig:
    """How the network is trained.

    Attributes:
        steps: optimizer steps in all.
        steps_per_epoch: steps between two checkpoints and log entries.
        batch_size: windows per step, over all replicas together.
        horizon: stages of the curriculum, each (fraction of the steps at which it ends, frames in the
            window); 0 frames means the whole discharge from frame 0, as the paper's autoregressive mode.
        learning_rate: of Adam, at its peak.
        schedule: "constant" (the paper) or "cosine", with a warm-up of 3 % of the steps.
        clip_norm: bound on the gradient's global norm; 0 for none.
        loss: "mse" (the paper's eqs. 17-18), or "relative": each frame's squared error divided by the mean
            square of its true state, so that all frames and C-rates count alike; or "relative-root", the
            root of that, so that all fields and electrodes do.
        noise: standard deviation of the noise on a window's first state, in units of the state.
        state_dropout: share of the steps in which the previous state is hidden from the network.
        symmetries: whether the 8 symmetries of the x-y plane augment the data.
        gradient: of the rollout, "adjoint" or "tape" (for a horizon of one stage).
        precision: "float32" or "mixed_bfloat16".
        seed: of everything.
    """

    steps: int = 4000
    steps_per_epoch: int = 50
    batch_size: int = 2
    horizon: tuple[tuple[float, int], ...] = ((0.4, 1), (0.8, 4), (1.0, 12))
    learning_rate: float = 2e-3
    schedule: str = "cosine"
    clip_norm: float = 1.0
    loss: str = "relative"
    noise: float = 0.05
    state_dropout: float = 0.5
    symmetries: bool = True
    gradient: str = "adjoint"
    precision: str = "float32"
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "steps_per_epoch", "batch_size"):
            require(is_count(getattr(self, name)), name, "a positive integer", getattr(self, name))
        for name, choices in (
            ("schedule", ("constant", "cosine")),
            ("loss", ("mse", "relative", "relative-root")),
            ("gradient", ("adjoint", "tape")),
            ("precision", ("float32", "mixed_bfloat16")),
        ):
            require(getattr(self, name) in choices, name, f"one of {', '.join(choices)}", getattr(self, name))
        for name in ("noise", "clip_norm"):
            value = getattr(self, name)
            require(is_number(value) and value >= 0, name, "a number of at least 0", value)
        rate = self.learning_rate
        require(is_number(rate) and 0 < rate < 1, "learning_rate", "a number between 0 and 1", rate)
        dropout = self.state_dropout
        require(is_number(dropout) and 0 <= dropout <= 1, "state_dropout", "0..1", dropout)
        require(
            self.steps % self.steps_per_epoch == 0,
            "steps",
            f"a multiple of steps_per_epoch ({self.steps_per_epoch})",
            self.steps,
        )
        require(isinstance(self.symmetries, bool), "symmetries", "true or false", self.symmetries)
        require(
            type(self.seed) is int and 0 <= self.seed < 2**31,
            "seed",
            "a whole number, 0 to 2^31 - 1",
            self.seed,
        )
        self._check_horizon()
        require(
            self.gradient == "adjoint" or len(self.horizon) == 1,
            "gradient",
            "adjoint where the horizon has several stages (a tape needs windows of one length, such as "
            "horizon=[[1.0, 4]])",
            self.gradient,
        )

    @property
    def objective(self) -> Objective:
        """What a training step makes small."""
        return Objective(self.loss, self.gradient, self.noise, self.state_dropout, self.seed)

    def _check_horizon(self) -> None:
        stages = self.horizon
        well_formed = (
            isinstance(stages, tuple)
            and len(stages) > 0
            and all(
                isinstance(stage, tuple)
                and len(stage) == 2
                and is_number(stage[0])
                and (is_count(stage[1]) or stage[1] == 0)
                for stage in stages
            )
        )
        ends = [stage[0] for stage in stages] if well_formed else []
        require(
            well_formed and ends == sorted(set(ends)) and ends[0] > 0 and ends[-1] == 1,
            "horizon",
            "stages [fraction of the steps, frames] that end at 1, such as [[0.5, 1], [1, 12]]",
            stages,
        )


@dataclass(frozen=True)
class RunConfig:
    """A training run: its network and how it is trained."""

    network: NetworkConfig = field(default_factory=NetworkConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)

    @property
    def mode(self) -> str:
        """One of `MODES`, read off the configuration."""
        one_step = all(frames == 1 for _, frames in self.training.horizon)
        kind = kind_of(self.network)
        return "classic" if kind.autoregressive and one_step else kind.name

    def in_mode(self, mode: str) -> "RunConfig":
        """The same run in another mode.

        autoregressive: windows of the default preset's curriculum, on its own predictions;
        classic: one step from the true previous frame, nothing dropped;
        direct: no previous state, the frame from the image and what is known of its time alone;
        basis: direct, all frames of a discharge in one pass.
        """
        if mode not in MODES:
            raise UserError(f"mode: expected one of {', '.join(MODES)}, found {mode!r}")
        if mode == self.mode:
            return self
        kind, usual = KINDS[mode], TrainingConfig()
        changes = {
            name: getattr(usual, name) if value is None else value for name, value in kind.training.items()
        }
        basis = {"basis": self.network.basis or BASIS} if mode == "basis" else {}
        return RunConfig(replace(self.network, **kind.network, **basis), replace(self.training, **changes))

    def with_network(self, network: NetworkConfig) -> "RunConfig":
        """The same run of another network, in the mode that this one is for."""
        return RunConfig(network, self.in_mode(kind_of(network).name).training)

    def with_values(self, values: dict[str, object], where: str) -> "RunConfig":
        """Replace values, named "network.filters" or, where that isn't ambiguous, "filters"."""
        changes: dict[str, dict] = {"network": {}, "training": {}}
        architecture = {"architecture": self.network.architecture, **values}
        chosen = architecture.get("network.architecture", architecture["architecture"])
        of_network = (*COMMON, *field_names(registered(chosen).config))
        for key, value in values.items():
            part, _, name = key.rpartition(".")
            part = part or ("network" if name in of_network else "training")
            if part not in changes:
                raise UserError(f"{where}: unknown key {key!r}; expected network.KEY or training.KEY")
            changes[part][name] = value
        return RunConfig(
            self.network.with_values(changes["network"], f"{where}: network"),
            from_dict(TrainingConfig, {**asdict(self.training), **changes["training"]}, f"{where}: training"),
        )

    def as_dict(self) -> dict[str, dict]:
        """For JSON."""
        return {"network": self.network.as_dict(), "training": asdict(self.training)}

    def save(self, path: str | Path) -> None:
        """Write as JSON."""
        write_json(path, self.as_dict())


# Of run.json, as versions without checksums wrote it.
_RUN = {
    "config": {str: object},
    "manifest_sha256": str,
    "records": str,
    "versions": {str: str},
    Maybe("init_sha256"): str,
    Maybe("init_description_sha256"): str,
    Maybe("train_geometries"): [str],
}


def read_run(path: str | Path) -> dict:
    """The content of a run's run.json.

    Raises:
        UserError: no such file, not a run's, or changed since it was written.
    """
    return read_sealed(path, "a training run", older=_RUN)


def load_config(path: str | Path) -> RunConfig:
    """Read a configuration, or that of a run out of its run.json.

    Keys that it leaves out keep the default preset's values.

    Raises:
        UserError: no such file, a key that doesn't exist, a value out of its range.
    """
    content = read_json(path, "a training configuration")
    if isinstance(content.get("config"), dict):
        # Networks of before there was a choice saw zeros beyond the image.
        content = read_run(path)["config"]
        content = {**content, "network": {"padding": "zero", **content.get("network", {})}}
    for key, value in content.items():
        if key not in ("network", "training"):
            raise UserError(f"{path}: unknown key {key!r}; expected network and training")
        if not isinstance(value, dict):
            raise UserError(f"{path}: {key}: expected an object, found {value!r}")
    return RunConfig(
        NetworkConfig.from_dict(content.get("network", {}), f"{path}: network"),
        from_dict(TrainingConfig, content.get("training", {}), f"{path}: training"),
    )


PAPER_TRAINING = TrainingConfig(
    batch_size=1,
    horizon=((1.0, 0),),
    learning_rate=1e-4,
    schedule="constant",
    clip_norm=0.0,
    loss="mse",
    noise=0.0,
    state_dropout=0.0,
    symmetries=False,
)
PRESETS = {
    "default": RunConfig(),
    "paper": RunConfig(PAPER_NETWORK, PAPER_TRAINING),
    "ms_net": RunConfig(MS_NETWORK, PAPER_TRAINING),
}
