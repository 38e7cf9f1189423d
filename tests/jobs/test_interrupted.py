"""A training that is interrupted or killed stops at once, leaves no process, and goes on to the same bundle."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ptyproof.cli import main
from ptyproof.io.atomic import TEMPORARY
from ptyproof.jobs.state import read_state, state_of
from ptyproof.records.manifest import read_manifest
from ptyproof.records.recorded import read_recorded
from ptyproof.study.layout import STATE_FILE
from tests.helpers import forked
from tests.helpers.killing import command
from tests.helpers.messages import names
from tests.helpers.phases import Phase
from tests.helpers.processes import of_session, plain_pictures
from tests.helpers.runs import TINY

KEY = "dose1000-baseline-gs1"
FOLDER = Path("dose_1000", "baseline", "gs1")
EPOCHS = "3"
EPOCHS_WITHOUT_END = "100000"


@dataclass(frozen=True)
class Training:
    """A command that trains in a process of its own, with a job in another one."""

    process: forked.Begun
    root: Path
    screen: tuple[Path, Path]

    @property
    def state_path(self) -> Path:
        return self.root / FOLDER / STATE_FILE

    def entry(self) -> dict[str, Any]:
        entries = read_recorded(self.root / "training_manifest.json", "training_manifest")["jobs"]
        return dict(entries[0])

    def processes(self) -> set[int]:
        """Return the processes that it has started, itself included, and that live."""
        return set(of_session(self.process.pid))

    def said(self) -> str:
        return "".join(path.read_text(encoding="utf-8") for path in self.screen)


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


@contextmanager
def training(words: list[str], root: Path, folder: Path) -> Iterator[Training]:
    """Yield the training of `python words...` after its first epoch; its artifacts are in `root`."""
    screen = folder / "stdout", folder / "stderr"
    with forked.begun(words, folder, plain_pictures(), screen) as process:
        made = Training(process, root, screen)
        try:
            wait_until((root / FOLDER / "checkpoint.ckpt").is_file, 120)
            yield made
        finally:
            for pid in made.processes():
                os.kill(pid, signal.SIGKILL)


@contextmanager
def training_by_command(smoke_c: Phase, smoke_d: Phase, folder: Path, epochs: str) -> Iterator[Training]:
    root = folder / "artifacts"
    with training(["-m", "ptyproof", *argv(smoke_c, smoke_d, root, epochs)], root, folder) as made:
        yield made


@contextmanager
def training_by_pytest(folder: Path) -> Iterator[Training]:
    study = folder / "endless.toml"
    study.write_text(TINY.replace("max_epochs = 1", f"max_epochs = {EPOCHS_WITHOUT_END}"), encoding="utf-8")
    with training(command(str(study), folder / "hub"), folder / "hub" / "real_run", folder) as made:
        yield made


def whole(smoke_c: Phase, smoke_d: Phase, root: Path) -> str:
    """Train to the end in this process; return the bundle's sha256."""
    assert main([*argv(smoke_c, smoke_d, root, EPOCHS), "--in-process"]) == 0
    (entry,) = read_manifest(root / "training_manifest.json", "training_manifest")["jobs"]
    return str(entry["result"]["bundle_sha256"])


@pytest.mark.parametrize(("by", "status"), [("command", 130), ("pytest", int(pytest.ExitCode.INTERRUPTED))])
def test_an_interrupt_stops_within_five_seconds_says_how_to_go_on_and_leaves_no_process(
    by: str, status: int, smoke_c: Phase, smoke_d: Phase, tmp_path: Path
) -> None:
    of_command = training_by_command(smoke_c, smoke_d, tmp_path, EPOCHS_WITHOUT_END)
    with of_command if by == "command" else training_by_pytest(tmp_path) as run:
        assert state_of(run.entry(), run.state_path) == "running"
        os.kill(run.process.pid, signal.SIGINT)
        took_s = wait_until(lambda: run.process.poll() is not None, 20)
        assert wait_until(lambda: not run.processes(), 5) + took_s < 5
        ended = run.process.wait()
    assert ended == status
    said = run.said()
    assert "interrupted" in said
    assert "Traceback" not in said
    assert state_of(run.entry(), run.state_path) == "lost"
    assert not run.state_path.exists()
    assert "KeyboardInterrupt" in (run.root / FOLDER / "train.log").read_text()


def test_a_job_dies_with_the_run_that_was_killed_and_goes_on_to_the_same_bundle(
    smoke_c: Phase, smoke_d: Phase, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with training_by_command(smoke_c, smoke_d, tmp_path, EPOCHS) as run:
        state = read_state(run.state_path)
        assert state is not None
        assert state["process"]["pid"] in run.processes() - {run.process.pid}
        run.process.kill()
        wait_until(lambda: run.process.poll() is not None and not run.processes(), 5)
    killed = run.root
    assert state_of(run.entry(), run.state_path) == "lost"
    (killed / FOLDER / f".checkpoint.ckpt.x{TEMPORARY}").write_text("half")
    assert main([*argv(smoke_c, smoke_d, killed, EPOCHS), "--dry-run"]) == 0
    assert f"{KEY} (lost)" in capsys.readouterr().out
    sha256 = whole(smoke_c, smoke_d, killed)
    said = capsys.readouterr().out
    started = run.entry()["earlier_results"] or state["started"]
    assert names(said, f"{KEY}: ", started, f"process {state['process']['pid']} on ")
    assert run.entry()["result"]["resumed_from_epoch"] >= 1
    assert sha256 == whole(smoke_c, smoke_d, tmp_path / "whole")
    assert not [path for path in killed.rglob("*") if path.name.startswith(".") or path.name == STATE_FILE]
