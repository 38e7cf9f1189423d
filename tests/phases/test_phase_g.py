"""Phase G on results of known quality: the account, values, tables, pictures, and reuse."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ptyproof.cli.main import main
from ptyproof.console import Console
from ptyproof.io.dataset import Dataset, read_dataset
from ptyproof.io.file_record import file_is_whole
from ptyproof.io.schema import schema_errors
from ptyproof.methods.registry import SHIPPED
from ptyproof.metrics.paired import RULE
from ptyproof.metrics.protocol import Recipe, protocol_sha256
from ptyproof.phases.g_compare import page
from ptyproof.phases.g_compare.colors import color_of
from ptyproof.phases.g_compare.compare import open_comparison, run_comparison
from ptyproof.phases.g_compare.tables import COLUMNS, summary
from ptyproof.records.manifest import read_manifest
from ptyproof.study.design import StudyDesign
from tests.helpers.comparisons import value
from tests.helpers.known import known
from tests.helpers.messages import names
from tests.helpers.phases import Phase
from tests.strategies.reconstructions import METHODS, noisy, phase_f

N_VIEWS, N_METHODS = 3, len(METHODS)


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


def test_every_method_has_a_color_and_those_that_are_shipped_have_their_own() -> None:
    colors = {method: color_of(method) for method in SHIPPED}
    assert len(set(colors.values())) == len(SHIPPED)
    for method in ("mine", "theirs", "a", "z+lsqml"):
        assert color_of(method) not in colors.values()
