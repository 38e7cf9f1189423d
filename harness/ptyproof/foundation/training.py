"""The training of a shared network: steps, learning rate, checkpoints, and the same bits after an interruption."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ptyproof import clock
from ptyproof.console import Console
from ptyproof.errors import DataError, RunError
from ptyproof.foundation import average
from ptyproof.foundation.design import FoundationDesign
from ptyproof.foundation.loss import objective, weights
from ptyproof.foundation.networks import network_of
from ptyproof.foundation.pool import Pool
from ptyproof.study.seeds import stream
from ptyproof.training.checkpoint import read_state, write_state
from ptyproof.training.device import RunOptions, configured, resolve_accelerator
from ptyproof.training.network import GroupNetwork

CHECKPOINT = "foundation.ckpt"
_EVERY = 250  # steps between two checkpoints and lines
_FINAL_RATE = 0.01  # of the peak
_PARTS = {"recipe_sha256", "planned", "step", "network", "mean", "optimizer", "history", "errors", "seconds"}


@dataclass
class Course:
    """Where a training stands.

    Parameters
    ----------
    network
        The network, on its device.
    mean
        The running mean of its weights, real (...) each.
    optimizer
        AdamW of its weights.
    step
        Steps done.
    seconds
        Time that they took, with what an interruption lost left out.
    history
        A row for each `_EVERY` steps: step, relative squared error of the last stage (geometric mean), learning rate.
    errors
        Those of the steps since then.
    """

    network: GroupNetwork
    mean: dict[str, Tensor]
    optimizer: torch.optim.AdamW
    step: int = 0
    seconds: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)


def train(
    design: FoundationDesign,
    steps: int,
    folder: Path,
    options: RunOptions,
    console: Console | None = None,
    seconds: float | None = None,
) -> Course:
    """Train a network for a number of steps, or, where `seconds` end before, until then; return where it stands.

    A checkpoint in `folder`, which is written every now and then and at the end, is resumed, and the result is the same
    as without the interruption. That of a training of another number of steps is resumed as well where it ends before
    either's learning rate begins to fall.

    Raises
    ------
    DataError
        If the checkpoint is damaged, or of another training.
    RunError
        If the error is no finite number any more.
    """
    console = console or Console.silent()
    device = torch.device("cuda" if resolve_accelerator(options.accelerator) == "gpu" else "cpu")
    seed = int(stream(design.seed, "foundation", "weights").integers(2**63 - 1))
    with configured(options, seed):
        course = _begun(design, device)
        if (folder / CHECKPOINT).is_file():
            _resume(course, design, steps, folder / CHECKPOINT)
            console.say(f"resumed after step {course.step}")
        pool = Pool(design, (course.step, steps), device, options.num_workers)
        _run(course, design, steps, pool, _Stop(seconds, course.seconds), folder / CHECKPOINT, console)
    return course


def relative_rate(design: FoundationDesign, step: int, steps: int) -> float:
    """Return the learning rate of a step, counted from 0, over its peak: a linear rise, a plateau, and a cosine fall.

    Before it falls the rate does not depend on the number of steps (Hagele et al., NeurIPS 2024).
    """
    begins = design.decay_begins(steps)
    rise = min(1.0, (step + 1) / design.warm_up)
    if step < begins:
        return rise
    fall = (step - begins + 1) / max(1, steps - begins)
    return rise * (_FINAL_RATE + (1 - _FINAL_RATE) * 0.5 * (1 + math.cos(math.pi * fall)))


@dataclass
class _Stop:
    """When a call ends before the last step."""

    seconds: float | None
    before: float
    began: float = field(default_factory=clock.seconds)

    @property
    def spent(self) -> float:
        """Seconds of this call."""
        return clock.seconds() - self.began

    @property
    def reached(self) -> bool:
        return self.seconds is not None and self.spent >= self.seconds


def _begun(design: FoundationDesign, device: torch.device) -> Course:
    network = network_of(design).to(device)
    optimizer = torch.optim.AdamW(network.parameters(), lr=design.learning_rate, weight_decay=design.weight_decay)
    return Course(network, average.mean_of(network), optimizer)


def _run(
    course: Course,
    design: FoundationDesign,
    steps: int,
    pool: Pool,
    stop: _Stop,
    checkpoint: Path,
    console: Console,
) -> None:
    with console.progress("train foundation", steps - course.step, "step") as bar:
        while course.step < steps and not stop.reached:
            course.errors.append(_step(course, design, steps, pool))
            course.step += 1
            bar.update(1)
            course.seconds = stop.before + stop.spent
            if course.step % _EVERY == 0 or course.step == steps:
                _note(course, steps, console)
                _save(course, design, steps, checkpoint)
    if course.step < steps:
        _save(course, design, steps, checkpoint)


def _step(course: Course, design: FoundationDesign, steps: int, pool: Pool) -> float:
    """Take a step; return the squared error of the last stage over that of the start."""
    rate = design.learning_rate * relative_rate(design, course.step, steps)
    for group in course.optimizer.param_groups:
        group["lr"] = rate
    batch = pool.batch(course.step)
    stages = [estimate.obj for estimate in course.network.estimates(batch.patterns, batch.start)]
    loss, relative = objective(stages, batch.start, batch.truth, weights(batch.patterns))
    value = loss.item()
    if not math.isfinite(value):
        smaller = f"a smaller learning_rate than {design.learning_rate:g} may help"
        raise RunError(f"the error became {value} in step {course.step + 1}; {smaller}")
    course.optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(course.network.parameters(), design.gradient_clip)
    course.optimizer.step()
    average.update(course.mean, course.network, course.step, design.average)
    return relative.item()


def _note(course: Course, steps: int, console: Console) -> None:
    """Add a row to the history."""
    error = math.exp(math.fsum(map(math.log, course.errors)) / len(course.errors))
    rate = float(course.optimizer.param_groups[0]["lr"])
    course.history.append({"step": course.step, "relative_error": error, "learning_rate": rate})
    course.errors.clear()
    console.say(f"step {course.step}/{steps}, {course.seconds:.0f} s: squared error {error:.4f} of the start's")


def _save(course: Course, design: FoundationDesign, steps: int, path: Path) -> None:
    state: dict[str, Any] = {
        "recipe_sha256": design.recipe_sha256(),
        "planned": steps,
        "step": course.step,
        "network": {name: value.cpu() for name, value in course.network.state_dict().items()},
        "mean": {name: value.cpu() for name, value in course.mean.items()},
        "optimizer": course.optimizer.state_dict(),
        "history": course.history,
        "errors": course.errors,
        "seconds": course.seconds,
    }
    write_state(path, state)


def _resume(course: Course, design: FoundationDesign, steps: int, path: Path) -> None:
    """Go on from a checkpoint of the same training."""
    state = read_state(path)
    if not state.keys() >= _PARTS:
        raise DataError(path, "is not the checkpoint of a shared network: parts are missing; train into another folder")
    if state["recipe_sha256"] != design.recipe_sha256():
        raise DataError(path, "is of a training with another design; train into another folder")
    step, planned = int(state["step"]), int(state["planned"])
    latest = steps if planned == steps else min(design.decay_begins(steps), design.decay_begins(planned))
    if step > latest:
        fall = f"its learning rate was to fall from step {latest}" if planned != steps else "there are no more"
        raise DataError(path, f"stands at step {step} of {planned} and cannot be one of {steps} steps: {fall}")
    try:
        course.network.load_state_dict(state["network"])
        for name, value in course.mean.items():
            value.copy_(state["mean"][name])
        course.optimizer.load_state_dict(state["optimizer"])
        course.step, course.seconds = step, float(state["seconds"])
        course.history = [dict(row) for row in state["history"]]
        course.errors = [float(error) for error in state["errors"]]
    except (LookupError, TypeError, ValueError, RuntimeError) as error:
        raise DataError(
            path, f"does not fit the network ({type(error).__name__}); train into another folder"
        ) from error
