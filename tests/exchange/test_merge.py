"""`ptyproof hub merge`: cells of several machines in one hub, nothing lost, and no difference decided silently."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptyproof.checking.hub import judge_hub
from ptyproof.cli.main import main
from ptyproof.exchange.cells import Conflicts, merged_cells
from ptyproof.hub.index import Hub
from ptyproof.hub.layout import OVERLAP, RECONSTRUCTION, RUN, SKIPS, TRAINING
from ptyproof.io.hashing import sha256_file
from ptyproof.methods.reconstruction_jobs import ReconstructionCell
from ptyproof.records.cell_book import CellBook
from ptyproof.study.design import StudyDesign
from tests.helpers.equal_hubs import stable
from tests.helpers.hubs import edit, make_hub, make_run, take_stock
from tests.helpers.messages import names
from tests.helpers.phases import Phase
from tests.helpers.replicates import make_replicate
from tests.helpers.split_hubs import Mine, part_of

MANIFESTS = (RUN, OVERLAP, TRAINING, RECONSTRUCTION, SKIPS)
LSQML = "dose1000-baseline-gs1-test-lsqml"
WAYS: dict[str, Mine] = {
    "doses": lambda record: record["dose"] == 1e3,
    "views": lambda record: record.get("view", "baseline") == "baseline",
}


@pytest.fixture(scope="module")
def whole(smoke: StudyDesign, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hub of two doses and three views, in which a method failed."""
    design = replace(smoke, doses_photons_per_pattern=(1e3, 1e4))
    return make_replicate(tmp_path_factory.mktemp("merge") / "whole", design, 1, failed=["pinn"])


