"""How a shared network is trained: its sizes, the scans that it sees, and the optimizer, as plain data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ptyproof.errors import DesignError
from ptyproof.io.hashing import sha256_json
from ptyproof.study import checks
from ptyproof.study.training import NetworkDesign


@dataclass(frozen=True)
class Frame:
    """A form of scans: all scans of a frame have as many patterns, and objects of one size.

    Parameters
    ----------
    window_px
        N of patterns of N x N pixels.
    side
        Positions along an axis.
    step_px
        Distance of neighbors, before they are displaced at random.
    share
        Scans of this frame, over the sum of those of all frames.
    """

    window_px: int
    side: int
    step_px: float
    share: int = 1

    def __post_init__(self) -> None:
        checks.integer("foundation.frames.window_px", self.window_px, 16, 1024)
        checks.integer("foundation.frames.side", self.side, 2, 64)
        checks.integer("foundation.frames.share", self.share, 1, 100)
        object.__setattr__(self, "step_px", checks.positive("foundation.frames.step_px", self.step_px, 256.0))

    @property
    def reach_px(self) -> float:
        """How far a position is displaced along an axis, at most."""
        return self.step_px / 4

    @property
    def object_px(self) -> int:
        """Side of the object, a multiple of 4 px that has room for every window."""
        return 4 * math.ceil((self.window_px + (self.side - 1) * self.step_px + 2 * self.reach_px + 2) / 4)


FRAMES = (
    Frame(64, 7, 8.0, share=14),
    Frame(64, 6, 11.0, share=2),
    Frame(32, 9, 4.0, share=1),
    Frame(128, 5, 10.0, share=3),
)


@dataclass(frozen=True)
class FoundationDesign:
    """All that decides a training but the number of its steps and the machine.

    Parameters
    ----------
    network
        The network's sizes.
    levels
        Grids that a stage looks at, each with half as many pixels along an axis as the one before.
    frames
        The forms of the scans.
    doses
        Smallest and largest number of photons that a mean pattern has, for a probe of 20 px; others have as many on a
        pixel.
    fit_iterations, fit_weight
        Of the penalized fit between the projections and the network, see `initial.fitted`.
    flawed_fraction
        Probability that scans have flaws of beam and detector.
    scans_per_step
        Scans of a step, all of one frame and with the same kinds of flaws.
    uses
        How often a scan is seen on average, in another orientation and among others.
    held
        Batches of a frame that are kept to be seen again.
    learning_rate, weight_decay, gradient_clip
        Of AdamW, and the largest norm of a step's gradient.
    warm_up
        Steps over which the learning rate rises.
    decay_fraction
        The last part of the steps, in which the learning rate falls. What comes before does not depend on their number.
    average
        Weight of the past in the running mean of the weights that the bundle has.
    seed
        Root of all random streams.
    """

    network: NetworkDesign = field(default_factory=NetworkDesign)
    levels: int = 1
    frames: tuple[Frame, ...] = FRAMES
    doses: tuple[float, float] = (500.0, 200_000.0)
    fit_iterations: int = 10
    fit_weight: float = 5.0
    flawed_fraction: float = 0.25
    scans_per_step: int = 1
    uses: int = 8
    held: int = 32
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    gradient_clip: float = 1.0
    warm_up: int = 100
    decay_fraction: float = 0.3
    average: float = 0.998
    seed: int = 888

    def __post_init__(self) -> None:
        checks.integer("foundation.levels", self.levels, 1, 8)
        for key, low in (
            ("fit_iterations", 0),
            ("scans_per_step", 1),
            ("uses", 1),
            ("held", 1),
            ("warm_up", 1),
            ("seed", 0),
        ):
            checks.integer(f"foundation.{key}", getattr(self, key), low)
        for key, largest in (("learning_rate", 10.0), ("gradient_clip", 1e6)):
            checks.positive(f"foundation.{key}", getattr(self, key), largest)
        checks.number("foundation.fit_weight", self.fit_weight, "a number from 0 to 1e6", 0.0, 1e6)
        for key in ("flawed_fraction", "weight_decay", "decay_fraction", "average"):
            checks.number(f"foundation.{key}", getattr(self, key), "a number in [0, 1]", 0.0, 1.0)
        if not self.frames:
            raise DesignError("foundation.frames must have a frame")
        low_dose, high_dose = (checks.positive("foundation.doses", dose, 1e9) for dose in self.doses)
        if low_dose > high_dose:
            raise checks.refuse("foundation.doses", list(self.doses), "a smallest and a largest dose")
        multiple = self.network.shrink
        for frame in self.frames:
            if frame.object_px % multiple:
                raise checks.refuse("training.network.shrink", multiple, f"a divisor of {frame.object_px} px")

    def as_dict(self) -> dict[str, Any]:
        """Return the design as plain JSON values; `design_of` is the inverse.

        A network that looks at one grid says nothing of `levels`, as those did that knew no other.
        """
        table = asdict(self)
        if self.levels == 1:
            del table["levels"]
        return table | {"frames": [asdict(frame) for frame in self.frames], "doses": list(self.doses)}

    def recipe_sha256(self) -> str:
        """Return the digest of all that decides a step's result on one kind of machine."""
        return sha256_json(self.as_dict())

    def decay_begins(self, steps: int) -> int:
        """Return the number of steps before those in which the learning rate falls, of a training of `steps`."""
        return steps - round(self.decay_fraction * steps)


def design_of(table: Mapping[str, Any]) -> FoundationDesign:
    """Return the design of a table as `FoundationDesign.as_dict` makes it.

    Raises
    ------
    DesignError
        For unknown keys and impossible values.
    """
    keys = frozenset(FoundationDesign.__dataclass_fields__)
    values = {"levels": 1} | dict(checks.known_keys("foundation", table, keys, keys - {"levels"}))
    of_network = frozenset(NetworkDesign.__dataclass_fields__)
    network = NetworkDesign(**checks.known_keys("training.network", values["network"], of_network, of_network))
    of_frame = frozenset(Frame.__dataclass_fields__)
    frames = tuple(
        Frame(**checks.known_keys("foundation.frames", frame, of_frame, of_frame)) for frame in values["frames"]
    )
    return FoundationDesign(**values | {"network": network, "frames": frames, "doses": tuple(values["doses"])})
