"""What the plugin's files share: the study of a run, a cell's name, errors in one sentence, and who watches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from ptyproof.console import plain
from pytest_ptyproof.hub import is_worker
from pytest_ptyproof.options import in_pytest_words, value_of
from pytest_ptyproof.skips import skip_cell

if TYPE_CHECKING:
    from ptyproof.console import Console
    from ptyproof.runs.phase_run import PhaseRun
    from ptyproof.study.cells import JobT
    from ptyproof.study.design import StudyDesign

RECONSTRUCTION = "ptyproof_reconstruction_job"
COMPARISON = "ptyproof_comparison_cell"
TRAINING = "ptyproof_training_job"
MATRIX = pytest.StashKey[Any]()  # the MatrixRun, once a test has asked for it
_DESIGN = pytest.StashKey[Any]()


@dataclass(frozen=True)
class TrainingCell:
    """A cell of Phase E, before anybody knows whether it can be trained."""

    key: str


@dataclass(frozen=True)
class ReconstructionCell:
    """A cell of Phase F, before anybody knows whether it can be reconstructed."""

    key: str
    training_key: str
    method: str


@dataclass(frozen=True)
class ComparisonCell:
    """A dose, view and half of Phase G, with its cells of Phase F, one for each method."""

    key: str
    members: tuple[ReconstructionCell, ...]


def study_of(config: pytest.Config) -> StudyDesign:
    """Return the study of a run: `--ptyproof-study`, or the default."""
    if _DESIGN not in config.stash:
        from ptyproof.study.builtin import DEFAULT_STUDY
        from ptyproof.study.toml_form import load_study

        config.stash[_DESIGN] = load_study(value_of(config, "study") or DEFAULT_STUDY)
    design: StudyDesign = config.stash[_DESIGN]
    return design


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn an error that ptyproof raises on purpose, or a missing or broken extra, into a failure of one sentence."""
    from ptyproof.errors import PtyproofError
    from ptyproof.extras import sentence_about

    try:
        yield
    except Exception as error:
        said = str(error) if isinstance(error, PtyproofError) else sentence_about(error)
        if said is None:
            raise
        pytest.fail(plain(in_pytest_words(said)), pytrace=False)


def job_of(run: PhaseRun[JobT], key: str) -> JobT:
    """Return the job of a cell; a cell that cannot be done skips the test, with the reason that the manifest has."""
    with plain_errors():
        found = run.cell(key)
    if isinstance(found, str):
        skip_cell(key, found)
    return found


@contextmanager
def watched_console(config: pytest.Config) -> Iterator[Console]:
    """Yield a console whose progress bars reach the terminal although pytest captures output."""
    from ptyproof.console import Console

    capture = config.pluginmanager.getplugin("capturemanager")
    if is_worker(config) or capture is None or config.getoption("verbose") < 0:
        yield Console.silent()
        return
    with capture.global_and_fixture_disabled():
        yield Console(None, Console.for_terminal().bars)
