"""Phase G on results of known quality: the account, tables, pictures, reuse, and everything that it refuses."""

from __future__ import annotations

import csv
import json
import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ptyproof.cli.main import main
from ptyproof.console import Console
from ptyproof.errors import DataError, InputError
from ptyproof.io.dataset import Dataset, read_dataset, write_dataset
from ptyproof.io.file_record import file_is_whole, file_record
from ptyproof.io.schema import schema_errors
from ptyproof.io.strict_json import write_json
from ptyproof.methods.registry import SHIPPED
from ptyproof.metrics.definitions import needs_truth
from ptyproof.metrics.paired import RULE
from ptyproof.metrics.protocol import Recipe, protocol_sha256
from ptyproof.phases.g_compare import page
from ptyproof.phases.g_compare.colors import color_of
from ptyproof.phases.g_compare.compare import open_comparison, run_comparison
from ptyproof.phases.g_compare.tables import COLUMNS, summary
from ptyproof.records.manifest import read_manifest
from ptyproof.study.design import StudyDesign
from tests.helpers.known import known
from tests.helpers.messages import names, naming, numbers
from tests.helpers.phases import Phase
from tests.strategies.reconstructions import METHODS, noisy, phase_f

N_VIEWS, N_METHODS = 3, len(METHODS)


@pytest.fixture(scope="module")
def one_dose(smoke: StudyDesign) -> StudyDesign:
    """The smoke study with one dose."""
    return replace(smoke, doses_photons_per_pattern=(1e4,))


