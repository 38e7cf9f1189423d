"""What Phase C simulates of a replicate: the train half and the test halves, each with its object and positions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ptyproof.phases.base import Base
from ptyproof.phases.objects import MadeObject, MadeObjects
from ptyproof.physics.dose import scale_probe_to_dose
from ptyproof.physics.scans import object_shape_for
from ptyproof.physics.split import HalfSplit
from ptyproof.study.layout import Half

if TYPE_CHECKING:
    from ptyproof_schemas.types.run_manifest import SimulatedObject


@dataclass(frozen=True, eq=False)
class Part:
    """A half, and what it is simulated from.

    Parameters
    ----------
    half
        `train` or `test`.
    obj
        (rows, cols) complex64 transmission.
    positions_px
        (n, 2) float64 (row, col) in pixels of `obj`.
    scan_index
        (n,) int64, numbers of the positions.
    lit_px
        (m, 2) positions over which the dose is the mean.
    objects
        The study's objects in `obj`, from top to bottom; none where it is the base's.
    experiment
        The name of the experiment of a test half; None is the study's own beam and detector.
    """

    half: Half
    obj: npt.NDArray[np.complex64]
    positions_px: npt.NDArray[np.float64]
    scan_index: npt.NDArray[np.int64]
    lit_px: npt.NDArray[np.float64]
    objects: tuple[MadeObject, ...] = ()
    experiment: str | None = None

    @property
    def object_name(self) -> str | None:
        """The name of the test object; None for the train half, and where the object is the base's."""
        return self.objects[0].design.name if self.objects and self.half == "test" else None

    @property
    def test_half(self) -> str | None:
        """The object or experiment of a test half; None for the train half, and the study's own test half."""
        return self.object_name or self.experiment

    @property
    def label(self) -> str:
        """The half, and its object or experiment if the study names one."""
        return self.half if self.test_half is None else f"{self.half} ({self.test_half})"

    @property
    def records(self) -> list[SimulatedObject]:
        """What a manifest says of the objects."""
        return [
            {"name": made.design.name, "kind": made.design.kind, "seed": made.design.seed, "arrays_sha256": made.sha256}
            for made in self.objects
        ]


def parts_of(base: Base, split: HalfSplit, objects: MadeObjects | None) -> tuple[Part, ...]:
    """Return what is simulated: both halves of the base's object, or a half for the study's objects.

    The training objects lie one below the other in one dataset; the train half's positions are repeated on each. Each
    test object has a half of its own, at the positions of the test half.
    """
    dataset = base.dataset
    assert dataset.obj is not None  # load_base refuses a base without an object
    positions_px = dataset.positions_px
    n = len(positions_px)
    scan_index = np.arange(n) if dataset.scan_index is None else dataset.scan_index
    train_px, test_px = positions_px[split.train], positions_px[split.test]
    train_index, test_index = (scan_index[index].astype(np.int64) for index in (split.train, split.test))
    if objects is None:
        lit_px = positions_px[np.concatenate([split.train, split.test])]
        return (
            Part("train", dataset.obj, train_px, train_index, lit_px),
            Part("test", dataset.obj, test_px, test_index, lit_px),
        )
    window = (dataset.probe.shape[0], dataset.probe.shape[1])
    rows = object_shape_for(train_px, window)[0]
    many = range(len(objects.train))
    stacked_px = np.concatenate([train_px + np.array([number * rows, 0]) for number in many])
    obj = np.ascontiguousarray(np.vstack([made.obj[:rows] for made in objects.train]))
    index = np.concatenate([train_index + number * (int(scan_index.max()) + 1) for number in many])
    train = Part("train", obj, stacked_px, index, stacked_px, objects.train)
    return (train, *(Part("test", made.obj, test_px, test_index, test_px, (made,)) for made in objects.test))


def parts_of_experiment(parts: Sequence[Part], name: str) -> tuple[Part, ...]:
    """Return what an experiment simulates of a study without objects: one more test half."""
    return tuple(replace(part, experiment=name) for part in parts if part.half == "test")


def scaled_probes(
    probe: npt.NDArray[np.complexfloating], parts: Sequence[Part], dose: float
) -> list[npt.NDArray[np.complexfloating]]:
    """Return the probe (H, W) of each part, scaled such that the mean pattern holds `dose` expected photons."""
    probes: list[npt.NDArray[np.complexfloating]] = []
    for number, part in enumerate(parts):
        alike = (k for k in range(number) if parts[k].obj is part.obj and parts[k].lit_px is part.lit_px)
        known = next(alike, None)
        probes.append(scale_probe_to_dose(probe, part.obj, part.lit_px, dose) if known is None else probes[known])
    return probes
