"""Digests of files that are remembered: never of a file that was changed since."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ptyproof.io.file_digests import FileDigests
from ptyproof.io.hashing import sha256_file
from tests.helpers.hashed_files import files_hashed, remember_at_once


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that are read."""
    return files_hashed(monkeypatch)


def test_a_file_is_read_once_as_long_as_it_stays_the_same(
    tmp_path: Path, read: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    remember_at_once(monkeypatch)
    path = tmp_path / "data"
    path.write_bytes(b"one")
    digests = FileDigests()
    assert digests.of(path) == digests.of(path) == sha256_file(path)
    assert read == [path]


@pytest.mark.parametrize("how", ["in place", "replaced", "with its old times"])
def test_a_file_that_was_changed_is_read_again(tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    remember_at_once(monkeypatch)
    path = tmp_path / "data"
    path.write_bytes(b"one")
    before = path.stat()
    digests = FileDigests()
    first = digests.of(path)
    if how == "replaced":
        (tmp_path / "new").write_bytes(b"two")
        (tmp_path / "new").replace(path)
    else:
        path.write_bytes(b"three")
    if how == "with its old times":
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert digests.of(path) == sha256_file(path) != first


def test_a_file_that_was_just_written_is_not_remembered(tmp_path: Path, read: list[Path]) -> None:
    """A second change may come within one tick of the clock of its file system."""
    path = tmp_path / "data"
    path.write_bytes(b"one")
    digests = FileDigests()
    assert digests.of(path) == digests.of(path)
    assert len(read) == 2


def test_a_file_that_is_gone_is_an_error_though_it_was_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remember_at_once(monkeypatch)
    path = tmp_path / "data"
    path.write_bytes(b"one")
    digests = FileDigests()
    digests.of(path)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        digests.of(path)
