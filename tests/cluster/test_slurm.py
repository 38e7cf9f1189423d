"""The Slurm of these tests is one: jobs run on both nodes, end as on a cluster, and leave nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.rooms import ROOT
from tests.cluster.slurm import NODES, Slurm, wait_until

pytestmark = pytest.mark.cluster

SLEEP = "sleep 1000"


def submit(slurm: Slurm, work: str, *options: str) -> int:
    return int(slurm.ask("sbatch", "--parsable", "--output=/dev/null", *options, f"--wrap={work}"))


def test_jobs_run_on_both_nodes(slurm: Slurm, tmp_path: Path) -> None:
    jobs = [submit(slurm, f"hostname > {tmp_path}/{name}", f"--nodelist={name}") for name in NODES]
    wait_until(lambda: all(slurm.jobs()[job] == "COMPLETED" for job in jobs), "both have run")
    assert [(tmp_path / name).read_text() for name in NODES] == [f"{name}\n" for name in NODES]


def test_a_job_ends_as_on_a_cluster(slurm: Slurm) -> None:
    canceled = submit(slurm, SLEEP, "--nodelist=node2")
    wait_until(lambda: slurm.jobs()[canceled] == "RUNNING", "it runs")
    assert (slurm.running_on("node1"), slurm.running_on("node2")) == ([], [canceled])
    slurm.ask("scancel", str(canceled))
    wait_until(lambda: slurm.jobs()[canceled] == "CANCELLED", "it has ended")


def test_a_killed_test_run_leaves_no_process(short_folder: Path) -> None:
    words = f"""
import time
from pathlib import Path
from tests.cluster.slurm import running
with running(Path({str(short_folder)!r})) as slurm:
    slurm.ask("sbatch", "--output=/dev/null", "--wrap=echo $$ > started; {SLEEP}")
    time.sleep(1000)
"""
    with subprocess.Popen([sys.executable, "-c", words], cwd=ROOT) as process:
        try:
            wait_until((short_folder / "started").exists, "the job runs")
            assert len(named(short_folder)) >= 4
        finally:
            process.send_signal(signal.SIGKILL)
    try:
        wait_until(lambda: not named(short_folder), "all daemons have ended")
    finally:
        for pid in named(short_folder):
            os.kill(pid, signal.SIGKILL)


def named(folder: Path) -> list[int]:
    """Return the processes whose environment or words name a folder: the daemons, and what they started."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            said = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:  # it has ended, or belongs to another user
            continue
        if os.fsencode(folder) in said:
            found.append(int(process.name))
    return found
