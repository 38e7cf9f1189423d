"""Sound hubs of a small study, whose reconstructions have a known quality; each is a replicate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from ptyproof.study.design import StudyDesign
from ptyproof.tables.hubs import HubResults, read_hubs
from tests.helpers.replicates import LEVELS, MakeHub, make_replicate


@pytest.fixture(scope="session")
def tiny(smoke: StudyDesign) -> StudyDesign:
    """The smoke study with one dose and one view."""
    return replace(smoke, doses_photons_per_pattern=(1e4,), views=smoke.views[:1])


@pytest.fixture(scope="session")
def make_hub(tiny: StudyDesign, tmp_path_factory: pytest.TempPathFactory) -> MakeHub:
    """Make a sound hub of a replicate."""

    def make(replicate: int, levels: Mapping[str, float] = LEVELS, design: StudyDesign = tiny) -> Path:
        return make_replicate(tmp_path_factory.mktemp("tables") / f"replicate{replicate}", design, replicate, levels)

    return make


@pytest.fixture(scope="session")
def three(make_hub: MakeHub) -> list[Path]:
    """Three replicates."""
    return [make_hub(replicate) for replicate in (1, 2, 3)]


@pytest.fixture
def results(three: list[Path]) -> list[HubResults]:
    """What they hold."""
    return read_hubs(three)
