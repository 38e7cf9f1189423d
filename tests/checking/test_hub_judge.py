"""Verification of a hub: a sound one has no problem, and whatever is changed in it is found and named."""

from __future__ import annotations

import os
import posixpath
import random
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ptyproof.checking import check_manifest
from ptyproof.checking.hub import read_index, refuse_changed, verify_hub
from ptyproof.checking.model.document import finding_about
from ptyproof.errors import InputError, RunError
from ptyproof.hub.index import Hub
from ptyproof.hub.layout import OVERLAP, RUN, SKIP_LINES, SKIPS, SOURCES, TRAINING
from ptyproof.io.hashing import sha256_json
from tests.helpers.hubs import (
    BUNDLE,
    ENVIRONMENT,
    PICTURE,
    REVISION,
    edit,
    kill_run,
    make_hub,
    make_run,
    places,
    take_stock,
)
from tests.helpers.known import known
from tests.helpers.messages import names, naming
from tests.helpers.phases import Phase


@pytest.fixture(scope="module")
def pristine(smoke_c: Phase, smoke_d: Phase, smoke_e: Phase, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound hub that no test changes, with a space and letters of other alphabets in its name."""
    return make_hub(tmp_path_factory.mktemp("hubs") / "artefact hüb 実験", smoke_c, smoke_d, smoke_e).root


@pytest.fixture
def hub(pristine: Path, tmp_path: Path) -> Hub:
    """A sound hub, without its datasets."""
    root = tmp_path / pristine.name
    shutil.copytree(pristine, root, ignore=shutil.ignore_patterns("*.npz"))
    return Hub(root)


@pytest.fixture
def small(tmp_path: Path) -> Hub:
    """A hub of a red and a green run."""
    hub = Hub(tmp_path / "small")
    red = make_run(hub, "red", "adding", accepted=True, outcomes={"failed": 2})
    answer = {"run": red, "same_tests": True, "code_changed": True, "tests_changed": False}
    make_run(hub, "green", "adding", accepted=True, outcomes={"passed": 2}, red=answer)
    return hub


def all_files(root: Path) -> list[str]:
    """Return the name of every file."""
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def test_a_sound_hub_has_no_problem_with_and_without_its_datasets(pristine: Path, hub: Hub, small: Hub) -> None:
    assert len([name for name in all_files(pristine) if name.endswith(".npz")]) == 12
    assert verify_hub(pristine) == []
    assert verify_hub(hub.root) == []
    assert verify_hub(small.root) == []


def flip(path: Path, place: int) -> bytes:
    """Change one byte of a file; return what it was before."""
    before = path.read_bytes()
    after = bytearray(before)
    after[place] ^= 1
    path.write_bytes(after)
    return before


def test_a_changed_byte_names_its_file(pristine: Path, tmp_path: Path) -> None:
    root = tmp_path / "copy"
    shutil.copytree(pristine, root)
    names = list(all_files(root))
    assert len(names) > 70
    numbers = random.Random(1)
    for name in names:
        path = root / name
        before = flip(path, numbers.randrange(path.stat().st_size))
        found = verify_hub(root)
        # a dataset is not in the index: its manifest names it
        named = {posixpath.join(posixpath.dirname(finding.file), finding.message.split()[0]) for finding in found}
        assert name in named | {finding.file for finding in found}, name
        path.write_bytes(before)
    assert verify_hub(root) == []


@pytest.mark.parametrize("name", [RUN, OVERLAP])
def test_a_changed_byte_of_a_phase_manifest_names_it(hub: Hub, name: str) -> None:
    path = hub.root / name
    flip(path, path.read_bytes().index(b'"timestamp": "20') + 32)  # a digit of the seconds
    assert {finding.file for finding in verify_hub(hub.root)} == {name}


def test_any_changed_byte_of_the_index_is_found(small: Hub) -> None:
    text = small.index_path.read_bytes()
    own = text.index(b'"index_sha256"')
    for place in sorted({*range(own, own + 90, 3), *range(0, len(text), 13)}):
        flip(small.index_path, place)
        assert read_index(small.root)[1] != [], place
        small.index_path.write_bytes(text)
    for place in [place for place, byte in enumerate(text) if byte == ord("\n")][::5]:
        small.index_path.write_bytes(text[:place] + b"\r" + text[place + 1 :])
        assert read_index(small.root)[1] != [], place


def test_missing_and_added_files_are_named(small: Hub) -> None:
    (small.root / "red" / "run-0001.log").unlink()
    (small.root / "grün und rot").mkdir()
    (small.root / "grün und rot" / "näme, mit Raum.txt").write_text("x")
    (small.root / ".left.part").write_text("x")
    found = verify_hub(small.root)
    assert places(found) == [
        (".left.part", "PM910", "$"),
        ("grün und rot/näme, mit Raum.txt", "PM210", "$"),
        ("hub.json", "PM301", "$.runs[0].log_path"),
        ("red/run-0001.log", "PM301", "$"),
    ]
    assert "21 bytes" in found[3].message


def test_file_names_of_any_kind_are_verified(small: Hub) -> None:
    path = small.root / "a b" / "größe 実験 #1%20.log"
    path.parent.mkdir()
    path.write_text("one")
    take_stock(small)
    assert verify_hub(small.root) == []
    path.write_text("two")
    assert places(verify_hub(small.root)) == [("a b/größe 実験 #1%20.log", "PM303", "$")]


def test_a_finding_is_one_line() -> None:
    finding = finding_about("a\nb", "PM901", "$.x", "holds \u2028 and \x1b[1m")
    assert names(str(finding), "a\\nb", "PM901", "$.x", "\\u2028", "\\x1b[1m")
    assert str(finding).isprintable()


def test_a_folder_without_an_index_is_no_hub(tmp_path: Path) -> None:
    for root in (tmp_path, tmp_path / "missing"):
        with pytest.raises(InputError, match=r"hub\.json"):
            verify_hub(root)


def test_a_killed_run_that_was_done_again_is_no_fault(small: Hub) -> None:
    killed = small.open_run(["pytest", "-k", "slow"], "none", None, ENVIRONMENT, REVISION)
    small.update_run(killed, process={"host_sha256": "0" * 64, "pid": 1})
    assert places(verify_hub(small.root)) == [("hub.json", "PM710", "$.runs[2].status")]
    other = small.open_run(["pytest"], "none", None, ENVIRONMENT, REVISION)
    small.end_run(other, 0)
    assert places(verify_hub(small.root)) == [("hub.json", "PM710", "$.runs[2].status")]
    again = small.open_run(["pytest", "-k", "slow"], "none", None, ENVIRONMENT, REVISION)
    small.end_run(again, 0)
    assert verify_hub(small.root) == []


def test_a_run_that_was_killed_under_the_earlier_names_of_options_is_done_again_under_the_new_ones(small: Hub) -> None:
    killed = small.open_run(["pytest", "--study=tiny.toml", "--retry=failed"], "none", None, ENVIRONMENT, REVISION)
    small.update_run(killed, process={"host_sha256": "0" * 64, "pid": 1})
    other = small.open_run(["pytest", "--ptyproof-study=tiny.toml"], "none", None, ENVIRONMENT, REVISION)
    small.end_run(other, 0)
    assert places(verify_hub(small.root)) == [("hub.json", "PM710", "$.runs[2].status")]
    words = ["pytest", "--ptyproof-study=tiny.toml", "--ptyproof-retry=failed"]
    small.end_run(small.open_run(words, "none", None, ENVIRONMENT, REVISION), 0)
    assert verify_hub(small.root) == []


def test_links_out_of_the_hub_are_found_and_not_followed(small: Hub, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.json").write_text('{"kind": "model"}')
    (small.root / "file").symlink_to(outside / "secret.json")
    (small.root / "folder").symlink_to(outside)
    (small.root / "nothing").symlink_to("not there")
    take_stock(small)
    found = verify_hub(small.root)
    assert places(found) == [("file", "PM305", "$"), ("folder", "PM305", "$"), ("nothing", "PM909", "$")]
    assert [record["path"] for record in known(small.read())["files"] if record["path"] == "file"] == ["file"]


def test_a_link_within_the_hub_is_a_file(small: Hub) -> None:
    (small.root / "latest.log").symlink_to("red/run-0001.log")
    take_stock(small)
    assert verify_hub(small.root) == []


def test_runs_without_an_end_are_reported(small: Hub) -> None:
    kill_run(small)
    small.open_run(["pytest"], "none", None, ENVIRONMENT, REVISION)
    killed, running = verify_hub(small.root)
    assert places([killed, running]) == [
        ("hub.json", "PM710", "$.runs[2].status"),
        ("hub.json", "PM710", "$.runs[3].status"),
    ]
    assert "run-0003" in killed.message
    assert "run-0004" in running.message
    assert str(os.getpid()) in running.message


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


def test_a_newer_index_is_not_read_on(small: Hub) -> None:
    edit(small.index_path, lambda index: index.update(schema_version="3.0.0", something={"new": 1}))
    assert places(verify_hub(small.root)) == [("hub.json", "PM103", "$.schema_version")]


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


def test_a_name_that_the_index_has_twice_is_found(small: Hub) -> None:
    edit(small.index_path, lambda index: index["files"].append(index["files"][0]))
    found = places(verify_hub(small.root))
    assert found == [("hub.json", "PM210", "$.index_sha256"), ("hub.json", "PM908", "$.files[4].path")]


def test_an_index_that_names_files_elsewhere_reads_none_of_them(small: Hub, tmp_path: Path) -> None:
    (tmp_path / "outside.txt").write_text("x")
    edit(small.index_path, lambda index: index["files"][0].update(path="../outside.txt"))
    assert ("hub.json", "PM402", "$.files[0].path") in places(verify_hub(small.root))


def test_json_of_somebody_else_is_no_manifest(small: Hub) -> None:
    (small.root / "notes.json").write_text('["mine"]')
    (small.root / "broken.json").write_text("{")
    take_stock(small)
    assert verify_hub(small.root) == []


def test_nobody_takes_stock_of_changed_files_unless_a_run_has_no_end(small: Hub) -> None:
    refuse_changed(small.root)
    (small.root / "red" / "run-0001.log").write_text("nicer")
    with pytest.raises(RunError, match=naming("red/run-0001.log", "PM302")):
        refuse_changed(small.root)
    kill_run(small)
    (small.root / "red" / "run-0001.log").write_text("written before it was killed")
    refuse_changed(small.root)
