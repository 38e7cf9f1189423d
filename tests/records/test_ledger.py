"""The training manifest as a ledger: the account holds at every moment, and nothing that was recorded is lost."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptyproof.errors import InputError, ManifestError
from ptyproof.records.cell_ledger import NOT_ENDED, NOT_STARTED
from ptyproof.records.manifest import read_manifest
from ptyproof.records.training_ledger import TrainingLedger
from ptyproof.study.jobs import JobFilters
from ptyproof.study.layout import HALVES, phase_d_file
from tests.helpers.ledgers import FAILED, SMOKE, enumeration, ledger_with
from tests.helpers.messages import naming

CELLS = [(dose, view.name) for dose in SMOKE.doses_photons_per_pattern for view in SMOKE.views]


def account_holds(ledger: TrainingLedger) -> dict[str, int]:
    """Check the account of the manifest and of the skip summary; return it."""
    manifest = ledger.read()
    assert manifest is not None
    account: dict[str, Any] = {**manifest["account"]}
    assert account["n_enumerated"] == sum(count for name, count in account.items() if name != "n_enumerated")
    parts = ("jobs", "skipped_views", "not_selected")
    cells = [(record["dose"], record["view"]) for part in parts for record in cast("dict[str, Any]", manifest)[part]]
    assert len(cells) == len(set(cells)) == account["n_enumerated"]
    summary = read_manifest(ledger.skip_summary_path, "skip_summary")
    assert summary["skipped_views"] == manifest["skipped_views"]
    assert summary["skipped_count"] == manifest["skipped_count"] == account["n_skipped"]
    return account


@st.composite
def filters(draw: st.DrawFn) -> JobFilters:
    doses = draw(st.none() | st.sets(st.sampled_from(SMOKE.doses_photons_per_pattern), min_size=1).map(tuple))
    views = draw(st.none() | st.sets(st.sampled_from([view.name for view in SMOKE.views]), min_size=1).map(tuple))
    return JobFilters(doses=doses, views=views)


@settings(max_examples=15)
@given(
    st.lists(st.sampled_from([cell for cell in CELLS if cell[1] != "baseline"]), unique=True),
    st.lists(st.tuples(filters(), st.booleans()), min_size=1, max_size=4),
)
def test_calls_merge_and_the_account_holds_after_each(
    missing: list[tuple[float, str]], calls: list[tuple[JobFilters, bool]]
) -> None:
    asked: set[str] = set()
    with ledger_with(missing) as ledger:
        for number, (wanted, ends) in enumerate(calls):
            found = enumeration(ledger, wanted)
            ledger.open_call(found, wanted, True, f"call {number}")
            asked |= {job.key for job in found.jobs}
            for job in found.jobs if ends else ():
                ledger.record(job, result=FAILED)
            account = account_holds(ledger)
        manifest = ledger.read()
        assert manifest is not None
        assert {entry["job"] for entry in manifest["jobs"]} == asked
        assert [call["id"] for call in manifest["calls"]] == [f"call {number}" for number in range(len(calls))]
        assert account["n_failed"] + account["n_lost"] == len(asked)
        skipped = {(skip["dose"], skip["view"]) for skip in manifest["skipped_views"]}
        seen = {dose for wanted, _ in calls for dose in wanted.doses or SMOKE.doses_photons_per_pattern}
        assert skipped == {(dose, view) for dose, view in missing if dose in seen}


def test_a_job_is_lost_until_its_end_is_recorded() -> None:
    with ledger_with([]) as ledger:
        found = enumeration(ledger)
        ledger.open_call(found, JobFilters(), False, "one")
        entry = ledger.entry(found.jobs[0])
        assert entry is not None
        assert (entry["result"]["status"], entry["result"]["error"]) == ("lost", NOT_STARTED)
        ledger.record(found.jobs[0], result=TrainingLedger.lost_result(NOT_ENDED))
        assert account_holds(ledger)["n_lost"] == len(found.jobs)


def test_a_result_that_is_replaced_is_kept() -> None:
    with ledger_with([]) as ledger:
        job = enumeration(ledger).jobs[0]
        ledger.record(job, result=FAILED)
        ledger.record(job, result=TrainingLedger.lost_result(NOT_ENDED))
        again = FAILED | {"error": "no disk"}
        entry = ledger.record(job, result=again)
        assert entry["result"] == again
        assert entry["earlier_results"] == [FAILED]


def test_a_skip_goes_when_its_view_is_there() -> None:
    with ledger_with([(1e3, "dense")]) as ledger:
        ledger.open_call(enumeration(ledger), JobFilters(), True, "before")
        assert account_holds(ledger)["n_skipped"] == 1
        for half in HALVES:
            path = phase_d_file(ledger.phase_d_root, 1e3, "dense", half)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        ledger.open_call(enumeration(ledger), JobFilters(), True, "after")
        assert account_holds(ledger)["n_skipped"] == 0


@pytest.mark.parametrize("ended", [False, True])
def test_a_view_that_goes_missing_is_a_skip_unless_it_was_trained_before(ended: bool) -> None:
    with ledger_with([]) as ledger:
        found = enumeration(ledger)
        ledger.open_call(found, JobFilters(), True, "before")
        if ended:
            ledger.record(found.jobs[1], result=FAILED)
        phase_d_file(ledger.phase_d_root, 1e3, "dense", "test").unlink()
        call = ledger.open_call(enumeration(ledger), JobFilters(), True, "after")
        assert found.jobs[1].key == call["skipped"][0] == "dose1000-dense-gs2"
        account = account_holds(ledger)
        assert (account["n_skipped"], account["n_failed"]) == ((0, 1) if ended else (1, 0))
        assert account["n_enumerated"] == len(CELLS)


def test_a_call_of_several_processes_is_recorded_once() -> None:
    with ledger_with([]) as ledger:
        for _ in range(2):
            ledger.open_call(enumeration(ledger), JobFilters(), False, "shared")
        manifest = ledger.read()
        assert manifest is not None
        assert len(manifest["calls"]) == 1


def test_the_record_of_another_study_is_refused_and_left_alone() -> None:
    with ledger_with([]) as ledger:
        found = enumeration(ledger)
        ledger.open_call(found, JobFilters(), False, "one")
        before = ledger.path.read_bytes()
        other = replace(ledger, design=replace(SMOKE, name="other"))
        with pytest.raises(InputError, match=naming("training_manifest.json", "fly64-smoke")):
            other.open_call(found, JobFilters(), False, "two")
        assert ledger.path.read_bytes() == before


@pytest.mark.parametrize("keep", [0, 1, 100, -2])
def test_a_truncated_manifest_is_refused_and_not_written_over(keep: int) -> None:
    with ledger_with([]) as ledger:
        found = enumeration(ledger)
        ledger.open_call(found, JobFilters(), False, "one")
        damaged = ledger.path.read_bytes()[:keep]
        ledger.path.write_bytes(damaged)
        with pytest.raises(ManifestError, match=r"training_manifest\.json"):
            ledger.record(found.jobs[0], result=FAILED)
        assert ledger.path.read_bytes() == damaged


_WRITER = """
import json, sys
from pathlib import Path
from ptyproof.records.training_ledger import TrainingLedger
from ptyproof.study.builtin import builtin_study
from ptyproof.study.cells import Enumeration
from ptyproof.study.jobs import build_training_jobs
root, number, result = Path(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3])
ledger = TrainingLedger(builtin_study("fly64-smoke"), root / "c", root / "d", root / "a")
jobs = build_training_jobs(ledger.design, ledger.phase_c_root, ledger.phase_d_root, ledger.artifact_root).jobs
for job in jobs[number::3]:
    ledger.record(job, result=result)
"""


def test_a_text_about_a_job_names_its_files_from_the_artifact_root_and_no_other_place() -> None:
    with ledger_with([]) as ledger:
        job = enumeration(ledger).jobs[0]
        parts = [job.train_data_path, job.artifact_dir / "checkpoint.ckpt", ledger.path, Path("/elsewhere/mine/x.npz")]
        said = ledger.portable("; ".join(map(str, parts)), job)
        data = "../c/dose_1000/patched_train.npz"
        folder = job.artifact_dir.relative_to(ledger.artifact_root)
        manifest = ledger.path.relative_to(ledger.artifact_root)
        assert said == f"{data}; {folder}/checkpoint.ckpt; {manifest}; {{elsewhere}}/x.npz"


def test_processes_that_write_at_once_lose_nothing() -> None:
    with ledger_with([]) as ledger:
        root = str(ledger.artifact_root.parent)
        argv: list[Any] = [sys.executable, "-c", _WRITER, root]
        writers = [subprocess.Popen([*argv, str(number), json.dumps(FAILED)]) for number in range(3)]
        assert [writer.wait() for writer in writers] == [0, 0, 0]
        account = account_holds(ledger)
        assert account["n_failed"] == account["n_enumerated"] == len(CELLS)
