"""How the trainings of a study are done: the network's sizes and the training's budget, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, cast

from ptyproof.study import checks

if TYPE_CHECKING:
    from ptyproof_schemas.types.study_design import Training


@dataclass(frozen=True)
class NetworkDesign:
    """Sizes of the network.

    Parameters
    ----------
    n_stages
        Corrections, one after the other, each with weights of its own.
    channels
        Feature maps of the hidden layers.
    n_blocks
        Residual blocks of a stage.
    shrink
        Pixels of a side that one hidden pixel stands for; divides the pattern size.
    start_iterations
        Projections of the initial estimate; `benchmarks/start_iterations.py` shows how the default was chosen.
    """

    n_stages: int = 2
    channels: int = 32
    n_blocks: int = 2
    shrink: int = 2
    start_iterations: int = 20

    def __post_init__(self) -> None:
        checks.integer("training.network.n_stages", self.n_stages, 1, 64)
        checks.integer("training.network.channels", self.channels, 1, 4096)
        checks.integer("training.network.n_blocks", self.n_blocks, 1, 256)
        checks.integer("training.network.shrink", self.shrink, 1, 64)
        checks.integer("training.network.start_iterations", self.start_iterations, 1, 1000)


@dataclass(frozen=True)
class TrainingDesign:
    """Budget and optimizer of a training; the same for every job of a study.

    Parameters
    ----------
    step_projections
        Projections of the initial estimate in a step of the training and in its validation; None takes
        `network.start_iterations`, which a reconstruction uses. Fewer make a step cheaper, and the network as good.
    max_epochs, steps_per_epoch, patterns_per_step
        The budget: an epoch is a number of optimizer steps, and a step sees `patterns_per_step` patterns (one
        group where a group has more). Jobs with few positions so train as long as jobs with many.
    learning_rate
        Of AdamW, at its peak; it rises over the first twentieth of the steps and falls as a cosine.
    weight_decay, gradient_clip
        Of AdamW, and the largest norm of a step's gradient.
    validation_fraction
        Part of the train half's positions that is kept for validation, the rows farthest along y.
    shown_fraction
        Probability with which a photon of a pattern is shown to the network; the loss is that of the others. 1 shows
        all, and the loss is of the same counts.
    restraint
        Weight of the corrections' light in what a step lowers, nats per photon.
    rate_floor
        Added to the expected counts in the likelihood, in photons per pixel.
    seed
        Root of the random streams of trainings.
    network
        The network's sizes.
    """

    max_epochs: int = 12
    steps_per_epoch: int = 40
    patterns_per_step: int = 32
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    gradient_clip: float = 1.0
    validation_fraction: float = 0.1
    shown_fraction: float = 0.9
    restraint: float = 0.03
    rate_floor: float = 1e-3
    seed: int = 321
    step_projections: int | None = None
    network: NetworkDesign = field(default_factory=NetworkDesign)

    def __post_init__(self) -> None:
        for key in ("max_epochs", "steps_per_epoch", "patterns_per_step"):
            checks.integer(f"training.{key}", getattr(self, key), 1, 10**6)
        checks.integer("training.seed", self.seed, 0)
        if self.step_projections is not None:
            checks.integer("training.step_projections", self.step_projections, 1, 1000)
        for key, largest in (("learning_rate", 10.0), ("gradient_clip", 1e6), ("rate_floor", 1.0)):
            object.__setattr__(self, key, checks.positive(f"training.{key}", getattr(self, key), largest))
        for key, allowed, high in (
            ("weight_decay", "a number in [0, 1]", 1.0),
            ("validation_fraction", "a number in [0, 0.5]", 0.5),
            ("restraint", "a number in [0, 1e6]", 1e6),
        ):
            object.__setattr__(self, key, checks.number(f"training.{key}", getattr(self, key), allowed, 0.0, high))
        shown = checks.number("training.shown_fraction", self.shown_fraction, "a number in [0.05, 1]", 0.05, 1.0)
        object.__setattr__(self, "shown_fraction", shown)

    def as_dict(self) -> Training:
        """Return the design as plain JSON values; `training_from_dict` is the inverse."""
        values = asdict(self)  # fields and keys have the same names
        if self.step_projections is None:
            del values["step_projections"]
        return cast("Training", values)


def training_from_dict(table: Any) -> TrainingDesign:
    """Return the design that the table `training` of a study describes; what it leaves out has its default.

    Raises
    ------
    DesignError
        For unknown keys and impossible values.
    """
    keys = frozenset(TrainingDesign.__dataclass_fields__)
    values: Mapping[str, Any] = checks.known_keys("training", table, keys, frozenset())
    if "network" in values:
        own = frozenset(NetworkDesign.__dataclass_fields__)
        network = NetworkDesign(**checks.known_keys("training.network", values["network"], own, frozenset()))
        values = {**values, "network": network}
    return TrainingDesign(**values)
