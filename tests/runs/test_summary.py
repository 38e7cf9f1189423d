"""The last lines of a run: accounts, each reason once, networks and methods by dose, and paths."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ptyproof.io.hashing import sha256_file
from ptyproof.runs.folder import RunFolder
from ptyproof.runs.summary import reasons, summary
from ptyproof.text_table import text_table
from tests.helpers.messages import numbers
from tests.helpers.phases import Phase

EXAMPLES = Path(__file__).parents[1] / "schemas" / "examples"
WIDTH = 120


def example(name: str) -> Any:
    return json.loads((EXAMPLES / name).read_text(encoding="utf-8"))


def cells_of(lines: list[str]) -> list[list[str]]:
    return [line.split() for line in lines if line.strip()]


@pytest.fixture
def compared(tmp_path: Path) -> RunFolder:
    """A hub with the comparison of three replicates, made from the reconstructions that are there."""
    folder = RunFolder(tmp_path)
    folder.real_run.mkdir()
    path = folder.reconstruction_manifest_path
    path.write_text(json.dumps(example("reconstruction_manifest/valid/whole-dose.json")), encoding="utf-8")
    comparison = example("comparison_manifest/valid/every-status.json")
    comparison["reconstruction_manifest"] = {
        "path": path.name,
        "sha256": sha256_file(path),
        "size_bytes": path.stat().st_size,
    }
    folder.comparison_manifest_path.write_text(json.dumps(comparison), encoding="utf-8")
    tables = example("metrics_summary/valid/three-replicates.json")
    folder.comparison_manifest_path.with_name("metrics_summary.json").write_text(json.dumps(tables), encoding="utf-8")
    return folder


def test_the_summary_begins_with_the_account_and_ends_with_the_hub(smoke_e: Phase, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.real_run.symlink_to(smoke_e.root)
    lines = summary(folder, WIDTH)
    assert "fly64-smoke" in lines[0]
    assert numbers(lines[0]) == [9, 6, 0, 0, 3, 0]
    assert lines[-1] == f"hub: {tmp_path}"


def test_each_network_stands_beside_its_initial_estimate(smoke_e: Phase, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.real_run.symlink_to(smoke_e.root)
    lines = summary(folder, WIDTH)
    for view in ("baseline (gs1)", "dense (gs2)"):
        (line,) = [line for line in lines if line.startswith(view)]
        for entry in smoke_e.manifest["jobs"]:
            if f"{entry['view']} (gs{entry['gridsize']})" == view:
                scores = entry["scores"]
                change = f"{-scores['complex_error']['improvement']:+.1%}"
                assert change in line
                assert (f"{change} !" in line) == (not scores["beats_start"])


def test_a_reason_stands_once_with_the_number_of_its_cells(smoke_e: Phase) -> None:
    (line,) = [line for line in reasons(smoke_e.manifest, None) if line.startswith("skipped ")]
    skips = smoke_e.manifest["skipped_views"]
    assert line.split()[1] == str(len(skips))
    assert skips[0]["reason"] in line


def test_every_failure_stands_with_its_own_reason() -> None:
    trained = example("training_manifest/valid/failed-and-lost.json")
    ended = [job for job in trained["jobs"] if job["result"]["status"] != "success"]
    assert len({job["result"]["error"] for job in ended}) == len(ended)
    lines = reasons(trained, None)
    for job in ended:
        assert f"{job['result']['status']} {job['job']}: {job['result']['error']}" in lines


def test_methods_have_the_median_of_their_replicates_and_the_mark_of_the_rule(compared: RunFolder) -> None:
    rows = {row[0]: row for row in cells_of(summary(compared, WIDTH))}
    assert rows["lsqml"][-1] == "0.08936*"
    assert rows["flat"][-1] == "0.3737"
    assert rows["flat"][1] == "(control)"


def test_a_method_that_has_not_converged_is_marked(compared: RunFolder) -> None:
    path = compared.comparison_manifest_path.with_name("metrics_summary.json")
    tables = json.loads(path.read_text())
    (row,) = [row for row in tables["tables"][0]["rows"] if row["method"] == "lsqml" and row.get("replicate") == 2]
    row["converged"] = False
    path.write_text(json.dumps(tables))
    rows = {row[0]: row for row in cells_of(summary(compared, WIDTH))}
    assert rows["lsqml"][-1] == "0.08936~*"


def test_a_method_that_is_worse_than_the_control_or_got_worse_is_marked(compared: RunFolder) -> None:
    path = compared.comparison_manifest_path.with_name("metrics_summary.json")
    tables = json.loads(path.read_text())
    for row in tables["tables"][0]["rows"]:
        if row["method"] == "flat":
            row["values"]["complex_nrmse"] /= 10
    path.write_text(json.dumps(tables))
    manifest = json.loads(compared.comparison_manifest_path.read_text())
    cell = next(cell for cell in manifest["cells"] if "convergence" in cell)
    cell["convergence"]["complex_nrmse"][0] = 0.01
    compared.comparison_manifest_path.write_text(json.dumps(manifest))
    lines = summary(compared, WIDTH)
    rows = {row[0]: row for row in cells_of(lines)}
    assert "!" in rows["lsqml"][-1]
    assert "!" not in rows["flat"][-1]
    assert ("^" in rows[cell["method"]][-1]) == any("got worse" in line for line in lines)


def test_tables_of_earlier_reconstructions_are_not_shown(compared: RunFolder) -> None:
    path = compared.reconstruction_manifest_path
    path.write_text(json.dumps(json.loads(path.read_text()), indent=3), encoding="utf-8")
    assert not any("0.08936" in line for line in summary(compared, WIDTH))


def test_a_damaged_manifest_is_named(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.real_run.mkdir()
    folder.manifest_path.write_text("{")
    (line,) = summary(folder, WIDTH)
    assert "training_manifest.json" in line


def test_a_hub_without_trainings_has_a_summary(tmp_path: Path) -> None:
    assert summary(RunFolder(tmp_path), WIDTH) == [f"hub: {tmp_path}"]


@pytest.mark.parametrize("has_rich", [True, False])
def test_a_table_has_every_cell_with_and_without_rich(has_rich: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if has_rich:
        pytest.importorskip("rich")
    else:
        monkeypatch.setitem(__import__("sys").modules, "rich.box", None)
    rows = [["a", "1.0"], ["a [b]\x1b name", "20"]]
    lines = cells_of(text_table(["method", "dose 1"], rows, 1, 60))
    assert [lines[0], *lines[-2:]] == [["method", "dose", "1"], ["a", "1.0"], ["a", "[b]\\x1b", "name", "20"]]
    assert len(lines) == (4 if has_rich else 3)
