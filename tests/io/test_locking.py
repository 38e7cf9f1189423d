"""Locks between real processes: one holder at a time, and a dead holder's lock is free."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ptyproof.io import locking
from ptyproof.io.locking import is_lock, lock
from tests.helpers.messages import naming
from tests.helpers.processes import Ending

TIMEOUT_S = 60
ADD = """
import sys, time
from pathlib import Path
from ptyproof.io.locking import lock
path = Path(sys.argv[1])
for _ in range(int(sys.argv[2])):
    with lock(path):
        number = int(path.read_text())
        time.sleep(0.002)
        path.write_text(str(number + 1))
"""
HOLD = """
import sys, time
from pathlib import Path
from ptyproof.io.locking import lock
with lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def process(code: str, *args: object, **environment: str) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", code, *map(str, args)]
    return Ending(words, stdout=subprocess.PIPE, text=True, env=os.environ | environment)


@pytest.mark.parametrize("name", ["number", "名前 é", "x" * 250])
def test_processes_with_temporary_folders_of_their_own_take_turns(tmp_path: Path, name: str) -> None:
    """Schedulers give each job a temporary folder of its own, and containers have theirs."""
    path = tmp_path / name
    path.write_text("0")
    (tmp_path / "link").symlink_to(tmp_path)
    adders = []
    for number in range(3):
        own = tmp_path / f"tmp{number}"
        own.mkdir()
        place = tmp_path / "link" / name if number else path
        adders.append(process(ADD, place, 30, TMPDIR=str(own)))
    assert [adder.communicate(timeout=TIMEOUT_S)[0] for adder in adders] == ["", "", ""]
    assert path.read_text() == "90"
    assert not [found for found in tmp_path.iterdir() if is_lock(found.name)]


def test_a_holder_that_is_killed_lets_go_and_the_next_clears_up(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with process(HOLD, path) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        waiting = process(HOLD, path)
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(0.5)
        holder.send_signal(signal.SIGKILL)
        holder.wait(TIMEOUT_S)
    with waiting:
        assert waiting.stdout is not None
        assert waiting.stdout.readline() == "held\n"
        waiting.kill()
    left = [found.name for found in tmp_path.iterdir()]
    assert len(left) == 1
    assert is_lock(left[0])
    with lock(path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_thread_may_take_its_lock_again_and_another_waits(tmp_path: Path) -> None:
    entered = threading.Event()

    def enter() -> None:
        with lock(tmp_path / "a"):
            entered.set()

    other = threading.Thread(target=enter)
    with lock(tmp_path / "a"):
        with lock(tmp_path / "a"), lock(tmp_path / "b"):
            pass
        other.start()
        assert not entered.wait(0.2)
    other.join(TIMEOUT_S)
    assert entered.is_set()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_missing_is_made(tmp_path: Path) -> None:
    with lock(tmp_path / "a" / "b" / "c"):
        pass
    assert list((tmp_path / "a" / "b").iterdir()) == []


@pytest.mark.parametrize("place", ["/proc/none/a", "file/a"])
def test_a_place_without_locks_is_named(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=naming(tmp_path / place)) as caught, lock(tmp_path / place):
        pass
    assert caught.value.filename == str(tmp_path / place)


def test_a_system_without_locks_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locking, "fcntl", None)
    with pytest.raises(OSError, match=naming(tmp_path / "a")) as caught, lock(tmp_path / "a"):
        pass
    assert caught.value.errno == errno.EOPNOTSUPP
    assert list(tmp_path.iterdir()) == []


def test_a_link_in_the_place_of_a_lock_is_not_followed(tmp_path: Path) -> None:
    with lock(tmp_path / "a"):
        (name,) = [found.name for found in tmp_path.iterdir()]
    (tmp_path / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match=naming(tmp_path / "a")), lock(tmp_path / "a"):
        pass
    assert not (tmp_path / "elsewhere").exists()
