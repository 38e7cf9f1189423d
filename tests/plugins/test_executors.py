"""Real runs whose jobs run elsewhere: the same results as on this machine; what cannot be meant is refused."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from ptyproof.checking.hub import verify_hub
from tests.helpers import batch
from tests.helpers.runs import STUDY_AS_TESTS, Run, run_pytest


def results(run: Run) -> dict[str, Any]:
    """What a run found, without its times."""
    return {
        "bundles": {entry["job"]: entry["result"]["bundle_sha256"] for entry in run.manifest["jobs"]},
        "archives": {entry["job"]: entry["result"]["arrays_sha256"] for entry in run.reconstructions["jobs"]},
        "accounts": [run.manifest["account"], run.reconstructions["account"]],
        "skips": run.manifest["skipped_views"],
    }


@pytest.mark.campaign
def test_results_through_dask_are_those_of_this_machine(study_file: Path, tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed", reason="needs the extra cluster")
    asked = (*STUDY_AS_TESTS, f"--ptyproof-study={study_file}")
    here = run_pytest(tmp_path / "here", *asked, "--ptyproof-jobs=1", hub=tmp_path / "here-hub")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=logging.ERROR
    ) as cluster:
        words = ("--ptyproof-executor=dask", f"--ptyproof-scheduler={cluster.scheduler_address}")
        there = run_pytest(tmp_path / "there", *asked, *words, hub=tmp_path / "there-hub")
    assert here.status == there.status == 0, there.screen
    assert there.outcomes() == here.outcomes()
    assert results(there) == results(here)
    assert verify_hub(there.hub) == []


@pytest.mark.parametrize(
    "words",
    [
        ["--ptyproof-executor=moon"],
        ["--ptyproof-executor=slurm"],
        ["--ptyproof-executor=dask"],
        ["--ptyproof-executor=dask", "--ptyproof-scheduler=tcp://127.0.0.1:9", "--ptyproof-jobs=2"],
        ["--ptyproof-scheduler=tcp://127.0.0.1:9"],
        ["--ptyproof-executor-options=cluster.toml"],
        ["--ptyproof-executor=dask", "--ptyproof-scheduler=tcp://127.0.0.1:9", "-p", "xdist", "-n2"],
    ],
    ids=["unknown", "no options", "no scheduler", "jobs", "local scheduler", "local options", "xdist"],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_collected(
    words: list[str], study_file: Path, tmp_path: Path
) -> None:
    run = run_pytest(tmp_path / "run", *STUDY_AS_TESTS, f"--ptyproof-study={study_file}", *words, hub=tmp_path / "hub")
    assert run.status == 4
    assert "--ptyproof-" in run.screen
    assert not (tmp_path / "hub").exists()


def test_a_scheduler_that_does_not_answer_is_one_usage_error_and_nothing_is_written(
    study_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed", reason="needs the extra cluster")
    monkeypatch.setenv("DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT", "300ms")
    words = ("--ptyproof-executor=dask", "--ptyproof-scheduler=tcp://127.0.0.1:9")
    asked = (*STUDY_AS_TESTS, f"--ptyproof-study={study_file}", *words)
    run = run_pytest(tmp_path / "run", *asked, hub=tmp_path / "hub")
    assert run.status == 4
    assert run.screen.count("--ptyproof-scheduler") == 1
    assert not (tmp_path / "hub").exists()
    assert run_pytest(tmp_path / "run", *asked, "--collect-only", hub=tmp_path / "hub").status == 0


def test_a_batch_system_that_refuses_is_one_usage_error_and_nothing_is_written(
    sbatch: Path, study_file: Path, tmp_path: Path
) -> None:
    options = tmp_path / "cluster.toml"
    options.write_text('memory = "2 GiB"\nqueue = "refused"\n')
    words = ("--ptyproof-executor=slurm", f"--ptyproof-executor-options={options}")
    asked = (*STUDY_AS_TESTS, f"--ptyproof-study={study_file}", *words)
    run = run_pytest(tmp_path / "run", *asked, hub=tmp_path / "hub")
    assert run.status == 4
    assert run.screen.count("Invalid partition") == 1
    assert not (tmp_path / "hub").exists()
    assert list((tmp_path / "run").iterdir()) == []
    assert run_pytest(tmp_path / "run", *asked, "--collect-only", hub=tmp_path / "hub").status == 0


def test_an_allocation_that_no_test_needs_is_given_back_and_none_is_asked_for_to_show_something(
    sbatch: Path, study_file: Path, tmp_path: Path
) -> None:
    options = tmp_path / "cluster.toml"
    options.write_text('memory = "2 GiB"\n')
    words = ("--ptyproof-executor=slurm", f"--ptyproof-executor-options={options}")
    asked = (*STUDY_AS_TESTS, f"--ptyproof-study={study_file}", *words)
    for showing in ("--collect-only", "--help", "--markers", "--fixtures"):
        assert run_pytest(tmp_path / "run", *asked, showing, hub=tmp_path / "hub").status == 0
    assert not list(sbatch.glob("*.pid"))
    assert run_pytest(tmp_path / "run", *asked, "-k=nothing", hub=tmp_path / "hub").status == 5
    (allocation,) = sbatch.glob("*.pid")
    assert batch.has_ended(allocation)
