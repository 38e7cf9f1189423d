"""What Phase G compares: data, methods and cells that differ, and everything that it refuses."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptyproof.cli.main import main
from ptyproof.errors import DataError, InputError
from ptyproof.io.dataset import read_dataset, write_dataset
from ptyproof.io.file_record import file_record
from ptyproof.io.strict_json import write_json
from ptyproof.metrics.definitions import needs_truth
from ptyproof.phases.g_compare.compare import open_comparison, run_comparison
from ptyproof.records.manifest import read_manifest
from ptyproof.study.design import StudyDesign
from tests.helpers.comparisons import value
from tests.helpers.known import known
from tests.helpers.messages import names, naming, numbers
from tests.helpers.phases import Phase
from tests.strategies.reconstructions import METHODS, noisy, phase_f


def changed(root: Path, change: Callable[..., Any]) -> None:
    """Change Phase F's manifest of a copy."""
    path = root / "f" / "reconstruction_manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    write_json(path, manifest)


def test_truth_exchanged_for_noise_changes_scores_and_no_reconstruction(
    copy: Path, compared: Phase, one_dose: StudyDesign
) -> None:
    path = copy / "c" / "dose_10000" / "patched_test.npz"
    dataset = read_dataset(path).dataset
    rng = np.random.default_rng(5)
    other = np.exp(1j * rng.uniform(-1, 1, known(dataset.obj).shape)).astype(np.complex64)
    truth = dataset.obj
    write_dataset(path, replace(dataset, obj=other))
    with pytest.raises(DataError, match=naming("patched_test.npz", "reconstruction_manifest.json")):
        open_comparison(copy / "f")
    record = {"path": "../c/dose_10000/patched_test.npz"}

    def with_new_hash(manifest: dict[str, Any]) -> None:
        for job in manifest["jobs"]:
            if job["dataset"]["path"] == record["path"]:
                job["dataset"] |= file_record(path, copy / "f")

    changed(copy, with_new_hash)
    manifest = run_comparison(open_comparison(copy / "f", figures=False))
    assert not np.array_equal(known(truth), known(other))
    for method in METHODS:
        cells: list[Any] = [next(c for c in m["cells"] if c["method"] == method) for m in (manifest, compared.manifest)]
        assert cells[0]["arrays_sha256"] == cells[1]["arrays_sha256"]
    assert value(manifest, "baseline", "lsqml", "phase_mae") > 0.4
    assert value(manifest, "baseline", "lsqml", "r_factor") == value(compared.manifest, "baseline", "lsqml", "r_factor")


def test_without_a_truth_patterns_are_still_explained_or_not(copy: Path, compared: Phase) -> None:
    path = copy / "c" / "dose_10000" / "patched_test.npz"
    dataset = read_dataset(path).dataset
    metadata = dataset.metadata | {"role": "measurement"}
    write_dataset(path, replace(dataset, obj=None, patches=None, metadata=metadata))

    def with_new_hash(manifest: dict[str, Any]) -> None:
        for job in manifest["jobs"]:
            if "patched" in job["dataset"]["path"]:
                job["dataset"] |= file_record(path, copy / "f") | {"role": "measurement"}

    changed(copy, with_new_hash)
    manifest = run_comparison(open_comparison(copy / "f", figures=False))
    cell: Any = next(c for c in manifest["cells"] if (c["view"], c["method"]) == ("baseline", "lsqml"))
    assert (cell["alignment"], cell["dataset"]["has_truth"]) == (None, False)
    for found in cell["measures"]:
        if needs_truth(found["metric"]):
            assert names(found["reason"], "objectGuess")
        elif found["metric"] in ("r_factor", "poisson_deviance", "time_s", "reconstruction_s"):
            assert found["value"] is not None
    assert value(manifest, "baseline", "lsqml", "poisson_deviance") == value(
        compared.manifest, "baseline", "lsqml", "poisson_deviance"
    )
    assert value(manifest, "dense", "lsqml", "phase_mae") is not None


