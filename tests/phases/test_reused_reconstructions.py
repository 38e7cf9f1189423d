"""What Phase F makes once: reuse by recipe and data, calls that merge, and the journal."""

from __future__ import annotations

from pathlib import Path

import pytest

from ptyproof.io.file_record import file_is_whole
from ptyproof.jobs.process import JobProcesses
from ptyproof.methods.reconstruction_jobs import ReconstructionFilters
from ptyproof.phases.f_reconstruct.reconstruct import ReconstructionPhase
from ptyproof.reconstruction.method import Budget, Needs
from ptyproof.records.reconstruction_ledger import ReconstructionLedger
from ptyproof.study.builtin import builtin_study
from ptyproof.study.cells import Skip
from ptyproof.study.jobs import JobFilters
from tests.helpers.reconstruction_runs import (
    CPU,
    MINE,
    Mine,
    entry,
    ones,
    phase_of,
    run,
    twins,
    with_methods,
)

pytest.importorskip("ptychi", reason="pty-chi is not installed: pip install 'pytest-ptyproof[iterative]'")

SMOKE = builtin_study("fly64-smoke")
STAMP = "2026-01-01T00:00:00Z"


def test_what_was_made_is_reused_and_what_changed_is_made_again(root: Path) -> None:
    mine = Mine("mine", ones, Needs(iterates=True))
    first = run(phase_of(root, mine), "mine")
    again = run(phase_of(root, mine), "mine")
    assert mine.calls == 1
    assert entry(again, "mine")["result"] == entry(first, "mine")["result"]
    changed = run(phase_of(root, mine, budget=Budget(3)), "mine")
    assert mine.calls == 2
    assert entry(changed, "mine")["budget"] == {"epochs": 3, "seconds": None}
    assert entry(changed, "mine")["earlier_results"] == [entry(first, "mine")["result"]]
    run(phase_of(root, mine, budget=Budget(3), redo=True), "mine")
    archive = root / "e" / entry(changed, "mine")["result"]["reconstruction"]["path"]
    archive.write_bytes(archive.read_bytes()[:-1])
    last = run(phase_of(root, mine, budget=Budget(3)), "mine")
    assert mine.calls == 4
    assert len(last["calls"]) == 5
    assert file_is_whole(entry(last, "mine")["result"]["reconstruction"], root / "e")


def test_a_start_that_looks_at_groups_is_another_one_than_that_of_single_patterns(root: Path) -> None:
    phase = ReconstructionPhase.opened(root / "c", root / "d", root / "new", CPU, twins())
    manifest = run(phase, "start", views=None)
    first, second = (entry(manifest, "start", view)["result"] for view in ("baseline", "groups"))
    assert first["reused_from"] is second["reused_from"] is None
    assert first["recipe_sha256"] != second["recipe_sha256"]
    assert first["reconstruction"]["sha256"] != second["reconstruction"]["sha256"]


def test_views_of_the_same_data_have_one_reconstruction_and_say_so(root: Path) -> None:
    mine = Mine("mine", ones)
    phase = ReconstructionPhase.opened(root / "c", root / "d", root / "new", CPU, twins(), others=((mine, MINE),))
    manifest = run(phase, "mine", views=None)
    assert mine.calls == 1
    first, second = (entry(manifest, "mine", view)["result"] for view in ("baseline", "groups"))
    assert (first["reused_from"], second["reused_from"]) == (None, "dose1000-baseline-gs1-test-mine")
    assert first["timing"] == second["timing"]
    assert first["reconstruction"]["sha256"] == second["reconstruction"]["sha256"]
    assert first["reconstruction"]["path"] != second["reconstruction"]["path"]
    (root / "new" / first["reconstruction"]["path"]).unlink()
    assert file_is_whole(second["reconstruction"], root / "new")


def test_reconstructions_have_the_same_journal_as_trainings(root: Path) -> None:
    folded, plain = (
        ReconstructionLedger(SMOKE, root / "c", root / "d", root / name, folding_share=share)
        for name, share in (("folded", float("inf")), ("plain", 0.0))
    )
    manifests = []
    for ledger in (folded, plain):
        ledger.artifact_root.mkdir()
        filters = ReconstructionFilters(JobFilters(doses=(1e3,)))
        found = ReconstructionPhase(ledger, CPU).enumerate(filters, to_be_trained=True)
        ledger.open_call(found, ReconstructionFilters(), False, "one", budget=None)
        ended = ledger.lost_result("no memory") | {"status": "failed", "started": STAMP, "finished": STAMP}
        first, second, third = found.jobs[:3]
        ledger.record(first, result=ended)
        ledger.skip(Skip(second.cell, "no_trained_bundle", "it failed", selected=True))
        ledger.record(third, result=ended)
        ledger.record(third, result=ended | {"error": "no disk"})
        manifest = ledger.read()
        assert manifest is not None
        (own,) = [near for near in ledger.handed(third).entries_near() if near["job"] == third.key]
        assert own["earlier_results"] == [ended]
        manifests.append({**manifest, "timestamp": None, "calls": len(manifest["calls"])})
    assert len(plain.journal.path.read_bytes().splitlines()) == 5
    assert not folded.journal.path.exists()
    assert manifests[0] == manifests[1]
    plain.fold()
    assert plain.path.read_bytes().count(b"no disk") == 1


def test_a_study_that_names_a_method_of_this_process_runs_it_here_and_the_others_elsewhere(root: Path) -> None:
    design = with_methods(twins(), "mine", "flat")
    mine = Mine("mine", ones)
    phase = ReconstructionPhase.opened(
        root / "c", root / "d", root / "new", CPU, design, others=((mine, MINE),), processes=JobProcesses()
    )
    manifest = run(phase, views=("baseline",))
    assert mine.calls == 1
    assert [(job["method"], job["result"]["status"]) for job in manifest["jobs"]] == [
        ("mine", "success"),
        ("flat", "success"),
    ]


def test_calls_merge_and_an_earlier_result_survives_what_is_missing_now(root: Path) -> None:
    run(phase_of(root), "flat")
    mine = Mine("mine", ones)
    merged = run(phase_of(root, mine), "mine", views=None)
    assert [job["job"] for job in merged["jobs"]] == [
        "dose1000-baseline-gs1-test-mine",
        "dose1000-dense-gs2-test-flat",
        "dose1000-dense-gs2-test-mine",
    ]
    account = merged["account"]
    assert account["n_enumerated"] == sum(value for key, value in account.items() if key != "n_enumerated") == 21
    mine.unavailable = lambda: "gone"  # type: ignore[attr-defined]
    kept = run(phase_of(root, mine), "mine", views=None)
    assert entry(kept, "mine")["result"]["status"] == "success"
