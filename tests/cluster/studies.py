"""A small study through a Slurm of the tests, with trainings that can be met in the middle."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ptyproof.cli import main
from ptyproof.hub.index import Hub
from ptyproof.jobs.state import OLD_S, read_state
from tests.cluster.slurm import Slurm, wait_until
from tests.helpers import forked
from tests.helpers.equal_hubs import differences, leftovers
from tests.helpers.killing import COMMAND, ENVIRONMENT, STUDY
from tests.helpers.runs import TINY

BASELINE, DENSE = "dose_1000/baseline/gs1", "dose_1000/dense/gs2"
# trainings of some seconds; no method runs for long, and none is that of another package
EPOCHS = 6
SMALL = (
    TINY.replace("max_epochs = 1", f"max_epochs = {EPOCHS}")
    .replace("steps_per_epoch = 2\n", "steps_per_epoch = 12\n")
    .replace('{name = "lsqml", epochs = 1}', '{name = "start"}, {name = "map"}')
)
# an allocation has room for one job, and a node for one allocation
OPTIONS = 'memory = "2 GiB"\njobs = 2\nlog_directory = "logs"\n'
_OVER = frozenset({"COMPLETED", "CANCELLED", "FAILED", "NODE_FAIL"})
SOON = {"DASK_DISTRIBUTED__DEPLOY__LOST_WORKER_TIMEOUT": "1s"}  # until a lost allocation is replaced
_LONGEST_S = 240.0


@dataclass(frozen=True)
class Met:
    """A training in the middle: the process that runs it, stopped, on a node."""

    folder: Path
    pid: int
    node: str

    def go_on(self) -> None:
        """Let it run, unless it was killed."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGCONT)

    def grow_old(self) -> None:
        """Let its heartbeat look as one of a night ago: another node then waits for it for 15 s, and not for 60 s."""
        before = time.time() - 1.2 * OLD_S
        os.utime(self.folder / "job_state.json", (before, before))

    def is_interrupted(self) -> bool:
        """Tell whether it was sent an interrupt, which it sees when it goes on."""
        lines = Path(f"/proc/{self.pid}/status").read_text(encoding="utf-8", errors="replace").splitlines()
        pending = next(line.split()[1] for line in lines if line.startswith("ShdPnd:"))
        return bool(int(pending, 16) & 1 << signal.SIGINT - 1)


