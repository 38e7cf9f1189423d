"""Ledgers of studies whose data, empty files, are there; and forks of the test's process that die at a chosen call."""

from __future__ import annotations

import os
import signal
import tempfile
import traceback
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from ptyproof.records.training_ledger import TrainingLedger
from ptyproof.study.builtin import builtin_study
from ptyproof.study.cells import Enumeration
from ptyproof.study.design import StudyDesign
from ptyproof.study.jobs import JobFilters, TrainingJob, build_training_jobs
from ptyproof.study.layout import HALVES, phase_c_file, phase_d_file
from ptyproof.study.views import Spacing, View

SMOKE = builtin_study("fly64-smoke")
FAILED = TrainingLedger.lost_result("no memory") | {
    "status": "failed",
    "started": "2026-01-01T00:00:00Z",
    "finished": "2026-01-01T00:00:01Z",
}
# what touches the disk when a journal or a manifest is written
CALLS = ("open", "write", "fsync", "ftruncate", "replace", "unlink")


def study_of(n_cells: int) -> StudyDesign:
    """Return a study of `n_cells` trainings, of about as many doses as views."""
    n_doses = max(number for number in range(1, round(n_cells**0.5) + 1) if n_cells % number == 0)
    views = tuple(View(f"view{number}", 2, Spacing(0.5)) for number in range(n_cells // n_doses))
    doses = tuple(float(dose) for dose in range(1, n_doses + 1))
    return replace(builtin_study("fly64"), views=views, doses_photons_per_pattern=doses)


@contextmanager
def ledger_with(
    missing: Collection[tuple[float, str]] = (), design: StudyDesign = SMOKE, **options: Any
) -> Iterator[TrainingLedger]:
    """Yield a ledger whose data, empty files, are all there but for the missing views."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for dose in design.doses_photons_per_pattern:
            for half in HALVES:
                paths = [phase_c_file(root / "c", dose, half)]
                paths += [
                    phase_d_file(root / "d", dose, view.name, half)
                    for view in design.views
                    if (dose, view.name) not in missing and view.name != "baseline"
                ]
                for path in paths:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.touch()
        for folder in ("a", "d"):
            (root / folder).mkdir(exist_ok=True)
        yield TrainingLedger(design, root / "c", root / "d", root / "a", **options)


def enumeration(ledger: TrainingLedger, filters: JobFilters | None = None) -> Enumeration[TrainingJob]:
    """Enumerate over the ledger's folders."""
    return build_training_jobs(
        ledger.design,
        ledger.phase_c_root,
        ledger.phase_d_root,
        ledger.artifact_root,
        filters,
        allow_missing_phase_d=True,
    )


class Killing:
    """Kill this process at its n-th call of the system: before it, or in the middle of what it writes."""

    def __init__(self, n: int, in_the_middle: bool = False) -> None:
        self.left = n
        self.in_the_middle = in_the_middle

    def install(self) -> None:
        """Count the calls from now on."""
        for name in CALLS:
            setattr(os, name, self._counted(getattr(os, name), name))

    def _counted(self, call: Callable[..., Any], name: str) -> Callable[..., Any]:
        def counted(*args: Any, **words: Any) -> Any:
            self.left -= 1
            if self.left == 0:
                if self.in_the_middle and name == "write":
                    call(args[0], bytes(args[1])[: len(args[1]) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*args, **words)

        return counted


def forked(work: Callable[[Callable[[str], None]], None], killing: Killing | None = None) -> tuple[int, list[str]]:
    """Do work in a fork of this process; return how it ended (negative: the signal) and what it said, line by line."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.close(reading)
            say = os.write
            if killing is not None:
                killing.install()

            def line(text: str) -> None:
                say(writing, f"{text}\n".encode())

            work(line)
            status = 0
        except BaseException:
            os.write(2, traceback.format_exc().encode())
            raise
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as file:
        said = file.read().splitlines()
    _, ended = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(ended), said
