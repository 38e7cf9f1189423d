"""Processes that make the scans of a training: they end with it, and it ends with a sentence when one of them dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.helpers.processes import Ending, of_session, plugin_alone

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked for in /proc")

COMMAND = (sys.executable, "-m", "ptyproof", "foundation", "train", "--steps", "100000", "--num-workers", "2")
IN_TIME_S = 60
N_PROCESSES = 4  # the tracker of shared memory, the fork server, and two that make scans


@pytest.fixture
def training(tmp_path: Path) -> Iterator[Ending]:
    """A training whose fork server has started both processes."""
    command = [*COMMAND, "--stages", "1", "--channels", "2", "--out", str(tmp_path)]
    with Ending(command, stderr=subprocess.PIPE, text=True, env=plugin_alone(), start_new_session=True) as process:
        try:
            wait_for(lambda: len(others(process)) == N_PROCESSES)
            yield process
        finally:
            for pid in of_session(process.pid):
                os.kill(pid, signal.SIGKILL)


def others(process: Ending) -> list[int]:
    return [pid for pid in of_session(process.pid) if pid != process.pid]


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + IN_TIME_S
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.1)


def test_they_end_with_a_training_that_is_killed(training: Ending) -> None:
    training.kill()
    training.wait()
    wait_for(lambda: not others(training))


def test_a_training_ends_with_one_sentence_when_one_of_them_dies(training: Ending) -> None:
    os.kill(others(training)[-1], signal.SIGKILL)
    _, said = training.communicate(timeout=IN_TIME_S)
    lines = said.splitlines()
    assert training.returncode == 1
    assert lines[-1].startswith("ptyproof: error: ")
    assert not any(line.startswith("Traceback") for line in lines)
