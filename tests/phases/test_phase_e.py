"""Phase E: the same bundles in every process, and a record of every attempt that says nothing of another one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ptyproof.cli import main
from ptyproof.io.file_record import file_is_whole
from ptyproof.records.manifest import read_manifest
from ptyproof.study.layout import phase_c_file, phase_d_file
from ptyproof.training.bundle import read_bundle
from tests.helpers import forked
from tests.helpers.messages import numbers
from tests.helpers.phases import Phase


def hashes(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Return the sha256 of each job's bundle."""
    return {entry["job"]: entry["result"]["bundle_sha256"] for entry in manifest["jobs"]}


def test_the_same_study_in_another_process_gives_the_same_bundles(
    smoke_c: Phase, smoke_d: Phase, smoke_e: Phase, tmp_path: Path
) -> None:
    roots = ["--phase-c-root", smoke_c.root, "--phase-d-root", smoke_d.root, "--artifact-root", tmp_path / "a"]
    argv = ["-m", "ptyproof", "train", *map(str, roots), "--accelerator", "cpu", "--threads", "1"]
    argv += ["--dose", "10000", "--view", "dense", "--in-process"]
    done = forked.run(argv, tmp_path, os.environ)
    assert done.returncode == 0, done.stderr
    assert [1, 1, 0] in [numbers(line)[:3] for line in done.stdout.splitlines()]
    found = hashes(read_manifest(tmp_path / "a" / "training_manifest.json", "training_manifest"))
    assert found == {job: digest for job, digest in hashes(smoke_e.manifest).items() if job == "dose10000-dense-gs2"}
    assert len(found) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_every_job_leaves_what_the_manifest_names(smoke_e: Phase) -> None:
    assert len(smoke_e.manifest["jobs"]) == 6
    for entry in smoke_e.manifest["jobs"]:
        folder, result = smoke_e.root / entry["artifact_dir"], entry["result"]
        names = [result[key] for key in ("bundle_path", "checkpoint_path", "metrics_path", "loss_curve_path")]
        assert sorted(path.name for path in folder.iterdir()) == sorted([*names, "model.json", "train.log"])
        record = read_bundle(folder / result["bundle_path"]).record
        assert (record["job"], record["final_loss"]) == (entry["job"], result["final_loss"])
        log = (smoke_e.root / entry["log_path"]).read_text()
        assert ("NOT" in log.split()) == (not entry["scores"]["beats_start"])
        assert str(smoke_e.root) not in log
        assert (folder / result["loss_curve_path"]).read_bytes().startswith(b"\x89PNG")


def test_environment_and_datasets_are_recorded(smoke_e: Phase) -> None:
    for entry in smoke_e.manifest["jobs"]:
        assert {"torch", "threads", "cpu", "cpu_capability", "device"} <= entry["environment"].keys()
        for half in ("train", "test"):
            assert file_is_whole(entry["datasets"][half], smoke_e.root)


@pytest.fixture
def root(smoke_c: Phase, smoke_d: Phase, smoke_e: Phase, tmp_path: Path) -> Path:
    """A copy of the smoke study's dose 1000, with its trainings."""
    for name, phase in (("c", smoke_c), ("d", smoke_d), ("e", smoke_e)):
        shutil.copytree(phase.root, tmp_path / name, ignore=shutil.ignore_patterns("dose_10000*"))
    return tmp_path


def train(root: Path, *options: str) -> tuple[int, dict[str, Any]]:
    """Train the dense view of dose 1000; return exit status and entry."""
    roots = ["--phase-c-root", root / "c", "--phase-d-root", root / "d", "--artifact-root", root / "e"]
    chosen = ["--dose", "1000", "--view", "dense", "--accelerator", "cpu", "--threads", "1"]
    status = main(["train", *map(str, roots), *chosen, *options])
    manifest = read_manifest(root / "e" / "training_manifest.json", "training_manifest")
    (entry,) = [job for job in manifest["jobs"] if job["job"] == "dose1000-dense-gs2"]
    return status, dict(entry)


@pytest.mark.parametrize("half", ["train", "test"])
def test_a_failed_attempt_keeps_nothing_of_the_success_before_it(root: Path, half: str) -> None:
    _, before = train(root)
    path = phase_d_file(root / "d", 1e3, "dense", half)
    path.write_bytes(path.read_bytes()[:-100])
    status, entry = train(root)
    assert status == 1
    assert entry["result"]["status"] == "failed"
    assert f"dense_{half}.npz" in entry["result"]["error"]
    assert str(root) not in entry["result"]["error"]
    assert (entry["scores"], entry["datasets"], entry["result"]["bundle_path"]) == (None, None, None)
    assert entry["earlier_results"] == [before["result"]]


@pytest.mark.parametrize("options", [["--retrain"], ["--max-epochs", "1"], ["--threads", "2"]])
def test_a_job_is_trained_again_where_asked_or_where_something_differs(root: Path, options: list[str]) -> None:
    _, before = train(root)
    status, entry = train(root, *options)
    assert status == 0
    assert entry["earlier_results"] == [before["result"]]
    same = options == ["--retrain"]
    assert (entry["result"]["bundle_sha256"] == before["result"]["bundle_sha256"]) is same or options[0] == "--threads"


def test_other_data_are_not_taken_for_the_same(root: Path) -> None:
    _, before = train(root)
    for half in ("train", "test"):
        shutil.copy(phase_c_file(root / "c", 1e3, half), phase_d_file(root / "d", 1e3, "dense", half))
    _, entry = train(root)
    assert entry["result"]["recipe_sha256"] != before["result"]["recipe_sha256"]
    assert entry["earlier_results"] == [before["result"]]
