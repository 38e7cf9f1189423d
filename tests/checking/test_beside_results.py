"""Reconstructions and comparisons are compared with archives, trainings and each other; what is written is sound."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptyproof.checking import check_manifest
from ptyproof.console import Console
from ptyproof.io.npz import NpzWriter
from ptyproof.methods.reconstruction_jobs import ReconstructionFilters
from ptyproof.methods.registry import Provider
from ptyproof.metrics.definitions import of_comparison
from ptyproof.metrics.protocol import Recipe
from ptyproof.phases.f_reconstruct.reconstruct import ReconstructionPhase
from ptyproof.phases.g_compare.compare import open_comparison, run_comparison
from ptyproof.reconstruction.method import BlindScan, Budget, Needs, Reconstruction
from ptyproof.study.jobs import JobFilters
from ptyproof.training.device import RunOptions
from tests.helpers.phases import Phase
from tests.strategies.reconstructions import phase_f

METHODS = ("flat", "pinn", "descent")
F = "reconstruction_manifest.json"
G = "comparison_manifest.json"
SUMMARY = "metrics_summary.json"
TIME = of_comparison(Recipe()).index("time_s")


class Descent:
    """An iterative method that takes no time."""

    name = "descent"
    needs = Needs(iterates=True)

    def reconstruct(self, dataset: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
        level = 1 / len(dataset)  # of its data, so that no two cells have one result
        obj = np.exp(1j * level * rng.standard_normal(dataset.object_shape)).astype(np.complex64)
        losses = tuple(1.0 / (1 + epoch) for epoch in range(budget.epochs or 1))
        seconds = (0.0,) * len(losses)
        return Reconstruction(obj, dataset.probe, losses=losses, seconds=seconds, stopped_by="epochs")


@pytest.fixture(scope="module")
def made(smoke_c: Phase, smoke_d: Phase, smoke_e: Phase, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One dose of the smoke study from data to comparison."""
    root = tmp_path_factory.mktemp("made") / "study"
    for name, earlier in (("c", smoke_c), ("d", smoke_d), ("e", smoke_e)):
        shutil.copytree(earlier.root, root / name, ignore=shutil.ignore_patterns("dose_10000*"))
    options = RunOptions(accelerator="cpu", threads=1)
    phase = ReconstructionPhase.opened(
        root / "c", root / "d", root / "e", options, others=((Descent(), Provider("mine", "1.0")),), budget=Budget(3)
    )
    for views in (("baseline",), None):
        filters = ReconstructionFilters(JobFilters(doses=(1e3,), views=views), methods=METHODS)
        phase.run(phase.enumerate(filters), filters, False, Console.silent())
    run_comparison(open_comparison(root / "e", figures=False))
    return root


@pytest.fixture
def study(made: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    shutil.copytree(made, tmp_path.resolve() / "study")
    return tmp_path.resolve() / "study"


def changed(path: Path, change: Callable[[dict[str, Any]], Any]) -> set[tuple[str, str]]:
    """Change a manifest and return the errors that are found."""
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))
    return errors(path)


def errors(path: Path) -> set[tuple[str, str]]:
    """Return codes and places of the errors in a file, whose home is the study."""
    found = check_manifest(path, home=path.parents[1]).findings
    return {(finding.code, finding.json_path) for finding in found if finding.severity == "error"}


def job_of(manifest: dict[str, Any], method: str) -> int:
    """Return the number of a method's first job."""
    return next(number for number, job in enumerate(manifest["jobs"]) if job["method"] == method)


@pytest.mark.parametrize("name", [F, G, SUMMARY])
def test_what_phases_f_and_g_write_is_sound(made: Path, name: str) -> None:
    checked = check_manifest(made / "e" / name, home=made)
    assert [str(finding) for finding in checked.findings] == []
    assert checked.kind == name.removesuffix(".json")


