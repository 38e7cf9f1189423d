"""A study's matrix in an artifact hub: each phase made once, every cell trained, reconstructed or skipped.

Whoever asks first does the work.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ptyproof.console import Console
from ptyproof.errors import InputError
from ptyproof.io.locking import lock
from ptyproof.jobs.process import OF_RECONSTRUCTIONS, OF_TRAININGS, JobProcesses, start_server
from ptyproof.methods.reconstruction_jobs import (
    FoundReconstructions,
    ReconstructionFilters,
    ReconstructionJob,
    Skip,
    no_bundle,
)
from ptyproof.methods.registry import Provider, registry
from ptyproof.phases.base import Base
from ptyproof.phases.c_simulate.generate import generate
from ptyproof.phases.d_overlap.overlap import overlap
from ptyproof.phases.e_train.train import TrainedJob, TrainingPhase, describe_enumeration, describe_job
from ptyproof.phases.f_reconstruct.reconstruct import ReconstructedJob, ReconstructionPhase
from ptyproof.phases.f_reconstruct.study_run import describe_enumeration as describe_reconstructions
from ptyproof.phases.f_reconstruct.study_run import describe_job as describe_reconstruction
from ptyproof.phases.f_reconstruct.study_run import describe_skip
from ptyproof.phases.g_compare.compare import open_comparison, run_comparison
from ptyproof.phases.g_compare.tables import describe_comparison
from ptyproof.records.reconstruction_ledger import Call, ReconstructionLedger
from ptyproof.records.training_ledger import Ledger
from ptyproof.runs.folder import RunFolder
from ptyproof.study.design import StudyDesign
from ptyproof.study.jobs import Enumeration, JobFilters, TrainingJob
from ptyproof.study.layout import OVERLAP_MANIFEST, RUN_MANIFEST
from ptyproof.training.device import RunOptions

PHASE_C_LOG = "phase_c_generation.log"
PHASE_D_LOG = "phase_d_overlap.log"
TRAINING_LOG = "training_cli_real_run.log"
RECONSTRUCTION_LOG = "phase_f_reconstruction.log"
COMPARISON_LOG = "phase_g_comparison.log"


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
        Keys of the trainings that the run is about; None is all.
    call_id
        Name that the processes of one run share; None makes one.
    reconstructions
        Keys of the reconstructions that the run is about; None is all.
    methods
        Reconstruction methods beside those that are known, each with who has registered it.
    processes
        Let each job have a process of its own, within these limits; None runs them in this one.
    retry
        `failed` runs again what failed in an earlier run.
    """

    hub: Path
    design: StudyDesign
    base: Base
    options: RunOptions
    selected: frozenset[str] | None = None
    call_id: str | None = None
    reconstructions: frozenset[str] | None = None
    methods: tuple[tuple[object, Provider], ...] = ()
    processes: JobProcesses | None = None
    retry: frozenset[str] = frozenset()

    @property
    def folder(self) -> RunFolder:
        """The hub's layout."""
        return RunFolder(self.hub)

    def phase_c(self, watched: Console) -> PhaseFolder:
        """Simulate the study's datasets, unless that was done."""
        if self.processes is not None:
            start_server((*OF_TRAININGS, *OF_RECONSTRUCTIONS))  # it imports what jobs need while the datasets are made
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
        return TrainingPhase(ledger, self.options, processes=self.processes, retry=self.retry)

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
        """Return the job of a cell, or the reason for which it is skipped.

        Raises
        ------
        InputError
            If the study has no such cell.
        """
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

    @cached_property
    def phase_f(self) -> ReconstructionPhase:
        """Phase F, with its manifest in `real_run/`."""
        folder = self.folder
        ledger = ReconstructionLedger(self.design, folder.phase_c_root, folder.phase_d_root, folder.real_run)
        options = RunOptions(accelerator="cpu", threads=self.options.threads)
        methods = registry(self.design, self.methods)
        return ReconstructionPhase(ledger, methods, options, processes=self.processes, retry=self.retry)

    @property
    def reconstruction_cells(self) -> FoundReconstructions:
        """The cells of Phase F; the first look records them in the manifest. Phases C and D must have been run."""
        return self._opened_f[0]

    @cached_property
    def _opened_f(self) -> tuple[FoundReconstructions, str]:
        """The cells of Phase F, and the time at which the run recorded them."""
        found = _narrowed_f(self.phase_f.enumerate(to_be_trained=True), self.reconstructions)
        self.folder.real_run.mkdir(parents=True, exist_ok=True)
        call = Call(self.call_id or uuid.uuid4().hex, ReconstructionFilters())
        manifest = self.phase_f.open_call(found, call)
        with self.folder.log(RECONSTRUCTION_LOG, Console.silent()) as console:
            for line in describe_reconstructions(found):
                console.say(line)
        return found, next(entry["timestamp"] for entry in manifest["calls"] if entry["id"] == call.call_id)

    def reconstruction_cell(self, key: str) -> ReconstructionJob | str:
        """Return the job of a cell of Phase F, or the reason for which it is skipped.

        Raises
        ------
        InputError
            If the study has no such cell.
        """
        found = self.reconstruction_cells
        for job in (*found.jobs, *found.not_selected):
            if job.key == key:
                return job
        for skip in found.skipped:
            if skip.key == key:
                return f"{key}: {skip.reason}"
        raise InputError(f"{key} is no cell of study {self.design.name}")

    def reconstruct(self, job: ReconstructionJob, watched: Console) -> ReconstructedJob | Skip:
        """Reconstruct a job, after the training that it needs; or return how it ended earlier in this run.

        A job whose training left no bundle is a skip, with that reason.
        """
        entry = self.phase_f.ledger.entry_of(job.key)
        if entry is not None and _has_ended(entry, self._opened_f[1]):
            return ReconstructedJob(job, entry)
        needs_training = self.phase_f.registry[job.cell.method].needs_training
        if needs_training:
            self.train(job.training, watched)
        reason = no_bundle(job.cell.training_key, self.phase_f.inputs.trainings()) if needs_training else None
        with self.folder.log(RECONSTRUCTION_LOG, watched) as console:
            if reason is not None:
                skip = Skip(job.cell, "no_trained_bundle", reason, selected=True)
                self.phase_f.ledger.skip(skip)
                console.say(describe_skip(skip))
                return skip
            done = self.phase_f.run_job(job, console)
            if done.status == "success":
                console.say(describe_reconstruction(done))
        return done

    def complete_reconstructions(self, watched: Console) -> dict[str, Any]:
        """Reconstruct every selected job that has not ended yet; return the manifest."""
        for job in self.reconstruction_cells.jobs:
            self.reconstruct(job, watched)
        manifest = self.phase_f.ledger.read()
        assert manifest is not None  # the enumeration has written it
        return manifest

    def compare(self, watched: Console) -> dict[str, Any]:
        """Compare every reconstruction with the truth, after all that are selected have ended; return the manifest."""
        self.complete_reconstructions(watched)
        folder = self.folder
        with lock(folder.comparison_manifest_path), folder.log(COMPARISON_LOG, watched) as console:
            phase = open_comparison(folder.real_run, phase_c_root=folder.phase_c_root, phase_d_root=folder.phase_d_root)
            manifest = run_comparison(phase, console)
            console.say(describe_comparison(manifest))
        return manifest

    def _ended(self, job: TrainingJob) -> TrainedJob | None:
        """Return how a job ended since this run began; an older success is for `run_job` to judge."""
        entry = self.phase_e.ledger.entry(job)
        return TrainedJob(job, entry) if entry is not None and _has_ended(entry, self._opened[1]) else None


def _has_ended(entry: dict[str, Any], since: str) -> bool:
    """Tell whether the end of a job was recorded since a time."""
    return entry["result"]["status"] != "lost" and bool(entry["result"]["finished"] >= since)


def _narrowed(found: Enumeration, selected: frozenset[str] | None) -> Enumeration:
    if selected is None:
        return found
    return Enumeration(
        tuple(job for job in found.jobs if job.key in selected),
        tuple(job for job in found.jobs if job.key not in selected),
        tuple(replace(skip, selected=skip.key in selected) for skip in found.skipped),
    )


def _narrowed_f(found: FoundReconstructions, selected: frozenset[str] | None) -> FoundReconstructions:
    if selected is None:
        return found
    return FoundReconstructions(
        tuple(job for job in found.jobs if job.key in selected),
        tuple(job for job in found.jobs if job.key not in selected),
        tuple(replace(skip, selected=skip.key in selected) for skip in found.skipped),
    )
