"""Packed folders: what is unpacked, and hostile archives, which are refused in one sentence, with nothing left."""

from __future__ import annotations

import io
import os
import stat
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from ptyproof.errors import InputError
from ptyproof.io.unpacking import Limits, unpacked

Change = Callable[[zipfile.ZipFile], object]


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of temporary folders, which has to be empty in the end."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    return place


def packed(path: Path, change: Change = id, top: str = "top.json") -> Path:
    """Write an archive with `top` and what a test adds."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(top, "{}")
        change(archive)
    return path


def with_members(*names: str) -> Change:
    """Return a change that adds empty members."""

    def add(archive: zipfile.ZipFile) -> None:
        for name in names:
            archive.writestr(name, "")

    return add


def member(name: str, mode: int) -> zipfile.ZipInfo:
    """Return a member with a mode."""
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, mode << 16
    return info


@pytest.mark.parametrize("folder", ["", "hub/", "a hub/"])
def test_a_folder_is_there_inside_the_block_alone(folder: str, temporary: Path, tmp_path: Path) -> None:
    def more(archive: zipfile.ZipFile) -> None:
        archive.writestr(f"{folder}empty/", "")
        archive.writestr(f"{folder}a/b/c.txt", "c" * 5_000_000)

    with unpacked(packed(tmp_path / "a.zip", more, f"{folder}top.json"), "top.json") as root:
        assert (root / "top.json").read_text() == "{}"
        assert (root / "a/b/c.txt").stat().st_size == 5_000_000
    assert list(temporary.iterdir()) == []


LINK, DEVICE, PIPE = (stat.S_IFLNK | 0o777, stat.S_IFCHR | 0o666, stat.S_IFIFO | 0o666)
HOSTILE: dict[str, Change] = {
    "absolute": lambda archive: archive.writestr("/etc/x", ""),
    "above": lambda archive: archive.writestr("../x", ""),
    "above inside": lambda archive: archive.writestr("a/../../x", ""),
    "dot": lambda archive: archive.writestr("./x", ""),
    "double slash": lambda archive: archive.writestr("a//x", ""),
    "no name": lambda archive: archive.writestr(zipfile.ZipInfo(""), ""),
    "backslash": lambda archive: archive.writestr("..\\x", ""),
    "drive": lambda archive: archive.writestr("C:/x", ""),
    "control": lambda archive: archive.writestr("a\x1b[31m", ""),
    "line": lambda archive: archive.writestr("a\nb", ""),
    "direction": lambda archive: archive.writestr("a\u202egpj.b", ""),
    "link": lambda archive: archive.writestr(member("x", LINK), "/etc/passwd"),
    "link to a folder": lambda archive: archive.writestr(member("x/", LINK), "/etc"),
    "device": lambda archive: archive.writestr(member("x", DEVICE), ""),
    "pipe": lambda archive: archive.writestr(member("x", PIPE), ""),
    "folder as file": lambda archive: archive.writestr(member("x", stat.S_IFDIR | 0o777), ""),
    "file and folder": with_members("x", "x/y"),
    "folder and file": with_members("x/", "x"),
}


@pytest.mark.parametrize("change", HOSTILE.values(), ids=list(HOSTILE))
def test_a_member_that_is_no_plain_file_is_refused(change: Change, temporary: Path, tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", change)
    with pytest.raises(InputError, match=r"a\.zip") as raised, unpacked(path, "top.json"):
        pass
    assert str(raised.value).isprintable()
    assert list(temporary.iterdir()) == []
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a.zip", "temporary"]


def test_what_stands_before_an_archive_is_refused(temporary: Path, tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", with_members("x"))
    before = b"<h1>all tests passed</h1>"
    path.write_bytes(before + path.read_bytes())
    with pytest.raises(InputError, match=rf"a\.zip.* {len(before)} bytes"), unpacked(path, "top.json"):
        pass
    assert list(temporary.iterdir()) == []


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_occurs_twice_is_refused(temporary: Path, tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", lambda archive: archive.writestr("top.json", "[]"))
    with pytest.raises(InputError, match="twice"), unpacked(path, "top.json"):
        pass
    assert list(temporary.iterdir()) == []


def test_a_bomb_is_refused_before_it_is_unpacked(temporary: Path, tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", lambda archive: archive.writestr("x", bytes(1 << 24)))
    with unpacked(path, "top.json"):  # as large as any archive may become
        pass
    small = Limits(size_bytes=1 << 20)
    with pytest.raises(InputError, match=str((1 << 24) + 2)), unpacked(path, "top.json", small):
        pass
    assert list(temporary.iterdir()) == []


def test_more_members_than_a_hub_has_are_refused(temporary: Path, tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", with_members(*map(str, range(9))))
    with pytest.raises(InputError, match="10"), unpacked(path, "top.json", Limits(n_files=9)):
        pass


def test_a_size_that_is_understated_is_found(temporary: Path, tmp_path: Path) -> None:
    raw = packed(tmp_path / "a.zip", lambda archive: archive.writestr("x", b"abc" * 1000)).read_bytes()
    size = (3000).to_bytes(4, "little")
    for small in (b"\x10\0\0\0", b"\0\0\0\0"):
        (tmp_path / "b.zip").write_bytes(raw.replace(size, small))
        with pytest.raises(InputError, match=r"b\.zip"), unpacked(tmp_path / "b.zip", "top.json"):
            pass
    assert list(temporary.iterdir()) == []


def test_what_is_no_zip_file_of_such_a_folder_is_refused(temporary: Path, tmp_path: Path) -> None:
    raw = packed(tmp_path / "whole.zip", lambda archive: archive.writestr("x", os.urandom(3000))).read_bytes()
    encrypted = bytearray(raw)
    encrypted[raw.index(b"PK\x01\x02") + 8] |= 1
    changed = bytearray(raw)
    changed[raw.index(b"PK\x01\x02") - 100] ^= 1
    unknown = bytearray(raw)
    for head, place in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        start = raw.index(head) + place
        unknown[start : start + 2] = b"\x63\0"
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("a/top.json", "")
        archive.writestr("b/top.json", "")
    found = {
        "empty": b"",
        "text": b"no archive",
        "cut": raw[:-30],
        "encrypted": bytes(encrypted),
        "changed": bytes(changed),
        "unknown": bytes(unknown),
        "two": other.getvalue(),
        "nothing": b"PK\x05\x06" + bytes(18),
    }
    for name, content in found.items():
        path = tmp_path / f"{name}.zip"
        path.write_bytes(content)
        with pytest.raises(InputError, match=name), unpacked(path, "top.json"):
            pass
    with pytest.raises(InputError, match="nowhere"), unpacked(tmp_path / "nowhere.zip", "top.json"):
        pass
    assert list(temporary.iterdir()) == []
