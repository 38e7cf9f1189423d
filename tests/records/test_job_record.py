"""What processes of jobs leave for the coordinator: it is seen at once, taken in once, and no kill loses an end."""

from __future__ import annotations

import json
import os
import pickle
import resource
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ptyproof.checking import check_manifest
from ptyproof.console import Console
from ptyproof.errors import ManifestError
from ptyproof.hub.index import walk
from ptyproof.io.locking import lock
from ptyproof.jobs.attempt import Attempt
from ptyproof.records.cell_ledger import NOT_ENDED
from ptyproof.records.journal import Journal
from ptyproof.records.manifest import read_manifest
from ptyproof.records.recorded import fold_recorded, read_recorded
from ptyproof.records.training_ledger import TrainingLedger
from ptyproof.study.cells import Skip
from ptyproof.study.jobs import JobFilters
from ptyproof.study.layout import RESULT_FILE, STATE_FILE
from tests.helpers.ledgers import FAILED, Killing, enumeration, forked, ledger_with, study_of
from tests.helpers.messages import names

BEGUN = TrainingLedger.lost_result(NOT_ENDED) | {"started": FAILED["started"]}
LATER = FAILED | {"started": "2026-01-02T00:00:00Z", "finished": "2026-01-02T00:00:01Z", "error": "no disk"}


@pytest.fixture
def ledger() -> Iterator[TrainingLedger]:
    with ledger_with(folding_share=0) as made:
        opened(made)
        yield made


def opened(ledger: TrainingLedger) -> None:
    ledger.open_call(enumeration(ledger), JobFilters(), False, "one")


def jobs_of(ledger: TrainingLedger) -> Any:
    found = enumeration(ledger).jobs
    for job in found:
        job.artifact_dir.mkdir(parents=True, exist_ok=True)
    return found


