"""`--ptyproof-certify`: each training of a real run is done twice more, in fresh processes, to the same bits.

    def test_certificate(ptyproof_training_job, ptyproof_certify_job):
        attempt = ptyproof_certify_job(ptyproof_training_job)
        assert attempt["status"] == "reproduced", describe(attempt)

The module `pytest_ptyproof.real_run.test_certificate` is collected with this option alone.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_ptyproof.options import on_command_line, value_of
from pytest_ptyproof.shared import plain_errors, watched_console

if TYPE_CHECKING:
    from ptyproof.jobs.attempt import EndedJob
    from ptyproof.runs.matrix import MatrixRun
    from ptyproof.study.jobs import TrainingJob
    from ptyproof_schemas.types.certificate import Attempt

_TESTS = Path(__file__).parent / "real_run" / "test_certificate.py"


def pytest_configure(config: pytest.Config) -> None:
    """Refuse options that cannot be meant before anything is collected."""
    mode, epochs = value_of(config, "certify-mode"), value_of(config, "certify-epochs")
    if not value_of(config, "certify"):
        if on_command_line(config, "certify-mode", "certify-epochs"):
            raise pytest.UsageError("--ptyproof-certify-mode and --ptyproof-certify-epochs need --ptyproof-certify")
        return
    if mode not in ("twice", "resume"):
        raise pytest.UsageError(f"--ptyproof-certify-mode must be one of twice, resume, got {mode!r}")
    if epochs is not None and epochs < 1:
        raise pytest.UsageError(f"--ptyproof-certify-epochs must be a whole number >= 1, got {epochs}")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the tests of certificates out unless they are asked for."""
    return True if collection_path == _TESTS and not value_of(config, "certify") else None


@pytest.fixture(scope="session")
def ptyproof_certify_job(
    ptyproof_matrix_run: MatrixRun,
    ptyproof_train_job: Callable[[TrainingJob], EndedJob[TrainingJob]],
    request: pytest.FixtureRequest,
) -> Callable[[TrainingJob], Attempt]:
    """A function that trains a job twice more and returns the attempt (dict) recorded in the hub's certificate.

    The job is trained for the run first; that bundle must have the same bits, too. The attempt's `status` is
    `reproduced`, `diverged` or `failed`.
    """

    def certify_one(job: TrainingJob) -> Attempt:
        from ptyproof.certificate.certificate import Certificate, certify
        from ptyproof.certificate.repeat_training import Certification

        config = request.config
        done = ptyproof_train_job(job)
        if done.status != "success":
            pytest.fail(f"{job.key} was not certified: its training is {done.status}: {done.error}", pytrace=False)
        how = Certification(
            ptyproof_matrix_run.options, value_of(config, "certify-mode"), value_of(config, "certify-epochs")
        )
        certificate = Certificate(ptyproof_matrix_run.hub, ptyproof_matrix_run.design)
        with plain_errors(), watched_console(config) as watched:
            (attempt,) = certify(certificate, ptyproof_matrix_run.phase_e, [job], how, watched)
        return attempt

    return certify_one
