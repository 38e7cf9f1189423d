"""Files are whole or absent: an error leaves what was there before, and nothing else."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from ptyproof.errors import InputError
from ptyproof.io.atomic import TEMPORARY, atomic_path, sweep, writable_folder, write_text
from tests.helpers.messages import naming
from tests.helpers.processes import Ending


def test_the_file_appears_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with atomic_path(path) as temporary:
        temporary.write_text("new")
        assert temporary.parent == tmp_path
        assert not path.exists()
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_file_and_folder_are_flushed_before_anybody_can_rely_on_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[tuple[str, int]] = []
    flush, rename = os.fsync, Path.replace

    def flushed(handle: int) -> None:
        what = os.fstat(handle)
        steps.append(("folder", path.exists()) if stat.S_ISDIR(what.st_mode) else ("file", what.st_size))
        flush(handle)

    def renamed(self: Path, target: Path) -> Path:
        steps.append(("rename", target == path))
        return rename(self, target)

    path = tmp_path / "a.txt"
    monkeypatch.setattr(os, "fsync", flushed)
    monkeypatch.setattr(Path, "replace", renamed)
    write_text(path, "new")
    assert steps == [("file", 3), ("rename", True), ("folder", True)]


@pytest.mark.parametrize(("number", "is_raised"), [(errno.EINVAL, False), (errno.EIO, True)])
def test_a_folder_that_cannot_be_flushed(
    number: int, is_raised: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flush = os.fsync

    def failing(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(number, os.strerror(number))
        flush(handle)

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(OSError, match=os.strerror(number)) if is_raised else nullcontext():
        write_text(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").read_text() == "new"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, OSError])
def test_an_error_leaves_what_was_there(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def half_written() -> None:
        with atomic_path(path) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(error):
        half_written()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("named", [False, True])
def test_an_error_of_the_system_names_the_file_that_was_to_be_written(tmp_path: Path, named: bool) -> None:
    path = tmp_path / "a.txt"

    def failing() -> None:
        with atomic_path(path) as temporary:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), *([str(temporary)] if named else []))

    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)) as caught:
        failing()
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(path))


def test_a_block_that_removes_its_file_fails_and_leaves_nothing(tmp_path: Path) -> None:
    def removing() -> None:
        with atomic_path(tmp_path / "a.txt") as temporary:
            temporary.unlink()

    with pytest.raises(FileNotFoundError):
        removing()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_permissions_follow_the_umask(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        write_text(tmp_path / "a.txt", "x")
        assert os.umask(mask) == mask
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o666 & ~mask


def test_text_is_utf8_with_unix_line_ends(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "Größe\nπ\n")
    assert (tmp_path / "a.txt").read_bytes() == "Größe\nπ\n".encode()


@pytest.mark.parametrize("name", ["x" * 250, "é" * 120, "-rf"])
def test_long_and_strange_names(tmp_path: Path, name: str) -> None:
    write_text(tmp_path / name, "x")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_text(tmp_path / "no" / "a.txt", "x")


def test_writable_folder_makes_parents_and_leaves_nothing_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    assert writable_folder(folder, "--output-root") == folder
    assert writable_folder(folder, "--output-root") == folder
    assert list(folder.iterdir()) == []


def test_folders_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "file", tmp_path / "file" / "a", Path("/proc/none")):
        with pytest.raises(InputError, match=naming("--output-root", path)):
            writable_folder(path, "--output-root")
    assert (tmp_path / "file").read_text() == "x"


_WRITER = """
import sys, time
from contextlib import nullcontext
from pathlib import Path
from ptyproof.io.atomic import atomic_path
with atomic_path(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    print("writing", flush=True)
    time.sleep(60)
"""


@contextmanager
def writing(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Yield a process that is in the middle of writing a file."""
    with Ending([sys.executable, "-c", _WRITER, str(path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        try:
            yield process
        finally:
            process.kill()


def test_what_a_killed_process_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "er"
    folder.mkdir(parents=True)
    others = [folder / ".hidden.part", folder / f"shown{TEMPORARY}", folder / "a.txt"]
    for path in others:
        path.write_text("of somebody else")
    with writing(folder / "b.txt") as process:
        assert sweep(tmp_path) == []  # it lives
        process.send_signal(signal.SIGKILL)
        process.wait()
        (left,) = set(folder.iterdir()) - set(others)
        assert sweep(tmp_path) == [left]
    assert sorted(folder.iterdir()) == sorted(others)


def test_a_file_that_this_process_writes_is_not_swept(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "a.txt") as temporary:
        temporary.write_text("x")
        with temporary.open("rb"):  # closing another handle of the same file lets go of nothing
            pass
        assert sweep(tmp_path) == []
    assert (tmp_path / "a.txt").read_text() == "x"


def test_a_link_is_neither_followed_nor_swept(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("x")
    root = tmp_path / "root"
    root.mkdir()
    (root / f".a{TEMPORARY}").symlink_to(tmp_path / "kept")
    assert sweep(root) == []
    assert (tmp_path / "kept").read_text() == "x"


def test_writing_and_sweeping_at_once_lose_nothing(tmp_path: Path) -> None:
    done = threading.Event()

    def sweeping() -> None:
        while not done.is_set():
            sweep(tmp_path)

    sweepers = [threading.Thread(target=sweeping) for _ in range(2)]
    for sweeper in sweepers:
        sweeper.start()
    for number in range(200):
        write_text(tmp_path / f"{number}.txt", str(number))
    done.set()
    for sweeper in sweepers:
        sweeper.join()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(f"{number}.txt" for number in range(200))


@pytest.mark.parametrize("has_links", [True, False])
def test_a_file_that_is_to_be_new_never_replaces_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_links: bool
) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    if not has_links:
        monkeypatch.setattr(os, "link", no_links)
    path = tmp_path / "state"
    with atomic_path(path, is_new=True) as temporary:
        temporary.write_text("first")
    with pytest.raises(FileExistsError), atomic_path(path, is_new=True) as temporary:
        temporary.write_text("second")
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]
