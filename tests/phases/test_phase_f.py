"""Phase F: no truth, one record per cell, recorded reuse, and failures that stop no other job."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptyproof.cli import main
from ptyproof.console import Console
from ptyproof.errors import DataError, DesignError, InputError
from ptyproof.io.dataset import read_dataset, write_dataset
from ptyproof.io.file_record import file_is_whole
from ptyproof.io.hashing import sha256_file
from ptyproof.io.keys import TRUTH
from ptyproof.io.npz import NpzArchive, NpzWriter
from ptyproof.jobs.process import JobProcesses
from ptyproof.methods.reconstruction_jobs import ReconstructionFilters, build_reconstruction_jobs
from ptyproof.methods.registry import NEED_TRAINING, OURS, SHIPPED, Provider, registry
from ptyproof.phases.f_reconstruct.reconstruct import ReconstructionPhase
from ptyproof.phases.g_compare.compare import open_comparison, run_comparison
from ptyproof.reconstruction.method import BlindScan, Budget, Needs, Reconstruction, illumination
from ptyproof.reconstruction.options import Option
from ptyproof.records import journaled_manifest
from ptyproof.records.archive import arrays_digest, read_archive
from ptyproof.records.manifest import read_manifest
from ptyproof.records.reconstruction_ledger import ReconstructionLedger
from ptyproof.records.training_ledger import TrainingLedger
from ptyproof.study.builtin import builtin_study
from ptyproof.study.cells import Skip
from ptyproof.study.design import StudyDesign, design_from_dict
from ptyproof.study.jobs import JobFilters
from ptyproof.study.layout import phase_c_file, phase_d_file
from ptyproof.study.reconstruction import MethodDesign
from ptyproof.study.views import AllPositions, View
from ptyproof.training.device import RunOptions
from tests.helpers.known import known
from tests.helpers.messages import names, naming, numbers
from tests.helpers.phases import Phase

pytest.importorskip("ptychi", reason="pty-chi is not installed: pip install 'pytest-ptyproof[iterative]'")

_NEEDS_NOTHING = Needs()
METHODS = ("flat", "start", "pinn", "lsqml", "pinn+lsqml")
MINE = Provider("mine", "1.0")
CPU = RunOptions(accelerator="cpu", threads=1)
SMOKE = builtin_study("fly64-smoke")
STAMP = "2026-01-01T00:00:00Z"


class Mine:
    """A method of a test, which does what it is told."""

    def __init__(self, name: str, make: Callable[[BlindScan], Any], needs: Any = _NEEDS_NOTHING) -> None:
        self.name, self.make, self.needs = name, make, needs
        self.calls = 0

    def reconstruct(self, dataset: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
        self.calls += 1
        made: Reconstruction = self.make(dataset)
        return made


def ones(dataset: BlindScan) -> Reconstruction:
    """A sound result."""
    return Reconstruction(np.ones(dataset.object_shape, np.complex64), dataset.probe)


def fails(_: BlindScan) -> Reconstruction:
    """No result."""
    raise ZeroDivisionError("it divided\nby zero")


def with_nan(dataset: BlindScan) -> Reconstruction:
    """A result with one NaN."""
    found = ones(dataset)
    found.obj[0, 0] = np.nan
    return found


@pytest.fixture(scope="module")
def trained(smoke_c: Phase, smoke_d: Phase, smoke_e: Phase, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Dose 1000 of the smoke study with its trainings."""
    root = tmp_path_factory.mktemp("trained")
    for name, phase in (("c", smoke_c), ("d", smoke_d), ("e", smoke_e)):
        shutil.copytree(phase.root, root / name, ignore=shutil.ignore_patterns("dose_10000*"))
    return root


