"""A plugin for runs that certify: the trainings are done in forks of the run, which has imported what takes seconds."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    """Take the place of what starts a fresh process for each training."""
    from ptyproof.certificate import repeat_training

    sys.path.append(str(Path(__file__).parents[3]))
    from tests.helpers.repeats import forked

    vars(repeat_training)["launch"] = forked()
