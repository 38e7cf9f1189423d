"""Fixtures that run a study: base, Phases C and D, and the trainings of its matrix, each cell a test item.

    def test_training(ptyproof_training_job, ptyproof_train_job):
        done = ptyproof_train_job(ptyproof_training_job)
        assert done.status == "success", done.error

Fixtures are thin: the phases are `ptyproof.phases`, and their imports stand inside the fixtures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_ptyproof.hub import is_worker
from pytest_ptyproof.marker import asks_for_real_runs, runs_tests
from pytest_ptyproof.methods import guests_of, registered_methods
from pytest_ptyproof.options import in_pytest_words, on_command_line, value_of
from pytest_ptyproof.shared import (
    COMPARISON,
    MATRIX,
    RECONSTRUCTION,
    TRAINING,
    ComparisonCell,
    ReconstructionCell,
    TrainingCell,
    job_of,
    plain_errors,
    study_of,
    watched_console,
)

if TYPE_CHECKING:
    from ptyproof.jobs.attempt import EndedJob
    from ptyproof.jobs.executor import Executor
    from ptyproof.jobs.executors import Opener
    from ptyproof.jobs.process import JobProcesses
    from ptyproof.phases.base import Base
    from ptyproof.runs.matrix import MatrixRun, PhaseFolder
    from ptyproof.study.design import StudyDesign
    from ptyproof.study.jobs import TrainingJob
    from ptyproof.training.device import RunOptions

_ELSEWHERE = ("executor", "executor-options", "scheduler")
_OF_JOBS = ("retry", "job-timeout", "job-memory", "jobs", *_ELSEWHERE)
_OPTIONS = ("study", "base-npz", "accelerator", *_OF_JOBS)
_EXECUTOR = pytest.StashKey[Any]()  # an executor that no run has taken


def pytest_configure(config: pytest.Config) -> None:
    """Refuse options that cannot be meant before anything is collected.

    Raises
    ------
    pytest.UsageError
        If the study, the accelerator, the base or a limit of jobs cannot be used, or an executor cannot be opened.
    """
    if not (asks_for_real_runs(config) or on_command_line(config, *_OPTIONS)):
        return
    from ptyproof.errors import InputError
    from ptyproof.extras import sentence_about

    try:
        study_of(config)
        if value_of(config, "accelerator") != "auto":
            from ptyproof.training.device import resolve_accelerator

            options = _run_options(config)
            if options.here:
                resolve_accelerator(options.accelerator)
        base = value_of(config, "base-npz")
        if base != "builtin" and not Path(base).is_file():
            raise InputError(f"--base-npz must be a file or builtin, got {base}")
        if any(value_of(config, name) for name in _OF_JOBS):
            opener = _opener(config)
            asked = asks_for_real_runs(config) or on_command_line(config, *_ELSEWHERE)
            if asked and value_of(config, "executor") != "local" and runs_tests(config):
                config.stash[_EXECUTOR] = opener()  # before anything is written: a scheduler may not answer, or refuse
    except Exception as error:
        said = str(error) if isinstance(error, InputError) else sentence_about(error)
        if said is None:
            raise
        raise pytest.UsageError(in_pytest_words(said)) from error


def pytest_unconfigure(config: pytest.Config) -> None:
    """Give back an executor that no test has asked for."""
    executor = _taken(config)
    if executor is not None:
        executor.close()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrize every test that asks for `ptyproof_training_job` over the cells of the study."""
    if TRAINING not in metafunc.fixturenames:
        return
    from ptyproof.study.jobs import training_cells

    cells = [TrainingCell(cell.key) for cell in training_cells(study_of(metafunc.config))]
    metafunc.parametrize(TRAINING, cells, indirect=True, ids=[cell.key for cell in cells], scope="session")


@pytest.fixture(scope="session")
def ptyproof_study_design(request: pytest.FixtureRequest) -> StudyDesign:
    """The study of the run: `--ptyproof-study`, or the built-in fly64 (a `ptyproof.study.design.StudyDesign`)."""
    return study_of(request.config)


@pytest.fixture(scope="session")
def ptyproof_base_dataset(request: pytest.FixtureRequest, ptyproof_study_design: StudyDesign) -> Base:
    """The base of the simulation: `.dataset` with object, probe and positions (`--ptyproof-base-npz`, or built in)."""
    from ptyproof.phases.base import load_base

    with plain_errors():
        return load_base(ptyproof_study_design, value_of(request.config, "base-npz"))


@pytest.fixture(scope="session")
def ptyproof_matrix_run(
    request: pytest.FixtureRequest,
    ptyproof_artifact_hub: Path,
    ptyproof_study_design: StudyDesign,
    ptyproof_base_dataset: Base,
) -> Iterator[MatrixRun]:
    """The run of the study's matrix in the artifact hub; the other fixtures are steps of it."""
    from ptyproof.runs.matrix import MatrixRun

    config = request.config
    with plain_errors():
        executor = _taken(config) or _opener(config)()
    selected, reconstructions = _selected(request.session)
    call_id = getattr(config, "workerinput", {}).get("testrunuid")
    matrix = MatrixRun(
        ptyproof_artifact_hub,
        ptyproof_study_design,
        ptyproof_base_dataset,
        _run_options(config),
        selected or None,
        call_id,
        reconstructions or None,
        registered_methods(config),
        *_how_jobs_run(config),
        executor,
    )
    config.stash[MATRIX] = matrix
    yield matrix
    matrix.close()


