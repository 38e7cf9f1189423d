"""Fixtures that reconstruct: the cells of a study with every method, each a test item, and methods on your own data.

    def test_reconstruction(ptyproof_reconstruction_job, ptyproof_reconstruct):
        done = ptyproof_reconstruct(ptyproof_reconstruction_job)
        assert done.status == "success", done.error

    def test_my_scan(ptyproof_reconstruction_method, ptyproof_reconstruct, my_scan):
        found = ptyproof_reconstruct(ptyproof_reconstruction_method, my_scan, epochs=20)

Methods of others join by the hook `ptyproof_register_methods` (see `pytest_ptyproof.hookspec`) or an entry point.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from ptyproof.console import plain
from pytest_ptyproof.methods import method_names, registered_methods
from pytest_ptyproof.shared import (
    RECONSTRUCTION,
    ReconstructionCell,
    job_of,
    plain_errors,
    study_of,
    watched_console,
)
from pytest_ptyproof.skips import skip_cell

if TYPE_CHECKING:
    from ptyproof.methods.reconstruction_jobs import ReconstructionJob
    from ptyproof.reconstruction.method import Method
    from ptyproof.runs.matrix import MatrixRun, PhaseFolder

_METHOD = "ptyproof_reconstruction_method"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrize tests over the cells of `ptyproof_reconstruction_job`, or over `ptyproof_reconstruction_method`."""
    if _METHOD in metafunc.fixturenames:
        metafunc.parametrize(_METHOD, method_names(metafunc.config), indirect=True, scope="session")
    if RECONSTRUCTION not in metafunc.fixturenames:
        return
    from ptyproof.methods.reconstruction_jobs import study_cells

    cells = [
        ReconstructionCell(cell.key, cell.training_key, cell.method)
        for cell in study_cells(study_of(metafunc.config), method_names(metafunc.config))
    ]
    metafunc.parametrize(RECONSTRUCTION, cells, indirect=True, ids=[cell.key for cell in cells], scope="session")


@pytest.fixture(scope="session")
def ptyproof_reconstruction_job(
    ptyproof_matrix_run: MatrixRun, ptyproof_phase_d: PhaseFolder, request: pytest.FixtureRequest
) -> ReconstructionJob:
    """A reconstruction of the study's matrix; a test with this fixture runs once for each cell: view, half and method.

    A cell that cannot be reconstructed is skipped, with the reason that the manifest has.
    """
    return job_of(ptyproof_matrix_run.reconstructions, request.param.key)


@pytest.fixture(scope="session")
def ptyproof_reconstruction_method(request: pytest.FixtureRequest) -> Method:
    """A method of the study; a test with this fixture runs once for each method, or skips one that cannot run here."""
    from ptyproof.methods.registry import registry

    with plain_errors():
        methods = registry(study_of(request.config), registered_methods(request.config))
        found = methods[request.param]
    if found.unavailable is not None:
        pytest.skip(plain(f"{found.name}: {found.unavailable}"))
    return found.method


@pytest.fixture(scope="session")
def ptyproof_reconstruct(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """A function that runs a method on a scan.

    Of a `ptyproof_reconstruction_job` it returns how the cell ended: `.status`, `.error`, `.entry`; a cell is
    reconstructed once, however many tests and processes ask for it, and after the training that it needs. Of `(method,
    scan, epochs=None, seed=0)` it returns the `Reconstruction` of your own `BlindScan`, after a check of what the
    method returned.
    """

    def run(what: Any, scan: Any = None, epochs: int | None = None, seed: int = 0) -> Any:
        from ptyproof.methods.reconstruction_jobs import ReconstructionJob
        from ptyproof.study.cells import Skip

        with plain_errors():
            if not isinstance(what, ReconstructionJob):
                from ptyproof.reconstruction.method import Budget, run_method
                from ptyproof.study.seeds import stream

                return run_method(what, scan, Budget(epochs), stream(seed, "reconstruct", what.name))
            matrix: MatrixRun = request.getfixturevalue("ptyproof_matrix_run")
            with watched_console(request.config) as watched:
                done = matrix.reconstruct(what, watched)
        if isinstance(done, Skip):
            skip_cell(done.key, done.reason)
        return done

    return run


@pytest.fixture(scope="session")
def ptyproof_reconstruction_manifest(
    ptyproof_matrix_run: MatrixRun, ptyproof_phase_d: PhaseFolder, request: pytest.FixtureRequest
) -> dict[str, Any]:
    """The manifest (dict) of the selected reconstructions, or of all, after all have ended."""
    with plain_errors(), watched_console(request.config) as watched:
        return ptyproof_matrix_run.complete_reconstructions(watched)
