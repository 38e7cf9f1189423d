"""The journal of a manifest: no process that dies takes a recorded end with it, and a fold changes nothing."""

from __future__ import annotations

import json
import os
import random
import shutil
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptyproof.checking import check_manifest
from ptyproof.cli import main
from ptyproof.errors import ManifestError
from ptyproof.hub.index import walk
from ptyproof.records.cell_ledger import NOT_ENDED
from ptyproof.records.journal import Journal
from ptyproof.records.manifest import read_manifest
from ptyproof.records.recorded import fold_recorded, read_recorded
from ptyproof.records.training_ledger import TrainingLedger
from ptyproof.study.cells import Skip
from ptyproof.study.jobs import JobFilters
from tests.helpers.ledgers import FAILED, SMOKE, Killing, enumeration, forked, ledger_with, study_of
from tests.helpers.messages import names

N_JOBS = 9
BEGUN = TrainingLedger.lost_result(NOT_ENDED) | {"started": "2026-01-01T00:00:00Z"}
RESULTS = {"begun": BEGUN, "failed": FAILED, "again": FAILED | {"error": "no disk"}}
STEPS = st.one_of(
    st.tuples(st.sampled_from(sorted(RESULTS)), st.integers(0, N_JOBS - 1)),
    st.tuples(st.just("skip"), st.integers(0, N_JOBS - 1)),
    st.tuples(st.sampled_from(["fold", "die", "torn", "call", "other"]), st.just(0)),
)


@pytest.fixture(autouse=True)
def _no_power_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what takes the time of the disk: processes die here, the system does not."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


def without_times(manifest: Any) -> Any:
    """Return a manifest without the times at which it was written."""
    calls = [{**call, "timestamp": None} for call in manifest["calls"]]
    return {**manifest, "timestamp": None, "calls": calls}


def on_disk(ledger: TrainingLedger) -> Any:
    return without_times(read_manifest(ledger.path, "training_manifest"))


def recorded(ledger: TrainingLedger) -> Any:
    return without_times(ledger.read())


def n_failed(ledger: TrainingLedger) -> int:
    manifest = ledger.read()
    return 0 if manifest is None else manifest["account"]["n_failed"]


def opened(ledger: TrainingLedger) -> list[Any]:
    """Open a call of all cells; return the jobs."""
    found = enumeration(ledger)
    ledger.open_call(found, JobFilters(), False, "one")
    return list(found.jobs)


def do(ledger: TrainingLedger, step: str, job: Any) -> None:
    """Do a step at a job."""
    if step in RESULTS:
        ledger.record(job, result=RESULTS[step])
    elif step == "skip":
        ledger.skip(Skip(job.cell, "missing_without_record", "its data are missing", selected=True))
    elif step == "call":
        ledger.open_call(enumeration(ledger), JobFilters(), False, f"{len(recorded(ledger)['calls'])}")


@settings(max_examples=20)
@given(st.lists(STEPS, max_size=25))
def test_whatever_is_folded_when_the_manifest_is_that_of_the_direct_way(steps: list[tuple[str, int]]) -> None:
    with ledger_with(folding_share=float("inf")) as direct, ledger_with(folding_share=0) as here:
        jobs = {id(each): opened(each) for each in (direct, here)}
        at, beside = here, replace(here)
        for step, number in steps:
            if step == "fold":
                at.fold()
                assert on_disk(at) == recorded(direct)
                assert not at.journal.path.exists()
            elif step == "die":
                at = replace(here)
            elif step == "other":  # two processes take turns
                at, beside = beside, at
            elif step == "torn":
                with at.journal.path.open("ab") as file:
                    file.write(b'{"job": "dose1000-base')
            else:
                do(at, step, jobs[id(here)][number])
                do(direct, step, jobs[id(direct)][number])
            on_disk(at)
            assert recorded(at) == recorded(direct)
        for _ in range(2):
            at.fold()
        assert on_disk(at) == on_disk(direct)
        assert recorded(beside) == on_disk(direct)


def test_an_end_is_one_line_and_the_manifest_is_left_alone() -> None:
    with ledger_with(folding_share=0) as ledger:
        jobs = opened(ledger)
        before = ledger.path.read_bytes()
        for n, job in enumerate(jobs, start=1):
            ledger.record(job, result=FAILED)
            lines = ledger.journal.path.read_bytes().splitlines()
            assert (len(lines), json.loads(lines[-1])["job"]) == (1 + n, job.key)
        assert ledger.path.read_bytes() == before
        assert n_failed(replace(ledger)) == len(jobs)


