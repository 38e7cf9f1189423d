"""What all trainings of a call share: the manifest that records them, and how they are run."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ptyproof.jobs.process import JobProcesses
from ptyproof.records.training_ledger import Ledger
from ptyproof.study.training import TrainingDesign
from ptyproof.training.device import RunOptions


@dataclass(frozen=True, eq=False)
class TrainingSetup:
    """Where the data and artifacts of Phase E lie, and how its jobs are run.

    Parameters
    ----------
    ledger
        The manifest that records it.
    options
        Accelerator, determinism, workers, logger, threads.
    max_epochs
        Instead of the study's, None keeps it.
    retrain
        Train anew what an earlier call has trained.
    processes
        Let each job have a process of its own, within these limits; None trains in this one.
    retry
        `failed` runs again what failed in an earlier call. What was lost is always run again.
    """

    ledger: Ledger
    options: RunOptions
    max_epochs: int | None = None
    retrain: bool = False
    processes: JobProcesses | None = None
    retry: frozenset[str] = frozenset()

    @property
    def training(self) -> TrainingDesign:
        """The study's training design with the replacements of this call."""
        design = self.ledger.design.training
        return design if self.max_epochs is None else replace(design, max_epochs=self.max_epochs)
