"""Migration invents nothing: what the earlier file does not say is null, with a reason; the result is no evidence."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ptyproof.errors import InputError, ManifestError
from ptyproof.evidence.ledger import Ledger
from ptyproof.evidence.manifest import read_manifest
from ptyproof.evidence.migrate import migrate, migrated
from ptyproof.io.schema import schema_errors
from ptyproof.study.design import StudyDesign

EXAMPLES = Path(__file__).parents[1] / "schemas" / "examples"
EARLIER = sorted(EXAMPLES.glob("legacy_training_manifest_e*/valid/*.json"))
SOURCE = {"path": "training_manifest.json", "sha256": "ab" * 32, "size_bytes": 1575}
SHARED = Path(__file__).parents[2].parent / "shared" / "legacy-manifests"
KEPT = ("dose", "view", "gridsize", "status", "error", "final_loss", "epochs_completed", "bundle_sha256")


def _generation(path: Path) -> str:
    return path.parts[-3].removeprefix("legacy_training_manifest_").upper()


@pytest.fixture(params=EARLIER, ids=lambda path: f"{_generation(path)}-{path.stem}")
def earlier(request: pytest.FixtureRequest) -> tuple[dict[str, Any], str]:
    """Every valid example of an earlier generation, and the generation."""
    return json.loads(request.param.read_text()), _generation(request.param)


def _nulls(value: Any, place: str = "$") -> Iterator[str]:
    if value is None:
        yield place
    for key, inner in value.items() if isinstance(value, dict) else ():
        yield from _nulls(inner, f"{place}.{key}")
    for number, inner in enumerate(value if isinstance(value, list) else ()):
        yield from _nulls(inner, f"{place}[{number}]")


def _covers(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\[\*\]", r"\[\d+\]"))


def _is_said(place: str, old: dict[str, Any]) -> bool:
    """Tell whether a null means something that the earlier file says: no filter, no error, no bundle."""
    if place.startswith("$.filters."):
        return True
    found = re.fullmatch(r"\$\.jobs\[(\d+)\]\.result\.(\w+)", place)
    if found is None:
        return False
    result, key = old["jobs"][int(found[1])]["result"], found[2]
    if result["status"] == "failed":
        return key not in ("started", "finished")
    return key == "error" or result.get(key, ...) is None


def test_every_null_has_a_reason_and_every_reason_a_null(earlier: tuple[dict[str, Any], str]) -> None:
    old, generation = earlier
    new = migrated(old, generation, SOURCE)
    assert schema_errors(new, "training_manifest") == []
    reasons = {entry["json_path"]: entry["reason"] for entry in new["migrated"]["unknown"]}
    nulls = list(_nulls(new))
    for place in nulls:
        assert _is_said(place, old) or any(_covers(pattern).fullmatch(place) for pattern in reasons), place
    for pattern in reasons:
        assert any(_covers(pattern).fullmatch(place) for place in nulls), pattern


def test_what_the_earlier_file_says_is_taken_over(earlier: tuple[dict[str, Any], str]) -> None:
    old, generation = earlier
    before = copy.deepcopy(old)
    new = migrated(old, generation, SOURCE)
    assert old == before
    assert new["migrated"] | {"unknown": 0, "left_out": 0} == {
        "source": SOURCE,
        "generation": generation,
        "timestamp": old["timestamp"],
        "unknown": 0,
        "left_out": 0,
    }
    assert new["dry_run"] is old["dry_run"]
    assert len(new["jobs"]) == len(old["jobs"])
    for was, job in zip(old["jobs"], new["jobs"], strict=True):
        kept = {key: was[key] for key in KEPT if key in was}
        kept |= {key: was["result"][key] for key in KEPT if key in was["result"]}
        assert kept.items() <= (job | (job["result"] or {})).items()
        assert (job["result"] is None) is old["dry_run"]
        left_out = {entry["json_path"] for entry in new["migrated"]["left_out"]}
        assert ("training_results" in was["result"]) is (
            f"$.jobs[{old['jobs'].index(was)}].result.training_results" in left_out
        )
    skips = old.get("skipped_views")
    assert new["skipped_count"] == old.get("skipped_count")
    assert (new["skipped_views"] is None) is (skips is None)
    for was, skip in zip(skips or [], new["skipped_views"] or [], strict=True):
        assert was.items() <= skip.items()


def test_it_is_a_fixed_form_and_no_second_migration(tmp_path: Path) -> None:
    old = json.loads((EXAMPLES / "legacy_training_manifest_e6" / "valid" / "bundles.json").read_text())
    new = migrated(old, "E6", SOURCE)
    path = tmp_path / "training_manifest.json"
    path.write_text(json.dumps(new))
    with pytest.raises(InputError, match="of the current generation"):
        migrate(path, tmp_path / "again.json")
    assert not (tmp_path / "again.json").exists()


@pytest.mark.parametrize(
    ("root", "path", "expected"),
    [
        ("tmp/e", "tmp/e/dose_1000/gs1", "dose_1000/gs1"),
        ("tmp/e", "tmp/c", "../c"),
        ("tmp/e", "tmp/e", "."),
        ("tmp/e/.", "./tmp//c/x.npz", "../c/x.npz"),
        ("e", "c/x.npz", "../c/x.npz"),
        ("/data/study/e", "/data/study/c/x.npz", "../c/x.npz"),
        ("/data/e", "/other/c", None),  # nothing in common: a way up to the root would name the machine's folders
        ("e", "/data/c", None),
        ("/data/e", "c", None),
        ("../e", "c", None),  # the name of the folder that is left is not known
        ("../e", "../e/x", "x"),
        ("e", "../c", None),
        ("e", "C:\\c\\x.npz", None),
        ("e", "e/C:x.npz", None),
    ],
)
def test_paths_become_relative_where_the_file_allows_it(root: str, path: str, expected: str | None) -> None:
    old = json.loads((EXAMPLES / "legacy_training_manifest_e4" / "valid" / "dry-run.json").read_text())
    old |= {"artifact_root": root, "phase_c_root": path}
    new = migrated(old, "E4", SOURCE)
    assert new["phase_c_root"] == expected
    assert (expected is None) is any(entry["json_path"] == "$.phase_c_root" for entry in new["migrated"]["unknown"])
    assert schema_errors(new, "training_manifest") == []


@pytest.mark.parametrize("path", ["/tmp/net.zip", "../net.zip", "a/../../net.zip", "C:net.zip"])
def test_a_bundle_outside_its_job_has_no_path(path: str) -> None:
    old = json.loads((EXAMPLES / "legacy_training_manifest_e6" / "valid" / "bundles.json").read_text())
    old["jobs"][0]["result"]["bundle_path"] = path
    old["skip_summary_path"] = path
    new = migrated(old, "E6", SOURCE)
    assert new["jobs"][0]["result"]["bundle_path"] is new["skip_summary_path"] is None
    unknown = {entry["json_path"] for entry in new["migrated"]["unknown"]}
    assert {"$.jobs[0].result.bundle_path", "$.skip_summary_path"} <= unknown


def test_a_migrated_manifest_is_taken_for_evidence_by_nothing(smoke: StudyDesign, tmp_path: Path) -> None:
    old = json.loads((EXAMPLES / "legacy_training_manifest_e6" / "valid" / "bundles.json").read_text())
    ledger = Ledger(smoke, tmp_path / "c", tmp_path / "d", tmp_path)
    ledger.path.write_text(json.dumps(migrated(old, "E6", SOURCE)))
    with pytest.raises(ManifestError, match="migrated from generation E6: it is a record of an earlier tool"):
        read_manifest(ledger.path, "training_manifest")
    with pytest.raises(ManifestError, match="migrated from generation E6"):
        ledger.read()