def test_an_end_is_on_the_disk_before_it_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    with ledger_with(folding_share=0) as ledger:
        jobs = opened(ledger)
        for job in jobs[:2]:
            flushed: list[tuple[int, int]] = []
            with monkeypatch.context() as patched:
                patched.setattr(os, "fsync", lambda fd, flushed=flushed: flushed.append(_file(fd)))
                ledger.record(job, result=FAILED)
            assert flushed[0] == (ledger.journal.path.stat().st_ino, ledger.journal.size)
        assert len(flushed) == 1  # the folder is flushed where the journal is begun


def _file(handle: int) -> tuple[int, int]:
    status = os.fstat(handle)
    return status.st_ino, status.st_size


def test_every_byte_of_a_journal_may_be_the_last_one() -> None:
    with ledger_with(folding_share=0) as ledger:
        jobs = opened(ledger)[:3]
        for job in jobs:
            ledger.record(job, result=FAILED)
        whole = ledger.journal.path.read_bytes()
        manifest = ledger.path.read_bytes()
        ends = [place + 1 for place, byte in enumerate(whole) if byte == ord("\n")]
        places = {*range(40), *(end + more for end in ends for more in (-1, 0, 1)), *range(0, len(whole), 97)}
        for place in sorted(place for place in places if place <= len(whole)):
            ledger.path.write_bytes(manifest)
            ledger.journal.path.write_bytes(whole[:place])
            again, n_whole = replace(ledger), sum(end <= place for end in ends[1:])
            assert n_failed(again) == n_whole
            again.record(jobs[0], result=FAILED)
            again.fold()
            assert on_disk(again)["account"]["n_failed"] == max(n_whole, 1)
            assert not again.journal.path.exists()


def ends_and_folds(ledger: TrainingLedger) -> Callable[[Callable[[str], None]], None]:
    """Return work that ends three jobs, folds after the second, and says each job whose end is recorded."""
    jobs = enumeration(ledger).jobs

    def work(say: Callable[[str], None]) -> None:
        again = replace(ledger)
        for n, job in enumerate(jobs[:3]):
            again.record(job, result=FAILED)
            say(job.key)
            if n == 1:
                again.fold()

    return work


@pytest.mark.parametrize("in_the_middle", [False, True])
def test_a_kill_at_any_call_of_the_system_loses_no_end(in_the_middle: bool, tmp_path: Path) -> None:
    with ledger_with(folding_share=0) as ledger:
        jobs = opened(ledger)
        work = ends_and_folds(ledger)
        begun = tmp_path / "begun"
        shutil.copytree(ledger.artifact_root, begun)
        n, ended = 0, -9
        while ended:
            n += 1
            shutil.rmtree(ledger.artifact_root)
            shutil.copytree(begun, ledger.artifact_root)
            ended, said = forked(work, Killing(n, in_the_middle))
            assert ended in (0, -9)
            again = replace(ledger)
            on_disk(again)
            statuses = {entry["job"]: entry["result"]["status"] for entry in recorded(again)["jobs"]}
            failed = {key for key, status in statuses.items() if status == "failed"}
            assert failed >= set(said)
            assert len(failed) <= len(said) + 1
            for job in jobs[:3]:
                if job.key not in failed:
                    again.record(job, result=FAILED)
            again.fold()
            assert on_disk(again)["account"]["n_failed"] == 3
            assert not any(entry["earlier_results"] for entry in on_disk(again)["jobs"])
            assert not again.journal.path.exists()
        assert n > 30


def test_a_reader_sees_a_valid_manifest_at_all_times_while_500_jobs_end() -> None:
    with ledger_with(design=study_of(500), folding_share=0.5) as ledger:
        jobs = opened(ledger)
        reading, pid = 0, os.fork()
        if pid == 0:
            try:
                for job in jobs:
                    ledger.record(job, result=FAILED)
                ledger.fold()
                os._exit(0)
            finally:
                os._exit(1)
        seen, written, ended = [0], {0}, 0
        while not ended:
            ended, status = os.waitpid(pid, os.WNOHANG)
            written.add(read_manifest(ledger.path, "training_manifest")["account"]["n_failed"])
            seen.append(n_failed(ledger) if reading % 2 else n_failed(replace(ledger)))
            reading += 1
        assert status == 0
        assert seen == sorted(seen)
        assert seen[-1] == len(jobs) == 500
        assert len(written) > 2
        assert on_disk(ledger)["account"]["n_failed"] == 500


def test_two_processes_that_fold_as_they_like_lose_nothing() -> None:
    with ledger_with(design=study_of(100)) as ledger:
        jobs = opened(ledger)
        pids = []
        for number, share in enumerate((0.0, 0.5, float("inf"))):
            pid = os.fork()
            if pid == 0:
                status = 1
                try:
                    mine, rng = replace(ledger, folding_share=share), random.Random(number)
                    for job in jobs[number::3]:
                        mine.record(job, result=BEGUN)
                        mine.record(job, result=FAILED)
                        if rng.random() < 0.1:
                            mine.fold()
                    status = 0
                except BaseException:
                    os.write(2, traceback.format_exc().encode())
                    raise
                finally:
                    os._exit(status)
            pids.append(pid)
        assert [os.waitpid(pid, 0)[1] for pid in pids] == [0, 0, 0]
        ledger.fold()
        manifest = on_disk(ledger)
        assert manifest["account"]["n_failed"] == len(jobs)
        assert not any(entry["earlier_results"] for entry in manifest["jobs"])


