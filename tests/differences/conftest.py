"""Sound hubs of a small study: an old one, and new ones that differ from it in a known way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ptyproof.differences.sides import Side, read_side
from ptyproof.study.design import StudyDesign
from tests.helpers.replicates import LEVELS, make_replicate
from tests.helpers.sharing import made_once


@pytest.fixture(scope="session")
def tiny(smoke: StudyDesign) -> StudyDesign:
    """The smoke study with one dose and one view."""
    return replace(smoke, doses_photons_per_pattern=(1e4,), views=smoke.views[:1])


@pytest.fixture(scope="session")
def old(tiny: StudyDesign, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The hub that others are compared with."""
    return made_once(tmp_path_factory, "differences/october", lambda root: make_replicate(root / "october", tiny, 1))


@pytest.fixture(scope="session")
def noisier(tiny: StudyDesign, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hub on the same patterns, in which lsqml is noisier."""
    levels = LEVELS | {"lsqml": 0.08}
    return made_once(
        tmp_path_factory, "differences/november", lambda root: make_replicate(root / "november", tiny, 1, levels)
    )


@pytest.fixture(scope="session")
def failed(tiny: StudyDesign, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hub on the same patterns, in which pinn failed."""
    return made_once(
        tmp_path_factory,
        "differences/december",
        lambda root: make_replicate(root / "december", tiny, 1, failed=["pinn"]),
    )


@pytest.fixture
def side(old: Path) -> Side:
    """The old hub."""
    return read_side(old)
