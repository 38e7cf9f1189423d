"""A hub with a comparison: its summary shows it first, and verification finds whatever is changed in it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ptyproof.checking.hub import verify_hub
from ptyproof.hub.index import Hub
from ptyproof.hub.layout import COMPARISON, METRICS, SUMMARY
from ptyproof.io.strict_json import write_json
from ptyproof.phases.g_compare.compare import open_comparison, run_comparison
from ptyproof.report.summary import write_summary
from ptyproof.runs.folder import RunFolder
from tests.helpers.hubs import make_hub, places
from tests.helpers.messages import names, numbers
from tests.helpers.phases import Phase
from tests.strategies.reconstructions import METHODS, phase_f


@pytest.fixture(scope="module")
def pristine(
    smoke: Any, smoke_c: Phase, smoke_d: Phase, smoke_e: Phase, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A sound hub with reconstructions and their comparison."""
    hub = make_hub(tmp_path_factory.mktemp("hubs") / "hub", smoke_c, smoke_d, smoke_e)
    folder = RunFolder(hub.root)
    phase_f(folder.real_run, smoke, folder.phase_c_root, folder.phase_d_root)
    run_comparison(open_comparison(folder.real_run, figures=False))
    hub.write(lambda: write_summary(hub.root))
    return hub.root


@pytest.fixture
def hub(pristine: Path, tmp_path: Path) -> Hub:
    """The hub, to be changed, without its datasets."""
    shutil.copytree(pristine, tmp_path / "hub", ignore=shutil.ignore_patterns("patched_*", "dense_*.npz"))
    return Hub(tmp_path / "hub")


def own_problems(root: Path) -> list[tuple[str, str, str]]:
    """Return where a hub has problems, but for those of the made-up Phase F."""
    return [place for place in places(verify_hub(root)) if place[0] != "real_run/reconstruction_manifest.json"]


def test_a_sound_hub_has_no_problem_with_and_without_its_datasets(pristine: Path, hub: Hub) -> None:
    assert own_problems(pristine) == []
    assert own_problems(hub.root) == []


def test_the_first_table_of_the_summary_is_measures_by_dose_view_and_method(pristine: Path) -> None:
    text = (pristine / SUMMARY).read_text(encoding="utf-8")
    lines = text.splitlines()
    assert "fly64-smoke" in lines[0]
    assert lines[2].startswith("## ")
    table = [line for line in lines if line.startswith("| ")]
    assert len(table[0].split("|")) > 6
    rows = [[cell.strip() for cell in line.split("|")[1:4]] for line in table[1 : 1 + 6 * len(METHODS)]]
    methods = ["flat", "start", "lsqml"]
    assert all(("control" in row[2]) == row[2].startswith(("flat", "start")) for row in rows)
    assert [[dose, view, method.split(" (")[0]] for dose, view, method in rows] == [
        [dose, view, method]
        for dose in ("1000", "10000", "100000")
        for view in ("baseline (gs1)", "dense (gs2)")
        for method in methods
    ]
    metrics = json.loads((pristine / METRICS).read_text())
    value = metrics["tables"][0]["rows"][2]["values"]["phase_mae"]
    assert f" {value:.4g} " in table[3]
    assert "**" not in "".join(table)  # one replicate
    assert [27, 18, 0, 0, 9, 0] in [numbers(line) for line in lines]
    skipped = [line for line in lines if names(line, "1000", "sparse (gs2)", "flat, start, lsqml", "25.6 px")]
    assert len(skipped) == 1
    assert "](../real_run/comparison.csv)" in text


def test_without_a_comparison_the_summary_begins_with_the_cells(hub: Hub) -> None:
    (hub.root / COMPARISON).unlink()
    write_summary(hub.root)
    text = (hub.root / SUMMARY).read_text(encoding="utf-8")
    assert "| complex NRMSE" not in text
    assert numbers(text.splitlines()[2])[:2] == [9, 6]


def test_a_damaged_comparison_is_said_first(hub: Hub) -> None:
    (hub.root / COMPARISON).write_text("{")
    write_summary(hub.root)
    lines = (hub.root / SUMMARY).read_text(encoding="utf-8").splitlines()
    assert lines[2].startswith(f"**DAMAGED: `{COMPARISON}`**")
    assert (COMPARISON, "PM005", "$") in places(verify_hub(hub.root))


def edit(hub: Hub, name: str, change: Callable[[dict[str, Any]], object]) -> None:
    """Change a manifest of the hub, and let the index have it as it is."""
    manifest = json.loads((hub.root / name).read_text())
    change(manifest)
    write_json(hub.root / name, manifest)
    hub.write(lambda: None)


@pytest.mark.parametrize(
    ("name", "change", "place"),
    [
        (COMPARISON, lambda m: m["account"].update(n_lost=1), (COMPARISON, "PM201", "$.account.n_lost")),
        (METRICS, lambda m: m["account"].update(n_success=1), (METRICS, "PM201", "$.account.n_success")),
        (COMPARISON, lambda m: m["cells"].pop(), (COMPARISON, "PM201", "$.account.n_skipped")),
        (
            COMPARISON,
            lambda m: m["protocols"][0]["parts"].update(probe="estimated"),
            (COMPARISON, "PM624", "$.protocols[0].sha256"),
        ),
        (COMPARISON, lambda m: m["cells"][0].update(protocol="0" * 64), (COMPARISON, "PM624", "$.cells[0].protocol")),
        (
            COMPARISON,
            lambda m: m["cells"][0]["reconstruction"].update(sha256="0" * 64),
            (COMPARISON, "PM303", "$.cells[0].reconstruction.sha256"),
        ),
        (
            COMPARISON,
            lambda m: m["files"]["comparison"].update(path="other.csv"),
            (COMPARISON, "PM301", "$.files.comparison.path"),
        ),
    ],
)
def test_a_change_is_found_although_the_index_has_it(
    hub: Hub, name: str, change: Callable[[dict[str, Any]], object], place: tuple[str, str, str]
) -> None:
    edit(hub, name, change)
    assert place in places(verify_hub(hub.root))


def test_a_changed_or_missing_table_is_found(hub: Hub) -> None:
    path = hub.root / "real_run" / "comparison.csv"
    path.write_text(path.read_text().replace("rad", "deg", 1))
    assert (COMPARISON, "PM303", "$.files.comparison.sha256") in places(verify_hub(hub.root))
    path.unlink()
    assert (COMPARISON, "PM301", "$.files.comparison.path") in places(verify_hub(hub.root))
