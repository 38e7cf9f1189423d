"""Sound hubs of a small study, whose reconstructions have a known quality; each is a replicate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from ptyproof.hub.index import Hub
from ptyproof.phases.base import load_base
from ptyproof.phases.c_simulate.generate import generate
from ptyproof.phases.d_overlap.overlap import overlap
from ptyproof.phases.g_compare.compare import open_comparison, run_comparison
from ptyproof.report.summary import write_summary
from ptyproof.runs.folder import RunFolder
from ptyproof.study.design import StudyDesign
from ptyproof.tables.hubs import HubResults, read_hubs
from tests.helpers.hubs import make_run
from tests.helpers.replicates import LEVELS, MakeHub, methods_of
from tests.strategies.reconstructions import phase_f


@pytest.fixture(scope="session")
def tiny(smoke: StudyDesign) -> StudyDesign:
    """The smoke study with one dose and one view."""
    return replace(smoke, doses_photons_per_pattern=(1e4,), views=smoke.views[:1])


@pytest.fixture(scope="session")
def make_hub(tiny: StudyDesign, tmp_path_factory: pytest.TempPathFactory) -> MakeHub:
    """Make a sound hub of a replicate."""

    def make(replicate: int, levels: Mapping[str, float] = LEVELS, design: StudyDesign = tiny) -> Path:
        root = tmp_path_factory.mktemp("tables") / f"replicate{replicate}"
        seeded = replace(design, seeds=replace(design.seeds, simulation=41 + replicate))
        folder = RunFolder(root)
        generate(seeded, load_base(seeded, "builtin"), folder.phase_c_root)
        overlap(folder.phase_c_root, folder.phase_d_root)
        folder.real_run.mkdir(parents=True)
        methods = methods_of(levels, replicate)
        phase_f(folder.real_run, seeded, folder.phase_c_root, folder.phase_d_root, methods)
        run_comparison(open_comparison(folder.real_run, figures=False))
        hub = Hub(root)
        make_run(hub, real_run=True, outcomes={"passed": 1}, n_collected=1)
        hub.write(lambda: write_summary(root))
        return root

    return make


@pytest.fixture(scope="session")
def three(make_hub: MakeHub) -> list[Path]:
    """Three replicates."""
    return [make_hub(replicate) for replicate in (1, 2, 3)]


@pytest.fixture
def results(three: list[Path]) -> list[HubResults]:
    """What they hold."""
    return read_hubs(three)
