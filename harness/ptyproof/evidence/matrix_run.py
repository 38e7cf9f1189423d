"""A study's matrix in an artifact hub: Phases C and D made once, every cell trained or skipped, whoever asks first."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ptyproof.console import Console
from ptyproof.errors import InputError
from ptyproof.evidence.base import Base
from ptyproof.evidence.ledger import Ledger
from ptyproof.evidence.phase_c import generate
from ptyproof.evidence.phase_d import overlap
from ptyproof.evidence.phase_e import TrainedJob, TrainingPhase, describe_enumeration, describe_job
from ptyproof.evidence.run_folder import RunFolder
from ptyproof.io.locking import lock
from ptyproof.study.design import StudyDesign
from ptyproof.study.jobs import Enumeration, JobFilters, TrainingJob
from ptyproof.study.layout import OVERLAP_MANIFEST, RUN_MANIFEST
from ptyproof.training.device import RunOptions

PHASE_C_LOG = "phase_c_generation.log"
PHASE_D_LOG = "phase_d_overlap.log"
TRAINING_LOG = "training_cli_real_run.log"


@dataclass(frozen=True)
class PhaseFolder:
    """A phase that was run: its folder, its manifest, and the manifest's file."""

    root: Path
    manifest: dict[str, Any] = field(hash=False)
    manifest_path: Path


@dataclass(frozen=True, eq=False)
class MatrixRun:
    """The run of a study in a hub. Several processes may run the same one: each step is done by the first.

    Parameters
    ----------
    hub
        The artifact hub.
    design, base, options
        The study, its base, and how trainings are run.
    selected
        Keys of the cells that the run is about; None is all.
    call_id
        Name that the processes of one run share; None makes one.
    """

    hub: Path
    design: StudyDesign
    base: Base
    options: RunOptions
    selected: frozenset[str] | None = None
    call_id: str | None = None

    @property
    def folder(self) -> RunFolder:
        """The hub's layout."""
        return RunFolder(self.hub)

    def phase_c(self, watched: Console) -> PhaseFolder:
        """Simulate the study's datasets, unless that was done."""
        root = self.folder.phase_c_root
        with lock(root), self.folder.log(PHASE_C_LOG, watched) as console:
            manifest = generate(self.design, self.base, root, console=console)
        return PhaseFolder(root, manifest, root / RUN_MANIFEST)

    def phase_d(self, watched: Console) -> PhaseFolder:
        """Derive the study's overlap views, unless that was done."""
        root = self.folder.phase_d_root
        with lock(root), self.folder.log(PHASE_D_LOG, watched) as console:
            manifest = overlap(self.folder.phase_c_root, root, design=self.design, console=console)
        return PhaseFolder(root, manifest, root / OVERLAP_MANIFEST)

    @cached_property
    def phase_e(self) -> TrainingPhase:
        """Phase E, with its manifest in `real_run/`."""
        folder = self.folder
        ledger = Ledger(self.design, folder.phase_c_root, folder.phase_d_root, folder.real_run)
        return TrainingPhase(ledger, self.options)

    @property
    def enumeration(self) -> Enumeration:
        """The cells of the study; the first look records them in the manifest. Phases C and D must have been run."""
        return self._opened[0]

    @cached_property
    def _opened(self) -> tuple[Enumeration, str]:
        """The enumeration, and the time at which the run recorded it."""
        found = _narrowed(self.phase_e.enumerate(), self.selected)
        self.folder.real_run.mkdir(parents=True, exist_ok=True)
        call_id = self.call_id or uuid.uuid4().hex
        manifest = self.phase_e.ledger.open_call(found, JobFilters(), allow_missing_phase_d=False, call_id=call_id)
        with self.folder.log(TRAINING_LOG, Console.silent()) as console:
            for line in describe_enumeration(found):
                console.say(line)
        return found, next(call["timestamp"] for call in manifest["calls"] if call["id"] == call_id)

    def cell(self, key: str) -> TrainingJob | str:
        """Return the job of a cell, or the reason for which it is skipped."""
        for job in (*self.enumeration.jobs, *self.enumeration.not_selected):
            if job.key == key:
                return job
        for skip in self.enumeration.skipped:
            if skip.key == key:
                return f"{key}: {skip.reason}"
        raise InputError(f"{key} is no cell of study {self.design.name}")

    def train(self, job: TrainingJob, watched: Console) -> TrainedJob:
        """Train a job, or return how it ended earlier in this run."""
        ended = self._ended(job)
        if ended is not None:
            return ended
        with self.folder.log(TRAINING_LOG, watched) as console:
            console.say(f"{job.key}: training")
            done = self.phase_e.run_job(job, console)
            if done.status == "success":
                console.say(describe_job(done))
        return done

    def complete(self, watched: Console) -> dict[str, Any]:
        """Train every selected job that has not ended yet; return the manifest."""
        for job in self.enumeration.jobs:
            self.train(job, watched)
        manifest = self.phase_e.ledger.read()
        assert manifest is not None  # the enumeration has written it
        return manifest

    def _ended(self, job: TrainingJob) -> TrainedJob | None:
        """Return how a job ended since this run began; an older success is for `run_job` to judge."""
        entry = self.phase_e.ledger.entry(job)
        if entry is None or entry["result"]["status"] == "lost" or entry["result"]["finished"] < self._opened[1]:
            return None
        return TrainedJob(job, entry)


def _narrowed(found: Enumeration, selected: frozenset[str] | None) -> Enumeration:
    if selected is None:
        return found
    return Enumeration(
        tuple(job for job in found.jobs if job.key in selected),
        tuple(job for job in found.jobs if job.key not in selected),
        tuple(replace(skip, selected=skip.key in selected) for skip in found.skipped),
    )
