"""Fixtures that run a study: base, Phases C and D, and the trainings of its matrix, each cell a test item.

    def test_training(training_job, train_job):
        done = train_job(training_job)
        assert done.status == "success", done.error

Fixtures are thin: the phases are `ptyproof.evidence`, and their imports stand inside the fixtures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_ptyproof.hub import is_worker

if TYPE_CHECKING:
    from ptyproof.console import Console
    from ptyproof.evidence.base import Base
    from ptyproof.evidence.matrix_run import MatrixRun, PhaseFolder
    from ptyproof.evidence.phase_e import TrainedJob
    from ptyproof.study.design import StudyDesign
    from ptyproof.study.jobs import TrainingJob

_DESIGN = pytest.StashKey[Any]()
_CELL = "training_job"


@dataclass(frozen=True)
class _Cell:
    """A cell of the matrix, before anybody knows whether it can be trained."""

    key: str


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the study."""
    group = parser.getgroup("ptyproof")
    group.addoption("--study", default=None, metavar="NAME|FILE.toml", help="study that real runs run (default: fly64)")
    group.addoption(
        "--base-npz",
        default="builtin",
        metavar="FILE|builtin",
        help="object, probe and positions that real runs simulate from (default: the study's own)",
    )
    group.addoption(
        "--accelerator",
        default="auto",
        metavar="cpu|gpu|auto",
        help="where real runs train (default: a GPU where there is one)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Refuse options that cannot be meant before anything is collected."""
    from ptyproof.errors import InputError

    try:
        if config.getoption("--study") is not None:
            _design(config)
        if config.getoption("--accelerator") != "auto":
            from ptyproof.training.device import RunOptions, resolve_accelerator

            resolve_accelerator(RunOptions(accelerator=config.getoption("--accelerator")).accelerator)
        base = config.getoption("--base-npz")
        if base != "builtin" and not Path(base).is_file():
            raise InputError(f"--base-npz must be a file or builtin, got {base}")
    except InputError as error:
        raise pytest.UsageError(str(error)) from error


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrize every test that asks for `training_job` over the cells of the study."""
    if _CELL not in metafunc.fixturenames:
        return
    from ptyproof.study.jobs import cell_key

    design = _design(metafunc.config)
    cells = [
        _Cell(cell_key(dose, view.name, view.gridsize))
        for dose in design.doses_photons_per_pattern
        for view in design.views
    ]
    metafunc.parametrize(_CELL, cells, indirect=True, ids=[cell.key for cell in cells], scope="session")


@pytest.fixture(scope="session")
def study_design(request: pytest.FixtureRequest) -> StudyDesign:
    """The study that the run is about: `--study`, or the built-in fly64 (a `ptyproof.study.design.StudyDesign`)."""
    return _design(request.config)


@pytest.fixture(scope="session")
def base_dataset(request: pytest.FixtureRequest, study_design: StudyDesign) -> Base:
    """What is simulated from: `.dataset` has object, probe and positions (`--base-npz`, or the study's own)."""
    from ptyproof.evidence.base import load_base

    with _plain_errors():
        return load_base(study_design, request.config.getoption("--base-npz"))


@pytest.fixture(scope="session")
def matrix_run(
    request: pytest.FixtureRequest, artifact_hub: Path, study_design: StudyDesign, base_dataset: Base
) -> MatrixRun:
    """The run of the study's matrix in the artifact hub; the other fixtures are steps of it."""
    from ptyproof.evidence.matrix_run import MatrixRun
    from ptyproof.training.device import RunOptions

    config = request.config
    items = [item for item in request.session.items if isinstance(item, pytest.Function) and hasattr(item, "callspec")]
    chosen = [item.callspec.params.get(_CELL) for item in items]
    selected = frozenset(cell.key for cell in chosen if isinstance(cell, _Cell))
    call_id = getattr(config, "workerinput", {}).get("testrunuid")
    return MatrixRun(
        artifact_hub,
        study_design,
        base_dataset,
        RunOptions(accelerator=config.getoption("--accelerator")),
        selected or None,
        call_id,
    )


@pytest.fixture(scope="session")
def phase_c(matrix_run: MatrixRun, request: pytest.FixtureRequest) -> PhaseFolder:
    """Phase C of the study, made once: `.root` and `.manifest` (run_manifest.json)."""
    with _plain_errors(), _watched(request.config) as watched:
        return matrix_run.phase_c(watched)


@pytest.fixture(scope="session")
def phase_d(matrix_run: MatrixRun, phase_c: PhaseFolder, request: pytest.FixtureRequest) -> PhaseFolder:
    """Phase D of the study, made once: `.root` and `.manifest` (overlap_manifest.json)."""
    with _plain_errors(), _watched(request.config) as watched:
        return matrix_run.phase_d(watched)


@pytest.fixture(scope="session")
def training_job(matrix_run: MatrixRun, phase_d: PhaseFolder, request: pytest.FixtureRequest) -> TrainingJob:
    """A training of the study's matrix; a test that asks for it runs once for each cell.

    A cell that cannot be trained is skipped, with the reason that the manifest has.
    """
    with _plain_errors():
        found = matrix_run.cell(request.param.key)
    if isinstance(found, str):
        pytest.skip(found)
    return found


@pytest.fixture(scope="session")
def train_job(matrix_run: MatrixRun, request: pytest.FixtureRequest) -> Callable[[TrainingJob], TrainedJob]:
    """A function that trains a job for real and returns how it ended: `.status`, `.error`, `.entry`, `.bundle_path`.

    A job is trained once, however many tests and processes ask for it.
    """

    def train(job: TrainingJob) -> TrainedJob:
        with _plain_errors(), _watched(request.config) as watched:
            return matrix_run.train(job, watched)

    return train


@pytest.fixture(scope="session")
def training_manifest(matrix_run: MatrixRun, phase_d: PhaseFolder, request: pytest.FixtureRequest) -> dict[str, Any]:
    """The manifest (dict) of the selected cells, or of the whole matrix, after every job of it has ended."""
    with _plain_errors(), _watched(request.config) as watched:
        return matrix_run.complete(watched)


@pytest.fixture(scope="session")
def validate_manifest() -> Callable[[Path], dict[str, Any]]:
    """A function that reads a manifest and fails the test, in one sentence, unless it obeys the schema of its kind."""

    def validate(path: Path) -> dict[str, Any]:
        from ptyproof.evidence.manifest import read_any_manifest

        with _plain_errors():
            return read_any_manifest(Path(path))

    return validate


def _design(config: pytest.Config) -> StudyDesign:
    if _DESIGN not in config.stash:
        from ptyproof.study.builtin import DEFAULT_STUDY
        from ptyproof.study.toml_form import load_study

        config.stash[_DESIGN] = load_study(config.getoption("--study") or DEFAULT_STUDY)
    design: StudyDesign = config.stash[_DESIGN]
    return design


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Turn an error that ptyproof raises on purpose into a failure of one sentence."""
    from ptyproof.errors import PtyproofError

    try:
        yield
    except PtyproofError as error:
        pytest.fail(str(error), pytrace=False)


@contextmanager
def _watched(config: pytest.Config) -> Iterator[Console]:
    """Yield a console whose progress bars reach the terminal although pytest captures output."""
    from ptyproof.console import Console

    capture = config.pluginmanager.getplugin("capturemanager")
    if is_worker(config) or capture is None or config.getoption("verbose") < 0:
        yield Console.silent()
        return
    with capture.global_and_fixture_disabled():
        yield Console(None, Console.for_terminal().bars)
