"""`ptyproof hub merge`: cells of several machines in one hub, nothing lost, and no difference decided silently."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptyproof.checking.hub import judge_hub
from ptyproof.cli.main import main
from ptyproof.exchange.cells import Conflicts, merged_cells
from ptyproof.exchange.merged_data import merged_certificate
from ptyproof.hub.index import BUNDLE, STATEMENT, Hub
from ptyproof.hub.layout import CERTIFICATE, OVERLAP, RECONSTRUCTION, RUN, SKIPS, TRAINING
from ptyproof.io.hashing import sha256_file
from ptyproof.methods.reconstruction_jobs import ReconstructionCell
from ptyproof.phases.base import load_base
from ptyproof.phases.c_simulate.generate import generate
from ptyproof.phases.d_overlap.overlap import overlap
from ptyproof.records.cell_book import CellBook
from ptyproof.records.job_record import JobRecord
from ptyproof.records.reconstruction_ledger import ReconstructionLedger
from ptyproof.report.summary import write_summary
from ptyproof.runs.folder import RunFolder
from ptyproof.signing.envelope import verdict_of
from ptyproof.signing.statement import statement_of
from ptyproof.study.design import StudyDesign, design_from_dict
from tests.helpers.equal_hubs import leftovers, stable
from tests.helpers.hubs import edit, kill_run, make_hub, make_run, report_lines, take_stock
from tests.helpers.messages import names
from tests.helpers.phases import Phase
from tests.helpers.replicates import make_replicate
from tests.helpers.signing_keys import Key
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
        for key in ("jobs", "skipped", "not_selected"):
            manifest.get(key, []).sort(key=lambda entry: json.dumps(entry, sort_keys=True))
    files = {name: digest for name, digest in contents(hub).items() if name.endswith((".npz", ".safetensors", ".ckpt"))}
    return found | files


def codes(hub: Path) -> list[str]:
    """Return the codes of the errors in a hub."""
    return [error.code for error in judge_hub(hub).errors]


# The union


# a view reads the data of its dose, so no part can be without them
@pytest.mark.parametrize(
    ("way", "whole_data"),
    [
        ("doses", False),
        pytest.param("doses", True, marks=pytest.mark.campaign),
        pytest.param("views", True, marks=pytest.mark.campaign),
    ],
)
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


@pytest.mark.campaign
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


@pytest.mark.campaign
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


@pytest.mark.campaign
def test_a_comparison_is_made_again_with_all_cells(whole: Path, parts: Sequence[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert merge(out, *parts) == 0
    work = ["--phase-c-root", str(out / "work/phase_c"), "--phase-d-root", str(out / "work/phase_d")]
    root = ["--artifact-root", str(out / "real_run"), "--no-figures", "--artifact-hub", str(out)]
    assert main(["compare", *root, *work]) == 1  # a method has failed
    cells, before = (record(hub, "real_run/comparison_manifest.json")["account"] for hub in (out, whole))
    assert cells == before
    assert codes(out) == []


def of_data(root: Path, design: StudyDesign) -> Path:
    """Make a hub that has the data and views of a design alone."""
    folder = RunFolder(root)
    generate(design, load_base(design, "builtin"), folder.phase_c_root)
    overlap(folder.phase_c_root, folder.phase_d_root)
    make_run(Hub(root))
    Hub(root).write(lambda: write_summary(root))
    return root


def test_replicates_of_a_hub_that_has_more_are_kept(smoke: StudyDesign, tmp_path: Path) -> None:
    design = replace(smoke, doses_photons_per_pattern=(1e3,), views=smoke.views[:1])
    hubs = [of_data(tmp_path / f"{n}", replace(design, replicates=n)) for n in (1, 2)]
    for out, order in (("ab", hubs), ("ba", hubs[::-1])):
        assert merge(tmp_path / out, *order) == 0
        for name in (RUN, OVERLAP):
            assert stable(record(tmp_path / out, name)) == stable(record(hubs[1], name))


def with_other_methods(hub: Path, out: Path) -> Path:
    """Return a copy of a hub whose methods were to spend more epochs."""
    shutil.copytree(hub, out)

    def change(manifest: dict[str, Any]) -> None:
        design = design_from_dict(manifest["design"])
        methods = tuple(replace(method, epochs=77) for method in design.reconstruction.methods)
        manifest["design"] = replace(design, reconstruction=replace(design.reconstruction, methods=methods)).as_dict()

    edit(out / RECONSTRUCTION, change)
    take_stock(Hub(out))
    return out


def test_methods_that_differ_are_refused_and_a_preference_decides(
    parts: Sequence[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = with_other_methods(parts[1], tmp_path / "other")
    assert codes(other) == []
    assert merge(tmp_path / "out", parts[0], other) == 2
    assert names(capsys.readouterr().err, "reconstruction", "--prefer")
    for prefer, wanted in (("first", parts[0]), ("last", other)):
        assert merge(tmp_path / prefer, parts[0], other, prefer=prefer) == 0
        assert record(tmp_path / prefer, RECONSTRUCTION)["design"] == record(wanted, RECONSTRUCTION)["design"]


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
    assert not (tmp_path / "out").exists()


@pytest.mark.campaign
def test_another_design_is_refused_by_name(
    parts: Sequence[Path], smoke: StudyDesign, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    another = make_replicate(tmp_path / "another", replace(smoke, doses_photons_per_pattern=(1e4,)), 1)
    assert merge(tmp_path / "out", parts[0], another) == 2
    assert names(capsys.readouterr().err, str(another))
    assert not (tmp_path / "out").exists()


def unsound(hub: Path, out: Path) -> Path:
    """Return a copy of a hub with a file that its index does not have."""
    shutil.copytree(hub, out)
    (out / "more.txt").write_text("not in the index")
    return out


def without_a_phase(hub: Path, out: Path) -> Path:
    """Return a hub of a run of tests, as a dry run leaves it."""
    make_run(Hub(out))
    Hub(out).write(lambda: write_summary(out))
    return out


def linked(hub: Path, out: Path) -> Path:
    """Return another path of a hub."""
    out.symlink_to(hub, target_is_directory=True)
    return out / "real_run" / ".."


def killed(hub: Path, out: Path) -> Path:
    """Return a copy of a hub with a run whose process has gone."""
    shutil.copytree(hub, out)
    kill_run(Hub(out))
    return out


def torn(hub: Path, out: Path) -> Path:
    """Return a copy of a hub in which half of a manifest is left."""
    shutil.copytree(hub, out)
    text = (out / RECONSTRUCTION).read_text()
    (out / RECONSTRUCTION).write_text(text[: len(text) // 2])
    take_stock(Hub(out))
    return out


def newer(hub: Path, out: Path) -> Path:
    """Return a copy of a hub with a manifest of a later version, which has a key that this one does not know."""
    shutil.copytree(hub, out)
    edit(out / RECONSTRUCTION, lambda manifest: manifest.update(schema_version="1.999.0", later=1))
    take_stock(Hub(out))
    return out


@pytest.mark.parametrize("other", [unsound, without_a_phase, linked, killed, torn, newer])
def test_what_cannot_be_merged_is_refused(
    other: Callable[[Path, Path], Path], parts: Sequence[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    second = other(parts[0], tmp_path / "other")
    assert merge(tmp_path / "out", parts[0], second) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert names(said, "other")
    assert [path.name for path in tmp_path.iterdir()] == ["other"]


@pytest.mark.parametrize("place", ["", ".", "..", "sub/.."])
def test_a_place_without_a_name_is_refused(
    place: str, parts: Sequence[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path)
    assert main(["hub", "merge", place, *map(str, parts)]) == 2
    assert list(tmp_path.rglob("*")) == [tmp_path / "sub"]


def test_a_packed_hub_is_refused_with_the_way_to_unpack_it(
    parts: Sequence[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packed = shutil.make_archive(str(tmp_path / "packed"), "zip", parts[1])
    assert main(["hub", "merge", str(tmp_path / "out"), str(parts[0]), packed]) == 2
    assert names(capsys.readouterr().err, packed, "unpack")


@pytest.mark.campaign
def test_the_commands_that_are_printed_can_be_run(
    whole: Path, parts: Sequence[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    compared = shutil.copytree(whole, tmp_path / "whole")
    out = tmp_path / "a place; with 'quotes'"
    capsys.readouterr()
    assert merge(out, compared, parts[0]) == 0
    printed = [line.partition(": ptyproof ")[2] for line in capsys.readouterr().out.splitlines()]
    commands = [shlex.split(line) for line in printed if line]
    assert [words[0] for words in commands] == ["compare", "report"]
    assert [main([*words, *(["--no-figures"] if words[0] == "compare" else [])]) for words in commands] == [1, 0]
    assert (out / "docs" / "report.html").is_file()


def test_one_hub_is_no_union(parts: Sequence[Path], tmp_path: Path) -> None:
    assert merge(tmp_path / "out", parts[0]) == 2
    assert list(tmp_path.iterdir()) == []


# What the runs of a part have seen


def with_a_run(hub: Path, out: Path, outcomes: dict[str, int], skips: Sequence[Mapping[str, str]] = ()) -> Path:
    """Return a copy of a hub with one more real run of tests, which failed where one of them did."""
    shutil.copytree(hub, out)
    lines = report_lines(out / "none" / "run-0002.jsonl", out, outcomes)
    status = 1 if "failed" in outcomes else 0
    make_run(Hub(out), status=status, real_run=True, outcomes=outcomes, skips=list(skips), **lines)
    Hub(out).write(lambda: write_summary(out))
    return out


def test_a_statement_is_as_good_as_the_worst_part_until_a_run_has_seen_all(
    parts: Sequence[Path], tmp_path: Path
) -> None:
    bad, good = (
        with_a_run(part, tmp_path / part.name, outcomes)
        for part, outcomes in zip(parts, ({"failed": 1, "passed": 1}, {"passed": 2}), strict=True)
    )
    out = tmp_path / "out"
    assert merge(out, bad, good) == 0
    runs = record(out, "hub.json")["runs"]
    assert {run["merged_from"] for run in runs} == {sha256_file(hub / "hub.json") for hub in (bad, good)}
    predicate = statement_of(out, "2026-11-24T00:00:00Z")["predicate"]
    assert predicate["result"] == "FAILED"
    assert (len(predicate["failedTests"]), len(predicate["passedTests"])) == (1, 2)
    ctrf = ["hub", "export", str(out), "--format", "ctrf", str(tmp_path / "report.json")]
    assert main(ctrf) == 2
    assert main([*ctrf, "--run", runs[-1]["id"]]) == 0
    make_run(Hub(out), real_run=True, outcomes={"passed": 1})
    Hub(out).write(lambda: write_summary(out))
    assert statement_of(out, "2026-11-24T00:00:00Z")["predicate"]["result"] == "PASSED"
    assert merge(tmp_path / "again", out, good) == 0  # the run since has seen the cells of this part, too
    assert len(record(tmp_path / "again", "hub.json")["runs"]) == len(runs) + 1


def with_a_skip(hub: Path, out: Path) -> Path:
    """Return a copy of a hub whose machine could not do a method, as its test said."""
    reason = "cannot run here: it needs a package that is not installed"

    def change(manifest: dict[str, Any]) -> None:
        job = job_of(manifest)
        manifest["jobs"].remove(job)
        names_of_cell = ("dose", "view", "gridsize", "split", "method")
        skip = {name: job[name] for name in names_of_cell} | {"reason": reason, "code": "method_unavailable"}
        manifest["skipped"].insert(0, {**skip, "selected": True, "measured": None})
        manifest["account"]["n_success"] -= 1
        manifest["account"]["n_skipped"] += 1
        for call in manifest["calls"]:
            call["jobs"].remove(LSQML)
            call["skipped"].append(LSQML)
        (out.parent / "plain/real_run" / job["result"]["reconstruction"]["path"]).unlink()

    shutil.copytree(hub, out.parent / "plain")
    edit(out.parent / "plain" / RECONSTRUCTION, change)
    skips = [{"test": "test_it.py::test[lsqml]", "reason": reason, "cell": LSQML}]
    return with_a_run(out.parent / "plain", out, {"passed": 1, "skipped": 1}, skips)


def test_a_skip_that_another_machine_did_not_need_is_a_result(parts: Sequence[Path], tmp_path: Path) -> None:
    hub = with_a_skip(parts[0], tmp_path / "skipped")
    assert codes(hub) == []
    assert merge(tmp_path / "out", hub, parts[0]) == 0
    assert job_of(record(tmp_path / "out", RECONSTRUCTION)) == job_of(record(parts[0], RECONSTRUCTION))
    assert codes(tmp_path / "out") == []


def test_a_union_of_signed_hubs_is_not_signed(parts: Sequence[Path], tmp_path: Path) -> None:
    pytest.importorskip("securesystemslib", reason="securesystemslib is not installed (it is part of the extra sign)")
    key = Key(tmp_path / "keys")
    hubs = [shutil.copytree(part, tmp_path / part.name) for part in parts]
    for hub in hubs:
        assert main(["hub", "sign", str(hub), "--key", str(key.private)]) == 0
        (hub / BUNDLE).write_text("{}")  # as an identity would sign it
    out = tmp_path / "out"
    assert merge(out, *hubs) == 0
    assert not [name for name in (STATEMENT, BUNDLE) if (out / name).exists()]
    verify = [["hub", "verify", str(hub), "--key", str(key.public)] for hub in (*hubs, out)]
    assert [main(words) for words in verify] == [0, 0, 1]
    assert main(["hub", "sign", str(out), "--key", str(key.private)]) == 0
    assert main(verify[-1]) == 0
    for hub in hubs:  # a part is another hub, though its first run is in the union
        shutil.copyfile(hub / STATEMENT, out / STATEMENT)
        findings = verdict_of(out, key.public).findings
        assert [finding.code for finding in findings] == ["PM917"]


@pytest.mark.parametrize("place", ["journal", "folder of the job"])
def test_the_end_of_a_job_that_the_manifest_does_not_have_is_kept(
    parts: Sequence[Path], tmp_path: Path, place: str
) -> None:
    hub = shutil.copytree(parts[0], tmp_path / "hub")
    manifest = record(hub, RECONSTRUCTION)
    data, views = ((hub / "real_run" / manifest[name]).resolve() for name in ("phase_c_root", "phase_d_root"))
    design = design_from_dict(manifest["design"])
    ledger = ReconstructionLedger(design, data, views, hub / "real_run", folding_share=0)
    failed = LSQML.replace("lsqml", "pinn")
    before = job_of(manifest, failed)["result"]
    if place == "journal":
        with ledger.changing() as book:
            book.change(failed, {}, {"result": before | {"error": "diverged again"}})
        with ledger.journal.path.open("ab") as journal:
            journal.write(b'{"half of a li')  # as a killed process leaves it
    else:
        cell = ReconstructionCell.of(job_of(manifest, failed))
        job: Any = SimpleNamespace(cell=cell, key=cell.key, plan={})
        JobRecord(ledger, job, (cell,), {}).record(result=before | {"error": "diverged again"})
    assert merge(tmp_path / "out", hub, parts[1]) == 0
    found = job_of(record(tmp_path / "out", RECONSTRUCTION), failed)
    assert (found["result"]["error"], found["earlier_results"]) == ("diverged again", [before])
    assert leftovers(tmp_path / "out") == []


# What lies beside the records of cells


def test_other_files_are_kept_with_their_bytes(parts: Sequence[Path], tmp_path: Path) -> None:
    hubs = [shutil.copytree(part, tmp_path / part.name) for part in parts]
    note, log, unlike = "docs/notes/gr\u00f6\u00dfe.md", "real_run/training_cli_real_run.log", "red/run-0001-2.log"
    for number, hub in enumerate(hubs):
        for name, raw in ((note, b"mine"), (log, b"\xff%d\n" % number), (unlike, b"of no run")):
            (hub / name).parent.mkdir(parents=True, exist_ok=True)
            (hub / name).write_bytes(raw)
        make_run(Hub(hub), "red", f"topic{number}", 1)
        Hub(hub).write(lambda hub=hub: write_summary(hub))  # type: ignore[misc]
    assert merge(tmp_path / "out", *hubs) == 0
    found = {name: (tmp_path / "out" / name).read_bytes() for name in (note, log, unlike)}
    assert found == {note: b"mine", log: b"\xff0\n\xff1\n", unlike: b"of no run"}
    kept = set(contents(tmp_path / "out").values())
    for hub in hubs:
        for run in record(hub, "hub.json")["runs"]:
            assert sha256_file(hub / run["log_path"]) in kept


def test_every_attempt_of_both_certificates_is_kept() -> None:
    attempts = [{"status": "reproduced", "started": f"2026-01-0{day}T00:00:00Z"} for day in (1, 2, 3)]
    lists = ([attempts[0], attempts[2]], [attempts[1], attempts[2]])
    found = [{CERTIFICATE: {"timestamp": f"t{n}", "attempts": one}} for n, one in enumerate(lists)]
    for order in (found, found[::-1]):
        united = merged_certificate(order)[CERTIFICATE]
        assert united["attempts"] == attempts
        assert united["account"] == {"n_attempts": 3, "n_reproduced": 3, "n_diverged": 0, "n_failed": 0}


def test_data_are_as_old_as_they_were(parts: Sequence[Path], tmp_path: Path) -> None:
    old = shutil.copytree(parts[0], tmp_path / "old")
    for name in (RUN, OVERLAP):
        edit(old / name, lambda manifest: manifest.update(timestamp="2020-01-01T00:00:00Z"))
    take_stock(Hub(old))
    for n, order in enumerate(((old, parts[1]), (parts[1], old))):
        assert merge(tmp_path / f"out{n}", *order) == 0
        for name in (RUN, OVERLAP):
            found, wanted = (record(hub, name) for hub in (tmp_path / f"out{n}", parts[1]))
            assert {key: found[key] for key in ("timestamp", "tool", "environment")} == {
                key: wanted[key] for key in ("timestamp", "tool", "environment")
            }


# Whole or not at all

KILLED = """
import os, signal, sys
from ptyproof.cli.main import main
from ptyproof.exchange import merge
def killed(*args):
    os.kill(os.getpid(), signal.SIGKILL)
merge.write_manifest = killed
main(sys.argv[1:])
"""
FULL = """
import resource, sys
from ptyproof.cli.main import main
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.campaign
def test_a_merge_that_is_killed_or_finds_no_room_leaves_nothing_under_its_name(
    parts: Sequence[Path], tmp_path: Path
) -> None:
    command = ["hub", "merge", str(tmp_path / "out"), *map(str, parts)]
    before = [contents(part) for part in parts]
    assert subprocess.run([sys.executable, "-c", KILLED, *command], check=False).returncode == -9
    assert not (tmp_path / "out").exists()
    full = subprocess.run([sys.executable, "-c", FULL, *command], check=False, capture_output=True, text=True)
    assert full.returncode == 1
    assert full.stderr.count("\n") == 1
    assert names(full.stderr, str(tmp_path / "out"))
    assert list(tmp_path.iterdir()) == []
    assert main(command) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert [contents(part) for part in parts] == before


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


@settings(max_examples=50)
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
