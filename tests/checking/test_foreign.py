"""Manifests of a kind that is not known: an error, and what needs no kind is checked all the same."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from ptyproof.checking import check_manifest, check_value
from ptyproof.cli.main import main
from tests.helpers.folders import json_file

CONTENT = b"counts"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
OTHER = hashlib.sha256(b"other").hexdigest()
FORMS: tuple[dict[str, Any], ...] = (
    {"path": "data/a.npz", "sha256": SHA256, "size_bytes": len(CONTENT)},
    {"file": "data/a.npz", "sha256": SHA256.upper()},
    {"source": "data/a.npz", "source_sha256": SHA256, "size_bytes": len(CONTENT)},
    {"bundle_path": "data/a.npz", "bundle_sha256": SHA256, "bundle_size_bytes": len(CONTENT)},
    {"path": "drop/data/a.npz", "sha256": SHA256, "size_bytes": len(CONTENT)},  # below a root that the file names
)


def manifest(folder: Path, *records: Any, **others: Any) -> Path:
    """Write a manifest of another tool, beside the file that its records mean."""
    (folder / "data").mkdir(exist_ok=True)
    (folder / "data" / "a.npz").write_bytes(CONTENT)
    return json_file(
        folder / "inventory.json", {"scenario": "x", "drop_root": "drop", "datasets": list(records), **others}
    )


def codes(path: Path) -> set[str]:
    """Return the codes of what is found."""
    return {finding.code for finding in check_manifest(path).findings}


@pytest.mark.parametrize("record", FORMS, ids=lambda record: next(iter(record)))
def test_recorded_files_are_verified_however_the_keys_are_called(record: dict[str, Any], tmp_path: Path) -> None:
    path = manifest(tmp_path, {"deep": [record]})
    checked = check_manifest(path)
    assert (checked.kind, checked.named.n, checked.named.there) == (None, 1, 1)
    assert codes(path) == {"PM102"}
    file = tmp_path / "data" / "a.npz"
    file.write_bytes(CONTENT[::-1])
    assert codes(path) == {"PM102", "PM303"}
    file.write_bytes(CONTENT * 2)
    assert codes(path) == {"PM102", "PM302" if any("size" in key for key in record) else "PM303"}
    file.unlink()
    assert codes(path) == {"PM102", "PM301"}
    assert {finding.code for finding in check_manifest(path, manifest_only=True).findings} == {"PM102"}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"output_dir": "/data/x"}, "PM401"),
        ({"inputs": {"train_path": "C:\\x.npz"}}, "PM401"),
        ({"files": ["a.npz", "../../../etc/passwd"]}, "PM402"),
        ({"log_file": "..%2f..%2fetc"}, "PM402"),
        ({"path": "/etc/passwd", "sha256": SHA256}, "PM401"),
        ({"path": "../a.npz", "sha256": SHA256}, "PM402"),
        ({"loss": float("nan")}, "PM602"),
        ({"scores": [float("inf")]}, "PM007"),
        ({"comment": "made in /home/somebody/x by hand"}, "PM404"),
        ({"a": {"file": "x", "sha256": SHA256}, "b": {"file": "x", "sha256": OTHER}}, "PM307"),
        ({"a": {"file": "x", "size_bytes": 1}, "b": {"file": "x", "size_bytes": 2}}, "PM307"),
        ({"file": "x", "expected_sha256": SHA256, "source_sha256": OTHER, "verified": True}, "PM307"),
        ({"path": "x", "sha256": SHA256[:-1]}, "PM303"),
        ({"path": "x", "sha256": "not computed", "size_bytes": 3}, "PM303"),
        ({"source": "x", "source_sha256": ""}, "PM303"),
    ],
)
def test_what_needs_no_kind_is_checked(changes: dict[str, Any], code: str) -> None:
    checked = check_value({"scenario": "x", **changes})
    assert code in {finding.code for finding in checked.findings}
    assert check_value([changes]).kind is None
    assert code in {finding.code for finding in check_value([changes]).findings}


@pytest.mark.parametrize(
    "changes",
    [
        {"source": "https://example.org/data.npz", "homepage": "/not/a/path/by/its/key"},
        {"files": 3, "path": None, "root": ""},
        {"version": "1.0", "epochs": "12", "tool_sha256": "v2"},
        {"path": "x", "sha256": None},
        {"file": "x", "expected_sha256": SHA256, "source_sha256": OTHER, "verified": False},
        {"comment": "a text\nof two lines", "output_file": "a/../b.npz"},
    ],
)
def test_what_is_no_fault_without_a_kind(changes: dict[str, Any]) -> None:
    assert {finding.code for finding in check_value({"scenario": "x", **changes}).findings} == {"PM102"}


def test_a_digest_may_name_its_algorithm(tmp_path: Path) -> None:
    path = manifest(tmp_path, {"deep": [{"path": "data/a.npz", "sha256": f"sha256:{SHA256}"}]})
    assert codes(path) == {"PM102"}
    (tmp_path / "data" / "a.npz").write_bytes(CONTENT[::-1])
    assert codes(path) == {"PM102", "PM303"}


def test_a_folder_judges_what_records_files_and_leaves_others_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest(tmp_path, FORMS[0] | {"sha256": OTHER})
    json_file(tmp_path / "package.json", {"name": "x", "files": ["dist"]})
    assert main(["check", str(tmp_path), "--format", "json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert [Path(file["file"]).name for file in said["files"]] == ["inventory.json"]
    assert {"PM102", "PM303"} == {finding["code"] for finding in said["files"][0]["findings"]}
    assert said["left_alone"] == 1
