"""Kinds that users bring: the worked example of the documentation, installed as a package and given as a schema."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ptyproof.checking import Document, ManifestKind, check_manifest, check_value
from ptyproof.checking.model.document import Findings
from ptyproof.cli.main import main
from ptyproof.errors import InputError
from tests.helpers.folders import json_file

PAGE = Path(__file__).parents[2] / "docs" / "manifest-checks.md"
SECTION = PAGE.read_text(encoding="utf-8").partition("\n## Kinds of your own\n")[2].partition("\n## ")[0]
BLOCKS = dict(re.findall(r"```(json|python|toml)\n(.*?)```", SECTION, re.DOTALL))
CONTENT = b"frames"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the files of the example: schema, module, a sound manifest and its scan."""
    (tmp_path / "beamtime.schema.json").write_text(BLOCKS["json"])
    (tmp_path / "scan1.h5").write_bytes(CONTENT)
    json_file(tmp_path / "night.json", manifest())
    return tmp_path


def manifest(**changes: Any) -> dict[str, Any]:
    """Return a sound manifest of the example's kind, with changes."""
    scan = {"path": "scan1.h5", "sha256": hashlib.sha256(CONTENT).hexdigest(), "exposure_s": 0.5}
    return {"kind": "beamtime", "n_scans": 1, "scans": [scan | changes.pop("scan", {})], **changes}


def installed(folder: Path, toml: str = BLOCKS["toml"], module: str = BLOCKS["python"]) -> dict[str, str]:
    """Install the example's package into a folder of its own; return the environment that has it."""
    site = folder / "site"
    info = site / "beamtime_kinds-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "beamtime_kinds.py").write_text(module)
    (site / "beamtime.schema.json").write_text(BLOCKS["json"])
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: beamtime-kinds\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        toml.replace('[project.entry-points."', "[").replace('"]', "]").replace('"', "")
    )
    return os.environ | {"PYTHONPATH": str(site)}


def run(folder: Path, environment: dict[str, str], *words: str) -> tuple[int, dict[str, Any]]:
    """Run `ptyproof check` in a process; return its exit status and what it says as JSON."""
    command = [sys.executable, "-m", "ptyproof", "check", "--format", "json", *words]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    return done.returncode, json.loads(done.stdout)


def found(said: dict[str, Any]) -> set[tuple[str, str]]:
    """Return code and place of each finding."""
    return {(finding["code"], finding["json_path"]) for file in said["files"] for finding in file["findings"]}


def test_an_installed_package_brings_its_kind(folder: Path) -> None:
    environment = installed(folder)
    status, said = run(folder, environment, "night.json")
    assert (status, found(said)) == (0, set())
    assert (said["files"][0]["kind"], said["files"][0]["named_files"]["there"]) == ("beamtime", 1)

    json_file(folder / "night.json", manifest(n_scans=3, scan={"exposure_s": 90, "sha256": "0" * 64}))
    status, said = run(folder, environment, "night.json")
    expected = {("PM105", "$.n_scans"), ("PM106", "$.scans[0].exposure_s"), ("PM303", "$.scans[0].sha256")}
    assert (status, found(said)) == (1, expected)

    # and in a folder, where other JSON files are left alone
    json_file(folder / "package.json", {"name": "x"})
    status, said = run(folder, environment, ".")
    assert "night.json" in {Path(file["file"]).name for file in said["files"]}


def test_pytest_has_an_item_for_what_is_found_in_files_of_such_a_kind(folder: Path) -> None:
    environment = installed(folder)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "night.json"]

    def tested() -> tuple[int, str]:
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
        return done.returncode, done.stdout

    assert tested()[0] == 0
    (folder / "scan1.h5").write_bytes(CONTENT[::-1])  # found only where files are read
    status, out = tested()
    assert status == 1
    assert "night.json::files" in out
    assert "PM303" in out


def test_the_same_file_without_the_package_is_of_no_known_kind(folder: Path) -> None:
    assert check_manifest(folder / "night.json").kind is None


