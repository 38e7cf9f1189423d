"""Positions that a method refines: asked for by the study, checked, stored, recorded, compared."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from ptyproof.assessment.assess import AssessmentPlan, Task, assess
from ptyproof.checking import check
from ptyproof.console import Console
from ptyproof.errors import DataError, InputError
from ptyproof.io.dataset import Dataset, in_its_version, read_dataset, write_dataset
from ptyproof.methods.reconstruction_jobs import ReconstructionFilters
from ptyproof.methods.registry import OURS, Provider, Registered
from ptyproof.metrics.data_fit import data_fit_metrics
from ptyproof.metrics.protocol import Recipe
from ptyproof.phases.base import load_base
from ptyproof.phases.c_simulate.generate import generate
from ptyproof.phases.d_overlap.overlap import overlap
from ptyproof.phases.f_reconstruct.reconstruct import ReconstructionPhase
from ptyproof.phases.g_compare.compare import open_comparison, run_comparison
from ptyproof.physics.positions import rms_error
from ptyproof.reconstruction.method import BlindScan, Budget, Needs, Reconstruction, illumination
from ptyproof.records.archive import ReconstructionArchive, arrays_digest, read_archive
from ptyproof.study.builtin import builtin_study
from ptyproof.study.design import StudyDesign, design_from_dict
from ptyproof.study.jobs import JobFilters
from ptyproof.study.layout import phase_c_file
from ptyproof.training.device import RunOptions
from tests.helpers.known import known
from tests.helpers.messages import naming

DOSE = 1e4
ERROR_PX = 0.5
CPU = RunOptions(accelerator="cpu", threads=1)
SMOKE = builtin_study("fly64-smoke")


class Moves:
    """A method of a test: it moves positions by what it was made with, if it is asked to refine them."""

    def __init__(self, name: str, change: npt.NDArray[np.float64] | float, positions: Any = "either") -> None:
        self.name, self.needs, self.change = name, Needs(positions=positions), change
        self.seen: list[BlindScan] = []

    def reconstruct(self, dataset: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
        self.seen.append(dataset)
        found = Reconstruction(np.ones(dataset.object_shape, np.complex64), dataset.probe)
        if dataset.position_knowledge == "given":
            return found
        return replace(found, positions_px=dataset.positions_px + self.change)


def design(*tells: str) -> StudyDesign:
    """The smoke study with errors of positions, told in the view `baseline`, and another view of the same data."""
    table: dict[str, Any] = dict(SMOKE.as_dict())
    table["beam"] = {"position_error_px": ERROR_PX}
    view = {"gridsize": 1, "selection": "all"}
    table["views"] = [
        {"name": "baseline", **view, "tells": list(tells)},
        {"name": "other", **view, "trained_as": "baseline"},
    ]
    return design_from_dict(table)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Phases C and D of a study whose positions are in error."""
    root = tmp_path_factory.mktemp("moved")
    generate(design(), load_base(design(), "builtin"), root / "c", doses=(DOSE,))
    overlap(root / "c", root / "d")
    return root


def half(data: Path) -> Dataset:
    return read_dataset(phase_c_file(data / "c", DOSE, "test")).dataset


def reconstructed(
    data: Path, out: Path, *methods: Moves, views: tuple[str, ...] = ("baseline",), study: StudyDesign | None = None
) -> Any:
    """Run methods on the test half; return the manifest."""
    others = tuple((method, Provider("mine", "1.0")) for method in methods)
    study = study or design("positions")
    phase = ReconstructionPhase.opened(data / "c", data / "d", out, CPU, study, others=others)
    names = tuple(method.name for method in methods)
    filters = ReconstructionFilters(JobFilters(doses=(DOSE,), views=views), methods=names)
    phase.run(phase.enumerate(filters), filters, False, Console.silent())
    manifest = phase.ledger.read()
    assert manifest is not None
    return manifest


def findings(manifest: Path) -> set[tuple[str, str]]:
    """What a check finds about positions."""
    return {(one.code, one.json_path) for one in check(manifest) if "positions" in one.json_path}


def changes_to_truth(data: Path) -> npt.NDArray[np.float64]:
    dataset = half(data)
    return np.asarray(known(dataset.positions_true_px) - dataset.positions_px)


