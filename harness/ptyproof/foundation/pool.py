"""Which scans a step of a training sees: a pure function of the design and the number of the step.

Frames take turns by their shares. Of each frame, batches are numbered in the order in which they are made; the newest
`held` of them are there at a time, a new one comes after every `uses` steps, and a step sees one of them at random, in
a random orientation. So nothing of it has to be saved: a training that is resumed makes again what it needs.
"""

from __future__ import annotations

import torch

from ptyproof.foundation.batches import ORIENTATIONS, Batch
from ptyproof.foundation.design import FoundationDesign, Frame
from ptyproof.foundation.flaws import random_flaws
from ptyproof.foundation.scenes import random_scene
from ptyproof.study.seeds import stream


class Pool:
    """The batches of a training on a device."""

    def __init__(self, design: FoundationDesign, device: torch.device) -> None:
        self._design, self._device = design, device
        self._turns = turns(design.frames)
        self._held: list[dict[int, Batch]] = [{} for _ in design.frames]

    def batch(self, step: int) -> Batch:
        """Return what a step, counted from 0, sees."""
        design = self._design
        rounds, place = divmod(step, len(self._turns))
        frame = self._turns[place]
        use = rounds * self._turns.count(frame) + self._turns[:place].count(frame)
        newest = use // design.uses
        rng = stream(design.seed, "foundation", "step", str(step))
        number = newest - int(rng.integers(min(design.held, newest + 1)))
        return self._made(frame, number, newest - design.held).turned(int(rng.integers(ORIENTATIONS)))

    def _made(self, frame: int, number: int, gone: int) -> Batch:
        """Return a batch of a frame, which is made where it is not held; those up to the number `gone` are dropped."""
        held = self._held[frame]
        for old in [key for key in held if key <= gone]:
            del held[old]
        if number not in held:
            held[number] = make_batch(self._design, self._design.frames[frame], number, self._device)
        return held[number]


def make_batch(design: FoundationDesign, frame: Frame, number: int, device: torch.device, of: str = "scan") -> Batch:
    """Return the batch with a number of a frame; `of` names the streams, which those of a training have alone."""
    key = ("foundation", of, f"{frame.window_px}/{frame.side}/{frame.step_px:g}", str(number))
    flaws = random_flaws(design.flawed_fraction, stream(design.seed, *key, "flaws"))
    scenes = [
        random_scene(frame, design.doses, flaws, stream(design.seed, *key, str(member)))
        for member in range(design.scans_per_step)
    ]
    return Batch.of(scenes, design, device)


def turns(frames: tuple[Frame, ...]) -> list[int]:
    """Return the numbers of frames in the order in which they take turns, each as often as its share."""
    total = sum(frame.share for frame in frames)
    found: list[int] = []
    for place in range(total):
        behind = [frame.share * (place + 1) / total - found.count(number) for number, frame in enumerate(frames)]
        found.append(behind.index(max(behind)))
    return found
