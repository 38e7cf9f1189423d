"""A study's matrix in an artifact hub: each phase runs once; every cell is trained, reconstructed or skipped.

The first process that asks does the work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ptyproof.console import Console
from ptyproof.errors import PtyproofError
from ptyproof.io.locking import lock
from ptyproof.jobs.attempt import EndedJob
from ptyproof.jobs.executor import Executor
from ptyproof.jobs.local import LocalExecutor
from ptyproof.jobs.process import JobProcesses, start_server
from ptyproof.jobs.queue import JobQueue
from ptyproof.methods.reconstruction_jobs import NO_BUNDLE, ReconstructionFilters, ReconstructionJob, no_bundle
from ptyproof.methods.registry import Provider
from ptyproof.phases.base import Base
from ptyproof.phases.c_simulate.generate import generate
from ptyproof.phases.d_overlap.overlap import overlap
from ptyproof.phases.e_train.train import TrainingPhase
from ptyproof.phases.f_reconstruct.reconstruct import ReconstructionPhase
from ptyproof.phases.g_compare.compare import kept_comparison, open_comparison, run_comparison
from ptyproof.phases.g_compare.tables import describe_comparison
from ptyproof.records.reconstruction_ledger import ReconstructionLedger
from ptyproof.records.training_ledger import TrainingLedger
from ptyproof.runs.folder import RunFolder
from ptyproof.runs.phase_run import PhaseRun
from ptyproof.study.cells import Skip
from ptyproof.study.design import StudyDesign
from ptyproof.study.jobs import JobFilters, TrainingJob
from ptyproof.study.layout import OVERLAP_MANIFEST, RUN_MANIFEST
from ptyproof.training.device import RunOptions

if TYPE_CHECKING:
    from ptyproof_schemas.types.comparison_manifest import ComparisonManifest

PHASE_C_LOG = "phase_c_generation.log"
PHASE_D_LOG = "phase_d_overlap.log"
TRAINING_LOG = "training_cli_real_run.log"
RECONSTRUCTION_LOG = "phase_f_reconstruction.log"
COMPARISON_LOG = "phase_g_comparison.log"


@dataclass(frozen=True)
class PhaseFolder:
    """The result of a phase: its folder, its manifest, and the manifest's path."""

    root: Path
    manifest: Mapping[str, Any] = field(hash=False)
    manifest_path: Path


