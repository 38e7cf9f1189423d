"""Real runs with several jobs at once: the same items, results and records as with one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ptyproof.checking.hub import verify_hub
from tests.helpers.runs import BASELINE, DENSE, STUDY_AS_TESTS, Run, run_pytest


@pytest.fixture(scope="module")
def by_jobs(study_file: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Run]:
    """The runs of the study with one job at a time, and with three at once."""
    root = tmp_path_factory.mktemp("jobs")
    asked = (*STUDY_AS_TESTS, f"--ptyproof-study={study_file}")
    return {n: run_pytest(root / str(n), *asked, f"--ptyproof-jobs={n}", hub=root / str(n) / "hub") for n in (1, 3)}


def results(run: Run) -> dict[str, Any]:
    """What a run found, without its times."""
    trained = {entry["job"]: entry["result"]["bundle_sha256"] for entry in run.manifest["jobs"]}
    made = {entry["job"]: entry["result"] for entry in run.reconstructions["jobs"]}
    return {
        "bundles": trained,
        "archives": {name: result["arrays_sha256"] for name, result in made.items()},
        "taken over": {name: result["reused_from"] for name, result in made.items()},
        "accounts": [run.manifest["account"], run.reconstructions["account"]],
        "skips": run.manifest["skipped_views"],
    }


def test_results_do_not_depend_on_the_number_of_jobs(by_jobs: dict[int, Run]) -> None:
    one, several = by_jobs[1], by_jobs[3]
    assert one.status == several.status == 0, several.screen
    assert several.outcomes() == one.outcomes()
    assert results(several) == results(one)
    assert verify_hub(several.hub) == []


def test_every_job_has_one_thread(by_jobs: dict[int, Run]) -> None:
    for run in by_jobs.values():
        for entry in (*run.manifest["jobs"], *run.reconstructions["jobs"]):
            assert entry["environment"]["threads"] == 1


def test_jobs_overlap_and_reconstructions_do_not_wait_for_trainings_that_they_do_not_need(
    by_jobs: dict[int, Run],
) -> None:
    run = by_jobs[3]
    trained = [entry["result"] for entry in run.manifest["jobs"]]
    assert max(one["started"] for one in trained) <= min(one["finished"] for one in trained)
    order = [line.split(":")[0] for line in run.log("phase_f_reconstruction.log") if "-test-" in line]
    assert order.index(f"{BASELINE}-test-pinn") > order.index(f"{DENSE}-test-flat")


@pytest.mark.parametrize("text", ["0", "many", "2000"])
def test_what_is_no_number_of_jobs_is_refused_before_anything_is_collected(
    study_file: Path, tmp_path: Path, text: str
) -> None:
    asked = (*STUDY_AS_TESTS, f"--ptyproof-study={study_file}", f"--ptyproof-jobs={text}")
    run = run_pytest(tmp_path / "run", *asked, hub=tmp_path / "hub")
    assert run.status == 4
    assert not (tmp_path / "hub").exists()


FAILS_AFTER_A_JOB = """\
import time
from pathlib import Path

import pytest


@pytest.mark.real_run
def test_mine(ptyproof_reconstruction_job, ptyproof_reconstruct):
    found = ptyproof_reconstruct(ptyproof_reconstruction_job)
    deadline = time.monotonic() + 60
    while not list(Path("../hub").rglob("gs1/job_state.json")) and time.monotonic() < deadline:
        time.sleep(0.05)  # until the training runs, too: on a busy machine it may begin later than this job ends
    assert found.status == "failed"
"""


def test_jobs_that_no_item_asks_for_any_more_end_with_the_session(study_file: Path, tmp_path: Path) -> None:
    # trainings of minutes are queued for pinn; the item of flat fails meanwhile, and ends the session
    folder, study = tmp_path / "run", tmp_path / "long.toml"
    folder.mkdir()
    (folder / "test_mine.py").write_text(FAILS_AFTER_A_JOB)
    study.write_text(study_file.read_text().replace("steps_per_epoch = 2", "steps_per_epoch = 100000"))
    words = ("test_mine.py", "-m", "real_run", "--ptyproof-accelerator=cpu", f"--ptyproof-study={study}", "-x")
    run = run_pytest(folder, *words, "-k", "flat or pinn", "--ptyproof-jobs=3", hub=tmp_path / "hub")
    assert run.status == 1
    flat = next(entry for entry in run.reconstructions["jobs"] if entry["job"] == f"{BASELINE}-test-flat")
    assert flat["result"]["status"] == "success"
    trained = {entry["job"]: entry["result"] for entry in run.manifest["jobs"]}
    assert trained[BASELINE]["status"] == "lost"
    assert trained[BASELINE]["started"] is not None
    assert not list(run.hub.rglob("job_state.json"))
    assert {found.code for found in verify_hub(run.hub)} == {"PM705", "PM709"}  # warnings: lost jobs, no bundle