def files_of(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def statuses(ledger: TrainingLedger) -> dict[str, str]:
    manifest = ledger.read()
    assert manifest is not None
    return {entry["job"]: entry["result"]["status"] for entry in manifest["jobs"]}


def test_a_process_writes_into_the_folder_of_its_job_alone(ledger: TrainingLedger) -> None:
    job = jobs_of(ledger)[0]
    handed = pickle.loads(pickle.dumps(ledger.handed(job)))
    before = files_of(ledger.artifact_root)
    for result in (BEGUN, FAILED):
        assert handed.record(result=result)["result"] == result
    after = files_of(ledger.artifact_root)
    own = str((job.artifact_dir / RESULT_FILE).relative_to(ledger.artifact_root))
    assert after.keys() - before.keys() == {own}
    assert {name: after[name] for name in before} == before


def test_what_is_handed_does_not_grow_with_the_study() -> None:
    sizes = []
    for n_cells in (10, 200):
        with ledger_with(design=study_of(n_cells)) as ledger:
            opened(ledger)
            made = ledger.handed(enumeration(ledger).jobs[0])
            design = len(pickle.dumps(ledger.design))
            sizes.append(len(pickle.dumps(made)) - design)
    assert sizes[1] < 1.1 * sizes[0]


def test_what_a_process_left_is_seen_at_once_and_taken_in_once(ledger: TrainingLedger) -> None:
    first, second, *_ = jobs_of(ledger)
    record = ledger.handed(first)
    record.record(result=BEGUN)
    for reader in (ledger, replace(ledger)):
        assert reader.entry(first)["result"] == BEGUN  # type: ignore[index]
        assert reader.entry(second)["result"]["started"] is None  # type: ignore[index]
    ended = record.record(result=FAILED)
    assert statuses(ledger)[first.key] == "failed"
    assert not ledger.journal.path.exists()
    for _ in range(2):
        assert ledger.take_in([(first.cell, ended)]) == [ended]
    assert len(ledger.journal.path.read_bytes().splitlines()) == 2
    assert not (first.artifact_dir / RESULT_FILE).exists()
    assert replace(ledger).entry(first) == ended
    assert ended["earlier_results"] == []


def test_ends_that_arrive_together_cost_one_flush(ledger: TrainingLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = jobs_of(ledger)
    ends = [(job.cell, ledger.handed(job).record(result=FAILED)) for job in jobs]
    ledger.take_in(ends[:1])
    flushed: list[int] = []
    monkeypatch.setattr(os, "fsync", flushed.append)
    ledger.take_in(ends[1:])
    assert len(flushed) == 1
    assert set(statuses(ledger).values()) == {"failed"}
    assert not list(ledger.artifact_root.rglob(RESULT_FILE))


def test_an_end_that_no_coordinator_took_in_is_found_by_the_next_call_and_every_reader(
    ledger: TrainingLedger, tmp_path: Path
) -> None:
    first, second, third, *_ = jobs_of(ledger)
    for job, result in ((first, FAILED), (second, FAILED), (third, BEGUN)):
        ledger.handed(job).record(result=result)
    (third.artifact_dir / STATE_FILE).touch()  # its process may live on another machine
    path = ledger.path
    codes = {(finding.code, finding.json_path) for finding in check_manifest(path).findings}
    assert ("PM310", "$") in codes
    assert read_recorded(path, "training_manifest")["account"]["n_failed"] == 2
    assert read_manifest(path, "training_manifest")["account"]["n_failed"] == 0
    assert {name for name, _ in walk(ledger.artifact_root)} >= {path.name}
    assert not [name for name, _ in walk(ledger.artifact_root) if RESULT_FILE in name]
    copied = tmp_path / "copy"
    shutil.copytree(ledger.artifact_root, copied)
    replace(ledger).open_call(enumeration(ledger), JobFilters(), False, "two")
    fold_recorded(copied)
    for root in (ledger.artifact_root, copied):
        manifest = read_manifest(root / path.name, "training_manifest")
        assert manifest["account"]["n_failed"] == 2
        lost = next(entry for entry in manifest["jobs"] if entry["job"] == third.key)
        assert lost["result"] == BEGUN
        left = [file.parent.relative_to(root) for file in root.rglob(RESULT_FILE)]
        assert left == [third.artifact_dir.relative_to(ledger.artifact_root)]
        assert "PM310" not in {finding.code for finding in check_manifest(root / path.name).findings}


def test_an_end_that_another_process_may_still_change_stays_where_it_is(ledger: TrainingLedger) -> None:
    job = jobs_of(ledger)[0]
    ended = ledger.handed(job).record(result=FAILED)
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        with lock(job.output):
            os.read(reading, 1)
        os._exit(0)
    while not list(job.output.parent.glob(".*.lock")):
        pass
    try:
        ledger.take_in([(job.cell, ended)])
        assert (job.artifact_dir / RESULT_FILE).exists()
        assert statuses(ledger)[job.key] == "failed"
    finally:
        os.write(writing, b"x")
        os.waitpid(pid, 0)
    replace(ledger).fold()
    assert not (job.artifact_dir / RESULT_FILE).exists()
    assert len([entry for entry in statuses(ledger).values() if entry == "failed"]) == 1


def works_and_takes_in(ledger: TrainingLedger) -> Callable[[Callable[[str], None]], None]:
    """Return the work of two processes and their coordinator, which says each end that a process has written."""
    jobs = jobs_of(ledger)[:2]

    def work(say: Callable[[str], None]) -> None:
        coordinator = replace(ledger)
        ends = []
        for job in jobs:
            record = coordinator.handed(job)
            record.record(result=BEGUN)
            ends.append((job.cell, record.record(result=FAILED)))
            say(job.key)
        coordinator.take_in(ends[:1])
        coordinator.take_in(ends[1:])
        coordinator.fold()

    return work


def test_a_kill_at_any_call_of_the_system_loses_no_end_and_doubles_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ledger_with(design=study_of(2), folding_share=0) as ledger:
        opened(ledger)
        kill_at_each_call(ledger, tmp_path, monkeypatch)


def kill_at_each_call(ledger: TrainingLedger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)  # processes die here, the system does not
    work = works_and_takes_in(ledger)
    begun = tmp_path / "begun"
    shutil.copytree(ledger.artifact_root, begun)
    seen, n, ended = set(), 0, -9
    while ended:
        n += 1
        shutil.rmtree(ledger.artifact_root)
        shutil.copytree(begun, ledger.artifact_root)
        ended, said = forked(work, Killing(n, in_the_middle=True))
        assert ended in (0, -9)
        read_manifest(ledger.path, "training_manifest")
        again = replace(ledger)
        failed = {key for key, status in statuses(again).items() if status == "failed"}
        assert set(said) <= failed
        assert len(failed) <= len(said) + 1
        started = [entry for entry in again.read()["jobs"] if entry["result"]["started"]]  # type: ignore[index]
        assert len(started) <= len(failed) + 1
        seen.add(len(failed))
        again.open_call(enumeration(ledger), JobFilters(), False, "two")
        again.fold()
        manifest = read_manifest(ledger.path, "training_manifest")
        assert {entry["job"] for entry in manifest["jobs"] if entry["result"]["status"] == "failed"} == failed
        assert not any(entry["earlier_results"] for entry in manifest["jobs"])
        assert not list(ledger.artifact_root.rglob(RESULT_FILE))
        assert not Journal(ledger.path).path.exists()
    assert seen == {0, 1, 2}
    assert n > 30


def test_an_attempt_that_another_coordinator_recorded_meanwhile_keeps_its_place(ledger: TrainingLedger) -> None:
    job = jobs_of(ledger)[0]
    mine, other = ledger.handed(job), replace(ledger)
    first = mine.record(result=FAILED)
    second = other.handed(job).record(result=LATER)  # has seen what the first one left
    assert second["earlier_results"] == [FAILED]
    other.take_in([(job.cell, second)])
    assert ledger.take_in([(job.cell, first)]) == [second]
    assert replace(ledger).entry(job) == second


def test_an_end_that_an_attempt_could_not_know_is_kept(ledger: TrainingLedger) -> None:
    job = jobs_of(ledger)[0]
    mine = ledger.handed(job)
    ledger.record(job, result=FAILED)
    assert mine.entry()["result"]["started"] is None  # type: ignore[index]
    (entry,) = ledger.take_in([(job.cell, mine.record(result=LATER))])
    assert (entry["result"], entry["earlier_results"]) == (LATER, [FAILED])


def test_an_end_taken_in_again_keeps_what_was_known_of_earlier_ones(ledger: TrainingLedger) -> None:
    job = jobs_of(ledger)[0]
    mine = ledger.handed(job)
    ledger.record(job, result=FAILED)
    mine.record(result=LATER)
    left = (job.artifact_dir / RESULT_FILE).read_bytes()
    for _ in range(2):  # a coordinator that died before it removed the file
        (job.artifact_dir / RESULT_FILE).write_bytes(left)
        replace(ledger).fold()
        (entry,) = [one for one in read_manifest(ledger.path, "training_manifest")["jobs"] if one["job"] == job.key]
        assert (entry["result"], entry["earlier_results"]) == (LATER, [FAILED])
        assert not (job.artifact_dir / RESULT_FILE).exists()


def test_the_begin_of_an_attempt_replaces_nothing_that_is_known_of_its_end(ledger: TrainingLedger) -> None:
    job = jobs_of(ledger)[0]
    begin = ledger.handed(job).record(result=BEGUN)
    (job.artifact_dir / STATE_FILE).touch()  # its process may live on a machine that cannot be reached
    died = BEGUN | {"error": "its worker died"}
    assert ledger.record(job, result=died)["result"] == died
    assert (job.artifact_dir / RESULT_FILE).exists()
    assert replace(ledger).read()["jobs"][0]["result"] == died  # type: ignore[index]
    ended = ledger.record(job, result=FAILED)
    assert ledger.take_in([(job.cell, begin)]) == [ended]


def test_a_process_whose_folder_takes_no_file_returns_how_it_failed(ledger: TrainingLedger) -> None:
    job = enumeration(ledger).jobs[0]
    job.artifact_dir.parent.mkdir(parents=True, exist_ok=True)
    job.artifact_dir.write_bytes(b"a file")
    record = pickle.loads(pickle.dumps(ledger.handed(job)))
    attempt = Attempt(ledger, record, str(FAILED["started"]), {"call": "one"}, redo=False, console=Console.silent())
    done = attempt.fail("no folder")
    assert (done.status, done.entry["call"]) == ("failed", "one")
    assert ledger.take_in([(job.cell, done.entry)]) == [done.entry]
    assert statuses(ledger)[job.key] == "failed"


def test_any_number_of_ends_is_taken_in_with_few_open_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ledger_with(design=study_of(100), folding_share=0) as ledger:
        opened(ledger)
        for job in jobs_of(ledger):
            ledger.handed(job).record(result=FAILED)
        n_open = len(list(Path("/proc/self/fd").iterdir()))
        resource.setrlimit(resource.RLIMIT_NOFILE, (n_open + 20, hard))
        try:
            replace(ledger).fold()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert read_manifest(ledger.path, "training_manifest")["account"]["n_failed"] == 100
        assert not list(ledger.artifact_root.rglob(RESULT_FILE))


@pytest.mark.parametrize("skew_s", [-3600, 3600])
def test_a_file_system_with_another_clock_does_not_let_each_end_write_the_manifest(skew_s: float) -> None:
    with ledger_with(design=study_of(20)) as ledger:
        opened(ledger)
        n_written = 0
        for job in jobs_of(ledger):
            status = ledger.path.stat()
            os.utime(ledger.path, (time.time() + skew_s, time.time() + skew_s))
            ledger.take_in([(job.cell, ledger.handed(job).record(result=FAILED))])
            n_written += ledger.path.stat().st_ino != status.st_ino
        assert n_written < 20


def test_a_process_sees_what_others_did_since_it_was_handed_the_job(ledger: TrainingLedger) -> None:
    job, *_ = jobs_of(ledger)
    handed = ledger.handed(job)
    other = replace(ledger)
    ended = other.handed(job).record(result=FAILED)
    assert handed.entry() == ended  # not taken in yet
    other.take_in([(job.cell, ended)])
    assert handed.entry()["result"]["started"] is None  # type: ignore[index]
    assert handed.anew().entry() == ended  # it had to wait
    for trace in ledger.files(job.cell).traces:
        trace.touch()
        assert handed.entry() == ended  # the other one has made a bundle, or has a line in the log
        trace.unlink()


def test_a_process_reads_the_manifest_only_where_another_one_was_at_work(
    ledger: TrainingLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, other, *_ = jobs_of(ledger)
    handed = pickle.loads(pickle.dumps(ledger.handed(job)))
    ledger.record(other, result=FAILED)
    ledger.fold()

    def read(*_: object) -> None:
        raise AssertionError("the manifest was read")

    monkeypatch.setattr(Journal, "standing", read)
    assert handed.entry()["result"]["started"] is None
    assert [entry["job"] for entry in handed.entries_near()] == [job.key]
    assert handed.record(result=FAILED)["result"] == FAILED


def test_a_job_that_became_a_skip_leaves_nothing(ledger: TrainingLedger) -> None:
    first, second, *_ = jobs_of(ledger)
    for job, result in ((first, BEGUN), (second, FAILED)):
        ledger.handed(job).record(result=result)
        ledger.skip(Skip(job.cell, "missing_without_record", "its data are missing", selected=True))
    found = statuses(ledger)
    assert first.key not in found
    assert found[second.key] == "failed"
    assert not list(ledger.artifact_root.rglob(RESULT_FILE))


@pytest.mark.parametrize(
    "change",
    [
        {"job": "dose1000-dense-gs2-r9"},
        {"manifest": "reconstruction_manifest.json"},
        {"design_digest": "0" * 64},
        {"kind": "job_state"},
        {"entry": {"job": "x", "result": {}, "earlier_results": []}},
        None,
    ],
    ids=["job", "manifest", "design", "kind", "entry", "cut"],
)
def test_a_file_that_is_not_the_entry_of_the_job_is_named_and_nothing_is_lost(
    ledger: TrainingLedger, change: dict[str, Any] | None
) -> None:
    job, other, *_ = jobs_of(ledger)
    ledger.handed(job).record(result=FAILED)
    path = job.artifact_dir / RESULT_FILE
    value = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(value | change) if change else path.read_text()[:99], encoding="utf-8")
    before = files_of(ledger.artifact_root)
    for attempt in (
        ledger.read,
        ledger.fold,
        lambda: ledger.entry(job),
        lambda: ledger.record(job, result=FAILED),
        lambda: opened(replace(ledger)),
    ):
        with pytest.raises(ManifestError) as caught:
            attempt()
        assert names(str(caught.value), RESULT_FILE)
        assert caught.value.exit_status == 2
    assert "PM311" in {finding.code for finding in check_manifest(ledger.path).findings}
    assert files_of(ledger.artifact_root) == before
    assert ledger.record(other, result=FAILED)["result"] == FAILED
