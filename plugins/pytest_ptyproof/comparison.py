"""Fixtures that compare with the truth: the cells of a study, each dose and view a test item, and your own objects.

def test_comparison(ptyproof_comparison_cell, ptyproof_compare):
    scores = ptyproof_compare(ptyproof_comparison_cell)
    assert scores["lsqml"]["phase_mae"].value < scores["flat"]["phase_mae"].value

def test_my_result(ptyproof_compare, my_object, my_truth):
    assert ptyproof_compare(my_object, my_truth)["complex_nrmse"].value < 0.1
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from pytest_ptyproof.methods import method_names
from pytest_ptyproof.shared import (
    COMPARISON,
    ComparisonCell,
    ReconstructionCell,
    plain_errors,
    study_of,
    watched_console,
)
from pytest_ptyproof.skips import skip_cell

if TYPE_CHECKING:
    from ptyproof.runs.matrix import MatrixRun, PhaseFolder
    from ptyproof_schemas.types.comparison_manifest import ComparisonManifest


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrize every test that asks for `ptyproof_comparison_cell` over doses, views and halves."""
    if COMPARISON not in metafunc.fixturenames:
        return
    from ptyproof.methods.reconstruction_jobs import study_cells

    places: dict[str, list[ReconstructionCell]] = {}
    for cell in study_cells(study_of(metafunc.config), method_names(metafunc.config)):
        member = ReconstructionCell(cell.key, cell.training_key, cell.method)
        places.setdefault(f"{cell.training_key}-{cell.split}", []).append(member)
    cells = [ComparisonCell(key, tuple(members)) for key, members in places.items()]
    metafunc.parametrize(COMPARISON, cells, indirect=True, ids=list(places), scope="session")


@pytest.fixture(scope="session")
def ptyproof_comparison_cell(
    ptyproof_matrix_run: MatrixRun, ptyproof_phase_d: PhaseFolder, request: pytest.FixtureRequest
) -> ComparisonCell:
    """A dose, view and half of the study: `.key`; a test with this fixture runs once for each.

    One of which nothing can be reconstructed is skipped, with the reason that the manifest has.
    """
    cell: ComparisonCell = request.param
    with plain_errors():
        found = [ptyproof_matrix_run.reconstructions.cell(member.key) for member in cell.members]
    reasons = [reason for reason in found if isinstance(reason, str)]
    if len(reasons) == len(found):
        skip_cell(cell.key, reasons[0])
    return cell


@pytest.fixture(scope="session")
def ptyproof_comparison_manifest(
    ptyproof_matrix_run: MatrixRun, ptyproof_phase_d: PhaseFolder, request: pytest.FixtureRequest
) -> ComparisonManifest:
    """The comparison (dict) of the selected cells, or of the whole matrix, after every reconstruction has ended."""
    with plain_errors(), watched_console(request.config) as watched:
        return ptyproof_matrix_run.compare(watched)


@pytest.fixture(scope="session")
def ptyproof_compare(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """A function that compares with the truth.

    Of a `ptyproof_comparison_cell` it returns the metrics of every method that has a result there: by method, by name,
    each with `.value` (None where it is not defined, and then `.reason`), `.unit` and `.direction`. Of `(obj, truth,
    illumination=None)` it returns those of two complex images (M, M'), by name; what is lit less than 5 % of the
    brightest pixel is left out, and None compares every pixel.
    """

    def run(what: Any, truth: Any = None, illumination: Any = None) -> Any:
        from ptyproof.metrics.against_truth import compare_objects, metric_value_from_dict

        with plain_errors():
            if not isinstance(what, ComparisonCell):
                return compare_objects(what, truth, illumination)
        manifest = request.getfixturevalue("ptyproof_comparison_manifest")
        keys = {member.key for member in what.members}
        return {
            cell["method"]: {found["metric"]: metric_value_from_dict(found) for found in cell["measures"]}
            for cell in manifest["cells"]
            if cell["status"] == "success" and cell["job"] in keys
        }

    return run