def test_methods_with_another_knowledge_of_the_probe_have_a_table_of_their_own(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def estimated(manifest: dict[str, Any]) -> None:
        for job in manifest["jobs"]:
            if job["method"] == "lsqml":
                job["probe"] = "estimated"

    changed(copy, estimated)
    found = run_comparison(open_comparison(copy / "f", figures=False))
    summary = read_manifest(copy / "f" / "metrics_summary.json", "metrics_summary")
    assert [table["parts"]["probe"] for table in summary["tables"]] == ["true", "estimated"]
    assert {row["method"] for row in summary["tables"][1]["rows"]} == {"lsqml"}
    assert len(found["protocols"]) == 2


def test_a_table_has_one_setting_of_each_method(copy: Path, compared: Phase) -> None:
    def other_epochs(manifest: dict[str, Any]) -> None:
        for job in manifest["jobs"]:
            if job["method"] == "lsqml":
                job["budget"] = {"epochs": 50 if job["view"] == "dense" else 10, "seconds": None}
                job["options"] = {"momentum": 0.5}

    changed(copy, other_epochs)
    run_comparison(open_comparison(copy / "f", figures=False))
    summary = read_manifest(copy / "f" / "metrics_summary.json", "metrics_summary")
    assert [{row["view"] for row in table["rows"]} for table in summary["tables"]] == [{"baseline"}, {"dense"}]
    settings = [table["parts"]["methods"]["lsqml"] for table in summary["tables"]]
    assert [setting["budget"]["epochs"] for setting in settings] == [10, 50]
    assert all(setting["options"] == {"momentum": 0.5} for setting in settings)
    assert summary["tables"][0]["protocol"] not in {known["sha256"] for known in compared.manifest["protocols"]}


def test_failed_lost_and_unselected_cells_stay_in_the_comparison(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def unlucky(manifest: dict[str, Any]) -> None:
        lost, failed, left = manifest["jobs"][0], manifest["jobs"][1], manifest["jobs"].pop(2)
        only = dict.fromkeys(set(lost["result"]) - {"status", "error", "started", "finished"})
        failed["result"] |= only | {"status": "failed", "error": "object is nan"}
        lost["result"] |= only | {"status": "lost", "error": "started, but no end was recorded", "finished": None}
        manifest["not_selected"] = [{k: left[k] for k in ("dose", "view", "gridsize", "split", "method")}]

    changed(copy, unlucky)
    assert main(["compare", "--artifact-root", str(copy / "f"), "--quiet", "--no-figures"]) == 1
    assert [9, 3, 1, 1, 3, 1] in [numbers(line)[:6] for line in capsys.readouterr().out.splitlines()]
    manifest = read_manifest(copy / "f" / "comparison_manifest.json", "comparison_manifest")
    states = {(c["view"], c["method"]): (c["status"], c.get("reason")) for c in manifest["cells"]}
    assert states["baseline", "flat"][0] == "lost"
    assert states["baseline", "start"] == ("failed", "object is nan")
    assert states["baseline", "lsqml"] == ("not_selected", None)
    rows = list(csv.DictReader((copy / "f" / "comparison.csv").read_text(encoding="utf-8").splitlines()))
    assert {r["reason"] for r in rows if (r["view"], r["method"]) == ("baseline", "start")} == {"failed: object is nan"}


def test_the_command(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    roots = ["--phase-c-root", str(copy / "c"), "--phase-d-root", str(copy / "d"), "--out", str(copy / "g")]
    options = ["--crop-fraction", "0.3", "--quiet", "--no-figures"]
    status = main(["compare", "--artifact-root", str(copy / "f"), *roots, *options])
    said = capsys.readouterr().out
    assert status == 0
    assert f"manifest: {copy / 'g' / 'comparison_manifest.json'}" in said
    manifest = read_manifest(copy / "g" / "comparison_manifest.json", "comparison_manifest")
    assert manifest["recipe"]["crop_fraction"] == 0.3
    assert manifest["reconstruction_manifest"]["path"] == "../f/reconstruction_manifest.json"
    assert not (copy / "f" / "comparison_manifest.json").exists()


def test_data_that_have_moved_are_found_where_they_are_said_to_be(copy: Path) -> None:
    (copy / "c").rename(copy / "data_c")
    with pytest.raises(DataError, match=naming("patched_test.npz", "dose10000-baseline-gs1-test-flat")):
        open_comparison(copy / "f")
    assert open_comparison(copy / "f", phase_c_root=copy / "data_c").reconstructed


def swapped_halves(root: Path) -> None:
    test, train = (root / "c" / "dose_10000" / f"patched_{half}.npz" for half in ("test", "train"))
    shutil.copy(train, test)


def train_half_recorded(root: Path) -> None:
    path = root / "c" / "dose_10000" / "patched_train.npz"
    changed(root, lambda m: m["jobs"][0]["dataset"].update(file_record(path, root / "f")))


def base_recorded(root: Path) -> None:
    changed(root, lambda m: m["jobs"][0]["dataset"].update(role="measurement"))


def result_changed(root: Path) -> None:
    path = next((root / "f" / "reconstructions").rglob("flat.npz"))
    path.write_bytes(path.read_bytes()[:-1] + b"\1")


def result_missing(root: Path) -> None:
    next((root / "f" / "reconstructions").rglob("lsqml.npz")).unlink()


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (swapped_halves, ("patched_test.npz", "reconstruction_manifest.json")),
        (train_half_recorded, ("_metadata", "half train", "dose10000-baseline-gs1-test-flat")),
        (base_recorded, ("_metadata", "dose10000-baseline-gs1-test-flat")),
        (result_changed, ("flat.npz", "reconstruction_manifest.json")),
        (result_missing, ("lsqml.npz",)),
        (lambda root: (root / "f" / "reconstruction_manifest.json").unlink(), ("reconstruction_manifest.json",)),
        (lambda root: (root / "f" / "reconstruction_manifest.json").write_text("{"), ("reconstruction_manifest.json",)),
        (lambda root: shutil.rmtree(root / "f"), ("--artifact-root",)),
    ],
)
def test_what_is_not_the_recorded_input_is_refused_and_nothing_is_written(
    copy: Path, spoil: Callable[..., Any], named: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(copy)
    assert main(["compare", "--artifact-root", str(copy / "f"), "--out", str(copy / "g")]) == 2
    assert names(capsys.readouterr().err, *named)
    assert not (copy / "g").exists()


def test_impossible_options(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match="--crop-fraction"):
        open_comparison(data / "f", crop_fraction=2.0)
    assert main(["compare", "--artifact-root", str(data / "f"), "--phase-c-root", str(data / "no")]) == 2
    assert names(capsys.readouterr().err, "--phase-c-root", data / "no")


def test_a_result_of_another_size_is_refused(copy: Path, one_dose: StudyDesign) -> None:
    shutil.rmtree(copy / "f")
    (copy / "f").mkdir()
    phase_f(copy / "f", one_dose, copy / "c", copy / "d", {"lsqml": noisy(0.1)})
    from ptyproof.io.npz import NpzArchive, NpzWriter

    path = next((copy / "f" / "reconstructions").rglob("lsqml.npz"))
    with NpzArchive(path) as archive:
        arrays = {name: archive.read(name) for name in archive.members}
    for name in ("object", "illumination", "parts"):
        arrays[name] = arrays[name][:-2]
    with NpzWriter(path) as writer:
        for name, array in arrays.items():
            writer.add(name, array)
    changed(copy, lambda m: m["jobs"][0]["result"].update(reconstruction=file_record(path, copy / "f")))
    with pytest.raises(DataError, match=naming("object", "(156, 94)", "objectGuess")):
        run_comparison(open_comparison(copy / "f", figures=False))
    assert not (copy / "f" / "comparison_manifest.json").exists()


@pytest.mark.parametrize("has_other_results", [False, True])
def test_a_comparison_names_a_manifest_with_the_results_that_were_compared(copy: Path, has_other_results: bool) -> None:
    """Another run writes the manifest while the comparison is made."""
    path = copy / "f" / "reconstruction_manifest.json"
    phase = open_comparison(copy / "f", copy / "g", figures=False)
    read = file_record(path, copy / "g")
    assert phase.record == read
    other = {"timestamp": "2026-01-01T00:00:00Z"}
    changed(copy, lambda manifest: manifest.update(other | {"jobs": manifest["jobs"][has_other_results:]}))
    written = file_record(path, copy / "g")
    assert written != read
    assert run_comparison(phase)["reconstruction_manifest"] == (read if has_other_results else written)
