"""Mistakes of earlier tools, in small examples of the project's own: halves, processes, and files that were cut off."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ptyproof.evidence.checking import check_manifest, check_value
from tests.evidence.checking.cases import D1, D2, E7, F3, changed
from tests.evidence.checking.test_files import write

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
        "a laundry run is something else",
        "Images: 2000\n",  # an upper limit
        f"Dataset: {INPUT}\nAlgorithm: lsqml\nEpochs: 100\n",
        f"Dataset: /data/{INPUT}\n",  # the same file, from the root of the machine
        "Dataset: ./work/d//dose_500/dense/dense_test.npz\nAlgorithm: LSQ",  # the preview ends in a value
        f"Dataset: {INPUT[:20]}",
        "Epochs: 1",
        "Epochs: many\n",
        "Algorithm: L-S-Q-M-L\n",
    ],
)
def test_what_a_process_prints_of_its_own_job_is_no_alarm(said: str) -> None:
    found = check_value(changed(F3, {RESULT: said})).findings
    assert {finding.code for finding in found} <= {"PM503"}


def test_a_process_is_held_against_the_job_of_its_cell() -> None:
    value = changed(F3, {"jobs/0/split": "train", RESULT: "Algorithm: DM\n"})
    assert "PM716" not in {finding.code for finding in check_value(value).findings}


@pytest.mark.parametrize(("bundle", "changes"), [(D2, {"n_groups_actual": 63}), (D1, {"n_positions": 7})])
@pytest.mark.parametrize("names", [("metrics_bundle", "{}_metrics"), ("night_bundle_2", "night_2-{}-metrics")])
def test_halves_and_their_bundle_say_the_same(
    bundle: tuple[str, str], changes: dict[str, Any], names: tuple[str, str], tmp_path: Path
) -> None:
    value = changed(bundle, {})
    whole = write(tmp_path / f"{names[0]}.json", value)
    halves = {half: write(tmp_path / f"{names[1].format(half)}.json", value[half]) for half in ("train", "test")}
    assert [check_manifest(path).generation for path in halves.values()] == [bundle[0][-2:].upper()] * 2
    assert [code for path in (whole, *halves.values()) for code, _ in codes(path) if code == "PM306"] == []

    write(halves["test"], value["test"] | changes)
    (key,) = changes
    assert ("PM306", f"$.{key}") in codes(halves["test"])
    assert ("PM306", f"$.test.{key}") in codes(whole)
    assert "PM306" not in {code for code, _ in codes(halves["train"])}


def test_a_half_is_not_compared_with_the_bundle_of_another_view(tmp_path: Path) -> None:
    value = changed(D2, {})
    write(tmp_path / "dense_metrics_bundle.json", value)
    half = write(tmp_path / "sparse_train_metrics.json", value["train"] | {"n_groups_actual": 63})
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
