"""`ptyproof check DIR`: the table, what was left alone, and hidden folders."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ptyproof.cli.main import main
from tests.helpers.changed_examples import E6, F1, C, changed
from tests.helpers.folders import write_json
from tests.helpers.messages import names, numbers

SKIPS = {"skipped_views": [], "skipped_count": 0}


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """A folder of manifests, some JSON files of other kinds, and folders that are not entered."""
    folder = tmp_path / "reports"
    write_json(folder / "a" / "skip_summary.json", SKIPS | {"timestamp": "2025-10-06T11:15:27+03:00"})
    write_json(folder / "b" / "first.json", changed(F1, {}) | {"timestamp": "2025-10-06T08:10:00.104512"})
    write_json(folder / "c.json", SKIPS | {"timestamp": "2025-10-06T08:20:00Z", "skipped_count": 2})
    write_json(folder / "d.json", changed(C, {}))
    write_json(folder / "package.json", {"name": "x"})
    write_json(folder / "b" / "settings.json", [1, 2])
    write_json(folder / ".old" / "deep" / "training_manifest.json", changed(E6, {}))
    write_json(folder / "b" / "build" / "skip_summary.json", SKIPS)
    (folder / ".empty" / "deep").mkdir(parents=True)
    (folder / ".empty" / "notes.txt").write_text("x")
    return folder


def rows(out: str) -> list[list[str]]:
    """Return the cells of a table that was printed."""
    return [line.split() for line in out.partition("\n\n")[0].splitlines()]


def test_a_table_has_a_row_for_each_file_by_time(reports: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(reports), "--table"]) == 1
    head, *body = rows(capsys.readouterr().out)
    assert head == ["time", "kind", "generation", "verdict", "worst", "file"]
    assert [(row[0], row[1], row[3], row[4], Path(row[5]).name) for row in body] == [
        ("2025-10-06T08:10:00", "legacy_reconstruction_manifest_f1", "error", "PM702", "first.json"),
        ("2025-10-06T08:15:27Z", "legacy_skip_summary_e5", "error", "PM101", "skip_summary.json"),
        ("2025-10-06T08:20:00Z", "legacy_skip_summary_e5", "error", "PM201", "c.json"),
        ("-", "legacy_run_manifest_c", "unseen", "-", "d.json"),
    ]


def test_verdicts_in_one_word(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sound = write_json(tmp_path / "a.json", SKIPS | {"timestamp": "2025-10-06T09:15:27Z"})
    warned = write_json(
        tmp_path / "b.json", {"timestamp": "2025-10-06T09:15:27", "skipped_count": 0, "skipped_jobs": []}
    )
    broken = tmp_path / "c.json"
    broken.write_text("{")
    main(["check", sound, warned, str(broken), "--table"])
    table = [(row[1], row[2], row[3], row[4]) for row in rows(capsys.readouterr().out)[1:]]
    assert table == [
        ("legacy_skip_summary_e5", "E5-E7", "ok", "-"),
        ("legacy_reconstruction_skip_summary_f1", "F1-F4", "warning", "PM503"),
        ("unknown", "-", "error", "PM005"),
    ]


def test_json_has_time_and_verdict_and_a_table_is_text(reports: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["check", str(reports), "--format", "json"])
    files = {Path(file["file"]).name: file for file in json.loads(capsys.readouterr().out)["files"]}
    assert files["c.json"]["time"] == "2025-10-06T08:20:00Z"
    assert files["c.json"]["verdict"] == "error"
    assert (files["d.json"]["time"], files["d.json"]["verdict"]) == (None, "unseen")
    assert main(["check", str(reports), "--table", "--format", "json"]) == 2
    assert capsys.readouterr().out == ""


def test_what_was_left_alone_is_counted_and_listed(reports: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["check", str(reports)])
    out = capsys.readouterr().out
    assert names(out.splitlines()[-1], 2, "--verbose")
    assert "package.json" not in out
    main(["check", str(reports), "--verbose"])
    out = capsys.readouterr().out
    for name in ("package.json", "b/settings.json"):
        assert f": {reports / name}\n" in out
    main(["check", str(reports), "--format", "json"])
    said = json.loads(capsys.readouterr().out)
    assert said["left_alone"] == 2
    assert sorted(Path(name).name for name in said["left_alone_files"]) == ["package.json", "settings.json"]
    main(["check", str(reports), "--format", "github", "--verbose"])
    assert "package.json" in capsys.readouterr().err


def test_folders_with_json_that_are_not_entered_are_named(reports: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["check", str(reports)])
    out = capsys.readouterr().out
    assert names(out.splitlines()[-1], 2, f"{reports / '.old'}, {reports / 'b' / 'build'}")
    assert ".empty" not in out
    main(["check", str(reports), "--format", "json"])
    said = json.loads(capsys.readouterr().out)
    assert said["folders_not_entered"] == [str(reports / ".old"), str(reports / "b" / "build")]


def test_a_folder_whose_manifests_are_hidden_is_not_sound(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_json(tmp_path / ".runs" / "training_manifest.json", changed(E6, {}))
    write_json(tmp_path / "package.json", {"name": "x"})
    assert main(["check", str(tmp_path)]) == 2
    err = capsys.readouterr().err
    assert names(err, tmp_path / ".runs", 1, "--verbose")
    assert err.count("\n") == 1
    assert main(["check", str(tmp_path / ".runs"), "--manifest-only"]) == 1  # named, it is entered


def test_several_manifests_whose_files_are_elsewhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [write_json(tmp_path / f"{number}.json", changed(C, {})) for number in range(2)]
    assert main(["check", *files]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert names(last, 2)
    assert "PM" not in last
    assert len({number for number in numbers(last) if number > 2}) == 1  # files that are named, all of them unseen
