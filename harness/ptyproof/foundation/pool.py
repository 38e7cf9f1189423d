"""Which scans a step of a training sees: a pure function of the design and the number of the step.

Frames take turns by their shares. Of each frame, batches are numbered in the order in which they are made; the newest
`held` of them are there at a time, a new one comes after every `uses` steps, and a step sees one of them at random, in
a random orientation. So nothing of it has to be saved: a training that is resumed makes again what it needs, and other
processes can make scans before they are needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import torch
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from ptyproof.errors import RunError
from ptyproof.foundation.batches import ORIENTATIONS, Batch
from ptyproof.foundation.design import FoundationDesign, Frame
from ptyproof.foundation.flaws import random_flaws
from ptyproof.foundation.scenes import random_scene
from ptyproof.study.seeds import stream
from ptyproof.training.loading import in_processes

_AHEAD = 8  # scans that each process has ready
_Key = tuple[int, int, int]  # the number of a frame, of a batch of it, and of a scan of that


@dataclass(frozen=True)
class _Sight:
    """What a step sees: a batch of a frame, in an orientation; older batches than `oldest` are not seen any more."""

    frame: int
    number: int
    oldest: int
    orientation: int


class _Sights:
    """What the steps of a training see, and which batches are made for that."""

    def __init__(self, design: FoundationDesign) -> None:
        self._design, self._turns = design, turns(design.frames)

    def of(self, step: int) -> _Sight:
        """Return what a step, counted from 0, sees."""
        design = self._design
        rounds, place = divmod(step, len(self._turns))
        frame = self._turns[place]
        use = rounds * self._turns.count(frame) + self._turns[:place].count(frame)
        newest = use // design.uses
        rng = stream(design.seed, "foundation", "step", str(step))
        number = newest - int(rng.integers(min(design.held, newest + 1)))
        return _Sight(frame, number, newest - design.held + 1, int(rng.integers(ORIENTATIONS)))

    def made_from(self, first: int, end: int) -> Iterator[_Key]:
        """Yield the scans of the steps from `first` up to `end`, in the order in which they are seen first."""
        made: set[tuple[int, int]] = set()
        for step in range(first, end):
            sight = self.of(step)
            if (sight.frame, sight.number) not in made:
                made.add((sight.frame, sight.number))
                for member in range(self._design.scans_per_step):
                    yield sight.frame, sight.number, member


class _Scans(TorchDataset[Batch]):
    """The scans of a design, by their keys."""

    def __init__(self, design: FoundationDesign) -> None:
        self._design = design

    def __getitem__(self, key: _Key) -> Batch:
        frame, number, member = key
        return make_scan(self._design, self._design.frames[frame], number, member)


class Pool:
    """The batches of the steps of a training, which are asked for one step after the other.

    Parameters
    ----------
    design
        The training's.
    steps
        First step, counted from 0, and the one after the last.
    device
        Where the batches are kept.
    num_workers
        Processes that make scans before they are needed; 0 makes them when they are.
    """

    def __init__(
        self, design: FoundationDesign, steps: tuple[int, int], device: torch.device, num_workers: int = 0
    ) -> None:
        self._sights, self._device, self._size = _Sights(design), device, design.scans_per_step
        self._held: list[dict[int, Batch]] = [{} for _ in design.frames]
        made: DataLoader[Batch] = DataLoader(
            _Scans(design),
            sampler=_Order(self._sights, steps),
            batch_size=None,
            prefetch_factor=_AHEAD if num_workers else None,
            **in_processes(num_workers),
        )
        self._made = iter(made)

    def batch(self, step: int) -> Batch:
        """Return what a step sees.

        Raises
        ------
        RunError
            If a process that makes scans has died.
        """
        sight = self._sights.of(step)
        held = self._held[sight.frame]
        for old in [number for number in held if number < sight.oldest]:
            del held[old]
        if sight.number not in held:
            held[sight.number] = Batch.joined(self._next()).to(self._device)
        return held[sight.number].turned(sight.orientation)

    def _next(self) -> list[Batch]:
        try:
            return list(islice(self._made, self._size))
        except RuntimeError as error:
            if "DataLoader worker" not in str(error):
                raise
            raise RunError(
                f"a process that makes scans has died ({error}); --resume goes on from the checkpoint"
            ) from error


class _Order:
    """The scans that a pool asks for, in this order."""

    def __init__(self, sights: _Sights, steps: tuple[int, int]) -> None:
        self._sights, self._steps = sights, steps

    def __iter__(self) -> Iterator[_Key]:
        return self._sights.made_from(*self._steps)


def make_scan(design: FoundationDesign, frame: Frame, number: int, member: int) -> Batch:
    """Return a scan of the batch with a number of a frame, as a batch of its own."""
    key = ("foundation", "scan", f"{frame.window_px}/{frame.side}/{frame.step_px:g}", str(number))
    flaws = random_flaws(design.flawed_fraction, stream(design.seed, *key, "flaws"))
    return Batch.of(random_scene(frame, design.doses, flaws, stream(design.seed, *key, str(member))), design)


def turns(frames: tuple[Frame, ...]) -> list[int]:
    """Return the numbers of frames in the order in which they take turns, each as often as its share."""
    total = sum(frame.share for frame in frames)
    found: list[int] = []
    for place in range(total):
        behind = [frame.share * (place + 1) / total - found.count(number) for number, frame in enumerate(frames)]
        found.append(behind.index(max(behind)))
    return found
