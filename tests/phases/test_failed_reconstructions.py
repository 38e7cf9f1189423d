"""Failures and skips of Phase F: each is recorded with its reason and stops no other job."""

from __future__ import annotations

import inspect
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ptyproof.cli import main
from ptyproof.io.dataset import read_dataset, write_dataset
from ptyproof.io.hashing import sha256_file
from ptyproof.methods.reconstruction_jobs import ReconstructionFilters, build_reconstruction_jobs
from ptyproof.methods.registry import registry
from ptyproof.reconstruction.method import BlindScan, Reconstruction
from ptyproof.records.manifest import read_manifest
from ptyproof.records.training_ledger import TrainingLedger
from ptyproof.study.design import design_from_dict
from ptyproof.study.jobs import JobFilters
from ptyproof.study.layout import phase_c_file, phase_d_file
from tests.helpers.messages import names, numbers
from tests.helpers.reconstruction_runs import (
    Mine,
    entry,
    ones,
    phase_of,
    run,
)

pytest.importorskip("ptychi", reason="pty-chi is not installed: pip install 'pytest-ptyproof[iterative]'")


def fails(_: BlindScan) -> Reconstruction:
    """No result."""
    raise ZeroDivisionError("it divided\nby zero")


def with_nan(dataset: BlindScan) -> Reconstruction:
    """A result with one NaN."""
    found = ones(dataset)
    found.obj[0, 0] = np.nan
    return found


def test_a_method_that_fails_is_recorded_and_the_others_run(root: Path) -> None:
    made = {
        "raises": fails,
        "nan": with_nan,
        "wide": lambda s: replace(ones(s), obj=np.ones((3, 3), np.complex64)),
        "double": lambda s: replace(ones(s), obj=np.ones(s.object_shape, complex)),
        "nothing": lambda s: None,
        "good": ones,
    }
    manifest = run(phase_of(root, *(Mine(name, make) for name, make in made.items())), *made)
    errors = {name: entry(manifest, name)["result"]["error"] for name in made}
    assert errors["raises"] == "ZeroDivisionError: it divided by zero"
    assert names(errors["nan"], "object", 1, 14852)
    assert names(errors["wide"], "object")
    assert names(errors["double"], "complex64", "complex128")
    assert names(errors["nothing"], "Reconstruction", "NoneType")
    assert errors["good"] is None
    assert manifest["account"]["n_failed"] == 5
    code = sha256_file(Path(inspect.getfile(Mine)))[:16]
    assert entry(manifest, "good")["provider"] == {"name": "mine", "version": f"1.0, code {code}"}
    assert not list((root / "e").rglob("nan.npz"))


