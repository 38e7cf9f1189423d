"""Phase F on a whole dose: one record for each cell, archives and snapshots, and no use of the truth."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptyproof.errors import DataError
from ptyproof.io.dataset import read_dataset, write_dataset
from ptyproof.io.file_record import file_is_whole
from ptyproof.io.keys import TRUTH
from ptyproof.io.npz import NpzArchive, NpzWriter
from ptyproof.jobs.process import JobProcesses
from ptyproof.methods.registry import NEED_TRAINING
from ptyproof.phases.f_reconstruct.reconstruct import ReconstructionPhase
from ptyproof.phases.g_compare.compare import open_comparison, run_comparison
from ptyproof.reconstruction.method import illumination
from ptyproof.records import journaled_manifest
from ptyproof.records.archive import arrays_digest, read_archive
from ptyproof.records.manifest import read_manifest
from ptyproof.study.layout import phase_d_file
from tests.helpers.known import known
from tests.helpers.messages import names
from tests.helpers.phases import Phase
from tests.helpers.reconstruction_runs import (
    CPU,
    entry,
    phase_of,
    run,
    twins,
    with_methods,
)

pytest.importorskip("ptychi", reason="pty-chi is not installed: pip install 'pytest-ptyproof[iterative]'")

METHODS = ("flat", "start", "pinn", "lsqml", "pinn+lsqml", "foundation")


@pytest.fixture(scope="module")
def whole(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Mapping[str, Any]]:
    """The dose reconstructed by every method of the study."""
    root = tmp_path_factory.mktemp("whole") / "study"
    shutil.copytree(trained, root)
    return root, run(phase_of(root), views=None)


def test_every_cell_is_accounted_for(whole: tuple[Path, dict[str, Any]]) -> None:
    _, manifest = whole
    assert [job["job"] for job in manifest["jobs"]] == [
        f"dose1000-{view}-test-{method}" for view in ("baseline-gs1", "dense-gs2") for method in METHODS
    ]
    assert manifest["account"] == {
        "n_enumerated": 18,
        "n_success": 12,
        "n_failed": 0,
        "n_lost": 0,
        "n_skipped": 6,
        "n_not_selected": 0,
    }


def test_a_rejected_view_is_skipped_with_the_record_of_the_training(
    whole: tuple[Path, dict[str, Any]], smoke_e: Phase
) -> None:
    _, manifest = whole
    (of_training,) = [skip for skip in smoke_e.manifest["skipped_views"] if skip["dose"] == 1e3]
    assert [skip["method"] for skip in manifest["skipped"]] == list(METHODS)
    for skip in manifest["skipped"]:
        assert {key: skip[key] for key in of_training} == of_training


def test_an_archive_holds_what_the_manifest_says(whole: tuple[Path, dict[str, Any]]) -> None:
    root, manifest = whole
    for job in manifest["jobs"]:
        assert file_is_whole(job["result"]["reconstruction"], root / "e")
        found = read_archive(root / "e" / job["result"]["reconstruction"]["path"])
        data = read_dataset(root / "e" / job["dataset"]["path"]).dataset
        assert data.obj is not None
        assert found.obj.shape == found.illumination.shape == found.parts.shape == data.obj.shape
        np.testing.assert_array_equal(found.illumination, illumination(data.probe, data.positions_px, data.obj.shape))
        assert set(np.unique(found.parts)) == set(range(job["result"]["n_parts"] + 1))
        assert arrays_digest(found) == job["result"]["arrays_sha256"]
        assert len(found.losses) == len(found.seconds) == len(found.iterations) == (job["result"]["iterations"] or 0)
        assert found.record["method"] == job["method"]
        assert found.record["scan_sha256"] == job["dataset"]["scan_sha256"]
        timing = job["result"]["timing"]
        assert timing["total_s"] == pytest.approx(sum(step["seconds"] for step in timing["steps"]))
        assert (job["bundle"] is not None) == job["needs_training"] == (job["method"] in NEED_TRAINING)
    assert str(root) not in json.dumps(manifest)
    assert entry(manifest, "lsqml")["result"]["iterations"] == 10
    assert [step["step"] for step in entry(manifest, "pinn+lsqml")["result"]["timing"]["steps"]] == [
        "initial estimate",
        "inference",
        "set-up",
        "iterations",
    ]


def test_an_iterative_method_leaves_snapshots_that_show_its_convergence(whole: tuple[Path, dict[str, Any]]) -> None:
    root, manifest = whole
    for job in manifest["jobs"]:
        found = read_archive(root / "e" / job["result"]["reconstruction"]["path"])
        assert (found.snapshots is not None) == (job["method"] in ("lsqml", "pinn+lsqml"))
    compared: Any = run_comparison(open_comparison(root / "e", root / "g", figures=False))
    cells = {cell["method"]: cell for cell in compared["cells"] if cell["view"] == "baseline"}
    assert {name for name, cell in cells.items() if "convergence" in cell} == {"lsqml", "pinn+lsqml"}
    curve = cells["lsqml"]["convergence"]
    assert (curve["epochs"][0], curve["epochs"][-1], curve["n_epochs"]) == (1, 10, 10)
    assert 8 in curve["epochs"]
    error = next(found["value"] for found in cells["lsqml"]["measures"] if found["metric"] == "complex_nrmse")
    assert curve["complex_nrmse"][-1] == pytest.approx(error)
    assert curve["complex_nrmse"][0] > 1.3 * error
    assert curve["converged"] is False  # after ten epochs
    summary = read_manifest(root / "g" / "metrics_summary.json", "metrics_summary")
    rows = [row for table in summary["tables"] for row in table["rows"]]
    assert {row["method"] for row in rows if "converged" in row} == {"lsqml", "pinn+lsqml"}
    text = (root / "g" / "comparison.md").read_text()
    assert "lsqml (not converged)" in text
    line = next(line for line in text.splitlines() if line.startswith("- lsqml: "))
    assert names(line, "10 epochs", "batching compact", "momentum 0.5")


@pytest.mark.parametrize(
    ("member", "array"),
    [
        ("snapshot_epoch", np.array([1, 1], np.int32)),
        ("snapshot_epoch", np.array([1], np.int32)),
        ("snapshot_epoch", np.array([1.0, 2.0])),
        ("snapshot_object", np.zeros((2, 4, 5, 3), np.float16)),
        ("snapshot_object", np.full((2, 4, 5, 2), np.nan, np.float16)),
        ("snapshot_corner", np.array([0, 99999], np.int32)),
        ("snapshot_corner", np.array([-1, 0], np.int32)),
        ("snapshot_unit", np.zeros(1)),
        ("snapshot_unit", None),
    ],
)
def test_damaged_snapshots_are_refused(
    whole: tuple[Path, dict[str, Any]], tmp_path: Path, member: str, array: np.ndarray | None
) -> None:
    root, manifest = whole
    path = root / "e" / entry(manifest, "flat")["result"]["reconstruction"]["path"]
    with NpzArchive(path) as archive:
        arrays = {name: archive.read(name) for name in archive.members}
    arrays |= {"snapshot_epoch": np.array([1, 2], np.int32), "snapshot_object": np.zeros((2, 4, 5, 2), np.float16)}
    arrays |= {"snapshot_corner": np.array([3, 2], np.int32), "snapshot_unit": np.ones(1)}

    def written() -> Path:
        with NpzWriter(tmp_path / "flat.npz") as archive:
            for name, value in arrays.items():
                archive.add(name, value)
        return tmp_path / "flat.npz"

    assert known(read_archive(written()).snapshots).epochs == (1, 2)
    if array is None:
        del arrays[member]
    else:
        arrays[member] = array
    with pytest.raises(DataError, match="snapshot_"):
        read_archive(written())


def test_the_stitched_network_is_what_the_training_scored(whole: tuple[Path, dict[str, Any]], smoke_e: Phase) -> None:
    from ptyproof.physics.metrics import scaled_error

    root, manifest = whole
    scores = {job["job"]: job["scores"]["complex_error"] for job in smoke_e.manifest["jobs"]}["dose1000-dense-gs2"]
    for method, score in (("start", "start"), ("pinn", "network")):
        job = entry(manifest, method)
        found = read_archive(root / "e" / job["result"]["reconstruction"]["path"])
        truth = read_dataset(root / "e" / job["dataset"]["path"]).dataset.obj
        assert truth is not None
        assert scaled_error(found.obj, truth, found.illumination).nrmse == pytest.approx(scores[score], rel=1e-4)


def test_truth_exchanged_for_noise_changes_no_reconstruction(
    root: Path, whole: tuple[Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = phase_d_file(root / "d", 1e3, "dense", "test")
    data = read_dataset(path).dataset
    rng = np.random.default_rng(0)
    assert data.obj is not None
    assert data.patches is not None
    noise = [rng.standard_normal(a.shape) + 1j * rng.standard_normal(a.shape) for a in (data.obj, data.patches)]
    write_dataset(path, replace(data, obj=noise[0].astype(np.complex64), patches=noise[1].astype(np.complex64)))
    phase = phase_of(root)
    monkeypatch.setattr(type(phase.inputs), "recorded", {})  # another file than the recorded one would be refused
    trainings = root / "e" / "training_manifest.json"
    manifest = json.loads(trainings.read_text())
    for job in manifest["jobs"]:
        job["datasets"] = None
    trainings.write_text(json.dumps(manifest))
    noisy, usual = run(phase), whole[1]
    for method in METHODS:
        assert entry(noisy, method)["dataset"]["sha256"] != entry(usual, method)["dataset"]["sha256"]
        assert entry(noisy, method)["result"]["arrays_sha256"] == entry(usual, method)["result"]["arrays_sha256"]


def test_processes_that_are_given_their_entries_alone_record_what_others_do(
    root: Path, whole: tuple[Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journaled_manifest, "is_due", lambda *_: False)
    manifest = run(phase_of(root, processes=JobProcesses()), "flat", "pinn")
    for method in ("flat", "pinn"):
        ours, theirs = entry(manifest, method)["result"], entry(whole[1], method)["result"]
        assert ours["arrays_sha256"] == theirs["arrays_sha256"]
    again = run(phase_of(root, processes=JobProcesses()), "flat", "pinn")
    assert again["jobs"] == manifest["jobs"]
    assert read_manifest(root / "e" / "reconstruction_manifest.json", "reconstruction_manifest") == again
    twin = ReconstructionPhase.opened(
        root / "c", root / "d", root / "new", CPU, with_methods(twins(), "flat"), processes=JobProcesses()
    )
    results = [job["result"] for job in run(twin, views=None)["jobs"]]
    assert [result["reused_from"] for result in results] == [None, "dose1000-baseline-gs1-test-flat"]


def test_the_truth_is_never_opened(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def noted(how: str) -> None:
        given = getattr(NpzArchive, how)

        def note(self: NpzArchive, name: str) -> Any:
            opened.append(name)
            return given(self, name)

        monkeypatch.setattr(NpzArchive, how, note)

    for how in ("read", "memmap", "verify"):
        noted(how)
    run(phase_of(root), "flat", "start", "pinn")
    assert "diffraction" in opened
    assert not set(TRUTH) & set(opened)
