"""What a reconstruction job is made from: a dataset and a bundle that are the recorded ones."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ptyproof.errors import InputError, RunError
from ptyproof.io.file_record import file_record
from ptyproof.methods.reconstruction_input import ReconstructionInput, read_reconstruction_input
from ptyproof.methods.reconstruction_jobs import ReconstructionJob
from ptyproof.records.cell_book import Record
from ptyproof.records.job_record import JobRecord
from ptyproof.records.manifest import read_manifest
from ptyproof.records.reconstruction_ledger import ReconstructionLedger
from ptyproof.records.training_ledger import TrainingLedger
from ptyproof.study.jobs import TrainingJob
from ptyproof.study.layout import OVERLAP_MANIFEST, RUN_MANIFEST, TRAINING_MANIFEST, halves_of
from ptyproof_schemas.types.common import File


@dataclass(frozen=True, eq=False)
class Inputs:
    """The datasets and bundles of a study's reconstructions, held against the records of Phases C, D and E.

    Parameters
    ----------
    ledger
        The reconstructions.
    trainings
        The trainings of the same artifact root.
    training
        The record of the one training that is asked for, as it was handed to this process; None asks `trainings`.
    """

    ledger: ReconstructionLedger
    trainings: TrainingLedger
    training: JobRecord[TrainingJob] | None = None

    @cached_property
    def recorded(self) -> dict[Path, tuple[str, str]]:
        """For each dataset the sha256 that its phase recorded, and the name of the record."""
        found: dict[Path, tuple[str, str]] = {}
        for root, name, kind, entries in (
            (self.ledger.phase_c_root, RUN_MANIFEST, "run_manifest", "datasets"),
            (self.ledger.phase_d_root, OVERLAP_MANIFEST, "overlap_manifest", "views"),
        ):
            for entry in read_manifest(root / name, kind)[entries] if (root / name).is_file() else ():
                for _, _, half in halves_of(entry):
                    record = half["file"]
                    if record is not None:
                        found.setdefault((root / record["path"]).resolve(), (record["sha256"], name))
        return found

    def dataset(self, job: ReconstructionJob) -> ReconstructionInput:
        """Read the dataset of a job, without its truth.

        Raises
        ------
        DataError
            If it is damaged, or not the half that was asked for.
        RunError
            If it is not the one that its phase recorded, or that the cell's training recorded.
        """
        dataset = read_reconstruction_input(job.data_path, job.cell.split, self.ledger.artifact_root)
        held = [self.recorded.get(job.data_path.resolve())]
        training = self._training(job)
        if training is not None and training["datasets"] is not None:
            held.append((training["datasets"][job.cell.split]["sha256"], TRAINING_MANIFEST))
        for sha256, name in filter(None, held):
            if dataset.record["sha256"] != sha256:
                raise RunError(
                    f"{dataset.record['path']} is not the dataset that {name} has: its sha256 is "
                    f"{dataset.record['sha256'][:16]}..., recorded is {sha256[:16]}..."
                )
        return dataset

    def bundle(self, job: ReconstructionJob) -> File:
        """Return the record of the bundle that was trained for a job.

        Raises
        ------
        InputError
            If there is no bundle.
        RunError
            If it is not the recorded one.
        """
        training = self._training(job)
        if training is None or training["result"]["status"] != "success":
            raise InputError(f"{job.cell.training_key} has no trained bundle")
        result = training["result"]
        path = job.training.artifact_dir / result["bundle_path"]
        if not path.is_file():
            raise InputError(f"the bundle of {job.cell.training_key} is missing: {path}")
        record = file_record(path, self.ledger.artifact_root)
        if record["sha256"] != result["bundle_sha256"]:
            raise RunError(
                f"{record['path']} is not the bundle that {TRAINING_MANIFEST} has: its sha256 is "
                f"{record['sha256'][:16]}..., recorded is {result['bundle_sha256'][:16]}..."
            )
        return record

    def _training(self, job: ReconstructionJob) -> Record | None:
        """Return the entry of the training that a job belongs to, or None."""
        return self.trainings.entry(job.training) if self.training is None else self.training.entry()