@pytest.mark.parametrize(
    ("toml", "module"),
    [
        ('[project.entry-points."ptyproof.manifest_kinds"]\nbeamtime = "beamtime_kinds:GONE"\n', BLOCKS["python"]),
        (BLOCKS["toml"], "raise RuntimeError('not today')\n"),
        (BLOCKS["toml"], "BEAMTIME = 3\n"),
        (BLOCKS["toml"], BLOCKS["python"].replace('ManifestKind("beamtime"', 'ManifestKind("training_manifest"')),
    ],
    ids=["absent", "error", "number", "taken name"],
)
def test_a_kind_that_cannot_be_used_is_an_error_and_no_crash(toml: str, module: str, folder: Path) -> None:
    status, said = run(folder, installed(folder, toml, module), "night.json")
    assert status == 1
    assert {"PM102", "PM107"} <= {code for code, _ in found(said)}
    (message,) = (each["message"] for each in said["files"][0]["findings"] if each["code"] == "PM107")
    assert "beamtime-kinds" in message


def test_a_schema_for_one_call(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    schema = str(folder / "beamtime.schema.json")
    assert main(["check", str(folder / "night.json"), "--schema", schema]) == 0
    assert "night.json" in capsys.readouterr().out
    bad = json_file(folder / "bad.json", manifest(n_scans=-1, scan={"path": "/data/scan1.h5"}))
    assert main(["check", str(bad), "--schema", schema, "--format", "json"]) == 1
    codes = found(json.loads(capsys.readouterr().out))
    assert ("PM101", "$.n_scans") in codes
    assert ("PM401", "$.scans[0].path") in codes
    sound = json_file(
        folder / "skip_summary.json", {"skipped_views": [], "skipped_count": 0, "timestamp": "2025-10-06T09:15:27Z"}
    )
    assert main(["check", str(sound), "--schema", schema]) == 0  # ptyproof's own kinds come first


def test_a_schema_without_a_constant_goes_by_its_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    schema = json_file(
        tmp_path / "log.json", {"required": ["operator", "shift"], "properties": {"shift": {"enum": ["day"]}}}
    )
    value = json_file(tmp_path / "x.json", {"operator": "x", "shift": "night"})
    half = json_file(tmp_path / "half.json", {"operator": "x"})
    other = json_file(tmp_path / "other.json", {"name": "x"})
    for path, code in ((value, "PM101"), (half, "PM101"), (other, "PM102")):
        assert main(["check", str(path), "--schema", str(schema), "--format", "json"]) == 1
        assert {code for code, _ in found(json.loads(capsys.readouterr().out))} == {code}


@pytest.mark.parametrize(
    "schema",
    [
        "{",
        "[]",
        '{"type": "objekt"}',
        '{"$ref": "https://example.org/schema.json"}',
        '{"$ref": "file:///etc/passwd"}',
        '{"properties": {"a": {"pattern": "("}}}',
        '{"$schema": "http://json-schema.org/draft-07/schema#"}',
        '{"properties": {"kind": {"const": "training_manifest"}}}',
        '{"properties": {"kind": {"const": "a b"}}}',
    ],
)
def test_a_schema_that_is_none_is_a_usage_error(schema: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "own.json"
    path.write_text(schema)
    assert main(["check", str(folder / "night.json"), "--schema", str(path)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "own.json" in captured.err
    assert captured.err.count("\n") == 1


def test_a_reference_that_leads_nowhere_is_a_usage_error(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "own.json"
    path.write_text('{"properties": {"kind": {"const": "beamtime"}, "n_scans": {"$ref": "#/$defs/gone"}}}')
    assert main(["check", str(folder / "night.json"), "--schema", str(path)]) == 2
    assert "#/$defs/gone" in capsys.readouterr().err
    assert main(["check", str(folder / "night.json"), "--schema", str(folder / "nowhere.json")]) == 2


def test_a_check_that_fails_by_itself_is_an_error() -> None:
    def broken(doc: Document) -> Findings:
        yield doc.finding("PM106", "$.kind", "before")
        raise KeyError(doc.kind)

    kind = ManifestKind("beamtime", json.loads(BLOCKS["json"]), checks=(broken,))
    checked = check_value(manifest(), kinds=[kind])
    assert [(finding.code, finding.severity) for finding in checked.findings] == [
        ("PM107", "error"),
        ("PM106", "warning"),
    ]
    assert "broken" in checked.findings[0].message


@pytest.mark.parametrize("name", ["", "a b", "skip_summary", "../x", "x" * 65])
def test_a_name_that_a_kind_cannot_have(name: str) -> None:
    with pytest.raises(InputError):
        ManifestKind(name, {})
