"""What is lost of a study on a Slurm: nothing, whatever dies in the middle of a training."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from ptyproof.cli import main
from ptyproof.hub.index import is_incomplete
from tests.cluster.slurm import NODES, Slurm, wait_until
from tests.cluster.studies import BASELINE, DENSE, EPOCHS, StudyRun, of_jobs, workers
from tests.helpers.equal_hubs import differences, leftovers

pytestmark = pytest.mark.cluster

OLD_S = 700  # a state file that is older counts as one of a night ago, and is waited for for 15 s and not 60 s


def check(run: StudyRun, alone: StudyRun, *resumed: str) -> None:
    """Check that a run lost nothing, went on with some trainings, has sound records, and left nothing behind."""
    assert differences(run.hub, alone.hub) == []  # states and digests, too
    kept = run.epochs_kept()
    assert {name: 0 < n < EPOCHS for name, n in kept.items()} == {name: name in resumed for name in kept}
    for words in (["hub", "verify", str(run.hub)], ["check", str(run.hub)]):
        assert main(words) == 0
    assert leftovers(run.hub) == []
    assert not list(run.folder.glob(".ptyproof*"))
    nothing_is_left(run)


def nothing_is_left(run: StudyRun) -> None:
    """Check that no allocation and no process of one lives."""
    assert run.slurm is not None
    slurm = run.slurm
    over = {"COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "NODE_FAIL"}
    wait_until(lambda: set(slurm.jobs().values()) <= over, "no allocation is left", 90)
    wait_until(lambda: not of_jobs(), "no process is left", 60)


def test_a_node_that_dies_in_the_middle(slurm: Slurm, alone: StudyRun, tmp_path: Path) -> None:
    run = StudyRun(tmp_path / "run", slurm)
    with run.begun():
        one, other = run.meet(BASELINE, DENSE)
        assert {one.node, other.node} == set(NODES)
        before = time.time() - OLD_S
        os.utime(one.folder / "job_state.json", (before, before))
        slurm.kill_node(one.node)
        other.go_on()
        run.end()
    assert slurm.nodes()[one.node] in {"down", "completing"}
    slurm.start_node(one.node)
    check(run, alone, BASELINE)


def test_a_worker_that_is_killed_and_an_allocation_that_is_ended(slurm: Slurm, alone: StudyRun, tmp_path: Path) -> None:
    run = StudyRun(tmp_path / "run", slurm)
    with run.begun():
        one, other = run.meet(BASELINE, DENSE)
        (worker,) = workers(one.node)
        os.kill(worker, signal.SIGKILL)
        one.go_on()  # to find that its worker has died
        (again,) = run.meet(BASELINE)
        assert again.node == one.node
        (allocation,) = slurm.running_on(other.node)
        slurm.ask("scancel", str(allocation))
        wait_until(lambda: slurm.jobs()[allocation] == "CANCELLED", "the allocation is ended")
        other.go_on()
        again.go_on()
        run.end()
    check(run, alone, BASELINE, DENSE)


def test_an_allocation_that_reaches_its_walltime(slurm: Slurm, alone: StudyRun, tmp_path: Path) -> None:
    run = StudyRun(tmp_path / "run", slurm, 'walltime = "00:00:20"\n')
    with run.begun():
        one, other = run.meet(BASELINE, DENSE)
        (allocation,) = slurm.running_on(one.node)
        other.go_on()
        wait_until(one.is_interrupted, "its worker closes", 60)
        one.go_on()
        wait_until(lambda: slurm.jobs()[allocation] != "RUNNING", "its allocation has ended")
        run.end()
    check(run, alone, BASELINE)


def test_the_process_that_submits_is_killed_and_the_same_command_goes_on(
    slurm: Slurm, alone: StudyRun, tmp_path: Path
) -> None:
    run = StudyRun(tmp_path / "run", slurm)
    with run.begun():
        met = run.meet(BASELINE, DENSE)
        run.kill()
    for one in met:
        one.go_on()
    nothing_is_left(run)
    assert is_incomplete(run.runs()[-1])
    with run.begun():
        run.end()
    check(run, alone, BASELINE, DENSE)
    assert [is_incomplete(one) for one in run.runs()] == [True, False]
