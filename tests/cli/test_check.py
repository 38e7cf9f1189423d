"""`ptyproof check`, `explain` and `schema`: what they say, and with which exit status."""

from __future__ import annotations

import errno
import io
import json
import os
import re
import sys
from pathlib import Path

import pytest

from ptyproof.checking.model.codes import codes
from ptyproof.cli.main import main
from ptyproof.io.schema_files import kinds, load_schema
from tests.helpers.changed_examples import E6, F1, F3, WHOLE, changed
from tests.helpers.folders import write_json
from tests.helpers.messages import names, numbers


@pytest.fixture
def sound(tmp_path: Path) -> str:
    """A manifest without files, so that nothing is missing."""
    return write_json(
        tmp_path / "skip_summary.json", {"timestamp": "2025-10-06T09:15:27Z", "skipped_views": [], "skipped_count": 0}
    )


@pytest.fixture
def warned(tmp_path: Path) -> str:
    """A manifest of which nothing but a warning is to be said."""
    value = {"timestamp": "2025-10-06T09:15:27", "skipped_count": 0, "skipped_jobs": []}
    return write_json(tmp_path / "warned.json", value)


@pytest.fixture
def bad(tmp_path: Path) -> str:
    """A manifest with an error."""
    return write_json(
        tmp_path / "bad.json", {"timestamp": "2025-10-06T09:15:27Z", "skipped_views": [], "skipped_count": 3}
    )


