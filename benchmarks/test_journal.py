"""What the record of a job's end costs, and how that grows with the number of cells.

    python -m pytest benchmarks/test_journal.py -s

Each job of a study is handed over, and its end taken in, as fast as the record allows, as by a coordinator whose jobs
take no time. What the process of a job writes is measured apart. The whole manifest is written at the begin and the
end; a run writes it more often, within a tenth of its time. Each study is measured in a fresh process, which gives its
peak of memory. Compared is the time of the processor, which other programs change least; the time that the disk takes
to flush is given beside it, as it differs from disk to disk.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from ptyproof.records.cell_ledger import NOT_ENDED
from ptyproof.study.jobs import JobFilters
from tests.helpers.ledgers import enumeration, ledger_with, study_of

CELLS = (100, 1_000, 10_000)
LARGEST_RATIO = 1.5  # of the time of a job in a study of 10,000 cells to one of 100
LARGEST_FOLD_RATIO = 2  # of the time of a cell in a whole manifest of 10,000 to one of 1,000
LARGEST_OVERHEAD_S = 0.010
LARGEST_MEMORY_BYTES = 1e9
BEGUN = "2026-01-01T00:00:00Z"
EXAMPLE = Path(__file__).parents[1] / "tests" / "schemas" / "examples" / "training_manifest" / "valid"


class Flushing:
    """`os.fsync` that adds up its time."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._fsync = os.fsync
        setattr(os, "fsync", self._timed)  # noqa: B010 - a method has other names of arguments

    def _timed(self, handle: Any) -> None:
        begun = time.perf_counter()
        self._fsync(handle)
        self.seconds += time.perf_counter() - begun


def measured(n_cells: int) -> dict[str, float]:
    """Return the seconds of a job, of its processor and its flushes, of a manifest, and the peak of memory in bytes."""
    example = json.loads((EXAMPLE / "whole-dose.json").read_text(encoding="utf-8"))["jobs"][0]
    changes = {key: example[key] for key in ("datasets", "training", "environment", "scores", "result")}
    flushing = Flushing()
    with ledger_with(design=study_of(n_cells), folding_share=0) as ledger:
        jobs = enumeration(ledger).jobs
        ledger.open_call(enumeration(ledger), JobFilters(), False, "one")
        begun_result = ledger.lost_result(NOT_ENDED) | {"started": BEGUN}
        flushing.seconds, begun, begun_cpu, own_s, own_flush_s = 0.0, time.perf_counter(), time.process_time(), 0.0, 0.0
        begun_own_cpu = 0.0
        for job in jobs:
            record = ledger.handed(job)
            cpu, wall, flushed = time.process_time(), time.perf_counter(), flushing.seconds
            job.artifact_dir.mkdir(parents=True)
            record.record(result=begun_result)
            entry = record.record(**changes)
            begun_own_cpu += time.process_time() - cpu
            own_s += time.perf_counter() - wall
            own_flush_s += flushing.seconds - flushed
            ledger.take_in([(job.cell, entry)])
        ledger.fold()
        took, flushed = time.perf_counter() - begun - own_s, flushing.seconds - own_flush_s
        took_cpu = time.process_time() - begun_cpu - begun_own_cpu
        ledger.record(jobs[0], **changes)
        begun = time.perf_counter()
        ledger.fold()
        fold_s = time.perf_counter() - begun
        manifest = ledger.read()
        assert manifest is not None
        assert manifest["account"]["n_success"] == n_cells
        return {
            "job_s": took / n_cells,
            "cpu_s": took_cpu / n_cells,
            "flush_s": flushed / n_cells,
            "own_s": own_s / n_cells,
            "own_cpu_s": begun_own_cpu / n_cells,
            "fold_s": fold_s,
            "manifest_bytes": ledger.path.stat().st_size,
            "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        }


def test_a_job_costs_the_same_whatever_the_number_of_cells(benchmark: Any) -> None:
    """Begin and end every job of three studies: the record's own time a job, and its memory."""
    command = [sys.executable, "-m", "benchmarks.test_journal"]
    found: dict[int, dict[str, float]] = {}

    def run() -> None:
        for n_cells in CELLS:
            done = subprocess.run([*command, str(n_cells)], check=True, capture_output=True, text=True)
            found[n_cells] = json.loads(done.stdout)

    benchmark.pedantic(run, rounds=1)
    own = {n_cells: row["cpu_s"] for n_cells, row in found.items()}
    for n_cells, row in found.items():
        print(
            f"{n_cells} cells, {row['manifest_bytes'] / 1e6:.1f} MB: {own[n_cells] * 1e3:.2f} ms of processor a job, "
            f"{row['job_s'] * 1e3:.2f} ms in all, {row['flush_s'] * 1e3:.2f} ms for the disk; in its own process "
            f"{row['own_cpu_s'] * 1e3:.2f} ms of processor, {row['own_s'] * 1e3:.2f} ms in all; "
            f"whole manifest {row['fold_s']:.2f} s, peak {row['peak_bytes'] / 1e6:.0f} MB"
        )
    assert own[CELLS[-1]] < LARGEST_RATIO * own[CELLS[0]]
    assert found[CELLS[-1]]["fold_s"] / CELLS[-1] < LARGEST_FOLD_RATIO * found[CELLS[-2]]["fold_s"] / CELLS[-2]
    assert max(own.values()) < LARGEST_OVERHEAD_S
    assert found[CELLS[-1]]["peak_bytes"] < LARGEST_MEMORY_BYTES


if __name__ == "__main__":
    print(json.dumps(measured(int(sys.argv[1]))))
