"""Sound hubs of a small study: an old one, and new ones that differ from it in a known way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ptyproof.study.design import StudyDesign
from tests.helpers.replicates import LEVELS, make_replicate


@pytest.fixture(scope="session")
def tiny(smoke: StudyDesign) -> StudyDesign:
    """The smoke study with one dose and one view."""
    return replace(smoke, doses_photons_per_pattern=(1e4,), views=smoke.views[:1])


@pytest.fixture(scope="session")
def old(tiny: StudyDesign, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The hub that others are compared with."""
    return make_replicate(tmp_path_factory.mktemp("old") / "october", tiny, 1)


@pytest.fixture(scope="session")
def noisier(tiny: StudyDesign, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hub on the same patterns, in which lsqml is noisier."""
    return make_replicate(tmp_path_factory.mktemp("new") / "november", tiny, 1, LEVELS | {"lsqml": 0.08})


@pytest.fixture(scope="session")
def failed(tiny: StudyDesign, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hub on the same patterns, in which pinn failed."""
    return make_replicate(tmp_path_factory.mktemp("failed") / "december", tiny, 1, failed=["pinn"])
