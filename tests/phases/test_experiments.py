"""A study with experiments, all phases: what is simulated, what methods are told, what is compared, and the judge."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptyproof.checking import check, check_manifest
from ptyproof.io.dataset import Dataset, read_dataset
from ptyproof.io.hashing import sha256_json
from ptyproof.io.strict_json import format_json
from ptyproof.phases.base import load_base
from ptyproof.phases.c_simulate.generate import generate
from ptyproof.phases.g_compare.experiment_table import NOTHING, UNUSED, experiment_table
from ptyproof.study.layout import phase_c_file
from tests.helpers.experiments import DOSE, FLAWED
from tests.helpers.known import known
from tests.helpers.whole_study import Made, run


def compared(made: Made) -> dict[str, Any]:
    """Return the cells of the comparison by view and method."""
    return {f"{cell['view']} {cell['method']}": cell for cell in made.manifests["g"]["cells"]}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A small study with two experiments, all phases."""
    return run(FLAWED, tmp_path_factory.mktemp("experiments"))


def half(made: Made, name: str | None, split: str = "test") -> Dataset:
    """Return a half in Phase C."""
    return read_dataset(phase_c_file(made.root / "c", DOSE, split, 1, name)).dataset


def test_each_experiment_is_one_more_test_half_of_the_same_object_scan_and_photons(made: Made) -> None:
    entry = made.manifests["c"]["datasets"][0]
    halves = [entry["test"], *entry["further_tests"]]
    assert [one.get("experiment") for one in halves] == [None, "gap", "positions"]
    assert [one["seed"] for one in halves] == [entry["test"]["seed"]] * 3
    clean, gap, moved = (half(made, name) for name in (None, "gap", "positions"))
    for one in (gap, moved):
        np.testing.assert_array_equal(known(one.obj), known(clean.obj))
        np.testing.assert_array_equal(one.probe, clean.probe)
        np.testing.assert_array_equal(known(one.scan_index), known(clean.scan_index))
    assert clean.valid_pixels is None
    mask = known(gap.valid_pixels)
    np.testing.assert_array_equal(known(gap.diffraction)[:, mask], known(clean.diffraction)[:, mask])
    assert not known(gap.diffraction)[:, ~mask].any()
    np.testing.assert_array_equal(known(moved.diffraction), known(clean.diffraction))
    np.testing.assert_allclose(known(moved.positions_true_px), clean.positions_px)
    assert not np.allclose(moved.positions_px, clean.positions_px, atol=0.05)


def test_halves_of_the_study_itself_are_those_of_a_study_without_experiments(made: Made, tmp_path: Path) -> None:
    alone = replace(FLAWED, experiments=(), views=FLAWED.views[:1])
    entry = generate(alone, load_base(alone, "builtin"), tmp_path / "c")["datasets"][0]
    with_them = made.manifests["c"]["datasets"][0]
    for split in ("train", "test"):
        assert entry[split]["arrays_sha256"] == with_them[split]["arrays_sha256"]
    assert "further_tests" not in entry


def test_all_views_share_the_training_on_the_clean_half(made: Made) -> None:
    jobs = made.manifests["e"]["jobs"]
    assert len({job["result"]["bundle_sha256"] for job in jobs}) == 1
    assert len({job["datasets"]["train"]["sha256"] for job in jobs}) == 1
    assert len({job["datasets"]["test"]["sha256"] for job in jobs}) == 3
    assert sum("reused_from" not in job["result"] for job in jobs) == 1


def test_a_method_is_told_what_the_view_tells_the_data_know_and_it_uses(made: Made) -> None:
    told = {f"{job['view']} {job['method']}": job["dataset"].get("told") for job in made.manifests["f"]["jobs"]}
    assert told["gap map"] == told["gap start"] == told["gap pinn"] == ["mask"]
    assert told["gap flat"] == []
    assert told["gap-untold map"] == told["gap-untold start"] == []
    assert told["clean map"] is told["positions-untold map"] is None  # nothing is known
    assert told["positions map"] == told["positions start"] == ["positions"]
    assert told["positions pinn"] == told["positions flat"] == []
    reused = {f"{job['view']} {job['method']}": job["result"]["reused_from"] for job in made.manifests["f"]["jobs"]}
    assert reused["gap-untold map"] is None
    assert reused["gap-untold flat"] == f"dose{DOSE:.0f}-gap-gs1-test-flat"
    assert reused["positions-untold map"] is None
    assert reused["positions-untold flat"] == f"dose{DOSE:.0f}-positions-gs1-test-flat"
    for name, cell in compared(made).items():
        assert cell["dataset"].get("told") == told[name]


def test_told_and_untold_have_protocols_of_their_own(made: Made) -> None:
    parts = {entry["sha256"]: entry["parts"] for entry in made.manifests["g"]["protocols"]}
    assert len(parts) == 3
    for cell in made.manifests["g"]["cells"]:
        tells = parts[cell["protocol"]].get("tells", [])
        assert tells == list(FLAWED.tells_in(cell["view"]))


