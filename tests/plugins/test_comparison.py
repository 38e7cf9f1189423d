"""Phase G as tests: cells as items, skips passed on, the hub's files, and `ptyproof_compare` on a user's data."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ptyproof.checking.hub import verify_hub
from ptyproof.io import schema
from tests.helpers.messages import names
from tests.helpers.runs import BASELINE, DENSE, PLAIN, SPARSE, STUDY_AS_TESTS, Run, run_pytest

OWN = """\
import numpy as np
import pytest


def image():
    rows, cols = np.indices((64, 70))
    return (1 + 0.3 * np.sin(rows / 3) * np.cos(cols / 5)) * np.exp(0.8j * np.cos(rows / 4 + cols / 7))


def test_of_two_images(ptyproof_compare):
    truth = image()
    scores = ptyproof_compare(2j * truth, truth)
    assert scores["complex_nrmse"].value < 1e-6
    assert (scores["phase_mae"].unit, scores["phase_mae"].direction) == ("rad", "lower")
    illuminated = np.zeros(truth.shape)
    illuminated[8:50, 8:60] = 1
    spoiled = np.where(illuminated > 0, truth, 0)
    lit, whole = ptyproof_compare(spoiled, truth, illuminated), ptyproof_compare(spoiled, truth)
    assert lit["phase_mae"].value < 0.05 < whole["phase_mae"].value


def test_of_images_that_do_not_fit(ptyproof_compare):
    ptyproof_compare(image()[1:], image())
"""


def test_every_cell_is_an_item_with_the_skip_of_the_view(whole: Run) -> None:
    items = {name: item for name, item in whole.items.items() if name.startswith("test_comparison[")}
    assert {name: item.outcome for name, item in items.items()} == {
        f"test_comparison[{BASELINE}-test]": "passed",
        f"test_comparison[{DENSE}-test]": "passed",
        f"test_comparison[{SPARSE}-test]": "skipped",
    }
    (skip,) = whole.manifest["skipped_views"]
    assert items[f"test_comparison[{SPARSE}-test]"].message == skip["reason"]
    assert whole.items["test_comparison_manifest"].outcome == "passed"


def test_the_hub_has_the_comparison_and_accounts_for_every_cell(whole: Run) -> None:
    manifest, reconstructed = (whole.record(f"{name}_manifest.json") for name in ("comparison", "reconstruction"))
    schema.validate(manifest, "comparison_manifest", "comparison_manifest.json")
    methods = [method["name"] for method in reconstructed["design"]["reconstruction"]["methods"]]
    assert [(cell["view"], cell["method"]) for cell in manifest["cells"]] == [
        (view, method) for view in ("baseline", "dense", "sparse") for method in methods
    ]
    assert manifest["account"] == reconstructed["account"]
    with (whole.hub / "real_run" / "comparison.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {(row["view"], row["method"]) for row in rows} == {(c["view"], c["method"]) for c in manifest["cells"]}
    (reason,) = {skip["reason"] for skip in reconstructed["skipped"]}
    assert [row["view"] for row in rows if reason in row["reason"]] == ["sparse"] * (len(rows) // 3)
    log = whole.log("phase_g_comparison.log")
    assert any(line.startswith(f"{BASELINE}-test-flat: complex NRMSE ") for line in log)
    assert log[-1].startswith(f"{len(manifest['cells'])} cells: ")
    assert "comparison: " in whole.screen


def test_the_hub_with_a_comparison_is_sound(whole: Run) -> None:
    assert verify_hub(whole.hub) == []


def test_a_run_of_one_cell_leaves_the_hub_sound(study_file: Path, whole: Run, tmp_path: Path) -> None:
    hub = tmp_path / "hub"
    shutil.copytree(whole.hub, hub)
    args = (*STUDY_AS_TESTS, f"--ptyproof-study={study_file}", *PLAIN)
    assert run_pytest(tmp_path / "cwd", *args, "-k", f"{BASELINE}-test-flat", hub=hub).status == 0
    before, after = ((root / "real_run" / "reconstruction_manifest.json").read_bytes() for root in (whole.hub, hub))
    assert before != after
    assert verify_hub(hub) == []


def test_the_summary_shows_it_first(whole: Run) -> None:
    text = (whole.hub / "docs" / "summary.md").read_text(encoding="utf-8")
    assert text.index("## Comparison") < text.index("| dose | view | method |") < text.index("## Cells")
    assert json.loads((whole.hub / "real_run" / "metrics_summary.json").read_text())["tables"]


def test_two_images_of_one_s_own(in_folder: Callable[..., Run], pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_own=OWN)
    run = in_folder("test_own.py")
    assert run.outcomes() == {"test_of_two_images": "passed", "test_of_images_that_do_not_fit": "failed"}
    assert any(names(line, "(63, 70)", "(64, 70)") for line in run.screen.splitlines())