@pytest.fixture(scope="session")
def ptyproof_phase_c(ptyproof_matrix_run: MatrixRun, request: pytest.FixtureRequest) -> PhaseFolder:
    """Phase C of the study, made once: `.root` and `.manifest` (run_manifest.json)."""
    with plain_errors(), watched_console(request.config) as watched:
        return ptyproof_matrix_run.phase_c(watched)


@pytest.fixture(scope="session")
def ptyproof_phase_d(
    ptyproof_matrix_run: MatrixRun, ptyproof_phase_c: PhaseFolder, request: pytest.FixtureRequest
) -> PhaseFolder:
    """Phase D of the study, made once: `.root` and `.manifest` (overlap_manifest.json)."""
    with plain_errors(), watched_console(request.config) as watched:
        return ptyproof_matrix_run.phase_d(watched)


@pytest.fixture(scope="session")
def ptyproof_training_job(
    ptyproof_matrix_run: MatrixRun, ptyproof_phase_d: PhaseFolder, request: pytest.FixtureRequest
) -> TrainingJob:
    """A training of the study's matrix; a test with this fixture runs once for each cell.

    A cell that cannot be trained is skipped, with the reason that the manifest has.
    """
    return job_of(ptyproof_matrix_run.trainings, request.param.key)


@pytest.fixture(scope="session")
def ptyproof_train_job(
    ptyproof_matrix_run: MatrixRun, request: pytest.FixtureRequest
) -> Callable[[TrainingJob], EndedJob[TrainingJob]]:
    """A function that trains a job and returns its end: `.status`, `.error`, `.entry`, `.bundle_path`.

    A job is trained once, however many tests and processes ask for it.
    """

    def train(job: TrainingJob) -> EndedJob[TrainingJob]:
        with plain_errors(), watched_console(request.config) as watched:
            return ptyproof_matrix_run.train(job, watched)

    return train


@pytest.fixture(scope="session")
def ptyproof_training_manifest(
    ptyproof_matrix_run: MatrixRun, ptyproof_phase_d: PhaseFolder, request: pytest.FixtureRequest
) -> dict[str, Any]:
    """The manifest (dict) of the selected cells, or of the whole matrix, after all of its jobs have ended."""
    with plain_errors(), watched_console(request.config) as watched:
        return ptyproof_matrix_run.complete(watched)


@pytest.fixture(scope="session")
def ptyproof_validate_manifest() -> Callable[[Path], dict[str, Any]]:
    """A function that reads a manifest and fails the test unless it matches the schema of its kind."""

    def validate(path: Path) -> dict[str, Any]:
        from ptyproof.records.manifest import read_any_manifest

        with plain_errors():
            return read_any_manifest(Path(path))

    return validate


def _how_jobs_run(config: pytest.Config) -> tuple[JobProcesses, frozenset[str]]:
    from ptyproof.jobs.ends import checked_retry
    from ptyproof.jobs.process import JobProcesses, n_bytes

    memory = value_of(config, "job-memory")
    limits = JobProcesses(value_of(config, "job-timeout"), None if memory is None else n_bytes(memory))
    return limits, checked_retry(tuple(value_of(config, "retry")))


def _run_options(config: pytest.Config) -> RunOptions:
    from ptyproof.training.device import RunOptions

    return RunOptions(
        accelerator=value_of(config, "accelerator"), threads=1, here=value_of(config, "executor") == "local"
    )


def _taken(config: pytest.Config) -> Executor | None:
    """Return the executor that was opened before the run, to the first who asks."""
    executor: Executor | None = config.stash.get(_EXECUTOR, None)
    config.stash[_EXECUTOR] = None
    return executor


def _opener(config: pytest.Config) -> Opener:
    """Return what opens the executor; a worker of pytest-xdist has siblings, and runs one job at a time."""
    from ptyproof.jobs.executors import LOCAL, ExecutorChoice, opener

    kind, options = value_of(config, "executor"), value_of(config, "executor-options")
    jobs = value_of(config, "jobs") if kind == LOCAL or on_command_line(config, "jobs") else None
    if kind == LOCAL and is_worker(config):
        jobs = "1"
    elif kind != LOCAL and (is_worker(config) or config.getoption("numprocesses", None)):
        raise pytest.UsageError(f"--ptyproof-executor {kind} runs jobs at once by itself: leave out -n of pytest-xdist")
    choice = ExecutorChoice(kind, None if options is None else Path(options), value_of(config, "scheduler"), jobs)
    limits, _ = _how_jobs_run(config)
    return opener(choice, limits.memory_bytes)


def _selected(session: pytest.Session) -> tuple[frozenset[str], frozenset[str]]:
    """Return the keys of the trainings and reconstructions that the run is about.

    A reconstruction by a network is about its training, too, and a comparison about every reconstruction of its cell.
    """
    from ptyproof.methods.registry import NEED_TRAINING

    items = [item for item in session.items if isinstance(item, pytest.Function) and hasattr(item, "callspec")]
    trainings = {cell.key for item in items if isinstance(cell := item.callspec.params.get(TRAINING), TrainingCell)}
    chosen = [item.callspec.params.get(RECONSTRUCTION) for item in items]
    cells = [cell for cell in chosen if isinstance(cell, ReconstructionCell)]
    for compared in [item.callspec.params.get(COMPARISON) for item in items]:
        cells += compared.members if isinstance(compared, ComparisonCell) else ()
    networks = NEED_TRAINING | {method.name for method, _ in guests_of(session.config) if method.needs.training}
    trainings |= {cell.training_key for cell in cells if cell.method in networks}
    return frozenset(trainings), frozenset(cell.key for cell in cells)