def test_the_table_has_each_flaw_beside_the_clean_view(made: Made) -> None:
    values = {name: known_value(cell) for name, cell in compared(made).items()}
    summary = json.loads((made.root / "e" / "metrics_summary.json").read_text())
    rows = {f"{row['view']} {row['method']}": row for row in summary["experiments"]}
    assert rows.keys() == {name for name in values if not name.startswith("clean")}
    for name, row in rows.items():
        method = name.split()[1]
        assert (row["value"], row["clean"], row["n"]) == (values[name], values[f"clean {method}"], 1)
        assert row["ratio"] == pytest.approx(row["value"] / row["clean"])
    assert rows["gap map"]["ratio"] < rows["gap-untold map"]["ratio"]
    table = experiment_table(summary["experiments"])
    assert table.heads == ["flaw", *(f"{m} {how}" for m in METHODS for how in ("told", "untold"))]
    assert [row[0] for row in table.rows] == ["clean", "gap", "positions"]
    shown = dict(zip(table.heads, table.rows[1], strict=True))
    assert shown["map told"] == f"{values['gap map']:.4g} ({rows['gap map']['ratio']:.2f})"
    assert shown["flat told"].endswith(UNUSED)
    assert shown["pinn told"].endswith(")")
    shown = dict(zip(table.heads, table.rows[2], strict=True))
    assert shown["pinn told"].endswith(UNUSED)  # it cannot refine
    assert shown["map told"].endswith(")")
    assert len(table.notes) == 1
    assert rows["positions map"]["ratio"] < rows["positions-untold map"]["ratio"]


def test_a_flaw_of_which_nothing_can_be_told_is_marked(made: Made) -> None:
    summary = json.loads((made.root / "e" / "metrics_summary.json").read_text())
    unknown = [row | {"told": [], "not_told": []} for row in summary["experiments"]]
    table = experiment_table(unknown)
    assert dict(zip(table.heads, table.rows[2], strict=True))["map told"].endswith(NOTHING)
    assert len(table.notes) == 1


METHODS = ("flat", "start", "map", "pinn")


def known_value(cell: Mapping[str, Any]) -> float:
    """Return the complex NRMSE of a cell."""
    return next(float(found["value"]) for found in cell["measures"] if found["metric"] == "complex_nrmse")


def test_every_record_is_sound(made: Made) -> None:
    for path in sorted(made.root.rglob("*.json")):
        if path.name.endswith("_manifest.json") or path.name in ("model.json", "metrics_summary.json"):
            assert [str(f) for f in check_manifest(path).findings if f.severity == "error"] == [], path


def swap_names(record: Any) -> None:
    one, other = record["datasets"][0]["further_tests"]
    one["experiment"], other["experiment"] = other["experiment"], one["experiment"]


def swap_halves(record: Any) -> None:
    """Say of each file that it is of the other experiment, with all that is known of it."""
    halves = record["datasets"][0]["further_tests"]
    names = [one["experiment"] for one in halves]
    halves.reverse()
    for one, name in zip(halves, names, strict=True):
        one["experiment"] = name


def drop_half(record: Any) -> None:
    record["datasets"][0]["further_tests"].pop()


def swap_flaws(record: Any) -> None:
    one, other = record["design"]["experiments"]
    one["name"], other["name"] = other["name"], one["name"]
    record["design"]["experiments"].reverse()
    record["design_digest"] = digest_of(record["design"])


def digest_of(design: Mapping[str, Any]) -> str:
    """Return the digest of a design that was changed."""
    return sha256_json({key: value for key, value in design.items() if key not in ("reconstruction", "align")})


def tell_untold(record: Any) -> None:
    job = next(job for job in record["jobs"] if job["view"] == "gap-untold" and job["method"] == "map")
    job["dataset"]["told"], job["dataset"]["not_told"] = ["mask"], []


def tell_compared(record: Any) -> None:
    cell = next(cell for cell in record["cells"] if cell["view"] == "gap-untold" and cell["method"] == "flat")
    cell["dataset"]["told"], cell["dataset"]["not_told"] = ["mask"], []


def other_protocol(record: Any) -> None:
    own = {cell["view"]: cell["protocol"] for cell in record["cells"]}
    cell = next(cell for cell in record["cells"] if cell["view"] == "gap-untold")
    cell["protocol"] = own["gap"]


def other_ratio(record: Any) -> None:
    record["experiments"][-1]["ratio"] = 0.5


CHANGED: list[tuple[str, Callable[[Any], None], set[str]]] = [
    ("c/run_manifest.json", swap_names, {"PM209", "PM406"}),
    ("c/run_manifest.json", swap_halves, {"PM306", "PM406"}),
    ("c/run_manifest.json", drop_half, {"PM209"}),
    ("c/run_manifest.json", swap_flaws, {"PM306"}),
    ("e/reconstruction_manifest.json", tell_untold, {"PM624"}),
    ("e/comparison_manifest.json", tell_compared, {"PM624", "PM306"}),
    ("e/comparison_manifest.json", other_protocol, {"PM624"}),
    ("e/metrics_summary.json", other_ratio, {"PM306"}),
]


@pytest.mark.parametrize(("name", "change", "codes"), CHANGED, ids=[change.__name__ for _, change, _ in CHANGED])
def test_a_changed_experiment_is_found(
    made: Made, tmp_path: Path, name: str, change: Callable[[Any], None], codes: set[str]
) -> None:
    shutil.copytree(made.root, tmp_path / "copy")
    path = tmp_path / "copy" / name
    record = json.loads(path.read_text())
    change(record)
    path.write_text(format_json(record))
    found = {finding.code for finding in check(path) if finding.severity == "error"}
    assert codes <= found