@pytest.mark.parametrize(
    "line",
    [
        b"\x00\x00\x00",
        b"{}",
        b"[]",
        b"no json",
        b'{"job": "dose1000-baseline-gs1"}',
        b'{"job": "dose1000-baseline-gs1", "entry": {"job": "dose1000-baseline-gs1"}}',
        b'{"folded": 3}',
        b'{"skip": {"dose": 1000}}',
        b'{"extends": "00", "of": "training_manifest.json", "journal": 1}',
        b"\xff\xfe",
    ],
)
def test_a_line_that_is_no_event_is_named_and_nothing_is_lost(line: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    with ledger_with(folding_share=0) as ledger:
        jobs = opened(ledger)
        ledger.record(jobs[0], result=FAILED)
        path = ledger.journal.path
        path.write_bytes(path.read_bytes() + line + b"\n")
        before = [path.read_bytes(), ledger.path.read_bytes()]
        again = replace(ledger)
        for attempt in (again.read, again.fold, lambda: again.record(jobs[1], result=FAILED)):
            with pytest.raises(ManifestError) as caught:
                attempt()
            assert names(str(caught.value), path.name, "line 3")
            assert caught.value.exit_status == 2
        assert [path.read_bytes(), ledger.path.read_bytes()] == before
        assert ("PM311", "$") in places(ledger.path)
        roots = zip(("--phase-c-root", "--phase-d-root", "--artifact-root"), map(str, ledger.roots), strict=True)
        words = [word for pair in roots for word in pair]
        assert main(["train", *words, "--study", SMOKE.name, "--in-process"]) == 2
        assert names(capsys.readouterr().err, path.name, "line 3")
        assert [path.read_bytes(), ledger.path.read_bytes()] == before


def test_a_journal_of_another_manifest_is_refused() -> None:
    with ledger_with(folding_share=0) as ledger:
        jobs = opened(ledger)
        ledger.record(jobs[0], result=FAILED)
        ledger.path.write_bytes(ledger.path.read_bytes() + b"\n")
        for again in (ledger, replace(ledger)):
            with pytest.raises(ManifestError, match=r"training_manifest\.journal\.jsonl: line 1"):
                again.record(jobs[1], result=FAILED)
        assert len(ledger.journal.path.read_bytes().splitlines()) == 2
        ledger.path.unlink()
        with pytest.raises(ManifestError, match=r"training_manifest\.journal\.jsonl"):
            replace(ledger).read()


def test_a_link_is_no_journal(tmp_path: Path) -> None:
    with ledger_with(folding_share=0) as ledger:
        jobs = opened(ledger)
        ledger.journal.path.symlink_to(tmp_path / "elsewhere")
        with pytest.raises(ManifestError, match="link"):
            ledger.record(jobs[0], result=FAILED)
        assert not (tmp_path / "elsewhere").exists()


def places(path: Path) -> set[tuple[str, str]]:
    return {(finding.code, finding.json_path) for finding in check_manifest(path).findings}


def test_a_manifest_with_a_journal_is_read_and_judged_with_it_and_neither_is_changed(tmp_path: Path) -> None:
    with ledger_with(folding_share=0) as ledger:
        for job in opened(ledger):
            ledger.record(job, result=FAILED)
        copied = tmp_path / "copy"
        shutil.copytree(ledger.artifact_root, copied)
        before = {path.name: path.read_bytes() for path in copied.iterdir()}
        path = copied / ledger.path.name
        assert without_times(read_recorded(path, "training_manifest")) == recorded(ledger)
        assert {place for place in places(path) if place[0].startswith("PM3")} == {("PM310", "$")}
        assert ("PM310", "$") not in places(ledger.artifact_root / "skip_summary.json")
        assert {path.name: path.read_bytes() for path in copied.iterdir()} == before
        fold_recorded(ledger.artifact_root)
        assert on_disk(ledger) == without_times(read_recorded(path, "training_manifest"))
        assert "PM310" not in {code for code, _ in places(ledger.path)}


def test_the_index_of_a_hub_leaves_out_journals_and_nothing_named_like_them(tmp_path: Path) -> None:
    manifest = tmp_path / "real_run" / "training_manifest.json"
    manifest.parent.mkdir()
    for path in (manifest, Journal(manifest).path, tmp_path / "mine.journal.jsonl"):
        path.touch()
    assert {name for name, _ in walk(tmp_path)} == {"real_run/training_manifest.json", "mine.journal.jsonl"}
