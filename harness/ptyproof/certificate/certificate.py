"""The determinism certificate of an artifact hub: every attempt to train a job twice to the same bits, and its scope.

Attempts are added and never replaced: a divergence that was found once stays, whatever later ones find.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from ptyproof.certificate.attempts import DIVERGED, FAILED, REPRODUCED, describe
from ptyproof.certificate.repeat_training import Certification, certify_job
from ptyproof.console import Console
from ptyproof.errors import InputError
from ptyproof.hub.layout import CERTIFICATE, TRAINING
from ptyproof.io.locking import lock
from ptyproof.phases.base import Base
from ptyproof.phases.c_simulate.generate import generate
from ptyproof.phases.d_overlap.overlap import OverlapOptions, overlap
from ptyproof.phases.e_train.train import TrainingPhase
from ptyproof.phases.e_train.train_worker import task_of
from ptyproof.records.manifest import read_manifest, timed_head, write_manifest
from ptyproof.records.recorded import read_recorded
from ptyproof.records.training_ledger import TrainingLedger
from ptyproof.study.builtin import DEFAULT_STUDY
from ptyproof.study.design import StudyDesign, design_from_dict
from ptyproof.study.jobs import JobFilters, TrainingJob, check_filters
from ptyproof.study.toml_form import load_study

if TYPE_CHECKING:
    from ptyproof_schemas.types.certificate import Account, Attempt, Scope
    from ptyproof_schemas.types.certificate import Certificate as CertificateRecord

KIND: Final = "certificate"
SCOPE: Scope = {
    "says": (
        "An attempt that is reproduced: two trainings of the job, in fresh processes, had every batch, loss, weight, "
        "optimiser state and random generator alike, bit for bit, in the epochs that are listed, and gave the same "
        "bundle, on the processor, device and threads and with the versions that the trainings name."
    ),
    "does_not_say": [
        "That another processor, device, number of threads or version gives the same bits.",
        "That epochs which are not listed, or jobs without an attempt, are the same.",
        "That the result is right: a wrong one can be reproduced, too.",
        "That the machine is without fault: both trainings ran on it.",
    ],
}


@dataclass(frozen=True)
class Certificate:
    """The certificate of a study in a hub."""

    hub: Path
    design: StudyDesign

    @property
    def path(self) -> Path:
        """The file."""
        return self.hub / CERTIFICATE

    def read(self) -> CertificateRecord | None:
        """Return the certificate, or None if there is no file.

        Raises
        ------
        ManifestError
            If it is damaged.
        InputError
            If it, or the hub's trainings, are of another study.
        """
        training = self.hub / TRAINING
        if training.exists():
            self._refuse_other(training, read_recorded(training, "training_manifest"))
        if not self.path.exists():
            return None
        found = read_manifest(self.path, KIND)
        self._refuse_other(self.path, found)
        return found

    def add(self, attempt: Attempt) -> CertificateRecord:
        """Add an attempt to the file; return the certificate."""
        with lock(self.path):
            earlier = self.read()
            attempts = [*([] if earlier is None else earlier["attempts"]), attempt]
            certificate: CertificateRecord = {
                **timed_head(KIND),
                "study": self.design.name,
                "design_digest": self.design.digest(),
                "scope": SCOPE,
                "account": account_of(attempts),
                "attempts": attempts,
            }
            write_manifest(self.path, certificate)
        return certificate

    def _refuse_other(self, path: Path, record: Mapping[str, Any]) -> None:
        if record["design_digest"] != self.design.digest():
            raise InputError(
                f"{path} is of study {record['study']} with another design; choose another --hub for study "
                f"{self.design.name}"
            )


def study_of(hub: Path) -> StudyDesign:
    """Return the study of a hub's trainings, or the default study if the hub has none.

    Raises
    ------
    ManifestError
        If the manifest of the trainings is damaged.
    """
    training = hub / TRAINING
    if not training.exists():
        return load_study(DEFAULT_STUDY)
    return design_from_dict(read_recorded(training, "training_manifest")["design"])


def account_of(attempts: Sequence[Attempt]) -> Account:
    """Return how many attempts there are, and how they ended."""
    statuses = [attempt["status"] for attempt in attempts]
    return {
        "n_attempts": len(attempts),
        "n_reproduced": statuses.count(REPRODUCED),
        "n_diverged": statuses.count(DIVERGED),
        "n_failed": statuses.count(FAILED),
    }


def certify(
    certificate: Certificate, phase: TrainingPhase, jobs: Sequence[TrainingJob], how: Certification, console: Console
) -> list[Attempt]:
    """Certify jobs whose data are there, one after the other; return the attempts, each recorded when it has ended.

    Raises
    ------
    InputError
        If the certificate is of another study, or a job's budget does not allow the mode; nothing is trained then.
    """
    certificate.read()
    how.compared_epochs(phase.training)
    attempts = []
    ledger = replace(phase.ledger, artifact_root=certificate.path.parent)
    for job in jobs:
        recorded = ledger.entry(job)
        attempt = certify_job(task_of(phase.ledger.design, phase.training, job), job, how, recorded, console)
        certificate.add(attempt)
        console.say(describe(attempt))
        attempts.append(attempt)
    return attempts


def certify_study(
    certificate: Certificate, base: Base, filters: JobFilters, how: Certification, console: Console
) -> list[Attempt]:
    """Make a study's data anew in a temporary folder, certify its jobs, and return the attempts.

    Raises
    ------
    InputError
        If a filter names what the study has not, nothing is left to certify, or as `certify` says.
    """
    certificate.read()
    design = certificate.design
    check_filters(design, filters)
    how.compared_epochs(design.training)
    with TemporaryDirectory(prefix="ptyproof-certify-") as folder:
        c, d = Path(folder, "c"), Path(folder, "d")
        console.say("simulating the study's data in a temporary folder")
        generate(design, base, c, filters.doses)
        overlap(c, d, options=OverlapOptions(doses=filters.doses), design=design)
        phase = TrainingPhase(TrainingLedger(design, c, d, Path(folder, "e")), how.options)
        found = phase.enumerate(filters)
        for line in found.lines(phase.WORDS.verb):
            console.say(line)
        if not found.jobs:
            raise InputError(f"nothing to certify: no selected cell of study {design.name} can be trained")
        return certify(certificate, phase, found.jobs, how, console)


def all_reproduced(attempts: Sequence[Attempt]) -> bool:
    """Tell whether every attempt found what it was to find."""
    return all(attempt["status"] == REPRODUCED for attempt in attempts)
