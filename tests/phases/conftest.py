"""What tests of Phases F and G look at, made once: trainings to reconstruct with, and a comparison of known quality."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from ptyproof.phases.base import load_base
from ptyproof.phases.c_simulate.generate import generate
from ptyproof.phases.d_overlap.overlap import overlap
from ptyproof.phases.g_compare.compare import open_comparison, run_comparison
from ptyproof.study.design import StudyDesign
from tests.helpers.phases import Phase
from tests.helpers.sharing import made_once
from tests.strategies.reconstructions import phase_f


@pytest.fixture(scope="session")
def trained(smoke_c: Phase, smoke_d: Phase, smoke_e: Phase, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Dose 1000 of the smoke study with its trainings."""

    def copied(root: Path) -> Path:
        for name, phase in (("c", smoke_c), ("d", smoke_d), ("e", smoke_e)):
            shutil.copytree(phase.root, root / name, ignore=shutil.ignore_patterns("dose_10000*"))
        return root

    return made_once(tmp_path_factory, "phases/trained", copied)


@pytest.fixture
def root(trained: Path, tmp_path: Path) -> Path:
    """A copy of the trainings and their data that a test may change."""
    shutil.copytree(trained, tmp_path / "study")
    return tmp_path / "study"


@pytest.fixture(scope="session")
def one_dose(smoke: StudyDesign) -> StudyDesign:
    """The smoke study with one dose."""
    return replace(smoke, doses_photons_per_pattern=(1e4,))


@pytest.fixture(scope="session")
def compared(one_dose: StudyDesign, tmp_path_factory: pytest.TempPathFactory) -> Phase:
    """The comparison of Phase F of known quality."""

    def made(root: Path) -> Phase:
        generate(one_dose, load_base(one_dose, "builtin"), root / "c")
        overlap(root / "c", root / "d")
        (root / "f").mkdir()
        phase_f(root / "f", one_dose, root / "c", root / "d")
        return Phase(root / "f", dict(run_comparison(open_comparison(root / "f"))))

    return made_once(tmp_path_factory, "phases/compared", made)


@pytest.fixture(scope="session")
def data(compared: Phase) -> Path:
    """The folder with Phases C and D of one dose, Phase F of known quality, and its comparison."""
    return compared.root.parent


@pytest.fixture
def copy(data: Path, tmp_path: Path) -> Path:
    """The folder, to be changed; without the comparison."""
    root = tmp_path / "copy"
    for name in ("c", "d"):
        shutil.copytree(data / name, root / name)
    ignore = shutil.ignore_patterns("comparison*", "metrics_summary*", "frc_curves*")
    shutil.copytree(data / "f", root / "f", ignore=ignore)
    return root