def test_a_sound_file(sound: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", sound]) == 0
    headline, *_, last = capsys.readouterr().out.splitlines()
    assert headline.startswith(f"{sound}: ")
    assert names(headline, "E5-E7", 0)
    assert names(last, 1)
    assert not re.search(r"PM\d|ptyproof explain", headline + last)


def test_an_error_is_said_with_its_place_and_how_to_mend_it(bad: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", bad]) == 1
    out = capsys.readouterr().out
    code = codes()["PM201"]
    assert f"error PM201: {code.title}" in out
    assert names(out, "$.skipped_count", "skipped_count", 3, "skipped_views", 0)
    assert code.fix.partition(" ")[0] in out
    assert names(out.splitlines()[-1], "1 error", "ptyproof explain CODE")


def test_warnings_count_where_that_is_asked_for(warned: str) -> None:
    assert main(["check", warned]) == 0
    assert main(["check", warned, "--strict"]) == 1
    assert main(["check", warned, "--strict", "--ignore", "PM503"]) == 0


@pytest.mark.parametrize(
    ("options", "status"),
    [
        (["--select", "PM2"], 1),
        (["--select", "pm201,PM4"], 1),
        (["--select", "PM4"], 0),
        (["--ignore", "PM201"], 0),
        (["--ignore", "PM4", "--ignore", "PM2"], 0),
        (["--select", "PM2", "--ignore", "PM201"], 0),
    ],
)
def test_codes_can_be_chosen(bad: str, options: list[str], status: int) -> None:
    assert main(["check", bad, *options]) == status


def test_a_code_that_there_is_not(bad: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main(["check", bad, "--select", "PM999"])
    assert raised.value.code == 2
    assert names(capsys.readouterr().err, "--select", "'PM999'", "ptyproof explain")


def test_what_cannot_be_read_is_a_usage_error(tmp_path: Path, sound: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", sound, str(tmp_path / "nowhere.json")]) == 2
    assert names(capsys.readouterr().out, "nowhere.json", "PM001", os.strerror(errno.ENOENT))
    assert main(["check", sound, "--root", str(tmp_path / "nowhere")]) == 2


def test_a_folder_without_a_manifest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_json(tmp_path / "package.json", {"name": "x"})
    assert main(["check", str(tmp_path)]) == 2
    assert str(tmp_path) in capsys.readouterr().err


def test_a_folder_gives_its_manifests_once_and_leaves_others_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    value = {"timestamp": "2025-10-06T09:15:27Z", "skipped_views": [], "skipped_count": 0}
    folder = tmp_path / "study"
    files = ["b/skip_summary.json", "a.json", "package.json", "b/broken.json", "b/cut_manifest.json"]
    files += ["build/x.json", ".git/x.json", "node_modules/x.json", "notes.txt"]
    for name in files:
        write_json(folder / name, value)
    (folder / "package.json").write_text('{"name": "x"}')
    (folder / "b" / "broken.json").write_text("{")
    (folder / "b" / "cut_manifest.json").write_text("{")
    (folder / "c").symlink_to(folder / "b")
    (folder / "again.json").symlink_to(folder / "a.json")
    (folder / "dangling.json").symlink_to(folder / "nowhere")
    assert main(["check", str(folder), str(folder / "a.json"), "--format", "json"]) == 1
    said = json.loads(capsys.readouterr().out)
    files = [Path(file["file"]).relative_to(folder).as_posix() for file in said["files"]]
    assert files == ["a.json", "b/cut_manifest.json", "b/skip_summary.json"]
    assert said["left_alone"] == 2


def test_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    class Input:
        buffer = io.BytesIO(json.dumps(changed(F1, {})).encode())

    monkeypatch.setattr(sys, "stdin", Input)
    assert main(["check", "-"]) == 1
    assert names(capsys.readouterr().out.splitlines()[0], "F1", 2)


def test_json_for_programs(bad: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", bad, "--format", "json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert said["counts"] == {"error": 1, "warning": 0, "info": 0}
    assert said["files"][0]["kind"] == "legacy_skip_summary_e5"
    assert said["files"][0]["generation"] == "E5-E7"
    (finding,) = said["files"][0]["findings"]
    assert (finding["code"], finding["json_path"], finding["group"]) == ("PM201", "$.skipped_count", "account")


def test_annotations_for_github(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    value = {"timestamp": "2025-10-06T09:15:27Z", "skipped_views": [], "skipped_count": 3}
    path = write_json(tmp_path / "a,b:c%.json", value)
    assert main(["check", path, "--format", "github"]) == 1
    captured = capsys.readouterr()
    escaped = path.replace("%", "%25").replace(":", "%3A").replace(",", "%2C")
    assert captured.out.startswith(f"::error file={escaped},title=PM201 $.skipped_count::")
    assert names(captured.out.rpartition("::")[2], "skipped_count", 3)
    assert captured.out.count("\n") == 1


@pytest.mark.parametrize("form", ["text", "github", "json"])
def test_names_and_values_of_files_cannot_write_lines_of_their_own(
    tmp_path: Path, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    value = changed(E6, {"jobs/0/log_path": "x\n::error::forged\x1b[31m", "jobs/0/result/status": "a\u202eb"})
    path = write_json(tmp_path / "evil\n::error::forged\x1b[31m\udcff.json", value)
    assert main(["check", path, "--format", form]) == 1
    out = capsys.readouterr().out
    assert "\n::error::forged" not in out
    assert "\x1b" not in out
    assert "\u202e" not in out or form == "json"
    out.encode()


def test_many_places_are_shown_on_request(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_json(
        tmp_path / "many.json", changed(WHOLE, {"jobs/0/datasets": {}, "jobs/1/result": {}, "calls": [{}] * 9})
    )
    main(["check", path])
    assert "--all" in capsys.readouterr().out
    main(["check", path, "--all"])
    everything = capsys.readouterr().out
    assert "--all" not in everything
    assert everything.count("$.calls[8].id") == 1


def test_no_hash_and_root_are_passed_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    value = changed(E6, {"jobs/0/result/bundle_size_bytes": 3})
    path = write_json(tmp_path / "e" / "manifest.json", value)
    bundle = tmp_path / "e" / "dose_500" / "baseline" / "gs1" / "net.zip"
    bundle.parent.mkdir(parents=True)
    (tmp_path / "abc").write_bytes(b"abc")
    bundle.symlink_to(tmp_path / "abc")
    for options, code in (
        ([], "PM305"),
        (["--root", str(tmp_path)], "PM303"),
        (["--root", str(tmp_path), "--no-hash"], None),
    ):
        main(["check", path, "--select", "PM303,PM305", *options])
        assert re.findall(r"error (PM\d+)", capsys.readouterr().out) == ([] if code is None else [code])


def test_explanations(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "pm401", "PM703"]) == 0
    out = capsys.readouterr().out
    assert [line.split(":")[0] for line in out.splitlines() if line.startswith("PM")] == [
        "PM401 (error, paths)",
        f"PM703 ({codes()['PM703'].severity}, {codes()['PM703'].group})",
    ]
    for code in (codes()["PM401"], codes()["PM703"]):
        assert all(text in " ".join(out.split()) for text in (code.title, code.why, code.fix))
    assert main(["explain"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(codes())
    assert main(["explain", "PM999"]) == 2
    assert names(capsys.readouterr().err, "PM999")


def test_schemas(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "training_manifest"]) == 0
    assert json.loads(capsys.readouterr().out) == load_schema("training_manifest")
    assert main(["schema"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(kinds())
    assert main(["schema", "nothing"]) == 2
    assert names(capsys.readouterr().err, "nothing", "ptyproof schema")
    assert main(["schema", "training_manifest", "--major", "9"]) == 2
    assert names(capsys.readouterr().err, "training_manifest", 9)


def test_how_many_named_files_were_looked_at_is_part_of_every_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_json(tmp_path / "f3.json", changed(F3, {"timestamp": "2025-10-06T09:15:27Z"}))
    options = ["--ignore", "PM101"]  # of a generation whose times have no zone
    assert main(["check", path, *options]) == 0
    _, named, *_, last = capsys.readouterr().out.splitlines()
    assert sorted(numbers(named)) == [0, 1, 1, 2]
    assert names(last, 1, 2)
    assert numbers(last).count(2) == 2
    assert main(["check", path, *options, "--format", "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    counts = {"named": 2, "there": 0, "absent": 1, "not_looked_at": 1, "not_shipped": 0}
    assert said["files"][0]["named_files"] == counts
    assert said["named_files"]["not_looked_at"] == 1
    assert main(["check", path, *options, "--format", "github"]) == 0
    notice = capsys.readouterr().out
    assert notice.splitlines()[-1].startswith("::notice file=")
    assert sorted(numbers(notice.rpartition("::")[2])) == [0, 1, 1, 2]


def test_a_manifest_without_its_artifacts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_json(tmp_path / "training_manifest.json", changed(WHOLE, {}))
    assert main(["check", path]) == 1
    assert "PM301" in capsys.readouterr().out
    assert main(["check", path, "--manifest-only"]) == 0
    _, named, *_, last = capsys.readouterr().out.splitlines()
    assert "PM3" not in named + last
    there, total, unseen = sorted(numbers(named))
    assert (there, unseen) == (0, total)
    assert numbers(last).count(total) == 2