def test_a_dataset_that_was_swapped_is_refused(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = phase_d_file(root / "d", 1e3, "dense", "test")
    kept = path.read_bytes()
    roots = ["--phase-c-root", root / "c", "--phase-d-root", root / "d", "--artifact-root", root / "e"]
    argv = ["reconstruct", *map(str, roots), "--dose", "1000", "--method", "flat", "--threads", "1", "--view"]
    data = read_dataset(path).dataset
    assert data.diffraction is not None
    write_dataset(path, replace(data, diffraction=data.diffraction[::-1].copy()))
    assert main([*argv, "dense", "baseline"]) == 1
    said = capsys.readouterr().out
    assert [1, 2, 1] in [numbers(line)[:3] for line in said.splitlines()]
    manifest = read_manifest(root / "e" / "reconstruction_manifest.json", "reconstruction_manifest")
    reason = entry(manifest, "flat")["result"]["error"]
    assert names(reason, "overlap_manifest.json", sha256_file(path)[:16])
    assert str(root) not in reason
    path.write_bytes(phase_d_file(root / "d", 1e3, "dense", "train").read_bytes())
    assert main([*argv, "dense"]) == 1
    assert names(capsys.readouterr().out, "--retry failed", "--ptyproof-retry", reason)
    assert main([*argv, "dense", "--retry", "failed"]) == 1
    assert names(capsys.readouterr().out, "train half", "test half")
    path.write_bytes(kept)
    assert main([*argv, "dense", "--retry", "failed"]) == 0


def test_data_that_were_made_anew_after_the_training_are_refused(root: Path, trained: Path) -> None:
    for manifest_path, key in ((root / "c" / "run_manifest.json", "datasets"),):
        manifest = json.loads(manifest_path.read_text())
        path = phase_c_file(root / "c", 1e3, "test")
        data = read_dataset(path).dataset
        assert data.diffraction is not None
        write_dataset(path, replace(data, diffraction=data.diffraction[::-1].copy()))
        from ptyproof.io.file_record import file_record

        manifest[key][0]["test"]["file"] = file_record(path, root / "c")
        manifest_path.write_text(json.dumps(manifest))
    found = run(phase_of(root), "flat", views=("baseline",))
    assert "training_manifest.json" in entry(found, "flat", "baseline")["result"]["error"]


def test_a_damaged_dataset_or_bundle_is_a_failure_in_one_sentence(root: Path) -> None:
    bundle = root / "e" / "dose_1000" / "dense" / "gs2" / "model.safetensors"
    bundle.write_bytes(bundle.read_bytes()[:-4])
    path = phase_c_file(root / "c", 1e3, "test")
    path.write_bytes(path.read_bytes()[:-100])
    manifest = run(phase_of(root), "flat", "pinn", views=None)
    assert names(entry(manifest, "pinn")["result"]["error"], "model.safetensors", "training_manifest.json")
    assert entry(manifest, "flat")["result"]["status"] == "success"
    assert "patched_test.npz" in entry(manifest, "flat", "baseline")["result"]["error"]


def test_networks_without_a_bundle_are_skipped_with_the_reason(root: Path) -> None:
    design = design_from_dict(read_manifest(root / "c" / "run_manifest.json", "run_manifest")["design"])
    ledger = TrainingLedger(design, root / "c", root / "d", root / "e")
    job = build_reconstruction_jobs(
        design, registry(design), root / "c", root / "d", root / "e", ledger.read(),
        ReconstructionFilters(JobFilters(doses=(1e3,), views=("dense",)), methods=("pinn",)),
    ).jobs[0].training  # fmt: skip
    result = TrainingLedger.lost_result("the loss became nan in epoch 1, step 3") | {
        "status": "failed",
        "started": "2026-11-24T06:00:00Z",
        "finished": "2026-11-24T06:00:09Z",
    }
    ledger.record(job, result=result, scores=None)
    manifest = run(phase_of(root), "pinn", "pinn+lsqml", "flat")
    reasons = {skip["method"]: skip["reason"] for skip in manifest["skipped"] if skip["view"] == "dense"}
    why = "dose1000-dense-gs2 has no bundle: its training failed: the loss became nan in epoch 1, step 3"
    assert reasons == {"pinn": why, "pinn+lsqml": why}
    assert {skip["code"] for skip in manifest["skipped"] if skip["view"] == "dense"} == {"no_trained_bundle"}
    shutil.rmtree(root / "e")
    alone = run(phase_of(root), "pinn", "flat")
    assert names(alone["skipped"][0]["reason"], "training_manifest.json", "ptyproof train")
    assert alone["training_manifest_path"] is None
    assert entry(alone, "flat")["result"]["status"] == "success"


def test_a_method_that_cannot_run_here_is_skipped_with_the_line_that_helps(root: Path) -> None:
    mine = Mine("mine", ones)
    mine.unavailable = lambda: "pip install mine[fast]"  # type: ignore[attr-defined]
    manifest = run(phase_of(root, mine), "mine", "flat")
    (skip,) = [skip for skip in manifest["skipped"] if skip["view"] == "dense"]
    assert (skip["method"], skip["code"]) == ("mine", "method_unavailable")
    assert skip["reason"] == "pip install mine[fast]"
    assert entry(manifest, "flat")["result"]["status"] == "success"