@pytest.fixture(scope="module")
def data(one_dose: StudyDesign, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with Phases C and D of one dose and Phase F of known quality."""
    from ptyproof.phases.base import load_base
    from ptyproof.phases.c_simulate.generate import generate
    from ptyproof.phases.d_overlap.overlap import overlap

    root = tmp_path_factory.mktemp("compare")
    generate(one_dose, load_base(one_dose, "builtin"), root / "c")
    overlap(root / "c", root / "d")
    (root / "f").mkdir()
    phase_f(root / "f", one_dose, root / "c", root / "d")
    return root


@pytest.fixture(scope="module")
def compared(data: Path) -> Phase:
    """Its comparison."""
    return Phase(data / "f", dict(run_comparison(open_comparison(data / "f"))))


@pytest.fixture
def copy(data: Path, tmp_path: Path) -> Path:
    """The folder, to be changed; without a comparison."""
    root = tmp_path / "copy"
    for name in ("c", "d"):
        shutil.copytree(data / name, root / name)
    ignore = shutil.ignore_patterns("comparison*", "metrics_summary*", "frc_curves*")
    shutil.copytree(data / "f", root / "f", ignore=ignore)
    return root


def changed(root: Path, change: Callable[..., Any]) -> None:
    """Change Phase F's manifest of a copy."""
    path = root / "f" / "reconstruction_manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    write_json(path, manifest)


def value(manifest: Mapping[str, Any], view: str, method: str, metric: str) -> Any:
    cell = next(c for c in manifest["cells"] if (c["view"], c["method"]) == (view, method))
    return next(found for found in cell["measures"] if found["metric"] == metric)["value"]


def test_every_cell_is_accounted_for(compared: Phase, one_dose: StudyDesign) -> None:
    manifest = read_manifest(compared.root / "comparison_manifest.json", "comparison_manifest")
    assert manifest["account"] == {
        "n_enumerated": N_VIEWS * N_METHODS,
        "n_success": 2 * N_METHODS,
        "n_failed": 0,
        "n_lost": 0,
        "n_skipped": N_METHODS,
        "n_not_selected": 0,
    }
    places = [(cell["view"], cell["method"]) for cell in manifest["cells"]]
    assert places == [(view.name, method) for view in one_dose.views for method in METHODS]
    skipped = [cell for cell in manifest["cells"] if cell["status"] == "skipped"]
    recorded = json.loads((compared.root / "reconstruction_manifest.json").read_text())["skipped"]
    keys = ("code", "reason", "selected", "measured")
    assert [{k: cell[k] for k in keys} for cell in cast("list[dict[str, Any]]", skipped)] == [
        {k: skip[k] for k in keys} for skip in recorded
    ]
    assert known(skipped[0]["measured"])["test"]["n_images_total"] > 0


def test_scores_tell_good_from_bad(compared: Phase) -> None:
    for view in ("baseline", "dense"):
        for metric, sign in (("complex_nrmse", -1), ("phase_mae", -1), ("phase_frc50_nyquist", 1), ("phase_ssim", 1)):
            good, flat = (sign * value(compared.manifest, view, method, metric) for method in ("lsqml", "flat"))
            assert good > flat, metric
        expected = np.sqrt(2) * 0.05  # noise of 0.05 in real and imaginary part, on a truth of 0.6 to 0.9
        assert 1 < value(compared.manifest, view, "lsqml", "complex_nrmse") / expected < 1.7


def test_the_csv_has_one_row_for_each_cell_and_metric(compared: Phase) -> None:
    with (compared.root / "comparison.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    keys = [(r["dose"], r["view"], r["gridsize"], r["method"], r["split"], r["metric"]) for r in rows]
    metrics = list(dict.fromkeys(r["metric"] for r in rows))
    assert len(keys) == len(set(keys)) == N_VIEWS * N_METHODS * len(metrics)
    assert all((r["value"] == "") == (r["reason"] != "") for r in rows)
    assert all(names(r["reason"], "skipped", "sparse", "0.2") for r in rows if r["view"] == "sparse")
    assert all(r["protocol"] for r in rows if r["view"] != "sparse")
    chosen = next(r for r in rows if (r["view"], r["method"], r["metric"]) == ("dense", "lsqml", "phase_mae"))
    assert float(chosen["value"]) == value(compared.manifest, "dense", "lsqml", "phase_mae")
    assert (chosen["dose"], chosen["unit"], chosen["direction"]) == ("10000", "rad", "lower")


def test_the_summary_has_one_table_for_each_protocol(compared: Phase) -> None:
    found = read_manifest(compared.root / "metrics_summary.json", "metrics_summary")
    assert len(found["tables"]) == 1
    table = found["tables"][0]
    assert table["protocol"] == protocol_sha256(table["parts"])
    assert [(row["view"], row["method"]) for row in table["rows"]] == [
        (view, method) for view in ("baseline", "dense") for method in METHODS
    ]
    assert (table["best"], found["rule"]) == ([], RULE.as_dict())  # one replicate
    assert len(found["without_result"]) == N_METHODS
    text = (compared.root / "comparison.md").read_text(encoding="utf-8")
    assert text.index("| dose ") < text.index("sparse (gs2), test")
    assert "flat (control)" in text
    assert "**" not in text
    assert any(names(line, "sparse (gs2)", "flat, start, lsqml", "25.6 px") for line in text.splitlines())


def replicated(compared: Phase, n: int) -> list[Any]:
    """Return the cells of a comparison n times, each replicate with values of its own."""
    cells = []
    for replicate in range(1, n + 1):
        for cell in compared.manifest["cells"]:
            entry = {**cell, "replicate": replicate} if replicate > 1 else cell
            if cell["status"] == "success":
                measures = [
                    {**found, "value": found["value"] and found["value"] * (1 + replicate / 100)}
                    for found in cell["measures"]
                ]
                entry = {**entry, "measures": measures}
            cells.append(entry)
    return cells


@pytest.mark.parametrize("n", [2, 3])
def test_replicates_share_a_row_and_three_of_them_can_show_a_best_method(
    compared: Phase, one_dose: StudyDesign, n: int
) -> None:
    protocols = {entry["sha256"]: entry["parts"] for entry in compared.manifest["protocols"]}
    recipe = Recipe(**compared.manifest["recipe"])
    found = summary("study", compared.manifest["design_digest"], replicated(compared, n), protocols, recipe)
    assert schema_errors(found, "metrics_summary") == []
    (table,) = found["tables"]
    assert len(table["rows"]) == 2 * n * N_METHODS
    best = {(entry["view"], entry["metric"]): entry["methods"] for entry in table["best"]}
    assert best.get(("dense", "phase_mae")) == (["lsqml"] if n == 3 else None)
    assert ("dense", "time_s") not in best
    text = list(page.tables(found))
    both = [line for line in text if line.startswith(("| 10000", "| dose"))]
    assert len(both) == 4 * (1 + 2 * N_METHODS)  # errors, correlations, fit to the counts, times
    lines = both[: len(both) // 4]
    of_lsqml = dict(zip(*([cell.strip() for cell in line.split("|")] for line in (lines[0], lines[-1])), strict=True))
    values = [value(compared.manifest, "dense", "lsqml", "phase_mae") * (1 + k / 100) for k in range(1, n + 1)]
    shown = next(cell for head, cell in of_lsqml.items() if head.startswith("phase MAE"))
    assert shown.strip("*") == f"{np.median(values):.4g} [{values[0]:.4g}, {values[-1]:.4g}]"
    assert shown.startswith("**") == (n == 3)


def test_files_are_recorded_and_pictures_are_pictures(compared: Phase) -> None:
    manifest = compared.manifest
    records = [*manifest["files"].values(), *(figure["file"] for figure in manifest["figures"])]
    assert all(file_is_whole(record, compared.root) for record in records)
    drawn = Counter(figure["what"] for figure in manifest["figures"])
    assert sorted(drawn.values()) == [1, 1, 1, 2, 2]
    for figure in manifest["figures"]:
        with Image.open(compared.root / figure["file"]["path"]) as picture:
            assert min(picture.size) > 300
            assert len(cast("list[Any]", picture.convert("L").getcolors())) > 20


def test_the_cell_whose_methods_disagree_most_has_a_sheet_of_truth_and_methods(
    data: Path, one_dose: StudyDesign, tmp_path: Path
) -> None:
    dense = read_dataset(next((data / "d").rglob("*dense*test.npz"))).dataset

    def differing(dataset: Dataset) -> NDArray[np.complexfloating]:
        return noisy(0.2 if len(dataset.positions_px) == len(dense.positions_px) else 0.05, 3)(dataset)

    methods = {"start": noisy(0.9, 1), "lsqml": noisy(0.05, 2), "pinn": differing}
    (tmp_path / "f").mkdir()
    phase_f(tmp_path / "f", one_dose, data / "c", data / "d", methods)
    manifest = run_comparison(open_comparison(tmp_path / "f"))
    assert schema_errors(manifest, "comparison_manifest") == []
    (figure,) = [figure for figure in manifest["figures"] if "sheet" in figure]
    assert (figure["view"], figure["dose"], figure["split"]) == ("dense", 1e4, "test")
    sheet = figure["sheet"]
    assert sheet["methods"] == ["start", "lsqml", "pinn"]
    assert sheet["n_compared"] == 2
    assert sheet["difference"] == pytest.approx(0.35, abs=0.05)  # noise of 0.2 and 0.05 of the object
    with Image.open(tmp_path / "f" / figure["file"]["path"]) as picture:
        assert picture.size[0] % 4 == picture.size[1] % 2 == 0


def test_a_comparison_is_reused_and_made_again_when_a_file_was_lost(compared: Phase, data: Path) -> None:
    phase = open_comparison(data / "f")
    said: list[str] = []

    class Lines:
        def say(self, line: str) -> None:
            said.append(line)

    assert run_comparison(phase, cast("Console", Lines())) == read_manifest(phase.path, "comparison_manifest")
    assert len(said) == 1
    other = open_comparison(data / "f", crop_fraction=0.2)
    assert other.inputs_sha256() != phase.inputs_sha256()


def test_an_alignment_of_the_phase_alone_has_a_protocol_of_its_own(compared: Phase, data: Path, tmp_path: Path) -> None:
    phase = open_comparison(data / "f", tmp_path, align="phase", figures=False)
    assert phase.inputs_sha256() != open_comparison(data / "f", figures=False).inputs_sha256()
    manifest = run_comparison(phase)
    assert manifest["recipe"]["align"] == "phase"
    (parts,) = (entry["parts"] for entry in manifest["protocols"])
    assert parts["alignment"]["ramp"] == "left in"
    cells = {cell["job"]: cell for cell in manifest["cells"] if cell["status"] == "success"}
    for cell in cells.values():
        alignment = known(cell["alignment"])
        assert alignment["shift_px"] == [0, 0]
        assert abs(complex(*alignment["scale"])) == pytest.approx(1)
    aligned = value(compared.manifest, "dense", "lsqml", "complex_nrmse")
    unaligned = value(compared.manifest, "dense", "lsqml", "complex_nrmse_unaligned")
    assert aligned <= unaligned == pytest.approx(value(manifest, "dense", "lsqml", "complex_nrmse"))
    assert main(["check", str(phase.path)]) == 0


def test_rows_have_device_threads_and_times_in_parts(compared: Phase) -> None:
    cell = next(c for c in compared.manifest["cells"] if (c["view"], c["method"]) == ("dense", "lsqml"))
    assert (cell["device"], cell["threads"]) == ("cpu", 1)
    summary = read_manifest(compared.root / "metrics_summary.json", "metrics_summary")
    assert {(row["device"], row["threads"]) for row in summary["tables"][0]["rows"]} == {("cpu", 1)}
    total, rest = (value(compared.manifest, "dense", "lsqml", name) for name in ("time_s", "reconstruction_s"))
    assert rest <= total
    reasons = {one["metric"]: one["reason"] for one in cell["measures"]}
    assert reasons["training_s"]


def test_equal_input_gives_equal_files(compared: Phase, copy: Path) -> None:
    manifest = run_comparison(open_comparison(copy / "f", figures=False))
    names = ("comparison", "frc_curves", "tables", "metrics_summary")
    files = cast("dict[str, Any]", manifest["files"])
    for name in names:
        assert files[name]["sha256"] == compared.manifest["files"][name]["sha256"], name
    assert manifest["figures"] == []
    (copy / "f" / "comparison.csv").unlink()
    run_comparison(open_comparison(copy / "f", figures=False))
    assert (copy / "f" / "comparison.csv").is_file()


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


def test_every_method_has_a_color_and_those_that_are_shipped_have_their_own() -> None:
    colors = {method: color_of(method) for method in SHIPPED}
    assert len(set(colors.values())) == len(SHIPPED)
    for method in ("mine", "theirs", "a", "z+lsqml"):
        assert color_of(method) not in colors.values()
