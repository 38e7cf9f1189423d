"""Records of a hub must agree, whatever its index says: manifests, bundles, datasets, skips, runs, pictures."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ptyproof.checking import check_manifest
from ptyproof.checking.hub import verify_hub
from ptyproof.hub.index import Hub
from ptyproof.hub.layout import OVERLAP, RUN, SKIP_LINES, SKIPS, SOURCES, TRAINING
from ptyproof.io.hashing import sha256_json
from tests.helpers.hubs import (
    BUNDLE,
    PICTURE,
    edit,
    flip,
    places,
    take_stock,
)


def first(key: str, **values: Any) -> Callable[[dict[str, Any]], object]:
    """Return a change of the first entry of a list."""
    return lambda manifest: manifest[key][0].update(values)


def swap_hash(manifest: dict[str, Any]) -> None:
    manifest["jobs"][0]["datasets"]["train"]["sha256"] = "0" * 64


def other_design(manifest: dict[str, Any]) -> None:
    manifest["design"]["neighbor_count"] = 5


def impossible_design(manifest: dict[str, Any]) -> None:
    manifest["design"]["neighbor_count"] = 1
    manifest["design_digest"] = sha256_json(manifest["design"])


MODEL = BUNDLE.replace("safetensors", "json")


def one_more_cell(dose: float, manifest: dict[str, Any]) -> None:
    """Count one more cell among those that were not selected."""
    manifest["not_selected"].append({"dose": dose, "view": "dense", "gridsize": 2})
    manifest["account"]["n_not_selected"] += 1
    manifest["account"]["n_enumerated"] += 1


CHANGES: dict[str, tuple[str, Callable[[dict[str, Any]], object], list[tuple[str, str, str]]]] = {
    "account": (TRAINING, lambda m: m["account"].update(n_lost=1), [(TRAINING, "PM201", "$.account.n_lost")]),
    "sum": (TRAINING, lambda m: m["account"].update(n_enumerated=8), [(TRAINING, "PM202", "$.account.n_enumerated")]),
    "overlap-account": (OVERLAP, lambda m: m["account"].update(n_cells=8), [(OVERLAP, "PM202", "$.account.n_cells")]),
    "skip-reason": (
        SKIPS,
        first("skipped_views", reason="it was late"),
        [(SKIPS, "PM802", "$.skipped_views"), (TRAINING, "PM802", "$.skipped_views")],
    ),
    "skip-count": (
        SKIPS,
        lambda m: m.update(skipped_count=2),
        [(SKIPS, "PM201", "$.skipped_count"), (SKIPS, "PM802", "$.skipped_count")],
    ),
    "skip-everywhere-else": (
        TRAINING,
        first("skipped_views", reason="it was late"),
        [
            (SKIP_LINES, "PM802", "$[0]"),
            ("hub.json", "PM802", "$.runs[0].skips[0].reason"),
            (SKIPS, "PM802", "$.skipped_views"),
        ],
    ),
    "other-study": (
        OVERLAP,
        lambda m: m.update(study="mine"),
        [(OVERLAP, "PM209", "$.study"), (OVERLAP, "PM905", "$.study")],
    ),
    "other-design": (RUN, other_design, [(RUN, "PM209", "$.design_digest")]),
    "other-digest": (
        RUN,
        lambda m: m.update(design_digest="0" * 64),
        [(RUN, "PM209", "$.design_digest"), (RUN, "PM905", "$.design_digest")],
    ),
    "impossible-design": (RUN, impossible_design, [(RUN, "PM104", "$.design"), (RUN, "PM905", "$.design_digest")]),
    "other-recipe": (
        OVERLAP,
        lambda m: m.update(phase_c_recipe_digest="0" * 64),
        [(OVERLAP, "PM905", "$.phase_c_recipe_digest")],
    ),
    "other-dataset": (TRAINING, swap_hash, [(TRAINING, "PM906", "$.jobs[0].datasets.train.sha256")]),
    "other-model": (MODEL, lambda m: m.update(recipe_sha256="0" * 64), [(MODEL, "PM306", "$.recipe_sha256")]),
    "statistic": (
        OVERLAP,
        lambda m: m["views"][0]["train"]["spacing_before_selection"].update(mean_px=1.5),
        [(OVERLAP, "PM306", "$.views[0].train.spacing_before_selection.mean_px")],
    ),
    "dry-run": (TRAINING, lambda m: m.update(dry_run=True), [(TRAINING, "PM701", "$.dry_run")]),
    "time": (
        TRAINING,
        lambda m: m["jobs"][0]["result"].update(finished="2026-01-01T00:00:00Z"),
        [(TRAINING, "PM502", "$.jobs[0].result.finished")],
    ),
    "schema": (TRAINING, lambda m: m.update(skipped_count=-1), [(TRAINING, "PM101", "$.skipped_count")]),
    "kind": (TRAINING, lambda m: m.update(kind="skip_summary"), [(TRAINING, "PM903", "$.kind")]),
    "no-kind": (TRAINING, lambda m: m.update(kind="mine"), [(TRAINING, "PM102", "$.kind")]),
    "newer": (TRAINING, lambda m: m.update(schema_version="2.0.0"), [(TRAINING, "PM103", "$.schema_version")]),
    "same-cell-twice": (
        TRAINING,
        partial(one_more_cell, 1000.0),
        [(TRAINING, "PM203", "$.not_selected[0]")],
    ),
    "cell-of-no-study": (
        TRAINING,
        partial(one_more_cell, 5.0),
        [(TRAINING, "PM204", "$.not_selected[0]")],
    ),
}


@pytest.mark.parametrize("case", CHANGES)
def test_what_the_manifests_say_must_agree_whatever_the_index_says(hub: Hub, case: str) -> None:
    name, change, expected = CHANGES[case]
    edit(hub.root / name, change)
    take_stock(hub)
    assert set(places(verify_hub(hub.root))) >= set(expected)


def picture(**values: Any) -> Callable[[dict[str, Any]], object]:
    """Return a change of the recorded picture."""
    return lambda record: record["pictures"][0].update(values)


def made_from(**values: Any) -> Callable[[dict[str, Any]], object]:
    """Return a change of the first file that the picture was made from."""
    return lambda record: record["pictures"][0]["sources"][0].update(values)


PICTURES: dict[str, tuple[Callable[[dict[str, Any]], object], tuple[str, str]]] = {
    "other-picture": (picture(sha256="0" * 64), ("PM303", "$.pictures[0].sha256")),
    "no-such-picture": (
        picture(file="dose1000-baseline-gs1_scan.png", subject="scan"),
        ("PM301", "$.pictures[0].file"),
    ),
    "name-of-another-cell": (picture(cell="dose1000-dense-gs2"), ("PM205", "$.pictures[0].file")),
    "twice": (lambda r: r["pictures"].append(r["pictures"][0]), ("PM304", "$.pictures[1].file")),
    "other-source": (made_from(sha256="0" * 64), ("PM303", "$.pictures[0].sources[0].sha256")),
    "no-such-source": (made_from(path="../../real_run/gone.csv"), ("PM301", "$.pictures[0].sources[0].path")),
    "source-elsewhere": (made_from(path="../../../elsewhere.csv"), ("PM402", "$.pictures[0].sources[0].path")),
    "schema": (picture(alt=""), ("PM101", "$.pictures[0].alt")),
    "kind": (lambda record: record.update(kind="mine"), ("PM102", "$.kind")),
}


@pytest.mark.parametrize("case", PICTURES)
def test_pictures_are_the_recorded_ones_made_from_the_files_that_are_there(hub: Hub, case: str) -> None:
    change, (code, place) = PICTURES[case]
    edit(hub.root / SOURCES, change)
    take_stock(hub)
    found = places(verify_hub(hub.root))
    assert (SOURCES, code, place) in found
    assert {name for name, _, _ in found} == {SOURCES}
    assert (code, place) in {(f.code, f.json_path) for f in check_manifest(hub.root / SOURCES).findings}


def test_a_picture_of_a_cell_that_was_not_trained_is_found(hub: Hub) -> None:
    other = PICTURE.replace("1000-baseline", "5-baseline")
    (hub.root / PICTURE).rename(hub.root / other)
    edit(hub.root / SOURCES, picture(cell="dose5-baseline-gs1", file=Path(other).name))
    take_stock(hub)
    assert places(verify_hub(hub.root)) == [(SOURCES, "PM204", "$.pictures[0].cell")]


def test_a_bundle_must_be_the_recorded_one(hub: Hub) -> None:
    path = hub.root / BUNDLE
    flip(path, 100)
    take_stock(hub)
    assert (TRAINING, "PM303", "$.jobs[0].result.bundle_sha256") in places(verify_hub(hub.root))
    path.unlink()
    take_stock(hub)
    assert places(verify_hub(hub.root)) == [(TRAINING, "PM301", "$.jobs[0].result.bundle_path")]


def test_datasets_that_are_there_must_be_the_recorded_ones(pristine: Path, hub: Hub) -> None:
    name = "work/phase_c/dose_1000/patched_train.npz"
    shutil.copytree((pristine / name).parent, (hub.root / name).parent, dirs_exist_ok=True)
    assert verify_hub(hub.root) == []
    flip(hub.root / name, 5000)
    shutil.copy(hub.root / name, hub.root / "work" / "mine.npz")
    found = places(verify_hub(hub.root))
    assert ("work/mine.npz", "PM901", "$") in found
    assert (RUN, "PM303", "$.datasets[0].train.file.sha256") in found


@pytest.mark.parametrize("name", [RUN, OVERLAP, SKIPS, SKIP_LINES])
def test_a_record_that_belongs_to_the_trainings_must_be_there(hub: Hub, name: str) -> None:
    (hub.root / name).unlink()
    take_stock(hub)
    assert (name, "PM902", "$") in places(verify_hub(hub.root))


def test_lines_of_skips_that_are_no_json_are_named(hub: Hub) -> None:
    path = hub.root / SKIP_LINES
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], "{", lines[2], lines[2]]) + "\n")
    take_stock(hub)
    assert places(verify_hub(hub.root)) == [
        (SKIP_LINES, "PM004", "$[1]"),
        (SKIP_LINES, "PM802", "$"),
    ]


def test_what_the_index_says_of_runs_must_be_so(small: Hub) -> None:
    small.update_run(
        "run-0002",
        reports_path="green/gone.jsonl",
        blocked_path="red/blocked_1.md",
        outcomes={"passed": 2, "skipped": 1},
    )
    answer = {"run": "run-0007", "same_tests": True, "code_changed": True, "tests_changed": False}
    small.update_run("run-0002", red=answer)
    small.update_run("run-0001", ended=None)
    assert places(verify_hub(small.root)) == [
        ("hub.json", "PM201", "$.runs[1].skips"),
        ("hub.json", "PM301", "$.runs[1].blocked_path"),
        ("hub.json", "PM301", "$.runs[1].reports_path"),
        ("hub.json", "PM704", "$.runs[1].outcomes"),
        ("hub.json", "PM710", "$.runs[0].ended"),
        ("hub.json", "PM907", "$.runs[1].red.run"),
    ]
