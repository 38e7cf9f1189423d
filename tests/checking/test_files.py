"""Files that a manifest names: there, the recorded ones, inside its folder or hub; nothing else is read."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from ptyproof.checking import Checked, check_manifest
from ptyproof.checking.kinds import checks_of, groups_of
from ptyproof.checking.model.document import Document
from ptyproof.io.file_digests import FileDigests
from tests.helpers.changed_examples import ACCEPTED, DOSES, WHOLE, changed
from tests.helpers.folders import json_file
from tests.helpers.hashed_files import files_hashed, remember_at_once
from tests.helpers.pictures import png

ARTIFACTS = ("checkpoint.ckpt", "metrics.csv", "loss_curve.png", "train.log")
BUNDLE = "dose_1000/{}/model.safetensors"
CELLS = ("baseline/gs1", "dense/gs2")


def found(checked: Checked, group: str = "files") -> list[tuple[str, str]]:
    """Return code and JSON path of what was found."""
    return [(finding.code, finding.json_path) for finding in checked.of(group)]


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """A training manifest with all its files."""
    value = changed(WHOLE, {})
    root = tmp_path / "study"
    for number, cell in enumerate(CELLS):
        folder = root / "dose_1000" / cell
        folder.mkdir(parents=True)
        for name in ARTIFACTS:
            (folder / name).write_bytes(png() if name.endswith(".png") else name.encode())
        content = f"weights {number}".encode()
        (folder / "model.safetensors").write_bytes(content)
        value["jobs"][number]["result"] |= {
            "bundle_sha256": hashlib.sha256(content).hexdigest(),
            "bundle_size_bytes": len(content),
        }
    shared = {key: value[key] for key in ("study", "skipped_count", "skipped_views", "tool", "timestamp")}
    head = {"kind": "skip_summary", "schema_version": "1.0.0", "training_manifest_path": "training_manifest.json"}
    json_file(root / "skip_summary.json", head | shared)
    return json_file(root / "training_manifest.json", value)


def test_what_is_there_and_whole_is_sound(manifest: Path) -> None:
    assert check_manifest(manifest).findings == ()
    assert check_manifest(manifest.parent / "skip_summary.json").findings == ()


@pytest.mark.parametrize("name", [*ARTIFACTS, "model.safetensors"])
def test_a_file_that_is_not_there(manifest: Path, name: str) -> None:
    (manifest.parent / "dose_1000" / CELLS[0] / name).unlink()
    assert [code for code, _ in found(check_manifest(manifest))] == ["PM301"]


def test_a_folder_in_the_place_of_a_file(manifest: Path) -> None:
    path = manifest.parent / BUNDLE.format(CELLS[0])
    path.unlink()
    path.mkdir()
    assert found(check_manifest(manifest)) == [("PM301", "$.jobs[0].result.bundle_path")]


def test_another_size_and_another_content(manifest: Path) -> None:
    first, second = (manifest.parent / BUNDLE.format(cell) for cell in CELLS)
    first.write_bytes(b"longer than it was")
    second.write_bytes(second.read_bytes()[::-1])
    expected = [("PM302", "$.jobs[0].result.bundle_size_bytes"), ("PM303", "$.jobs[1].result.bundle_sha256")]
    assert found(check_manifest(manifest)) == expected
    assert found(check_manifest(manifest, hash_files=False)) == expected[:1]


def test_bundles_that_changed_places(manifest: Path) -> None:
    first, second = (manifest.parent / BUNDLE.format(cell) for cell in CELLS)
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)
    assert [code for code, _ in found(check_manifest(manifest))] == ["PM303", "PM303"]


def test_a_link_that_leads_out_is_not_read(manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = manifest.parent / BUNDLE.format(CELLS[0])
    outside = tmp_path / "outside"
    outside.write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to(outside)
    read = files_hashed(monkeypatch)
    assert found(check_manifest(manifest)) == [("PM305", "$.jobs[0].result.bundle_path")]
    assert read == [(manifest.parent / BUNDLE.format(CELLS[1])).resolve()]
    assert found(check_manifest(manifest, home=tmp_path)) == []


@pytest.mark.parametrize("path", ["../../../../outside", "/etc/passwd", "../../../../../../../../etc/passwd"])
def test_a_path_that_leads_out_is_not_read(manifest: Path, tmp_path: Path, path: str) -> None:
    (tmp_path / "outside").write_text("secret")
    value = json.loads(manifest.read_text())
    value["jobs"][0]["result"]["bundle_path"] = path
    checked = check_manifest(json_file(manifest, value))
    assert found(checked) == []
    assert {code for code, _ in found(checked, "paths")} <= {"PM401", "PM402"}
    assert found(checked, "paths") != []


@pytest.mark.parametrize("path", ["a\0b", "x" * 5000, "a/" * 3000, "\ud800", "a\nb", ""])
def test_names_that_no_system_has(manifest: Path, path: str) -> None:
    value = json.loads(manifest.read_text())
    value["jobs"][0]["result"]["checkpoint_path"] = path
    found_ = check_manifest(json_file(manifest, value)).findings
    assert any(finding.json_path == "$.jobs[0].result.checkpoint_path" for finding in found_)
    assert all("\n" not in str(finding) for finding in found_)


def test_a_pipe_is_not_opened(manifest: Path) -> None:
    path = manifest.parent / BUNDLE.format(CELLS[0])
    path.unlink()
    os.mkfifo(path)
    assert found(check_manifest(manifest)) == [("PM301", "$.jobs[0].result.bundle_path")]
    pipe = manifest.parent / "pipe.json"
    os.mkfifo(pipe)
    assert found(check_manifest(pipe), "json") == [("PM001", "$")]


def test_a_file_is_hashed_once_however_many_name_it(manifest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = files_hashed(monkeypatch)
    remember_at_once(monkeypatch)
    digests = FileDigests()
    copy = json_file(manifest.parent / "copy.json", json.loads(manifest.read_text()))
    for path in (manifest, copy, manifest):
        check_manifest(path, digests=digests)
    assert len(read) == 2


def test_a_file_that_is_changed_between_two_calls_is_read_again(manifest: Path) -> None:
    digests = FileDigests()
    assert check_manifest(manifest, digests=digests).findings == ()
    path = manifest.parent / BUNDLE.format(CELLS[0])
    path.write_bytes(path.read_bytes()[::-1])
    assert found(check_manifest(manifest, digests=digests)) == [("PM303", "$.jobs[0].result.bundle_sha256")]


def test_datasets_may_be_gone_but_not_changed(tmp_path: Path) -> None:
    path = json_file(tmp_path / "run_manifest.json", changed(DOSES, {}))
    assert found(check_manifest(path)) == []
    (tmp_path / "dose_1000").mkdir()
    (tmp_path / "dose_1000" / "patched_train.npz").write_bytes(b"other")
    assert found(check_manifest(path)) == [("PM302", "$.datasets[0].train.file.size_bytes")]


def test_what_lies_beside_is_looked_at_in_a_hub_alone(tmp_path: Path) -> None:
    folder = tmp_path / "d"
    folder.mkdir()
    path = json_file(folder / "overlap_manifest.json", changed(ACCEPTED, {}))
    assert found(check_manifest(path)) == []
    (tmp_path / "hub.json").write_text("{}")
    assert {code for code, _ in found(check_manifest(path))} == {"PM301"}
    assert found(check_manifest(path), "paths") == []
    value = changed(ACCEPTED, {"phase_c_root": "../../c"})
    assert found(check_manifest(json_file(path, value)), "paths") == [("PM402", "$.phase_c_root")]


def test_the_skip_summary_must_say_the_same(manifest: Path) -> None:
    value = json.loads(manifest.read_text())
    value["skipped_views"][0]["reason"] = "another"
    json_file(manifest, value)
    expected = [("PM802", "$.skipped_views")]
    assert found(check_manifest(manifest), "skips") == expected
    assert found(check_manifest(manifest.parent / "skip_summary.json"), "skips") == expected


def test_a_legacy_bundle_lies_below_the_manifest(tmp_path: Path) -> None:
    of = ("legacy_training_manifest_e6", "bundles")
    path = json_file(tmp_path / "manifest.json", changed(of, {}))
    place = "$.jobs[0].result.bundle_path"
    assert ("PM301", place) in found(check_manifest(path))
    folder = tmp_path / "dose_500" / "baseline" / "gs1"
    folder.mkdir(parents=True)
    (folder / "net.zip").write_bytes(b"weights")
    assert ("PM302", "$.jobs[0].result.bundle_size_bytes") in found(check_manifest(path))


def test_of_a_kind_without_checks_of_its_own_every_record_of_a_file_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"abc")
    records = (
        {"path": "a.bin", "sha256": "0" * 64, "size_bytes": 3},
        {"path": "a.bin", "sha256": "1" * 64, "size_bytes": 4},
    )
    value = {"outer": [{"inner": records[0]}], "other": records[1], "away": {"path": "/etc/passwd", "sha256": "x"}}
    doc = Document(value, "new.json", "kind_of_tomorrow", "1", folder=tmp_path, home=tmp_path)
    found_ = [finding for check in checks_of(doc.kind) for finding in check(doc)]
    assert [(finding.code, finding.json_path) for finding in found_] == [
        ("PM401", "$.away.path"),
        ("PM303", "$.outer[0].inner.sha256"),
        ("PM302", "$.other.size_bytes"),
    ]
    assert groups_of(doc.kind)[:2] == ("json", "schema")