@pytest.fixture(scope="module")
def parts(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Its doses, each in a hub of its own."""
    folder = tmp_path_factory.mktemp("parts")
    return split(whole, folder, WAYS["doses"])


def split(hub: Path, folder: Path, mine: Mine, *, whole_data: bool = False) -> list[Path]:
    """Return the two parts of a hub."""
    return [
        part_of(hub, folder / "a", mine, whole_data=whole_data),
        part_of(hub, folder / "b", lambda record: not mine(record), whole_data=whole_data),
    ]


def merge(out: Path, *hubs: Path, prefer: str | None = None) -> int:
    """Merge hubs by the command; return its exit status."""
    return main(["hub", "merge", str(out), *map(str, hubs), *(() if prefer is None else ("--prefer", prefer))])


def record(hub: Path, name: str) -> dict[str, Any]:
    """Return a JSON file of a hub."""
    found: dict[str, Any] = json.loads((hub / name).read_text(encoding="utf-8"))
    return found


def contents(root: Path) -> dict[str, str]:
    """Return the digest of every file below a folder by its name."""
    return {path.relative_to(root).as_posix(): sha256_file(path) for path in root.rglob("*") if path.is_file()}


def results(hub: Path) -> dict[str, Any]:
    """Return what a hub has of cells: manifests without times and calls, and the digests of data and results."""
    found: dict[str, Any] = {name: stable(record(hub, name)) for name in MANIFESTS if (hub / name).is_file()}
    for manifest in found.values():
        manifest.pop("design", None)  # the made-up Phase F has methods of its own
        for key in ("jobs", "skipped", "not_selected"):
            manifest.get(key, []).sort(key=lambda entry: json.dumps(entry, sort_keys=True))
    files = {name: digest for name, digest in contents(hub).items() if name.endswith((".npz", ".safetensors", ".ckpt"))}
    return found | files


def codes(hub: Path) -> list[str]:
    """Return the codes of the errors in a hub."""
    return [error.code for error in judge_hub(hub).errors]


# The union


# a view reads the data of its dose, so no part can be without them
@pytest.mark.parametrize(("way", "whole_data"), [("doses", False), ("doses", True), ("views", True)])
def test_the_union_of_the_parts_of_a_hub_is_the_hub(way: str, whole_data: bool, whole: Path, tmp_path: Path) -> None:
    hubs = split(whole, tmp_path, WAYS[way], whole_data=whole_data)
    assert [codes(hub) for hub in hubs] == [[], []]
    before = [contents(hub) for hub in hubs]
    for out, order in (("ab", hubs), ("ba", hubs[::-1])):
        assert merge(tmp_path / out, *order) == 0
        assert results(tmp_path / out) == results(whole)
        assert codes(tmp_path / out) == []
        assert main(["hub", "verify", str(tmp_path / out)]) == 0
    assert [contents(hub) for hub in hubs] == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "ab", "b", "ba"]


def test_trainings_and_their_skips_are_united(smoke_c: Phase, smoke_d: Phase, smoke_e: Phase, tmp_path: Path) -> None:
    made = make_hub(tmp_path / "whole", smoke_c, smoke_d, smoke_e).root
    hubs = split(made, tmp_path, WAYS["doses"])
    assert merge(tmp_path / "out", *hubs) == 0
    assert results(tmp_path / "out") == results(made)
    calls, before = (record(root, TRAINING)["calls"] for root in (tmp_path / "out", made))
    assert [(call["id"], sorted(call["jobs"]), sorted(call["skipped"])) for call in calls] == [
        (call["id"], sorted(call["jobs"]), sorted(call["skipped"])) for call in before
    ]
    found, wanted = contents(tmp_path / "out"), contents(made)
    logs = [name for name in wanted if name.endswith("train.log")]
    assert {name: found.get(name) for name in logs} == {name: wanted[name] for name in logs}


def test_a_merge_with_a_copy_changes_no_cell(whole: Path, parts: Sequence[Path], tmp_path: Path) -> None:
    shutil.copytree(parts[0], tmp_path / "copy")
    assert merge(tmp_path / "twice", parts[0], tmp_path / "copy") == 0
    assert results(tmp_path / "twice") == results(parts[0])
    assert len(record(tmp_path / "twice", "hub.json")["runs"]) == len(record(parts[0], "hub.json")["runs"])
    assert merge(tmp_path / "out", tmp_path / "twice", parts[1]) == 0
    assert results(tmp_path / "out") == results(whole)


def test_runs_of_both_are_kept_by_time_with_their_files(parts: Sequence[Path], tmp_path: Path) -> None:
    hubs = [shutil.copytree(part, tmp_path / part.name) for part in parts]
    for number, hub in enumerate(hubs):
        make_run(Hub(hub), "red", f"topic{number}", 1)
        shutil.rmtree(hub / "docs")
        assert main(["report", "--hub", str(hub)]) == 0
    assert merge(tmp_path / "out", *hubs) == 0
    runs = record(tmp_path / "out", "hub.json")["runs"]
    assert [run["id"] for run in runs] == [f"run-{number:04d}" for number in range(1, len(runs) + 1)]
    assert [run["topic"] for run in runs] == [None, "topic0", "topic1"]
    assert runs[1]["log_path"] != runs[2]["log_path"]
    texts = [(tmp_path / "out" / run["log_path"]).read_bytes() for run in runs[1:]]
    assert texts == [(hub / "red" / "run-0002.log").read_bytes() for hub in hubs]


def test_a_comparison_is_made_again_with_all_cells(whole: Path, parts: Sequence[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert merge(out, *parts) == 0
    work = ["--phase-c-root", str(out / "work/phase_c"), "--phase-d-root", str(out / "work/phase_d")]
    root = ["--artifact-root", str(out / "real_run"), "--no-figures", "--artifact-hub", str(out)]
    assert main(["compare", *root, *work]) == 1  # a method has failed
    cells, before = (record(hub, "real_run/comparison_manifest.json")["account"] for hub in (out, whole))
    assert cells == before
    assert codes(out) == []


# Differences


def with_another_result(hub: Path, out: Path) -> Path:
    """Return a copy of a hub in which a method has the result of another one."""
    shutil.copytree(hub, out)

    def change(manifest: dict[str, Any]) -> None:
        own, theirs = (job_of(manifest, name)["result"] for name in (LSQML, LSQML.replace("lsqml", "start")))
        paths = [out / "real_run" / one["reconstruction"]["path"] for one in (own, theirs)]
        shutil.copyfile(paths[1], paths[0])
        own["reconstruction"] |= {key: theirs["reconstruction"][key] for key in ("sha256", "size_bytes")}
        own["arrays_sha256"] = theirs["arrays_sha256"]

    edit(out / RECONSTRUCTION, change)
    take_stock(Hub(out))
    return out


def job_of(manifest: Mapping[str, Any], name: str = LSQML) -> Any:
    """Return the record of a job in a manifest."""
    return next(job for job in manifest["jobs"] if job["job"] == name)


def test_another_result_is_refused_by_name_and_a_preference_decides(
    parts: Sequence[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = with_another_result(parts[0], tmp_path / "other")
    assert codes(other) == []
    assert merge(tmp_path / "out", parts[0], other) == 2
    assert names(capsys.readouterr().err, LSQML, "--prefer")
    assert not (tmp_path / "out").exists()
    found = {}
    for prefer in ("first", "last"):
        assert merge(tmp_path / prefer, parts[0], other, prefer=prefer) == 0
        found[prefer] = job_of(record(tmp_path / prefer, RECONSTRUCTION))
        assert codes(tmp_path / prefer) == []
        (log,) = (tmp_path / prefer / "cli").glob("merge_*.log")
        assert names(log.read_text(), LSQML, prefer)
    own, theirs = (job_of(record(hub, RECONSTRUCTION))["result"] for hub in (parts[0], other))
    assert (found["first"]["result"], found["first"]["earlier_results"]) == (own, [theirs])
    assert (found["last"]["result"], found["last"]["earlier_results"]) == (theirs, [own])


def test_data_that_differ_are_refused_whatever_is_preferred(
    parts: Sequence[Path], smoke: StudyDesign, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    shutil.copytree(parts[0], other)
    edit(other / OVERLAP, lambda manifest: manifest["views"][0].update(recipe_digest="0" * 64))
    take_stock(Hub(other))
    assert merge(tmp_path / "out", parts[0], other, prefer="first") == 2
    assert names(capsys.readouterr().err, "baseline")
    another = make_replicate(tmp_path / "another", replace(smoke, doses_photons_per_pattern=(1e4,)), 1)
    assert merge(tmp_path / "out", parts[0], another) == 2
    assert names(capsys.readouterr().err, str(another))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("hubs", [1, "twice", "unsound", "none"])
def test_what_cannot_be_merged_is_refused(hubs: object, parts: Sequence[Path], tmp_path: Path) -> None:
    other = tmp_path / "other"
    if hubs == "unsound":
        shutil.copytree(parts[1], other)
        (other / "more.txt").write_text("not in the index")
    elif hubs == "none":
        make_run(Hub(other))
        take_stock(Hub(other))
    given_hubs = [parts[0]] if hubs == 1 else [parts[0], parts[0] if hubs == "twice" else other]
    assert merge(tmp_path / "out", *given_hubs) == 2
    assert not (tmp_path / "out").exists()


# Cells alone


def result(status: str, finished: int, digest: str | None = None) -> dict[str, Any]:
    """Return the end of a job."""
    ended = None if status == "lost" else f"2026-01-01T00:00:{finished:02d}Z"
    return {"status": status, "started": "2026-01-01T00:00:00Z", "finished": ended, "arrays_sha256": digest}


STATES = st.one_of(
    st.just("absent"),
    st.just("not_selected"),
    st.just("skipped"),
    st.tuples(st.sampled_from(("success", "failed", "lost")), st.integers(0, 3)),
)
CELLS = [{"dose": 1e3, "view": f"v{n}", "gridsize": 1, "split": "test", "method": "lsqml"} for n in range(3)]


def book(states: Sequence[Any]) -> CellBook:
    """Return the book of a hub whose cells have these states; all successes of a cell are of one result."""
    manifest: dict[str, Any] = {"jobs": [], "skipped": [], "not_selected": []}
    for cell, state in zip(CELLS, states, strict=True):
        if state == "not_selected":
            manifest["not_selected"].append(cell)
        elif state == "skipped":
            manifest["skipped"].append({**cell, "code": "no_trained_bundle", "reason": "none", "selected": True})
        elif state != "absent":
            status, finished = state
            name = ReconstructionCell.of(cell).key
            manifest["jobs"].append(
                {**cell, "job": name, "result": result(status, finished, name), "earlier_results": []}
            )
    return CellBook(deepcopy(manifest), "skipped", ReconstructionCell)


def united(*books: CellBook) -> CellBook:
    """Return the union of books as a book."""
    found = merged_cells(books, Conflicts(None))
    parts = {"jobs": found.jobs, "skipped": found.skips, "not_selected": found.not_selected}
    return CellBook({key: list(group.values()) for key, group in parts.items()}, "skipped", ReconstructionCell)


def state_of(one: CellBook) -> tuple[Any, ...]:
    """Return what a book has of cells."""
    return one.jobs, one.skips, one.not_selected


BOOKS = st.tuples(*[STATES] * len(CELLS)).map(book)


@settings(max_examples=200)
@given(BOOKS, BOOKS, BOOKS)
def test_a_union_depends_on_no_order_and_loses_no_end(a: CellBook, b: CellBook, c: CellBook) -> None:
    assert state_of(united(a, b)) == state_of(united(b, a))
    assert state_of(united(a, a)) == state_of(a)
    assert state_of(united(united(a, b), c)) == state_of(united(a, united(b, c))) == state_of(united(a, b, c))
    found = united(a, b, c)
    for key, job in found.jobs.items():
        kept = [job["result"], *job["earlier_results"]]
        ends = [one.jobs[key]["result"] for one in (a, b, c) if key in one.jobs]
        assert all(end in kept for end in ends if end["status"] != "lost")
        assert job["result"]["status"] == min((end["status"] for end in ends), key=("success", "failed", "lost").index)
    for group in ("skips", "not_selected"):
        for one in (a, b, c):
            others = found.jobs.keys() | found.skips.keys() | found.not_selected.keys()
            assert getattr(one, group).keys() <= others
