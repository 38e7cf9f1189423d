"""What another process does between two looks of this one: nothing that it records is overlooked or lost."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

import pytest

from ptyproof.checking import check_manifest, journals
from ptyproof.checking.model.loading import load
from ptyproof.records import cell_ledger, journal, journaled_manifest
from ptyproof.records.cell_ledger import NOT_ENDED
from ptyproof.records.job_record import left_entry
from ptyproof.records.journal import Version, version_of
from ptyproof.records.recorded import read_recorded
from ptyproof.records.training_ledger import TrainingLedger
from ptyproof.study.cells import Skip
from ptyproof.study.jobs import JobFilters, TrainingJob
from tests.helpers.ledgers import FAILED, enumeration, ledger_with

BEGUN = TrainingLedger.lost_result(NOT_ENDED) | {"started": FAILED["started"]}
READERS: dict[str, Callable[[TrainingLedger], Any]] = {
    "ledger": TrainingLedger.read,
    "folder": lambda ledger: read_recorded(ledger.path, "training_manifest"),
}


@pytest.fixture
def ledger() -> Iterator[TrainingLedger]:
    with ledger_with(folding_share=0) as made:
        made.open_call(enumeration(made), JobFilters(), False, "one")
        yield made


@pytest.fixture
def job(ledger: TrainingLedger) -> TrainingJob:
    first = enumeration(ledger).jobs[0]
    first.artifact_dir.mkdir(parents=True)
    return first


def once(step: Callable[[], object]) -> Callable[[], None]:
    """Return the step of another process that happens at the first call alone, and not within itself."""
    left = [step]

    def happen() -> None:
        if left:
            left.pop()()

    return happen


def after(call: Callable[..., Any], step: Callable[[], object]) -> Callable[..., Any]:
    happen = once(step)

    def called(*args: Any, **words: Any) -> Any:
        found = call(*args, **words)
        happen()
        return found

    return called


def before(call: Callable[..., Any], step: Callable[[], object]) -> Callable[..., Any]:
    happen = once(step)

    def called(*args: Any, **words: Any) -> Any:
        happen()
        return call(*args, **words)

    return called


def result_of(manifest: Any, job: TrainingJob) -> Any:
    return next(entry["result"] for entry in manifest["jobs"] if entry["job"] == job.key)


def test_events_that_are_folded_between_two_looks_are_known(
    ledger: TrainingLedger, job: TrainingJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = replace(ledger)
    other.record(job, result=FAILED)
    monkeypatch.setattr(journaled_manifest, "version_of", after(version_of, other.fold))
    found = ledger.taken_in(job.key)
    assert found is not None
    assert found["result"] == FAILED


@pytest.mark.parametrize("share", [0, inf], ids=["in the journal", "in the manifest"])
@pytest.mark.parametrize("reader", READERS)
def test_an_entry_that_is_taken_in_between_two_looks_is_read(
    reader: str, share: float, ledger: TrainingLedger, job: TrainingJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = replace(ledger, folding_share=share)
    other.handed(job).record(result=FAILED)
    monkeypatch.setattr(os.path, "lexists", before(os.path.lexists, lambda: other.take_in([(job.cell, None)])))
    assert result_of(READERS[reader](ledger), job) == FAILED
    assert other.journal.path.exists() == (share == 0)


def test_a_job_is_handed_the_end_that_is_taken_in_meanwhile(
    ledger: TrainingLedger, job: TrainingJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = replace(ledger)
    other.handed(job).record(result=FAILED)
    monkeypatch.setattr(cell_ledger, "left_entry", before(left_entry, lambda: other.take_in([(job.cell, None)])))
    entry = ledger.handed(job).entry()
    assert entry is not None
    assert entry["result"] == FAILED


def test_two_processes_make_the_same_cell_a_skip(
    ledger: TrainingLedger, job: TrainingJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, skip = replace(ledger), Skip(job.cell, "missing_without_record", "its data are missing", selected=True)
    ledger.handed(job).record(result=BEGUN)
    monkeypatch.setattr(os.path, "lexists", after(os.path.lexists, lambda: other.skip(skip)))
    ledger.skip(skip)
    manifest = ledger.read()
    assert manifest is not None
    assert [cell["reason"] for cell in manifest["skipped_views"]] == [skip.reason]
    assert job.key not in [entry["job"] for entry in manifest["jobs"]]


def test_a_clock_that_stands_still_hides_no_version_of_a_manifest(
    ledger: TrainingLedger, job: TrainingJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two writings within one tick, and an inode that is used again, left the time and the size to tell them apart."""
    write = Path.write_bytes

    def written(path: Path, content: Any) -> int:
        n_bytes = write(path, content)
        os.utime(path, ns=(0, 10**18))
        return n_bytes

    monkeypatch.setattr(Path, "write_bytes", written)
    monkeypatch.setattr(journal, "Version", lambda _, changed_ns, size: Version(0, changed_ns, size))
    ours, other = replace(ledger, folding_share=inf), replace(ledger, folding_share=inf)
    ours.record(job, result=FAILED)
    size = ours.path.stat().st_size
    with other.changing() as book:
        book.put(book.jobs[job.key] | {"result": FAILED | {"error": "no  disks"}})
    assert other.path.stat().st_size == size
    ours.record(enumeration(ledger).jobs[1], result=FAILED)
    assert result_of(read_recorded(ledger.path, "training_manifest"), job)["error"] == "no  disks"


def test_a_manifest_that_is_folded_while_it_is_judged_is_judged_as_it_is(
    ledger: TrainingLedger, job: TrainingJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.record(job, result=FAILED)
    monkeypatch.setattr(journals, "load", after(load, ledger.fold))
    loaded = journals.load_recorded(ledger.path)
    assert result_of(loaded.value, job) == FAILED
    assert loaded.text == ledger.path.read_text(encoding="utf-8")
    assert not check_manifest(ledger.path).of("json")
