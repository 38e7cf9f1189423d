"""A sound hub that other programs are to read: one view of two that the scan can give, and a method that failed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ptyproof.study.design import StudyDesign
from tests.helpers.replicates import make_replicate


@pytest.fixture(scope="session")
def made(smoke: StudyDesign, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The hub; tests leave it as it is."""
    design = replace(smoke, doses_photons_per_pattern=(1e4,), views=(smoke.views[0], smoke.views[2]))
    return make_replicate(tmp_path_factory.mktemp("exchange") / "hub", design, 1, failed=["pinn"])
