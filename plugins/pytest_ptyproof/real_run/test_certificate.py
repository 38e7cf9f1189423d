"""With `--ptyproof-certify`: every training of the study gives the same bits again, in processes of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ptyproof.study.jobs import TrainingJob
    from ptyproof_schemas.types.certificate import Attempt

pytestmark = pytest.mark.real_run


def test_certificate(
    ptyproof_training_job: TrainingJob, ptyproof_certify_job: Callable[[TrainingJob], Attempt]
) -> None:
    """Two trainings in fresh processes, and that of the run, agree bit for bit."""
    from ptyproof.certificate.attempts import describe

    attempt = ptyproof_certify_job(ptyproof_training_job)
    assert attempt["status"] == "reproduced", describe(attempt)