@pytest.fixture
def root(trained: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    shutil.copytree(trained, tmp_path / "study")
    return tmp_path / "study"


def phase_of(root: Path, *methods: Mine, design: StudyDesign | None = None, **how: Any) -> ReconstructionPhase:
    """Return Phase F of a folder, with methods of a test."""
    others = tuple((method, MINE) for method in methods)
    return ReconstructionPhase.opened(root / "c", root / "d", root / "e", CPU, design, others=others, **how)


def run(phase: ReconstructionPhase, *methods: str, views: tuple[str, ...] | None = ("dense",)) -> Mapping[str, Any]:
    """Run methods on dose 1000; return the manifest."""
    filters = ReconstructionFilters(JobFilters(doses=(1e3,), views=views), methods=methods or None)
    phase.run(phase.enumerate(filters), filters, False, Console.silent())
    manifest = phase.ledger.read()
    assert manifest is not None
    return manifest


def entry(manifest: Mapping[str, Any], method: str, view: str = "dense") -> dict[str, Any]:
    """Return the entry of a cell."""
    (found,) = [job for job in manifest["jobs"] if (job["method"], job["view"]) == (method, view)]
    return dict(found)


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
        "n_enumerated": 15,
        "n_success": 10,
        "n_failed": 0,
        "n_lost": 0,
        "n_skipped": 5,
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
    code = sha256_file(Path(__file__))[:16]
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


def test_what_was_made_is_reused_and_what_changed_is_made_again(root: Path) -> None:
    mine = Mine("mine", ones, Needs(iterates=True))
    first = run(phase_of(root, mine), "mine")
    again = run(phase_of(root, mine), "mine")
    assert mine.calls == 1
    assert entry(again, "mine")["result"] == entry(first, "mine")["result"]
    changed = run(phase_of(root, mine, budget=Budget(3)), "mine")
    assert mine.calls == 2
    assert entry(changed, "mine")["budget"] == {"epochs": 3, "seconds": None}
    assert entry(changed, "mine")["earlier_results"] == [entry(first, "mine")["result"]]
    run(phase_of(root, mine, budget=Budget(3), redo=True), "mine")
    archive = root / "e" / entry(changed, "mine")["result"]["reconstruction"]["path"]
    archive.write_bytes(archive.read_bytes()[:-1])
    last = run(phase_of(root, mine, budget=Budget(3)), "mine")
    assert mine.calls == 4
    assert len(last["calls"]) == 5
    assert file_is_whole(entry(last, "mine")["result"]["reconstruction"], root / "e")


class Leveled(Mine):
    """A method of a test with an option."""

    options = {"level": Option(1.0, low=0.0)}  # noqa: RUF012

    def configured(self, options: Mapping[str, Any]) -> Mine:
        return Leveled(self.name, lambda scan: replace(ones(scan), obj=ones(scan).obj * np.float32(options["level"])))


def test_the_options_that_were_used_are_recorded_and_make_another_recipe(root: Path) -> None:
    found = []
    for options in ({}, {"level": 2}):
        design = builtin_study("fly64-smoke")
        methods = (MethodDesign("leveled", options=options),)
        study = replace(design, reconstruction=replace(design.reconstruction, methods=methods))
        manifest = run(phase_of(root, Leveled("leveled", ones), design=study), "leveled")
        found.append(entry(manifest, "leveled"))
    assert [job["options"] for job in found] == [{"level": 1.0}, {"level": 2.0}]
    assert len({job["result"]["recipe_sha256"] for job in found}) == 2
    last = read_archive(root / "e" / found[-1]["result"]["reconstruction"]["path"])
    assert last.record["options"] == {"level": 2.0}
    assert np.all(last.obj == 2)


def test_what_was_tried_and_chosen_is_recorded_and_checked(root: Path) -> None:
    design = builtin_study("fly64-smoke")
    methods = (MethodDesign("leveled", tuning={"level": (0.1, 0.75, 30.0)}),)
    study = replace(design, reconstruction=replace(design.reconstruction, methods=methods))
    manifest = run(phase_of(root, Leveled("leveled", ones), design=study), "leveled")
    job = entry(manifest, "leveled")
    assert (job["options"], job["tuning"]) == ({}, {"level": [0.1, 0.75, 30.0]})
    tuning = job["result"]["tuning"]
    assert [trial["options"]["level"] for trial in tuning["trials"]] == [0.75, 0.1, 30.0]
    assert tuning["chosen"] == {"level": 0.75}
    assert [step["step"] for step in job["result"]["timing"]["steps"]] == ["tuning", "reconstruction"]
    last = read_archive(root / "e" / job["result"]["reconstruction"]["path"])
    assert (last.record["options"], last.record["chosen"]) == ({}, {"level": 0.75})
    assert np.all(last.obj == np.float32(0.75))
    path = root / "e" / "reconstruction_manifest.json"
    assert main(["check", str(path)]) == 0
    changed = json.loads(path.read_text())
    changed["jobs"][0]["result"]["tuning"]["chosen"]["level"] = 0.1
    path.write_text(json.dumps(changed))
    assert main(["check", str(path)]) == 1


def test_an_option_that_the_method_has_not_writes_nothing(root: Path) -> None:
    design = builtin_study("fly64-smoke")
    methods = (MethodDesign("flat", options={"level": 2}),)
    with pytest.raises(DesignError, match=naming("reconstruction.methods.flat.options.level")):
        phase_of(root, design=replace(design, reconstruction=replace(design.reconstruction, methods=methods)))
    assert not (root / "e" / "reconstruction_manifest.json").exists()


def with_methods(design: StudyDesign, *methods: str) -> StudyDesign:
    """Return a study of other methods."""
    chosen = tuple(MethodDesign(name) for name in methods)
    return replace(design, reconstruction=replace(design.reconstruction, methods=chosen))


def twins() -> StudyDesign:
    """Two views of the same data, looked at one by one and in groups."""
    views = (View("baseline", 1, AllPositions()), View("groups", 2, AllPositions()))
    return replace(builtin_study("fly64-smoke"), name="twins", views=views, doses_photons_per_pattern=(1e3,))


def test_a_start_that_looks_at_groups_is_another_one_than_that_of_single_patterns(root: Path) -> None:
    phase = ReconstructionPhase.opened(root / "c", root / "d", root / "new", CPU, twins())
    manifest = run(phase, "start", views=None)
    first, second = (entry(manifest, "start", view)["result"] for view in ("baseline", "groups"))
    assert first["reused_from"] is second["reused_from"] is None
    assert first["recipe_sha256"] != second["recipe_sha256"]
    assert first["reconstruction"]["sha256"] != second["reconstruction"]["sha256"]


def test_views_of_the_same_data_have_one_reconstruction_and_say_so(root: Path) -> None:
    mine = Mine("mine", ones)
    phase = ReconstructionPhase.opened(root / "c", root / "d", root / "new", CPU, twins(), others=((mine, MINE),))
    manifest = run(phase, "mine", views=None)
    assert mine.calls == 1
    first, second = (entry(manifest, "mine", view)["result"] for view in ("baseline", "groups"))
    assert (first["reused_from"], second["reused_from"]) == (None, "dose1000-baseline-gs1-test-mine")
    assert first["timing"] == second["timing"]
    assert first["reconstruction"]["sha256"] == second["reconstruction"]["sha256"]
    assert first["reconstruction"]["path"] != second["reconstruction"]["path"]
    (root / "new" / first["reconstruction"]["path"]).unlink()
    assert file_is_whole(second["reconstruction"], root / "new")


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


def test_reconstructions_have_the_same_journal_as_trainings(root: Path) -> None:
    folded, plain = (
        ReconstructionLedger(SMOKE, root / "c", root / "d", root / name, folding_share=share)
        for name, share in (("folded", float("inf")), ("plain", 0.0))
    )
    manifests = []
    for ledger in (folded, plain):
        ledger.artifact_root.mkdir()
        filters = ReconstructionFilters(JobFilters(doses=(1e3,)))
        found = ReconstructionPhase(ledger, CPU).enumerate(filters, to_be_trained=True)
        ledger.open_call(found, ReconstructionFilters(), False, "one", budget=None)
        ended = ledger.lost_result("no memory") | {"status": "failed", "started": STAMP, "finished": STAMP}
        first, second, third = found.jobs[:3]
        ledger.record(first, result=ended)
        ledger.skip(Skip(second.cell, "no_trained_bundle", "it failed", selected=True))
        ledger.record(third, result=ended)
        ledger.record(third, result=ended | {"error": "no disk"})
        manifest = ledger.read()
        assert manifest is not None
        (own,) = [near for near in ledger.handed(third).entries_near() if near["job"] == third.key]
        assert own["earlier_results"] == [ended]
        manifests.append({**manifest, "timestamp": None, "calls": len(manifest["calls"])})
    assert len(plain.journal.path.read_bytes().splitlines()) == 5
    assert not folded.journal.path.exists()
    assert manifests[0] == manifests[1]
    plain.fold()
    assert plain.path.read_bytes().count(b"no disk") == 1


def test_a_study_that_names_a_method_of_this_process_runs_it_here_and_the_others_elsewhere(root: Path) -> None:
    design = with_methods(twins(), "mine", "flat")
    mine = Mine("mine", ones)
    phase = ReconstructionPhase.opened(
        root / "c", root / "d", root / "new", CPU, design, others=((mine, MINE),), processes=JobProcesses()
    )
    manifest = run(phase, views=("baseline",))
    assert mine.calls == 1
    assert [(job["method"], job["result"]["status"]) for job in manifest["jobs"]] == [
        ("mine", "success"),
        ("flat", "success"),
    ]


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


def test_calls_merge_and_an_earlier_result_survives_what_is_missing_now(root: Path) -> None:
    run(phase_of(root), "flat")
    mine = Mine("mine", ones)
    merged = run(phase_of(root, mine), "mine", views=None)
    assert [job["job"] for job in merged["jobs"]] == [
        "dose1000-baseline-gs1-test-mine",
        "dose1000-dense-gs2-test-flat",
        "dose1000-dense-gs2-test-mine",
    ]
    account = merged["account"]
    assert account["n_enumerated"] == sum(value for key, value in account.items() if key != "n_enumerated") == 18
    mine.unavailable = lambda: "gone"  # type: ignore[attr-defined]
    kept = run(phase_of(root, mine), "mine", views=None)
    assert entry(kept, "mine")["result"]["status"] == "success"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--method", "nope"], ("--method", ", ".join(sorted(SHIPPED)), "'nope'")),
        (["--split", "all"], ("--split", "train, test", "'all'")),
        (["--budget", "0"], ("--budget 0", 1000000)),
        (["--budget", "0s"], ("--budget 0s", "1e+06")),
        (["--budget", "some"], ("--budget", 20, "30s", "'some'")),
        (["--format", "tiff"], ("--format", "npz, ptychodus", "'tiff'")),
        (["--dose", "5"], ("--dose", 1000)),
        (["--view", "none"], ("--view", "baseline, dense, sparse", "'none'")),
    ],
)
def test_bad_options_are_refused_and_nothing_is_written(
    trained: Path, tmp_path: Path, options: list[str], named: tuple[object, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    roots = ["--phase-c-root", trained / "c", "--phase-d-root", trained / "d", "--artifact-root", tmp_path / "f"]
    assert main(["reconstruct", *map(str, roots), *options]) == 2
    assert names(capsys.readouterr().err, *named)
    assert not (tmp_path / "f").exists()


def test_a_dry_run_writes_nothing(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    roots = ["--phase-c-root", trained / "c", "--phase-d-root", trained / "d", "--artifact-root", tmp_path / "f"]
    assert main(["reconstruct", *map(str, roots), "--dose", "1000", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert names(said, "dose1000-dense-gs2-test-lsqml", "dose1000-dense-gs2-test, pinn, pinn+lsqml: ")
    assert not (tmp_path / "f").exists()


@pytest.mark.parametrize(
    ("method", "sentence"),
    [
        (Mine("Mine", ones), naming("mine 1.0", 1, 64, "'Mine'")),
        (Mine("../x", ones), naming(1, 64, "'../x'")),
        (Mine("lsqml", ones), naming("lsqml", "pytest-ptyproof", "mine 1.0")),
        (object(), naming("name", "needs")),
        (Mine("mine", ones, needs=None), naming("name", "needs")),
    ],
)
def test_a_method_that_cannot_be_registered_is_refused(method: object, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        registry(builtin_study("fly64"), [(method, MINE)])


def test_a_study_that_names_an_unknown_method_is_refused_and_guests_join() -> None:
    table = builtin_study("fly64").as_dict()
    table["reconstruction"]["methods"] = [{"name": "flat"}, {"name": "mine", "epochs": 7}]
    design = design_from_dict(table)
    with pytest.raises(InputError, match="method 'mine'"):
        registry(design)
    known = registry(design, [(Mine("mine", ones), MINE), (Mine("more", ones), MINE)])
    assert known.order == ("flat", "mine", "more")
    assert set(known.methods) == {*SHIPPED, "mine", "more"}
    assert known["flat"].provider == OURS


def test_the_design_of_the_reconstructions_is_no_part_of_the_studys_digest() -> None:
    design = builtin_study("fly64")
    old = design.as_dict()
    del old["reconstruction"]
    assert design_from_dict(old).digest() == design.digest()
    other = replace(design, reconstruction=replace(design.reconstruction, seed=1))
    assert other.digest() == design.digest()
    assert other.reconstruction.digest() != design.reconstruction.digest()


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