def test_a_study_asks_and_methods_that_can_refine(data: Path, tmp_path: Path) -> None:
    change = changes_to_truth(data)
    methods = [Moves("moves", change), Moves("keeps", 0.0, "given")]
    manifest = reconstructed(data, tmp_path / "f", *methods)
    jobs = {job["method"]: job for job in manifest["jobs"]}
    assert [scan.position_knowledge for method in methods for scan in method.seen] == ["estimated", "given"]
    assert jobs["moves"]["positions"] == "estimated"
    assert "positions" not in jobs["keeps"]
    assert "positions" not in jobs["keeps"]["result"]
    record = jobs["moves"]["result"]["positions"]
    assert record["rms_change_px"] == pytest.approx(np.sqrt((change**2).mean()))
    assert record["largest_change_px"] == pytest.approx(np.hypot(*change.T).max())
    found = read_archive(tmp_path / "f" / jobs["moves"]["result"]["reconstruction"]["path"])
    np.testing.assert_allclose(known(found.positions_px), known(half(data).positions_true_px))
    assert jobs["moves"]["result"]["arrays_sha256"] == arrays_digest(found)
    assert jobs["moves"]["result"]["arrays_sha256"] != arrays_digest(replace(found, positions_px=None))
    assert findings(tmp_path / "f" / "reconstruction_manifest.json") == set()
    compared: Any = run_comparison(open_comparison(tmp_path / "f", tmp_path / "g", figures=False))
    cells = {cell["method"]: cell["positions"] for cell in compared["cells"] if "positions" in cell}
    assert cells["moves"]["rms_error_px"] == pytest.approx(0, abs=1e-9)
    assert cells["keeps"]["rms_error_px"] == cells["moves"]["rms_error_given_px"]
    assert cells["keeps"]["rms_error_px"] == pytest.approx(ERROR_PX, rel=0.15)
    assert [entry["parts"]["tells"] for entry in compared["protocols"]] == [["positions"]]
    done = {cell["method"]: cell["dataset"] for cell in compared["cells"] if cell["status"] == "success"}
    assert {name: (of["told"], of["not_told"]) for name, of in done.items()} == {
        "moves": (["positions"], []),
        "keeps": ([], ["positions"]),
    }
    assert findings(tmp_path / "g" / "comparison_manifest.json") == set()


def test_a_view_that_does_not_tell_gives_positions_beside_one_that_does(data: Path, tmp_path: Path) -> None:
    method = Moves("moves", 0.1)
    manifest = reconstructed(data, tmp_path / "f", method, views=("baseline", "other"))
    told, given = manifest["jobs"]
    assert [scan.position_knowledge for scan in method.seen] == ["estimated", "given"]
    assert (told["positions"], told["dataset"]["told"]) == ("estimated", ["positions"])
    assert not {"positions", "told", "not_told"} & ({*given, *given["result"], *given["dataset"]})
    assert given["result"]["reused_from"] is None
    assert check(tmp_path / "f" / "reconstruction_manifest.json") == []
    compared: Any = run_comparison(open_comparison(tmp_path / "f", tmp_path / "g", figures=False))
    protocols = {entry["sha256"]: entry["parts"].get("tells") for entry in compared["protocols"]}
    assert [protocols[cell["protocol"]] for cell in compared["cells"] if cell["status"] == "success"] == [
        ["positions"],
        None,
    ]
    assert check(tmp_path / "g" / "comparison_manifest.json") == []


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ({"told": []}, "told"),
        ({"told": [], "not_told": ["positions"]}, "told"),
        ({"not_told": ["positions"]}, "not_told"),
    ],
)
def test_a_job_that_says_otherwise_of_what_it_was_told_of_positions_is_found(
    data: Path, tmp_path: Path, changed: dict[str, Any], place: str
) -> None:
    record = reconstructed(data, tmp_path / "f", Moves("moves", 0.1), views=("baseline", "other"))
    record["jobs"][0]["dataset"] |= changed
    (tmp_path / "f" / "reconstruction_manifest.json").write_text(json.dumps(record))
    assert ("PM209", f"$.jobs[0].dataset.{place}") in {
        (one.code, one.json_path) for one in check(tmp_path / "f" / "reconstruction_manifest.json")
    }


def test_a_method_that_refines_in_a_view_that_does_not_tell_is_found(data: Path, tmp_path: Path) -> None:
    record = reconstructed(data, tmp_path / "f", Moves("moves", 0.1), views=("baseline", "other"))
    record["design"]["views"][0]["tells"] = []
    (tmp_path / "f" / "reconstruction_manifest.json").write_text(json.dumps(record))
    assert ("PM209", "$.jobs[0].positions") in findings(tmp_path / "f" / "reconstruction_manifest.json")


