"""A study with experiments as tests and by commands: its hub is sound, has the table, and a changed one is found."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from ptyproof.checking.hub import verify_hub
from ptyproof.cli import main
from ptyproof.hub.layout import COMPARISON, METRICS, RECONSTRUCTION, REPORT, SUMMARY
from ptyproof.study.toml_form import study_to_toml
from tests.helpers.experiments import FLAWED
from tests.helpers.hubs import edit
from tests.helpers.killing import Forks, run_whole


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The hub of a real run."""
    root = tmp_path_factory.mktemp("flawed")
    (root / "study.toml").write_text(study_to_toml(FLAWED), encoding="utf-8")
    run_whole(str(root / "study.toml"), root / "hub", Forks())
    return root / "hub"


def test_the_hub_is_sound_and_its_pages_have_the_table(hub: Path) -> None:
    assert [str(finding) for finding in verify_hub(hub)] == []
    rows = json.loads((hub / METRICS).read_text())["experiments"]
    row = next(row for row in rows if (row["view"], row["method"]) == ("gap", "map"))
    shown = f"{row['value']:.4g} ({row['ratio']:.2f})"
    for page in (hub / SUMMARY, (hub / COMPARISON).with_name("comparison.md"), hub / REPORT):
        assert shown in page.read_text(encoding="utf-8"), page


def test_ptyproof_table_has_the_rows_as_text_markdown_and_json(
    hub: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = json.loads((hub / METRICS).read_text())["experiments"]
    assert main(["table", str(hub), "--output", str(tmp_path / "table.json")]) == 0
    assert json.loads((tmp_path / "table.json").read_text())["experiments"] == rows
    assert main(["check", str(tmp_path / "table.json")]) == 0
    capsys.readouterr()
    for form in ("text", "markdown"):
        assert main(["table", str(hub), "--format", form]) == 0
        said = capsys.readouterr().out
        assert all(f"{row['value']:.4g} ({row['ratio']:.2f})" in said for row in rows)
    assert main(["table", str(hub), "--method", "map", "--view", "gap", "--output", str(tmp_path / "one.json")]) == 0
    chosen = json.loads((tmp_path / "one.json").read_text())["experiments"]
    assert [(row["view"], row["method"]) for row in chosen] == [("gap", "map")]


def test_a_second_run_takes_everything_over(hub: Path) -> None:
    before = (hub / RECONSTRUCTION).read_bytes()
    root = hub.parent
    jobs = {job["job"]: job["result"] for job in json.loads(before)["jobs"]}
    run_whole(str(root / "study.toml"), hub, Forks())
    again = {job["job"]: job["result"] for job in json.loads((hub / RECONSTRUCTION).read_text())["jobs"]}
    assert again == jobs


def test_swapped_data_and_forged_knowledge_are_found_in_the_hub(hub: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(hub, tmp_path / "hub")
    one, other = (next(copy.rglob(f"patched_test_{name}.npz")) for name in ("gap", "positions"))
    swapped = one.read_bytes(), other.read_bytes()
    one.write_bytes(swapped[1])
    other.write_bytes(swapped[0])
    found = {(finding.code, Path(str(finding.file)).name) for finding in verify_hub(copy)}
    assert any(name == "run_manifest.json" for _, name in found)
    copy = shutil.copytree(hub, tmp_path / "forged")

    def forge(record: dict[str, Any]) -> None:
        job = next(job for job in record["jobs"] if (job["view"], job["method"]) == ("gap-untold", "map"))
        job["dataset"] |= {"told": ["mask"], "not_told": []}

    edit(copy / RECONSTRUCTION, forge)
    assert "PM624" in {finding.code for finding in verify_hub(copy)}