@dataclass
class StudyRun:
    """A study in a folder: `s.toml`, `cluster.toml`, `hub`, and what its runs showed.

    Parameters
    ----------
    folder
        The folder.
    slurm
        Where its jobs run; None is this machine.
    """

    folder: Path
    slurm: Slurm | None = None
    _process: forked.Begun | None = field(default=None, init=False)

    @classmethod
    def made(cls, folder: Path, slurm: Slurm | None = None, options: str = "") -> StudyRun:
        """Make the folder of a study; `options` are more lines of `cluster.toml`."""
        folder.mkdir()
        (folder / "screen").touch()
        (folder / "s.toml").write_text(SMALL, encoding="utf-8")
        (folder / "cluster.toml").write_text(OPTIONS + options, encoding="utf-8")
        return cls(folder, slurm)

    @property
    def hub(self) -> Path:
        """Its hub."""
        return self.folder / "hub"

    @property
    def screen(self) -> str:
        """What its runs have shown."""
        return (self.folder / "screen").read_text(encoding="utf-8", errors="replace")

    @contextmanager
    def begun(self) -> Iterator[None]:
        """Run the study; when the block ends, the run has ended or is killed."""
        where = ["--ptyproof-jobs=1"]
        environment = ENVIRONMENT
        if self.slurm is not None:
            where = ["--ptyproof-executor=slurm", "--ptyproof-executor-options=cluster.toml"]
            environment = self.slurm.environment | ENVIRONMENT | SOON
        words = [*COMMAND, *STUDY, "--ptyproof-study=s.toml", "--artifact-hub=hub", *where]
        screen = self.folder / "screen"
        with forked.begun(words, self.folder, environment, (screen, screen)) as process:
            self._process = process
            yield

    def end(self) -> None:
        """Wait until the run has ended by itself; it has to be a success."""
        process = self._process
        assert process is not None
        wait_until(lambda: process.poll() is not None, f"the run of {self.folder}/screen has ended", _LONGEST_S)
        assert process.poll() == 0, self.screen

    def meet(self, *trainings: str) -> list[Met]:
        """Stop trainings after their first epochs; return them in the same order."""
        process = self._process
        assert process is not None

        def check() -> None:
            assert process.poll() is None, self.screen

        return meet(self.hub, trainings, check)

    def check(self, alone: StudyRun, *resumed: str, or_not: str = "") -> None:
        """Check that nothing was lost or left, that some trainings went on, and that records are sound.

        The training `or_not` may have gone on or not.
        """
        assert differences(self.hub, alone.hub) == []  # states and digests, too
        kept = {entry["artifact_dir"]: entry["result"]["resumed_from_epoch"] for entry in self.manifest()["jobs"]}
        kept.pop(or_not, None)
        assert {name: 0 < n < EPOCHS for name, n in kept.items()} == {name: name in resumed for name in kept}
        for words in (["hub", "verify", str(self.hub)], ["check", str(self.hub)]):
            assert main(words) == 0
        assert leftovers(self.hub) == []
        assert not list(self.folder.glob(".ptyproof*"))
        self.nothing_is_left()

    def nothing_is_left(self) -> None:
        """Check that no allocation and no process of one lives."""
        slurm = self.slurm
        assert slurm is not None
        wait_until(lambda: set(slurm.jobs().values()) <= _OVER, "no allocation is left", 90)
        wait_until(lambda: not of_jobs(), "no process is left", 60)

    def manifest(self, name: str = "training_manifest.json") -> dict[str, Any]:
        """Return a manifest of the hub."""
        found: dict[str, Any] = json.loads((self.hub / "real_run" / name).read_text(encoding="utf-8"))
        return found

    def runs(self) -> list[Any]:
        """Return the runs of the hub."""
        index = Hub(self.hub).read()
        return [] if index is None else index["runs"]


def meet(hub: Path, trainings: Sequence[str], check: Callable[[], None]) -> list[Met]:
    """Stop trainings of a hub after their first epochs; return them in the same order. `check` is called meanwhile."""
    found: dict[str, Met] = {}

    def stop() -> bool:
        check()
        for name in set(trainings) - found.keys():
            folder = hub / "real_run" / name
            state = read_state(folder / "job_state.json")
            if state is not None and (folder / "checkpoint.ckpt").is_file():
                node = state["process"]["host"]
                pid = pid_here(node, state["process"]["pid"])
                if pid is not None:
                    os.kill(pid, signal.SIGSTOP)
                    found[name] = Met(folder, pid, node)
        return len(found) == len(trainings)

    wait_until(stop, "the trainings have begun", _LONGEST_S, every_s=0.05)
    return [found[name] for name in trainings]


def pid_here(node: str, pid: int) -> int | None:
    """Return the number that this machine has for a process of a job, by its number on the node."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError):
            status = (process / "status").read_text(encoding="utf-8", errors="replace")
            numbers = next(line for line in status.splitlines() if line.startswith("NSpid:")).split()[1:]
            if int(numbers[-1]) == pid and len(numbers) > 1 and node_of(process) == node:
                return int(process.name)
    return None


def node_of(process: Path) -> str | None:
    """Return the node on which a job of Slurm started a process; None for other processes."""
    for variable in (process / "environ").read_bytes().split(b"\0"):
        if variable.startswith(b"SLURMD_NODENAME="):
            return os.fsdecode(variable.partition(b"=")[2])
    return None


def workers(node: str) -> list[int]:
    """Return the workers of Dask on a node; the processes that started them watch over them."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (process / "cmdline").read_bytes()
            if b"multiprocessing.spawn" in words and b"spawn_main" in words and node_of(process) == node:
                found.append(int(process.name))
    return found


def of_jobs() -> list[str]:
    """Return the processes of jobs of any Slurm of the tests, with their words."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if node_of(process) is not None:
                found.append(f"{process.name}: {(process / 'cmdline').read_bytes().replace(bytes(1), b' ')!r}")
    return found
