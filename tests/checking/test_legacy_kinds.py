"""Mistakes of earlier tools, in small examples of the project's own: halves, processes, and files that were cut off."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ptyproof.checking import check_manifest, check_value
from ptyproof.checking.model.files import Named
from tests.helpers.changed_examples import D1, D2, E6, E7, F3, MIGRATED, WHOLE, changed
from tests.helpers.folders import json_file

RESULT = "execution_results/0/stdout_preview"
INPUT = "work/d/dose_500/dense/dense_test.npz"


def codes(path: Path) -> list[tuple[str, str]]:
    """Return code and place of what is found in a file."""
    return [(finding.code, finding.json_path) for finding in check_manifest(path).findings]


@pytest.mark.parametrize(
    "said",
    [
        "dry_run=False\nImages: 30\n",
        "{'dry_run': False}",
        "Dry run: off",
        "run.py --no-dry-run",
        "This is not a dry run.",
        "no dry run",
        "dry run disabled",
        "dry-run mode: off",
        "Dry run? no",
        "dry_run=0 threads=2",
        "Namespace(dry_run=None, epochs=100)",
        "a laundry run is something else",
        "Images: 2000\n",  # an upper limit
        f"Dataset: {INPUT}\nAlgorithm: lsqml\nEpochs: 100\n",
        f"Dataset: /data/{INPUT}\n",  # the same file, from the root of the machine
        "Dataset: ./work/d//dose_500/dense/dense_test.npz\nAlgorithm: LSQ",  # the preview ends in a value
        f"Dataset: {INPUT[:20]}",
        "Epochs: 1",
        "Epochs: many\n",
        "Dataset: \r\nAlgorithm:\n",
        "Algorithm: L-S-Q-M-L\n",
        "Method: LSQML (least squares)\n",
        f"Dataset: {INPUT} (30 images)\n",
        f"Dataset: '{INPUT}'\n",
        f"Loading TIKE dataset from: {INPUT}\n",
        f"Loading TIKE dataset from: {INPUT[:9]}",
        "Output: work/f/dose_500/dense/test/object.npz\n",
        "Loading weights from net.pt\nLoading 3 packages from cache: done\n",
    ],
)
def test_what_a_process_prints_of_its_own_job_is_no_alarm(said: str) -> None:
    found = check_value(changed(F3, {RESULT: said})).findings
    assert {finding.code for finding in found} <= {"PM503"}


@pytest.mark.parametrize(
    "said",
    [
        "Dry run: no file was written",
        "DRY RUN: 0 of 3 jobs were run",
        "dry run: none of this was done",
        "dry-run no reconstruction",
        "dry_run=True",
        "Dry run mode, nothing done",
        "(dryrun)",
        "would run: x.py",
    ],
)
def test_a_process_that_says_that_it_did_nothing_is_a_dry_run(said: str) -> None:
    found = check_value(changed(F3, {RESULT: said})).findings
    assert ("PM701", "$.execution_results[0].stdout_preview") in {(one.code, one.json_path) for one in found}


def test_a_process_is_held_against_the_job_of_its_cell() -> None:
    value = changed(F3, {"jobs/0/split": "train", RESULT: "Algorithm: DM\n"})
    assert "PM716" not in {finding.code for finding in check_value(value).findings}


@pytest.mark.parametrize(("bundle", "changes"), [(D2, {"n_groups_actual": 63}), (D1, {"n_positions": 7})])
@pytest.mark.parametrize("names", [("metrics_bundle", "{}_metrics"), ("night_bundle_2", "night_2-{}-metrics")])
def test_halves_and_their_bundle_say_the_same(
    bundle: tuple[str, str], changes: dict[str, Any], names: tuple[str, str], tmp_path: Path
) -> None:
    value = changed(bundle, {})
    whole = json_file(tmp_path / f"{names[0]}.json", value)
    halves = {half: json_file(tmp_path / f"{names[1].format(half)}.json", value[half]) for half in ("train", "test")}
    assert [check_manifest(path).generation for path in halves.values()] == [bundle[0][-2:].upper()] * 2
    assert [code for path in (whole, *halves.values()) for code, _ in codes(path) if code == "PM306"] == []

    json_file(halves["test"], value["test"] | changes)
    (key,) = changes
    assert ("PM306", f"$.{key}") in codes(halves["test"])
    assert ("PM306", f"$.test.{key}") in codes(whole)
    assert "PM306" not in {code for code, _ in codes(halves["train"])}


def test_a_file_that_does_not_say_its_half_is_one_of_the_two(tmp_path: Path) -> None:
    value = changed(D2, {})
    json_file(tmp_path / "metrics_bundle.json", value)
    path = json_file(tmp_path / "metrics.json", value["test"])
    assert "PM306" not in {code for code, _ in codes(path)}
    json_file(path, value["test"] | {"n_groups_actual": 63})
    assert ("PM306", "$") in codes(path)


def test_a_half_is_not_compared_with_the_bundle_of_another_view(tmp_path: Path) -> None:
    value = changed(D2, {})
    json_file(tmp_path / "dense_metrics_bundle.json", value)
    half = json_file(tmp_path / "sparse_train_metrics.json", value["train"] | {"n_groups_actual": 63})
    assert "PM306" not in {code for code, _ in codes(half)}


@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize("key", ["final_loss", "bundle_path", "bundle_sha256"])
def test_a_success_with_nothing_to_show_is_found_before_a_cut(cut: bool, key: str, tmp_path: Path) -> None:
    value = changed(E7, {"skipped_views": [], "skipped_count": 0})
    result = value["jobs"][0]["result"]
    value["jobs"] = value["jobs"][:1]
    result.pop("training_results", None)
    result |= {key: None, "training_results": {"history": {}, "last": "end"}}
    whole = json.dumps(value)
    path = tmp_path / "training_manifest.json"
    path.write_text(whole[: whole.index('"end"') + 3] if cut else whole)
    found = codes(path)
    assert ("PM703", f"$.jobs[0].result.{key}") in found
    assert ("PM005" in {code for code, _ in found}) is cut


def test_a_key_that_a_cut_has_taken_is_not_missed(tmp_path: Path) -> None:
    value = changed(E7, {})
    value["jobs"] = [value["jobs"][0] | {"result": {"status": "success", "final_loss": 0.5}}]
    whole = json.dumps(value)
    path = tmp_path / "training_manifest.json"
    path.write_text(whole[: whole.index('"final_loss"') + 16])
    assert "PM703" not in {code for code, _ in codes(path)}


ESCAPES = (
    "../../../../../etc/passwd",
    "net/../../../../../../etc/passwd",
    "..",
    "..\\..\\..\\etc\\passwd",
    "net\\..\\..\\x",
    "%2e%2e/%2E%2E/etc/passwd",
    "..%2f..%2fetc",
    "%252e%252e/etc",
    "a/%2e%2e/%2e%2e/etc",
    "\uff0e\uff0e/etc/passwd",
)
ABSOLUTE = ("/etc/passwd", "C:\\net.zip", "c:net.zip", "\\\\server\\share\\net.zip", "~/net.zip", "file:///etc/passwd")


@pytest.mark.parametrize("path", [*ESCAPES, *ABSOLUTE])
@pytest.mark.parametrize("of", [E6, E7, MIGRATED, WHOLE], ids=lambda of: of[0])
@pytest.mark.parametrize("root", ["its own", "another", "none"])
def test_a_bundle_that_climbs_out_is_an_error(path: str, of: tuple[str, str], root: str) -> None:
    value = changed(of, {"jobs/0/result/bundle_path": path})
    if root == "another":  # the job's folder is then not below it, so that the bundle's place is not known
        value["artifact_root"] = "elsewhere"
    elif root == "none":
        value["artifact_root"] = None
    found = [(f.code, f.severity) for f in check_value(value).findings if f.json_path == "$.jobs[0].result.bundle_path"]
    assert ("PM402" if path in ESCAPES else "PM401", "error") in found


@pytest.mark.parametrize("name", ["a..b.zip", "net%20of%20night.zip", "100%.zip", "x/../net.zip", "\u7db2.zip"])
def test_odd_names_do_not_climb(name: str) -> None:
    value = changed(E6, {"jobs/0/result/bundle_path": name})
    assert "$.jobs[0].result.bundle_path" not in {finding.json_path for finding in check_value(value).findings}


@pytest.mark.parametrize("path", ["../../../etc/x.npz", "work/d/../../../x.npz"])
def test_data_of_earlier_tools_lie_below_a_root_that_the_file_names(path: str) -> None:
    value = changed(E6, {"jobs/0/train_data_path": path})
    assert "PM402" in {finding.code for finding in check_value(value).findings}
    value = changed(E6, {"phase_d_root": "../d", "jobs/0/train_data_path": "../d/dose_500/dense/dense_train.npz"})
    assert "PM402" not in {finding.code for finding in check_value(value).findings}


def test_a_link_that_leads_out_is_not_read(tmp_path: Path) -> None:
    value = changed(E6, {})
    job = value["jobs"][0]
    folder = tmp_path / "e" / job["artifact_dir"].removeprefix(value["artifact_root"] + "/")
    folder.mkdir(parents=True)
    (tmp_path / "secret").write_text("x")
    (folder / job["result"]["bundle_path"]).symlink_to(tmp_path / "secret")
    assert ("PM305", "$.jobs[0].result.bundle_path") in codes(
        json_file(tmp_path / "e" / "training_manifest.json", value)
    )


def test_a_success_whose_bundle_cannot_be_found_is_an_error_but_for_manifests_alone(tmp_path: Path) -> None:
    value = changed(E6, {"artifact_root": "elsewhere", "skip_summary_path": "skip_summary.json"})
    value["jobs"] = value["jobs"][:1]
    path = json_file(tmp_path / "training_manifest.json", value)
    assert ("PM308", "$.jobs[0].result.bundle_path") in codes(path)
    checked = check_manifest(path, manifest_only=True)
    assert checked.of("files") == ()
    assert checked.named.there == checked.named.absent == 0
    assert checked.named.unseen == checked.named.n


def test_named_files_are_counted_as_there_absent_and_unseen(tmp_path: Path) -> None:
    value = changed(F3, {})
    (tmp_path / "dose_500" / "dense" / "test").mkdir(parents=True)
    path = json_file(tmp_path / "reconstruction_manifest.json", value)
    assert check_manifest(path).named == Named(2, 0, 1, 1)  # the log is not there; where the data lie is not known
    (tmp_path / "dose_500" / "dense" / "test" / "log.txt").write_text("x")
    assert check_manifest(path).named == Named(2, 1, 0, 1)
    assert check_value(value).named == Named(2, 0, 0, 2)


def test_a_process_called_done_without_its_log_is_a_warning(tmp_path: Path) -> None:
    path = json_file(tmp_path / "reconstruction_manifest.json", changed(F3, {}))
    place = "$.execution_results[0].log_path"
    found = {(finding.code, finding.json_path): finding.severity for finding in check_manifest(path).findings}
    assert found["PM309", place] == "warning"
    assert ("PM309", place) in codes(json_file(path, changed(F3, {"artifact_root": "elsewhere"})))
    assert "PM309" not in {finding.code for finding in check_manifest(path, manifest_only=True).findings}
    json_file(path, changed(F3, {}))
    (tmp_path / "dose_500" / "dense" / "test").mkdir(parents=True)
    (tmp_path / "dose_500" / "dense" / "test" / "log.txt").write_text("x")
    assert "PM309" not in {code for code, _ in codes(path)}
    json_file(
        path, changed(F3, {"execution_results/0/returncode": 1, "execution_results/0/log_path": "work/f/gone.txt"})
    )
    assert "PM309" not in {code for code, _ in codes(path)}
