"""Runs of both parts in a merged hub: they are kept, and what they say of tests, skips, ends and signatures."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ptyproof.cli.main import main
from ptyproof.hub.index import BUNDLE, STATEMENT, Hub
from ptyproof.hub.layout import RECONSTRUCTION
from ptyproof.io.hashing import sha256_file
from ptyproof.methods.reconstruction_jobs import ReconstructionCell
from ptyproof.records.job_record import JobRecord
from ptyproof.records.reconstruction_ledger import ReconstructionLedger
from ptyproof.report.summary import write_summary
from ptyproof.signing.envelope import verdict_of
from ptyproof.signing.statement import statement_of
from ptyproof.study.design import design_from_dict
from tests.helpers.equal_hubs import leftovers
from tests.helpers.hubs import edit, make_run, record, report_lines
from tests.helpers.merged_hubs import LSQML, codes, job_of, merge
from tests.helpers.signing_keys import Key


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