def test_what_is_made_up_for_tests_of_the_comparison_is_sound(
    smoke_c: Phase, smoke_d: Phase, smoke: Any, tmp_path: Path
) -> None:
    root = tmp_path.resolve() / "study"
    for name, phase in (("c", smoke_c), ("d", smoke_d)):
        shutil.copytree(phase.root, root / name)
    (root / "f").mkdir()
    phase_f(root / "f", smoke, root / "c", root / "d")
    run_comparison(open_comparison(root / "f", figures=False))
    for name in (F, G, SUMMARY):
        assert errors(root / "f" / name) == set()


@pytest.mark.parametrize(
    ("method", "key", "value", "code"),
    [
        ("descent", "result/final_loss", 0.5, "PM306"),
        ("descent", "result/recipe_sha256", "ab" * 32, "PM306"),
        ("descent", "result/n_parts", 7, "PM306"),
        ("descent", "result/arrays_sha256", "ab" * 32, "PM306"),
        ("descent", "provider/version", "2.0", "PM306"),
        ("pinn", "dataset/scan_sha256", "ab" * 32, "PM306"),
        ("pinn", "bundle/sha256", "ab" * 32, "PM306"),
        ("flat", "result/reconstruction/sha256", "ab" * 32, "PM303"),
    ],
)
def test_a_reconstruction_is_what_its_archive_and_its_training_say(
    study: Path, method: str, key: str, value: Any, code: str
) -> None:
    number = job_of(json.loads((study / "e" / F).read_text()), method)

    def change(manifest: dict[str, Any]) -> None:
        *steps, last = key.split("/")
        holder = manifest["jobs"][number]
        for step in steps:
            holder = holder[step]
        holder[last] = value

    place = f"$.jobs[{number}].{key.replace('/', '.')}"
    if key == "provider/version":
        place = place.removesuffix(".version")
    assert (code, place) in changed(study / "e" / F, change)


def test_epochs_are_those_of_the_archive(study: Path) -> None:
    def change(manifest: dict[str, Any]) -> None:
        job = manifest["jobs"][job_of(manifest, "descent")]
        job["result"]["iterations"] = job["budget"]["epochs"] = 4
        manifest["calls"][0]["budget"]["epochs"] = 4

    number = job_of(json.loads((study / "e" / F).read_text()), "descent")
    assert ("PM306", f"$.jobs[{number}].result.iterations") in changed(study / "e" / F, change)


def test_an_archive_that_is_none_is_the_business_of_other_checks(study: Path) -> None:
    manifest = json.loads((study / "e" / F).read_text())
    path = study / "e" / manifest["jobs"][0]["result"]["reconstruction"]["path"]
    with NpzWriter(path) as archive:
        archive.add("object", np.ones((2, 2), np.complex64))
    assert {code for code, _ in errors(study / "e" / F)} <= {"PM302", "PM303"}
    path.write_bytes(b"no archive")
    assert {code for code, _ in errors(study / "e" / F)} <= {"PM302", "PM303"}


def test_a_network_is_not_judged_by_what_it_was_trained_on(study: Path) -> None:
    trained = json.loads((study / "e" / "training_manifest.json").read_text())["jobs"][0]

    def change(manifest: dict[str, Any]) -> None:
        manifest["jobs"][number]["dataset"]["sha256"] = trained["datasets"]["train"]["sha256"]

    number = job_of(json.loads((study / "e" / F).read_text()), "pinn")
    assert ("PM708", f"$.jobs[{number}].dataset.sha256") in changed(study / "e" / F, change)


@pytest.mark.parametrize("key", ["reason", "measured"])
def test_skips_are_those_of_the_training(study: Path, key: str) -> None:
    def change(manifest: dict[str, Any]) -> None:
        skip = next(skip for skip in manifest["skipped"] if skip["code"] == "rejected_by_phase_d")
        if key == "reason":
            skip["reason"] = "it was too sparse"
        else:
            skip["measured"]["train"]["spacing_before_selection"]["mean_px"] *= 1 + 1e-9

    skips = json.loads((study / "e" / F).read_text())["skipped"]
    number = next(number for number, skip in enumerate(skips) if skip["code"] == "rejected_by_phase_d")
    assert ("PM802", f"$.skipped[{number}].{key}") in changed(study / "e" / F, change)