def test_an_archive_that_claims_given_positions_and_has_refined_ones_is_not_compared(
    data: Path, tmp_path: Path
) -> None:
    manifest = reconstructed(data, tmp_path / "f", Moves("moves", 0.1))
    (job,) = manifest["jobs"]
    text = (tmp_path / "f" / "reconstruction_manifest.json").read_text()
    changed = json.loads(text)
    del changed["jobs"][0]["positions"]
    (tmp_path / "f" / "reconstruction_manifest.json").write_text(json.dumps(changed))
    assert findings(tmp_path / "f" / "reconstruction_manifest.json") == {("PM209", "$.jobs[0].result.positions")}
    del changed["jobs"][0]["result"]["positions"]
    (tmp_path / "f" / "reconstruction_manifest.json").write_text(json.dumps(changed))
    with pytest.raises(DataError, match=naming("positions_px", job["job"])):
        run_comparison(open_comparison(tmp_path / "f", tmp_path / "g", figures=False))


def test_patterns_are_explained_at_refined_positions(data: Path) -> None:
    dataset = half(data)
    covered = illumination(dataset.probe, dataset.positions_px, known(dataset.obj).shape)
    none: Any = np.empty(0)
    parts = (covered > 0).astype(np.int32)
    given = ReconstructionArchive(known(dataset.obj), dataset.probe, covered, parts, none, none, none, {})
    refined = replace(given, positions_px=dataset.positions_true_px)

    def deviance(result: ReconstructionArchive, **of: Any) -> float:
        return known(data_fit_metrics(result, dataset, Recipe(), **of)[1].value)

    assert deviance(refined) < 0.95 * deviance(given)
    # of a part of the scan, the refined positions are those of the part, and the others are those of the dataset
    index = np.arange(0, len(dataset), 3)
    part = replace(given, positions_px=known(dataset.positions_true_px)[index])
    others = np.setdiff1d(np.arange(len(dataset)), index)
    assert deviance(part, index=index, made_of=index) == pytest.approx(deviance(refined, index=index))
    assert deviance(part, index=others, made_of=index) == pytest.approx(deviance(given, index=others), rel=0.01)
    with pytest.raises(InputError, match=naming(len(index), len(dataset))):
        deviance(part)


def test_an_assessment_asks_and_says_what_was_refined(data: Path, tmp_path: Path) -> None:
    dataset = half(data)
    metadata: Any = dataset.metadata | {"role": "measurement", "split": "all"}
    measured = replace(dataset, obj=None, patches=None, positions_true_px=None, metadata=metadata)
    write_dataset(tmp_path / "measured.npz", in_its_version(measured))
    methods = [Moves("moves", 0.25), Moves("keeps", 0.0, "given")]
    tasks = [Task(Registered(method, OURS, None), None) for method in methods]
    plan = AssessmentPlan(held_out_fraction=0.2, positions="estimated")
    record = assess(tmp_path / "measured.npz", tmp_path / "out", tasks, plan, CPU)
    assert [made["error"] for made in record["methods"]] == [None, None]
    moved, kept = record["methods"]
    assert record["plan"]["positions"] == "estimated"
    assert moved["positions"]["rms_change_px"] == pytest.approx(0.25)
    assert "positions" not in kept
    archive = read_archive(tmp_path / "out" / "moves" / "fit.npz")
    assert len(known(archive.positions_px)) == record["n_patterns"]["fit"]
    assert archive.record["positions"] == "estimated"
    assert findings(tmp_path / "out" / "assessment.json") == set()
    with pytest.raises(InputError, match=naming("--positions", "true")):
        AssessmentPlan(positions="true")  # type: ignore[arg-type]


def test_a_damaged_member_is_refused(data: Path, tmp_path: Path) -> None:
    manifest = reconstructed(data, tmp_path / "f", Moves("moves", 0.1))
    path = tmp_path / "f" / manifest["jobs"][0]["result"]["reconstruction"]["path"]
    members = dict(np.load(path))
    for wrong in (np.zeros((3, 1)), np.full((3, 2), np.nan), np.zeros((3, 2), np.float32)):
        np.savez(tmp_path / "wrong.npz", **members | {"positions_px": wrong})
        with pytest.raises(DataError, match=naming("positions_px")):
            read_archive(tmp_path / "wrong.npz")
    shutil.copy(path, tmp_path / "whole.npz")
    assert read_archive(tmp_path / "whole.npz").positions_px is not None


def test_a_shift_of_all_positions_is_no_error_but_a_scale_is() -> None:
    rng = np.random.default_rng(0)
    true = rng.uniform(0, 100, (200, 2))
    assert rms_error(true + np.array([3.0, -7.0]), true) == pytest.approx(0, abs=1e-12)
    assert rms_error(true + rng.normal(0, 0.3, true.shape), true) == pytest.approx(0.3, rel=0.1)
    assert rms_error(1.01 * true, true) == pytest.approx(0.01 * true.std(axis=0).mean(), rel=0.05)
