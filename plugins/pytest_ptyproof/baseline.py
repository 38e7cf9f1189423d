"""`--ptyproof-baseline OLD_HUB`: a test of a real run fails if its cell got worse than in an earlier hub.

A test's own failure comes first. A cell that is skipped although the baseline has a result of it fails its test, too.
The replicates of a cell are judged together, once all that the run is about have ended.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ptyproof.console import plain
from pytest_ptyproof.hub import hub_place, is_worker
from pytest_ptyproof.marker import asks_for_real_runs
from pytest_ptyproof.options import in_pytest_words, on_command_line, spelled, value_of
from pytest_ptyproof.shared import (
    COMPARISON,
    MATRIX,
    RECONSTRUCTION,
    TRAINING,
    ComparisonCell,
    ReconstructionCell,
    TrainingCell,
    plain_errors,
    study_of,
)

if TYPE_CHECKING:
    from ptyproof.differences.baseline import Baseline
    from ptyproof.runs.matrix import MatrixRun

_BASELINE = pytest.StashKey["Baseline"]()
_WORSE = pytest.StashKey[str]()  # of an item whose set-up skipped it, although the baseline has a result
_NAMES = ("baseline", "tolerance")


def pytest_configure(config: pytest.Config) -> None:
    """Read the baseline, and refuse one that cannot be meant before anything runs.

    Raises
    ------
    pytest.UsageError
        If it is not a sound hub, is the hub of this run, has no cell of the study, or the tolerance is impossible.
    """
    if config.option.collectonly or not (asks_for_real_runs(config) or on_command_line(config, *_NAMES)):
        return
    name, tolerance = (value_of(config, option) for option in _NAMES)
    if name is None:
        if tolerance is not None:
            raise pytest.UsageError(f"{spelled('tolerance')} needs {spelled('baseline')}")
        return
    from ptyproof.differences.baseline import open_baseline
    from ptyproof.errors import PtyproofError

    root = Path(name)
    if root.resolve() == hub_place(config).resolve():
        raise pytest.UsageError(f"{spelled('baseline')} {name} is the hub of this run; give the hub of an earlier one")
    try:
        baseline = open_baseline(root, tolerance, is_judged=is_worker(config))
        baseline.check(study_of(config))
    except PtyproofError as error:
        raise pytest.UsageError(in_pytest_words(str(error))) from error
    config.stash[_BASELINE] = baseline


def baseline_of(config: pytest.Config) -> Baseline | None:
    """Return the baseline of a run, None without one."""
    return config.stash.get(_BASELINE, None)


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say what the run is held against."""
    baseline = baseline_of(config)
    if baseline is None:
        return None
    other = "" if baseline.is_of(study_of(config)) else ", whose design is another"
    return f"ptyproof: baseline {plain(baseline.name)} (hub.json {baseline.side.sha256[:12]}){other}"


def record_of_baseline(config: pytest.Config, hub: Path) -> dict[str, Any]:
    """Return what the record of a run that has ended says of its baseline; nothing without one."""
    baseline = baseline_of(config)
    if baseline is None:
        return {}
    from ptyproof.differences.held import held_against
    from ptyproof.differences.sides import manifests_in
    from ptyproof.errors import PtyproofError

    record = baseline.as_dict()
    with suppress(PtyproofError):  # the summary says what is wrong with a manifest
        record["outcome"] = held_against(baseline, manifests_in(hub))
    return {"baseline": record}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, Any, Any]:
    """Let a cell that is skipped although the baseline has a result of it go on, to fail in its call."""
    try:
        return (yield)
    except pytest.skip.Exception:
        sentence = _sentence(item)
        if sentence is None:
            raise
        item.stash[_WORSE] = sentence


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, Any, Any]:
    """Fail a test whose cell got worse, unless it has failed by itself."""
    if _WORSE in pyfuncitem.stash:
        pytest.fail(pyfuncitem.stash[_WORSE], pytrace=False)
    try:
        result = yield
    except pytest.skip.Exception:
        sentence = _sentence(pyfuncitem)
        if sentence is None:
            raise
    else:
        sentence = _sentence(pyfuncitem)
    if sentence is not None:
        pytest.fail(sentence, pytrace=False)
    return result


def _sentence(item: pytest.Item) -> str | None:
    """Return the sentence about the cell of a test that got worse; None where it did not, and without a baseline."""
    baseline, matrix = baseline_of(item.config), item.config.stash.get(MATRIX, None)
    if baseline is None or matrix is None or not hasattr(item, "callspec"):
        return None
    with plain_errors():
        for value in (item.callspec.params.get(name) for name in (TRAINING, RECONSTRUCTION, COMPARISON)):
            sentence = _of_cell(baseline, matrix, value)
            if sentence is not None:
                return plain(sentence)
    return None


def _of_cell(baseline: Baseline, matrix: MatrixRun, cell: object) -> str | None:
    from ptyproof.runs.results import comparison_of, scored_trainings, state_of

    if isinstance(cell, TrainingCell):
        found = baseline.worse_state("training", cell.key, state_of(matrix.trainings, "training", cell.key))
        return found or baseline.worse_scores("training", scored_trainings(matrix, cell.key), [cell.key], cell.key)
    if isinstance(cell, ComparisonCell):
        members = cell.members
    else:
        members = (cell,) if isinstance(cell, ReconstructionCell) else ()
    for member in members:
        state = state_of(matrix.reconstructions, "reconstruction", member.key)
        found = baseline.worse_state("reconstruction", member.key, state)
        if found is not None:
            return found
    manifest = comparison_of(matrix) if isinstance(cell, ComparisonCell) else None
    if manifest is None or not isinstance(cell, ComparisonCell):
        return None
    return baseline.worse_scores("comparison", manifest, [member.key for member in members], cell.key)
