"""What a job through Dask costs the process that submits it, and how that grows with the number of jobs.

    python -m pytest benchmarks/test_dask.py -s

Every job sleeps for 10 ms in a thread of a worker and says a line; it has no process of its own, which would be the
worker's cost. All else is real: the scheduler of Dask, in this process as with a batch system; the executor, the queue,
and the ledger with its journal. Each number of jobs is measured in a fresh process, which gives its peak of memory.
Compared is the time of that process's processor, which other programs do not change.
"""

from __future__ import annotations

import json
import logging
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from ptyproof.console import Console
from ptyproof.jobs import process
from ptyproof.jobs.attempt import EndedJob, Outcome
from ptyproof.jobs.dask_executor import DaskExecutor
from ptyproof.jobs.executor import Needs, Work
from ptyproof.jobs.process import JobProcesses, Stop
from ptyproof.jobs.queue import JobQueue
from ptyproof.records.cell_ledger import NOT_ENDED
from ptyproof.records.job_record import JobRecord
from ptyproof.records.training_ledger import TrainingLedger
from ptyproof.study.jobs import JobFilters, TrainingJob
from tests.helpers.ledgers import enumeration, ledger_with, study_of

JOBS = (100, 1_000, 10_000)
SLEEP_S = 0.010
N_WORKERS, N_THREADS = 2, 8
LARGEST_RATIO = 1.5  # of the processor's time of a job of 10,000 to one of 100
LARGEST_OVERHEAD_S = 0.010
LARGEST_MEMORY_BYTES = 1e9
BEGUN = "2026-01-01T00:00:00Z"
EXAMPLE = Path(__file__).parents[1] / "tests" / "schemas" / "examples" / "training_manifest" / "valid"


def simulate(
    record: JobRecord[TrainingJob], changes: Mapping[str, Any], console: Console, began: Callable[[str], None]
) -> EndedJob[TrainingJob]:
    """Take the time of a job that has nothing to do, and leave its entry in its folder."""
    began(BEGUN)
    record.job.artifact_dir.mkdir(parents=True)
    record.record(result=TrainingLedger.lost_result(NOT_ENDED) | {"started": BEGUN})
    time.sleep(SLEEP_S)
    console.say(f"{record.job.key}: success")
    return EndedJob(record.job, record.record(**changes))


def run_in_thread(
    work: Work,
    limits: JobProcesses,
    console: Console,
    stop: Stop | None,
    variables: Mapping[str, str] | None,
    began: Callable[[str], None],
) -> Any:
    """Stand for `jobs.process.run` on a worker."""
    return work(console, began)


def without_processes() -> None:
    """Let a worker run jobs in its threads."""
    setattr(process, "run", run_in_thread)  # noqa: B010
    setattr(process, "start_server", lambda _: None)  # noqa: B010


@dataclass
class Simulated:
    """A phase whose jobs are simulated, and whose ledger is real."""

    ledger: TrainingLedger
    changes: Mapping[str, Any]
    processes: JobProcesses | None = field(default_factory=JobProcesses)

    def work_elsewhere(self, job: Any, place: str = "") -> Work:
        """Return the work of a job."""
        return partial(simulate, self.ledger.handed(job), self.changes)

    def needs(self, job: Any) -> Needs:
        """Return what every job takes."""
        return Needs()

    def same_result(self, job: Any) -> None:
        """Return that no other job has the same result."""

    def ended(self, outcomes: Sequence[Outcome[Any]]) -> list[EndedJob[Any]]:
        """Record the ends of jobs, as `jobs.phase.JobPhase` does."""
        ends = [one.value for one in outcomes if isinstance(one.value, EndedJob)]
        assert len(ends) == len(outcomes)
        self.ledger.take_in([(one.job.cell, one.entry) for one in ends])
        self.fold_if_due()
        return ends

    def fold_if_due(self) -> None:
        """Write the manifest, if the last time is long enough ago."""
        self.ledger.fold_if_due()


def measured(n_jobs: int) -> dict[str, float]:
    """Return the seconds of a job, those of this process's processor, and the peak of memory in bytes."""
    from distributed import Client, LocalCluster

    entry = json.loads((EXAMPLE / "whole-dose.json").read_text(encoding="utf-8"))["jobs"][0]
    changes = {key: entry[key] for key in ("datasets", "training", "environment", "scores", "result")}
    how: dict[str, Any] = {"dashboard_address": ":0", "silence_logs": logging.ERROR}
    with (
        ledger_with(design=study_of(n_jobs)) as ledger,
        LocalCluster(n_workers=N_WORKERS, threads_per_worker=N_THREADS, **how) as cluster,
        (ledger.artifact_root / "log").open("w") as log,
        closing(JobQueue(DaskExecutor(cluster))) as queue,
    ):
        jobs = enumeration(ledger).jobs
        ledger.open_call(enumeration(ledger), JobFilters(), False, "one")
        phase, console = Simulated(ledger, changes), Console(log)
        with Client(cluster, set_as_default=False) as client:
            client.run(without_processes)
        begun, begun_cpu = time.perf_counter(), time.process_time()
        asked = [queue.submit(phase, job, nullcontext(console)) for job in jobs]
        for one in asked:
            queue.wait_for(one)
        ledger.fold()
        took, took_cpu = time.perf_counter() - begun, time.process_time() - begun_cpu
        log.flush()
        assert (ledger.artifact_root / "log").read_text().count(": success\n") == n_jobs
        manifest = ledger.read()
        assert manifest is not None
        assert manifest["account"]["n_success"] == n_jobs
        return {
            "job_s": took / n_jobs,
            "cpu_s": took_cpu / n_jobs,
            "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        }


def test_a_job_costs_the_same_whatever_the_number_of_jobs(benchmark: Any) -> None:
    """Run three studies of simulated jobs through Dask, recorded for real."""
    command = [sys.executable, "-m", "benchmarks.test_dask"]
    found: dict[int, dict[str, float]] = {}

    def run() -> None:
        for n_jobs in JOBS:
            done = subprocess.run([*command, str(n_jobs)], check=True, stdout=subprocess.PIPE, text=True)
            found[n_jobs] = json.loads(done.stdout)

    benchmark.pedantic(run, rounds=1)
    for n_jobs, row in found.items():
        print(
            f"{n_jobs} jobs: {row['cpu_s'] * 1e3:.2f} ms of processor a job, {row['job_s'] * 1e3:.2f} ms in all; "
            f"peak {row['peak_bytes'] / 1e6:.0f} MB"
        )
    assert found[JOBS[-1]]["cpu_s"] < LARGEST_RATIO * found[JOBS[0]]["cpu_s"]
    assert max(row["cpu_s"] for row in found.values()) < LARGEST_OVERHEAD_S
    assert found[JOBS[-1]]["peak_bytes"] < LARGEST_MEMORY_BYTES


if __name__ == "__main__":
    print(json.dumps(measured(int(sys.argv[1]))))