def _set(value: Any, *steps: Any) -> Callable[[dict[str, Any]], None]:
    def change(manifest: dict[str, Any]) -> None:
        holder: Any = manifest
        for step in steps[:-1]:
            holder = holder[step]
        holder[steps[-1]] = value

    return change


@pytest.mark.parametrize(
    ("steps", "value", "place"),
    [
        (("cells", 0, "arrays_sha256"), "ab" * 32, "$.cells[0].arrays_sha256"),
        (("cells", 0, "dataset", "sha256"), "ab" * 32, "$.cells[0].dataset.sha256"),
        (("cells", 0, "crop", "n_parts"), 2, "$.cells[0].crop.n_parts"),
        (("cells", 0, "measures", TIME, "value"), 1e-9, f"$.cells[0].measures[{TIME}].value"),
        (("cells", -1, "reason"), "it was too sparse", "last.reason"),
        (("cells", 0, "status"), "lost", "$.cells[0].status"),
        (("protocols", 0, "parts", "probe"), "estimated", "$.cells[0].protocol"),
        (("protocols", 0, "parts", "methods", "descent", "budget", "epochs"), 4, "$.cells[6].protocol"),
        (("protocols", 0, "parts", "methods", "flat", "options"), {"level": 1}, "$.cells[0].protocol"),
        (("study",), "fly64", "$.study"),
        (("account", "n_failed"), 1, "$.account"),
        (("cells", 0, "method"), "mine", "$.cells[0]"),
    ],
)
def test_a_comparison_is_of_the_reconstructions_that_it_names(
    study: Path, steps: tuple[Any, ...], value: Any, place: str
) -> None:
    manifest = json.loads((study / "e" / G).read_text())
    last = len(manifest["cells"]) - 1
    place = {"last.reason": f"$.cells[{last}].reason"}.get(place, place)
    # without the summary, so that it is the reconstructions that differ
    (study / "e" / SUMMARY).unlink()
    assert ("PM306", place) in changed(study / "e" / G, _set(value, *steps))


def test_every_cell_of_the_reconstructions_is_compared(study: Path) -> None:
    found = changed(study / "e" / G, lambda manifest: manifest["cells"].pop())
    assert ("PM208", "$.cells") in found
    assert ("PM306", "$") in found  # the summary has it


def test_another_file_of_reconstructions_is_not_compared_with(study: Path) -> None:
    path = study / "e" / F
    path.write_text(path.read_text() + "\n")
    assert {code for code, _ in errors(study / "e" / G)} == {"PM302"}


def test_a_summary_is_that_of_its_comparison(study: Path) -> None:
    def change(summary: dict[str, Any]) -> None:
        summary["tables"][0]["rows"][0]["values"]["phase_mae"] *= 1 + 1e-9
        summary["without_result"][0]["reason"] = "none"

    found = changed(study / "e" / SUMMARY, change)
    assert ("PM306", "$.tables[0].rows[0].values.phase_mae") in found
    assert ("PM306", "$.without_result[0].reason") in found
    at_comparison = {place for code, place in errors(study / "e" / G) if code == "PM306"}
    assert {place.rpartition(".")[2] for place in at_comparison} == {"value", "reason"}


def test_a_summary_of_other_cells_is_found_out(study: Path) -> None:
    found = changed(study / "e" / SUMMARY, lambda summary: summary["tables"][0]["rows"].pop(0))
    assert ("PM306", "$") in found


def test_an_earlier_result_whose_archive_was_written_over_is_left_alone(study: Path) -> None:
    def change(manifest: dict[str, Any]) -> None:
        job = manifest["jobs"][0]
        job["earlier_results"] = [
            job["result"] | {"reconstruction": job["result"]["reconstruction"] | {"sha256": "ab" * 32}}
        ]

    assert changed(study / "e" / F, change) == set()


def test_an_archive_that_is_gone_is_missed(study: Path) -> None:
    manifest = json.loads((study / "e" / F).read_text())
    (study / "e" / manifest["jobs"][0]["result"]["reconstruction"]["path"]).unlink()
    assert errors(study / "e" / F) == {("PM301", "$.jobs[0].result.reconstruction.path")}
    assert errors(study / "e" / G) == {("PM301", "$.cells[0].reconstruction.path")}
