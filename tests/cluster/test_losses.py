"""What is lost of a study on a Slurm: nothing, whatever dies in the middle of a training.

The process that submits jobs dies in `test_document.py`.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.cluster.slurm import NODES, Slurm, wait_until
from tests.cluster.studies import BASELINE, DENSE, StudyRun, workers

pytestmark = pytest.mark.cluster


def test_a_node_that_dies_in_the_middle(slurm: Slurm, alone: StudyRun, tmp_path: Path) -> None:
    run = StudyRun.made(tmp_path / "run", slurm)
    with run.begun():
        one, other = run.meet(BASELINE, DENSE)
        assert {one.node, other.node} == set(NODES)
        one.grow_old()
        slurm.kill_node(one.node)
        other.go_on()
        run.end()
    assert slurm.nodes()[one.node] in {"down", "completing"}
    slurm.start_node(one.node)
    run.check(alone, BASELINE)


def test_a_worker_that_is_killed_and_an_allocation_that_is_ended(slurm: Slurm, alone: StudyRun, tmp_path: Path) -> None:
    run = StudyRun.made(tmp_path / "run", slurm)
    with run.begun():
        one, other = run.meet(BASELINE, DENSE)
        (worker,) = workers(one.node)
        (allocation,) = slurm.running_on(other.node)
        for lost in (one, other):
            lost.grow_old()
        os.kill(worker, signal.SIGKILL)
        slurm.ask("scancel", str(allocation))
        wait_until(lambda: slurm.jobs()[allocation] == "CANCELLED", "the allocation is ended")
        for lost in (one, other):
            lost.go_on()  # to find that its worker has died
        run.end()
    run.check(alone, BASELINE, DENSE)


def test_an_allocation_that_reaches_its_walltime(slurm: Slurm, alone: StudyRun, tmp_path: Path) -> None:
    run = StudyRun.made(tmp_path / "run", slurm, 'walltime = "00:00:20"\n')
    with run.begun():
        one, other = run.meet(BASELINE, DENSE)
        (allocation,) = slurm.running_on(one.node)
        other.go_on()
        wait_until(one.is_interrupted, "its worker closes", 60)
        one.go_on()
        wait_until(lambda: slurm.jobs()[allocation] != "RUNNING", "its allocation has ended")
        run.end()
    run.check(alone, BASELINE, or_not=DENSE)  # whose allocation may have ended, too
