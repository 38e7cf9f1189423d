"""Migration invents nothing: what the earlier file does not say is null, with a reason; the result is no evidence."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ptyproof.checking import SEVERITIES, check_manifest
from ptyproof.checking.hub import verify_hub
from ptyproof.checking.migrate import migrate, migrated
from ptyproof.cli import main
from ptyproof.errors import InputError, ManifestError
from ptyproof.hub.index import Hub
from ptyproof.io.hashing import sha256_file
from ptyproof.io.schema import schema_errors
from ptyproof.records.manifest import read_manifest
from ptyproof.records.training_ledger import TrainingLedger
from ptyproof.report.summary import write_summary
from ptyproof.study.design import StudyDesign
from tests.helpers.changed_examples import Case
from tests.helpers.hubs import make_run
from tests.helpers.legacy_cases import LEGACY_CASES
from tests.helpers.manifest_cases import CASES
from tests.helpers.messages import names, naming

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
    new: dict[str, Any] = migrated(old, generation, SOURCE)
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
    new: dict[str, Any] = migrated(old, generation, SOURCE)
    assert old == before
    assert new["migrated"] | {"unknown": 0, "left_out": 0} == {
        "source": SOURCE,
        "generation": generation,
        "timestamp": old["timestamp"],
        "unknown": 0,
        "left_out": 0,
        "findings": [],
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
    new: dict[str, Any] = migrated(old, "E6", SOURCE)
    path = tmp_path / "training_manifest.json"
    path.write_text(json.dumps(new))
    with pytest.raises(InputError, match=naming("training_manifest.json")):
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
    new: dict[str, Any] = migrated(old, "E4", SOURCE)
    assert new["phase_c_root"] == expected
    assert (expected is None) is any(entry["json_path"] == "$.phase_c_root" for entry in new["migrated"]["unknown"])
    assert schema_errors(new, "training_manifest") == []


@pytest.mark.parametrize("path", ["/tmp/net.zip", "../net.zip", "a/../../net.zip", "C:net.zip"])
def test_a_bundle_outside_its_job_has_no_path(path: str) -> None:
    old = json.loads((EXAMPLES / "legacy_training_manifest_e6" / "valid" / "bundles.json").read_text())
    old["jobs"][0]["result"]["bundle_path"] = path
    old["skip_summary_path"] = path
    new: dict[str, Any] = migrated(old, "E6", SOURCE)
    assert new["jobs"][0]["result"]["bundle_path"] is new["skip_summary_path"] is None
    unknown = {entry["json_path"] for entry in new["migrated"]["unknown"]}
    assert {"$.jobs[0].result.bundle_path", "$.skip_summary_path"} <= unknown


def test_a_migrated_manifest_is_taken_for_evidence_by_nothing(smoke: StudyDesign, tmp_path: Path) -> None:
    old = json.loads((EXAMPLES / "legacy_training_manifest_e6" / "valid" / "bundles.json").read_text())
    ledger = TrainingLedger(smoke, tmp_path / "c", tmp_path / "d", tmp_path)
    ledger.path.write_text(json.dumps(migrated(old, "E6", SOURCE)))
    with pytest.raises(ManifestError, match=naming("training_manifest.json", "E6")):
        read_manifest(ledger.path, "training_manifest")
    with pytest.raises(ManifestError, match=naming("training_manifest.json", "E6")):
        ledger.read()


def _main(capsys: pytest.CaptureFixture[str], *args: str | Path) -> tuple[int, str, str]:
    status = main([str(arg) for arg in args])
    shown = capsys.readouterr()
    return status, shown.out, shown.err


@pytest.mark.parametrize("path", EARLIER, ids=lambda path: f"{_generation(path)}-{path.stem}")
def test_the_command_writes_what_the_checker_recognises(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "old.json"
    source.write_bytes(path.read_bytes())
    status, out, err = _main(capsys, "migrate", source, "--out", tmp_path / "new.json")
    assert (status, err) == (0, "")
    assert names(out, _generation(path))
    assert source.read_bytes() == path.read_bytes()
    new = json.loads((tmp_path / "new.json").read_text())
    assert new["migrated"]["source"] == {
        "path": "old.json",
        "sha256": sha256_file(source),
        "size_bytes": source.stat().st_size,
    }
    before, after = check_manifest(source), check_manifest(tmp_path / "new.json")
    assert (after.kind, after.generation) == ("training_manifest", "1")
    codes = {finding.code for finding in after.findings}
    assert "PM711" in codes
    assert not codes & {"PM101", "PM801", "PM802", "PM208"} - {finding.code for finding in before.findings}


def test_a_migrated_manifest_elsewhere_says_that_its_bundle_cannot_be_looked_at(tmp_path: Path) -> None:
    source, target = tmp_path / "old.json", tmp_path / "other" / "new.json"
    source.write_bytes((EXAMPLES / "legacy_training_manifest_e6" / "valid" / "bundles.json").read_bytes())
    target.parent.mkdir()
    new = migrate(source, target)
    assert new["artifact_root"] is None
    assert "$.artifact_root" in {entry["json_path"] for entry in new["migrated"]["unknown"]}
    assert {finding.code for finding in check_manifest(target).of("files")} == {"PM301", "PM308"}
    assert check_manifest(target, manifest_only=True).of("files") == ()


def _worst(path: Path) -> dict[str, str]:
    """Return the worst severity of each code that is found in a file."""
    found = check_manifest(path).findings
    return {finding.code: finding.severity for finding in reversed(found)}


OF_EARLIER = [case for case in (*CASES, *LEGACY_CASES) if case.example[0].startswith("legacy_training_manifest")]


@pytest.mark.parametrize("elsewhere", [False, True], ids=["beside", "elsewhere"])
@pytest.mark.parametrize("case", OF_EARLIER, ids=lambda case: f"{case.code}-{case.place}")
def test_no_finding_becomes_milder(case: Case, elsewhere: bool, tmp_path: Path) -> None:
    source, target = tmp_path / "old.json", tmp_path / ("other/new.json" if elsewhere else "new.json")
    target.parent.mkdir(exist_ok=True)
    source.write_text(json.dumps(case.value()))
    before = _worst(source)
    try:
        migrate(source, target)
    except InputError:
        assert {"PM101", "PM007"} & before.keys()
    else:
        assert before.items() <= _worst(target).items()
        assert SEVERITIES.index(check_manifest(target).worst or "info") <= SEVERITIES.index(
            check_manifest(source).worst or "info"
        )


def test_a_source_that_was_changed_afterwards_is_found(tmp_path: Path) -> None:
    source = tmp_path / "old.json"
    source.write_bytes((EXAMPLES / "legacy_training_manifest_e4" / "valid" / "dry-run.json").read_bytes())
    migrate(source, tmp_path / "new.json")
    assert check_manifest(tmp_path / "new.json").of("files") == ()
    source.write_text(source.read_text().replace("500", "600"))
    assert [finding.code for finding in check_manifest(tmp_path / "new.json").of("files")] == ["PM303"]


@pytest.mark.parametrize(
    "content",
    [
        "",
        '{"timestamp": "2025-11-04T06:00:41Z", "jobs": [',
        "[]",
        '{"kind": "study_design"}',
        (EXAMPLES / "training_manifest/valid/whole-dose.json").read_text(),
        (EXAMPLES / "legacy_skip_summary_e5/valid/one-skip.json").read_text(),
        (EXAMPLES / "run_manifest/valid/one-of-three-doses.json").read_text(),
    ],
    ids=["empty", "cut", "list", "design", "current", "skip-summary", "run-manifest"],
)
def test_what_is_no_earlier_training_manifest_is_refused_in_one_sentence(
    content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "old.json"
    source.write_text(content)
    status, out, err = _main(capsys, "migrate", source, "--out", tmp_path / "new.json")
    assert (status, out) == (2, "")
    assert names(err, source)
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == [source]


def test_nothing_is_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "old.json"
    source.write_bytes((EXAMPLES / "legacy_training_manifest_e4" / "valid" / "dry-run.json").read_bytes())
    (tmp_path / "link.json").symlink_to("nowhere.json")
    for target in (source, tmp_path / "link.json", tmp_path / "no folder" / "new.json"):
        status, _, err = _main(capsys, "migrate", source, "--out", target)
        assert status == 2
        assert str(target if target.is_symlink() or target.exists() else target.parent) in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.json", "old.json"]


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"{SHARED.name} is not beside the project")
@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("E6_training_manifest_hand_made.json", "$.filters.dose"),
        ("E7_training_manifest_truncated_mid_write.json", "line 553"),
    ],
)
def test_published_manifests_that_are_refused(
    name: str, place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _, err = _main(capsys, "migrate", SHARED / name, "--out", tmp_path / "new.json")
    assert status == 2
    assert names(err, name, place)
    assert not (tmp_path / "new.json").exists()


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"{SHARED.name} is not beside the project")
@pytest.mark.parametrize(
    "name",
    [
        "E4_training_manifest_dry_run.json",
        "E5_training_manifest_skips_of_other_doses.json",
        "E6_training_manifest_failed_job.json",
        "E7_training_manifest_failed_validator.json",
        "E7_training_manifest_dry_run.json",
    ],
)
def test_published_manifests(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, _ = _main(capsys, "migrate", SHARED / name, "--out", tmp_path / "new.json")
    assert status == 0
    new = json.loads((tmp_path / "new.json").read_text())
    assert new["migrated"]["generation"] == name[:2]
    assert new["dry_run"] is ("PM701" in {finding.code for finding in check_manifest(tmp_path / "new.json").findings})
    assert all(not job["artifact_dir"].startswith("..") for job in new["jobs"])
    if name.startswith("E5"):
        skips = [finding for finding in check_manifest(tmp_path / "new.json").findings if finding.code == "PM801"]
        assert len(skips) == 2


def test_a_hub_with_a_migrated_manifest_is_not_sound(tmp_path: Path) -> None:
    old = json.loads((EXAMPLES / "legacy_training_manifest_e6" / "valid" / "bundles.json").read_text())
    hub = Hub(tmp_path / "hub")
    (hub.root / "real_run").mkdir(parents=True)
    make_run(hub, "red", "adding", accepted=True, outcomes={"failed": 1})
    (hub.root / "real_run" / "training_manifest.json").write_text(json.dumps(migrated(old, "E6", SOURCE)))
    hub.write(lambda: write_summary(hub.root))
    found = {(finding.code, finding.severity) for finding in verify_hub(hub.root) if finding.json_path == "$.migrated"}
    assert found == {("PM711", "warning"), ("PM904", "error")}
    assert "migrated" in (hub.root / "docs" / "summary.md").read_text()
