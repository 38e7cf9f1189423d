"""Sound hubs with a method that failed: one that other programs are to read, and one with its parts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ptyproof.study.design import StudyDesign
from tests.helpers.merged_hubs import WAYS, split
from tests.helpers.replicates import make_replicate
from tests.helpers.sharing import made_once


@pytest.fixture(scope="session")
def made(smoke: StudyDesign, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hub with one view of two that the scan can give; tests leave it as it is."""
    design = replace(smoke, doses_photons_per_pattern=(1e4,), views=(smoke.views[0], smoke.views[2]))
    return made_once(
        tmp_path_factory, "exchange/described", lambda root: make_replicate(root / "hub", design, 1, failed=["pinn"])
    )


@pytest.fixture(scope="session")
def whole(smoke: StudyDesign, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hub of two doses and three views; tests leave it as it is."""
    design = replace(smoke, doses_photons_per_pattern=(1e3, 1e4))
    return made_once(
        tmp_path_factory, "exchange/whole", lambda root: make_replicate(root / "whole", design, 1, failed=["pinn"])
    )


@pytest.fixture(scope="session")
def parts(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Its doses, each in a hub of its own; tests leave them as they are."""
    return made_once(tmp_path_factory, "exchange/parts", lambda root: split(whole, root, WAYS["doses"]))
