"""A training that is interrupted or killed stops at once, leaves no process, and goes on to the same bundle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ptyproof.cli import main
from ptyproof.evidence.job_state import STATE_FILE, read_state, state_of
from ptyproof.evidence.manifest import read_manifest
from ptyproof.io.atomic import TEMPORARY
from tests.conftest import Phase

KEY = "dose1000-baseline-gs1"
FOLDER = Path("dose_1000", "baseline", "gs1")
EPOCHS = "6"
STEPS_THAT_NEVER_END = "100000"


@dataclass(frozen=True)
class Training:
    """A `ptyproof train` in a process of its own, with a job in another one."""

    process: subprocess.Popen[str]
    root: Path
    mark: str

    @property
    def state_path(self) -> Path:
        return self.root / FOLDER / STATE_FILE

    def entry(self) -> dict[str, Any]:
        (entry,) = read_manifest(self.root / "training_manifest.json", "training_manifest")["jobs"]
        return dict(entry)

    def processes(self) -> set[int]:
        """Return the processes that it has started, itself included, and that live."""
        found = set()
        for folder in Path("/proc").iterdir():
            try:
                if folder.name.isdigit() and self.mark.encode() in (folder / "environ").read_bytes():
                    found.add(int(folder.name))
            except OSError:  # it has ended, or is somebody else's
                continue
        return found


def argv(smoke_c: Phase, smoke_d: Phase, root: Path, epochs: str) -> list[str]:
    roots = ["--phase-c-root", smoke_c.root, "--phase-d-root", smoke_d.root, "--artifact-root", root]
    chosen = ["--dose", "1000", "--view", "baseline", "--accelerator", "cpu", "--threads", "1"]
    return ["train", *map(str, roots), *chosen, "--max-epochs", epochs]


def wait_until(is_so: Callable[[], bool], within_s: float) -> float:
    begun = time.monotonic()
    while not is_so():
        assert time.monotonic() - begun < within_s
        time.sleep(0.02)
    return time.monotonic() - begun


def hear_interrupts() -> None:
    """Undo what a shell does to the commands that it starts in the background: they ignore interrupts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def training(smoke_c: Phase, smoke_d: Phase, root: Path, epochs: str) -> Iterator[Training]:
    """Yield a training after its first epoch."""
    mark = f"PTYPROOF_TEST={uuid.uuid4().hex}"
    environment = os.environ | dict([mark.split("=")]) | {"OMP_NUM_THREADS": "1"}
    words = [sys.executable, "-m", "ptyproof", *argv(smoke_c, smoke_d, root, epochs)]
    with subprocess.Popen(
        words,
        env=environment,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=hear_interrupts,
    ) as process:
        made = Training(process, root, mark)
        try:
            wait_until((root / FOLDER / "checkpoint.ckpt").is_file, 120)
            yield made
        finally:
            for pid in made.processes():
                os.kill(pid, signal.SIGKILL)


def whole(smoke_c: Phase, smoke_d: Phase, root: Path) -> str:
    """Train to the end in this process; return the bundle's sha256."""
    assert main([*argv(smoke_c, smoke_d, root, EPOCHS), "--in-process"]) == 0
    (entry,) = read_manifest(root / "training_manifest.json", "training_manifest")["jobs"]
    return str(entry["result"]["bundle_sha256"])


def test_an_interrupt_stops_within_five_seconds_says_how_to_go_on_and_leaves_no_process(
    smoke_c: Phase, smoke_d: Phase, tmp_path: Path
) -> None:
    with training(smoke_c, smoke_d, tmp_path, STEPS_THAT_NEVER_END) as run:
        assert state_of(run.entry(), run.state_path) == "running"
        run.process.send_signal(signal.SIGINT)
        took_s = wait_until(lambda: run.process.poll() is not None, 20)
        assert wait_until(lambda: not run.processes(), 5) + took_s < 5
        assert run.process.stderr is not None
        said = run.process.stderr.read()
    assert run.process.returncode == 130
    assert "interrupted; what was complete stays complete, the same command goes on from there" in said
    assert "Traceback" not in said
    assert state_of(run.entry(), run.state_path) == "lost"
    assert not run.state_path.exists()
    assert "ended by KeyboardInterrupt" in (tmp_path / FOLDER / "train.log").read_text()


def test_a_job_dies_with_the_run_that_was_killed_and_goes_on_to_the_same_bundle(
    smoke_c: Phase, smoke_d: Phase, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    killed = tmp_path / "killed"
    with training(smoke_c, smoke_d, killed, EPOCHS) as run:
        state = read_state(run.state_path)
        assert state is not None
        assert state["process"]["pid"] in run.processes() - {run.process.pid}
        run.process.kill()
        wait_until(lambda: not run.processes(), 5)
    assert state_of(run.entry(), run.state_path) == "lost"
    (killed / FOLDER / f".checkpoint.ckpt.x{TEMPORARY}").write_text("half")
    assert main([*argv(smoke_c, smoke_d, killed, EPOCHS), "--dry-run"]) == 0
    assert f"would train {KEY} (lost)" in capsys.readouterr().out
    sha256 = whole(smoke_c, smoke_d, killed)
    said = capsys.readouterr().out
    assert f"{KEY}: was lost: started {run.entry()['earlier_results'] or state['started']}" in said
    assert f"its process has died (process {state['process']['pid']} on " in said
    assert run.entry()["result"]["resumed_from_epoch"] >= 1
    assert sha256 == whole(smoke_c, smoke_d, tmp_path / "whole")
    assert not [path for path in killed.rglob("*") if path.name.startswith(".") or path.name == STATE_FILE]
