"""Phase F: reconstruct every cell of a study by every method, and record what became of it.

The way of the data: enumeration (pure) -> for each job: patterns, probe and positions, never the truth -> the method,
within its budget -> its result, checked -> archive -> the reconstruction manifest. Views that read the same data with a
method that needs no training have one reconstruction, which is made once and recorded for each.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

from ptyproof.jobs.attempt import Attempt, EndedJob
from ptyproof.jobs.phase import JobPhase, Words
from ptyproof.methods.reconstruction_jobs import (
    ReconstructionFilters,
    ReconstructionJob,
    build_reconstruction_jobs,
)
from ptyproof.methods.registry import Provider, Registered, Registry, known_methods, ordered
from ptyproof.phases.f_reconstruct.inputs import Inputs
from ptyproof.phases.f_reconstruct.reconstruct_worker import Reconstructing
from ptyproof.provenance.environment import environment
from ptyproof.reconstruction.method import Budget
from ptyproof.records.cell_book import Record
from ptyproof.records.job_record import JobRecord
from ptyproof.records.reconstruction_ledger import ReconstructionLedger
from ptyproof.records.training_ledger import TrainingLedger
from ptyproof.study.cells import Enumeration
from ptyproof.study.jobs import TrainingJob
from ptyproof.training.device import compute_environment

FORMATS = ("npz", "ptychodus")


@dataclass(frozen=True, eq=False)
class ReconstructionPhase(JobPhase[ReconstructionJob]):
    """Phase F of a study. Methods compute on the CPU.

    Parameters
    ----------
    others
        Methods beside the known ones, with who has registered each. This process alone knows them, and runs them.
    budget
        Instead of the study's, for every method that iterates; None keeps the study's.
    form
        `npz`, or `ptychodus` for an HDF5 product beside the archive.
    trainings
        The trainings of the same artifact root; None opens their manifest.
    training
        The record of the training that belongs to the one job that a process was handed; None asks `trainings`.
    """

    ledger: ReconstructionLedger
    others: tuple[tuple[object, Provider], ...] = ()
    budget: Budget | None = None
    form: str = "npz"
    trainings: TrainingLedger | None = None
    training: JobRecord[TrainingJob] | None = None

    LEDGER: ClassVar[type[ReconstructionLedger]] = ReconstructionLedger
    WORDS: ClassVar[Words] = Words("reconstruct", "reconstructed", bar="reconstructions")
    PRELOADED: ClassVar[tuple[str, ...]] = (
        "ptyproof.phases.f_reconstruct.reconstruct",
        "ptyproof.reconstruction.preloaded",
    )

    @cached_property
    def methods(self) -> dict[str, Registered]:
        """The methods that are known."""
        return known_methods(self.ledger.design, self.others)

    @cached_property
    def registry(self) -> Registry:
        """The methods in the order of the study."""
        return ordered(self.ledger.design, self.methods)

    @cached_property
    def inputs(self) -> Inputs:
        """The datasets and bundles."""
        trainings = self.trainings or TrainingLedger(self.ledger.design, *self.ledger.roots)
        return Inputs(self.ledger, trainings, self.training)

    def check(self) -> None:
        """Raise InputError if a method is unusable."""
        self.registry  # noqa: B018 - it is made once, and refuses what it cannot hold

    def enumerate(
        self,
        filters: ReconstructionFilters | None = None,
        allow_missing_phase_d: bool = False,
        to_be_trained: bool = False,
    ) -> Enumeration[ReconstructionJob]:
        """Return the jobs and skips of the study with the data that are there; see `build_reconstruction_jobs`."""
        trainings = None if to_be_trained else self.inputs.trainings.read()
        return build_reconstruction_jobs(
            self.ledger.design,
            self.registry,
            *self.ledger.roots,
            trainings,
            filters,
            allow_missing_phase_d,
            to_be_trained,
            self.budget,
        )

    def call(self) -> Record:
        """Return the budget that the call asks for."""
        return {"budget": None if self.budget is None else self.budget.as_dict()}

    def elsewhere(self, job: ReconstructionJob) -> ReconstructionPhase | None:
        """Return the phase for another process, which finds the methods of ptyproof and of entry points by itself."""
        if job.cell.method not in self._known_anywhere:
            return None
        training = self.inputs.trainings.handed(job.training)
        return replace(self, options=self.options.pinned(), processes=None, others=(), training=training)

    @cached_property
    def _known_anywhere(self) -> frozenset[str]:
        return frozenset(known_methods(self.ledger.design))

    def facts(self, job: ReconstructionJob) -> Record:
        """Return what an entry says of a reconstruction that has found nothing yet."""
        return {"dataset": None, "bundle": None, "environment": None, "remedies": []}

    def environment(self) -> Record:
        """Return what the bits of a reconstruction depend on in this process."""
        compute = compute_environment(self.options)
        versions = environment(("numpy", "scipy", "torch", "torchvision", "ptychi"))
        return versions | {key: compute[key] for key in ("torch", "cpu", "threads", "device")}

    def same_result(self, job: ReconstructionJob) -> Hashable | None:
        """Return method, data and what the method is told, for a job without a network.

        Cells that share them share the result.
        """
        if job.needs:
            return None
        uses = self.methods[job.cell.method].method.needs.uses
        told = tuple(word for word in self.ledger.design.tells_in(job.view) if word in uses)
        return job.cell.method, job.data_path, told

    def work(self, attempt: Attempt[ReconstructionJob]) -> EndedJob[ReconstructionJob]:
        """Reconstruct a job."""
        method = self.methods[attempt.job.cell.method].method
        return Reconstructing(attempt, method, self.options, self.form).run(self.inputs)

    def line(self, done: EndedJob[ReconstructionJob]) -> str:
        """Return the line about a reconstruction: epochs, time, and where it lies."""
        result = done.entry["result"]
        epochs = "" if result["iterations"] is None else f"{result['iterations']} epochs, "
        again = "" if result["reused_from"] is None else f" (made for {result['reused_from']})"
        components = (
            "" if result["n_parts"] == 1 else f"{result['n_parts']} connected components with independent phases, "
        )
        return (
            f"{done.job.key}: success, {epochs}{components}{result['timing']['total_s']:.2f} s{again}; "
            f"{result['reconstruction']['path']}, arrays {result['arrays_sha256'][:16]}..."
        )