@dataclass(frozen=True, eq=False)
class MatrixRun:
    """The run of a study in a hub. Several processes may share it; the first that asks does a step.

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
    selected_reconstructions
        Keys of the reconstructions that the run is about; None is all.
    methods
        Reconstruction methods beside those that are known, each with who has registered it.
    processes
        Let each job have a process of its own, within these limits; None runs them in this one.
    retry
        `failed` runs again what failed in an earlier run.
    executor
        Runs the jobs that have a process of their own; with several at once, the cells of the run are queued as soon as
        their inputs exist, and not only when one is asked for.
    """

    hub: Path
    design: StudyDesign
    base: Base
    options: RunOptions
    selected: frozenset[str] | None = None
    call_id: str | None = None
    selected_reconstructions: frozenset[str] | None = None
    methods: tuple[tuple[object, Provider], ...] = ()
    processes: JobProcesses | None = None
    retry: frozenset[str] = frozenset()
    executor: Executor = field(default_factory=lambda: LocalExecutor(1))

    @property
    def folder(self) -> RunFolder:
        """The hub's layout."""
        return RunFolder(self.hub)

    def phase_c(self, watched: Console) -> PhaseFolder:
        """Simulate the study's datasets, unless they exist."""
        if self.processes is not None:
            # the server imports while the datasets are simulated
            start_server((*TrainingPhase.PRELOADED, *ReconstructionPhase.PRELOADED))
        root = self.folder.phase_c_root
        with lock(root), self.folder.log(PHASE_C_LOG, watched) as console:
            manifest = generate(self.design, self.base, root, console=console)
        return PhaseFolder(root, manifest, root / RUN_MANIFEST)

    def phase_d(self, watched: Console) -> PhaseFolder:
        """Derive the study's overlap views, unless they exist."""
        root = self.folder.phase_d_root
        with lock(root), self.folder.log(PHASE_D_LOG, watched) as console:
            manifest = overlap(self.folder.phase_c_root, root, design=self.design, console=console)
        return PhaseFolder(root, manifest, root / OVERLAP_MANIFEST)

    @cached_property
    def phase_e(self) -> TrainingPhase:
        """Phase E, with its manifest in `real_run/`."""
        return TrainingPhase(TrainingLedger(self.design, *self._roots), self.options, self.processes, self.retry)

    @cached_property
    def trainings(self) -> PhaseRun[TrainingJob]:
        """The run of Phase E. Phases C and D must have been run before its cells are asked for."""
        log = partial(self.folder.log, TRAINING_LOG)
        return PhaseRun(
            self.phase_e, self.phase_e.enumerate, JobFilters(), self.selected, self.call_id, log, self._queue
        )

    def train(self, job: TrainingJob, watched: Console) -> EndedJob[TrainingJob]:
        """Train a job, or return how it ended earlier in this run."""
        self._look_ahead(watched)
        return self.trainings.do(job, watched)

    def complete(self, watched: Console) -> dict[str, Any]:
        """Train every selected job that has not ended yet; return the manifest."""
        jobs = self.trainings.cells.jobs
        self._queue_up(jobs, (), watched)
        for job in jobs:
            self.train(job, watched)
        return self.trainings.manifest()

    @cached_property
    def phase_f(self) -> ReconstructionPhase:
        """Phase F, with its manifest in `real_run/`."""
        ledger = ReconstructionLedger(self.design, *self._roots)
        options = RunOptions(accelerator="cpu", threads=self.options.threads)
        trainings = self.phase_e.ledger
        phase = ReconstructionPhase(
            ledger, options, self.processes, self.retry, others=self.methods, trainings=trainings
        )
        phase.check()
        return phase

    @cached_property
    def reconstructions(self) -> PhaseRun[ReconstructionJob]:
        """The run of Phase F. Phases C and D must have been run before its cells are asked for."""
        enumerated = partial(self.phase_f.enumerate, to_be_trained=True)
        log = partial(self.folder.log, RECONSTRUCTION_LOG)
        selected = self.selected_reconstructions
        return PhaseRun(self.phase_f, enumerated, ReconstructionFilters(), selected, self.call_id, log, self._queue)

    def reconstruct(self, job: ReconstructionJob, watched: Console) -> EndedJob[ReconstructionJob] | Skip:
        """Reconstruct a job, after the training that it needs; or return how it ended earlier in this run.

        A job whose training left no bundle is a skip, with that reason.
        """
        ended = self.reconstructions.ended(job)
        if ended is not None:
            return ended
        self._look_ahead(watched)
        if job.needs and self.trainings.do(job.training, watched).status != "success":
            training = self.phase_e.ledger.entry(job.training)
            reason = no_bundle(job.training.key, {} if training is None else {job.training.key: training})
            assert reason is not None
            skip = Skip(job.cell, NO_BUNDLE, reason, selected=True)
            self.phase_f.ledger.skip(skip)
            with self.folder.log(RECONSTRUCTION_LOG, watched) as console:
                console.say(str(skip))
            return skip
        return self.reconstructions.do(job, watched)

    def complete_reconstructions(self, watched: Console) -> dict[str, Any]:
        """Reconstruct every selected job that has not ended yet; return the manifest."""
        jobs = self.reconstructions.cells.jobs
        self._queue_up((), jobs, watched)
        for job in jobs:
            self.reconstruct(job, watched)
        return self.reconstructions.manifest()

    def compare(self, watched: Console) -> ComparisonManifest:
        """Compare every reconstruction with the truth, after all that are selected have ended; return the manifest."""
        self.complete_reconstructions(watched)
        folder = self.folder
        with lock(folder.comparison_manifest_path), folder.log(COMPARISON_LOG, watched) as console:
            phase = open_comparison(folder.real_run, phase_c_root=folder.phase_c_root, phase_d_root=folder.phase_d_root)
            manifest = run_comparison(phase, console)
            console.say(describe_comparison(manifest))
        return manifest

    def keep_comparison(self) -> None:
        """Let an earlier comparison of the same results name Phase F's manifest as this run has left it.

        A comparison of other results stays as it is: its checks say that it is of an earlier manifest.
        """
        folder = self.folder
        if not folder.comparison_manifest_path.is_file():
            return
        with lock(folder.comparison_manifest_path), suppress(PtyproofError):
            kept_comparison(
                open_comparison(folder.real_run, phase_c_root=folder.phase_c_root, phase_d_root=folder.phase_d_root)
            )

    def close(self) -> None:
        """End the jobs that still run, and leave the hub's comparison in step with its reconstructions."""
        self._queue.close()
        self.folder.fold()
        self.keep_comparison()

    @cached_property
    def _queue(self) -> JobQueue:
        return JobQueue(self.executor)

    def _look_ahead(self, watched: Console) -> None:
        """Queue the cells that the run was asked for, and not only the one that is waited for."""
        trainings = () if self.selected is None else self.trainings.cells.jobs
        reconstructions = () if self.selected_reconstructions is None else self.reconstructions.cells.jobs
        self._queue_up(trainings, reconstructions, watched)

    def _queue_up(
        self, trainings: Sequence[TrainingJob], reconstructions: Sequence[ReconstructionJob], watched: Console
    ) -> None:
        """Queue jobs, each as soon as its inputs exist, if the executor runs several at once."""
        if self.executor.n_jobs < 2:
            return

        def go_on(trained: EndedJob[TrainingJob]) -> None:
            for job in reconstructions:
                if trained.status == "success" and trained.job in job.needs:
                    self.reconstructions.submit(job, watched)

        needed = [job.training for job in reconstructions if job.needs]
        for training in (*trainings, *needed):
            self.trainings.submit(training, watched, go_on)
        for job in reconstructions:
            if not job.needs:
                self.reconstructions.submit(job, watched)

    @property
    def _roots(self) -> tuple[Path, Path, Path]:
        return self.folder.phase_c_root, self.folder.phase_d_root, self.folder.real_run
