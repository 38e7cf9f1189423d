"""Files that lie about themselves: each is refused with its reason, and nothing in them runs or fills memory."""

from __future__ import annotations

import io
import os
import pickle
import resource
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ptyproof.errors import DataError
from ptyproof.io.dataset import read_dataset
from ptyproof.io.npz import NpzArchive, NpzWriter

GIB = 1 << 30


def npy(array: np.ndarray, **kwargs: object) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, **kwargs)
    return stream.getvalue()


def npy_claiming(header: str, data: bytes = b"", version: tuple[int, int] = (1, 0)) -> bytes:
    text = header.encode("latin1") + b"\n"
    length = struct.pack("<H" if version == (1, 0) else "<I", len(text))
    return b"\x93NUMPY" + bytes(version) + length + text + data


def claiming(shape: str, descr: str = "'<f8'", order: str = "False") -> str:
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}"


def zip_of(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def read_all(path: Path) -> dict[str, np.ndarray]:
    with NpzArchive(path) as archive:
        return {name: archive.read(name) for name in archive.members}


def refused(path: Path, member: str | None = None) -> str:
    """Open and read everything; return the reason for which it is refused."""
    with pytest.raises(DataError) as caught:
        read_all(path)
    assert caught.value.path == path
    assert caught.value.member == member
    return caught.value.reason


GOOD = npy(np.arange(40.0).reshape(5, 8))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"hello, this is a table\n1 2 3\n", "looks like text, beginning with 'hello"),
        ("Größe\n".encode(), "looks like text"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git LFS pointer"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "HDF5"),
        (GOOD, r"single \.npy array"),
        (b"\x1f\x8b\x08\0" + bytes(20), "gzip"),
        (b"BZh91AY", "bzip2"),
        (pickle.dumps([1, 2]), "pickle"),
        (bytes(600), "begins with the bytes 00 00"),
        (b"\xff" * 20, "begins with the bytes ff ff"),
        (b"PK\x03\x04", "cut short"),
        (b"PK\x05\x06" + bytes(18), "holds no arrays"),
    ],
)
def test_what_is_no_archive_is_said_to_be_what_it_looks_like(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=reason):
        NpzArchive(path)


def test_missing_folder_pipe_and_null_character(tmp_path: Path) -> None:
    assert refused(tmp_path / "no.npz") == "does not exist"
    assert "folder" in refused(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    assert "no regular file" in refused(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    assert "cannot be read" in refused(tmp_path / "loop")
    assert "cannot be read" in refused(Path("a\0b"))


@pytest.mark.parametrize("cut", np.linspace(0.0, 1.0, 20, endpoint=False))
def test_a_file_that_is_cut_anywhere_is_refused(tmp_path: Path, cut: float) -> None:
    path = zip_of(tmp_path / "a.npz", {"a.npy": GOOD, "b.npy": GOOD}, zipfile.ZIP_DEFLATED)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(cut * len(whole))])
    with pytest.raises(DataError, match=r"cut short|is empty"):
        NpzArchive(path)
    path.write_bytes(whole[: len(whole) - 1 - int(cut * 20)])
    with pytest.raises(DataError, match="cut short"):
        NpzArchive(path)


@pytest.mark.parametrize("stored", [True, False])
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_changed_byte_is_refused_or_changes_no_array(tmp_path: Path, stored: bool, data: st.DataObject) -> None:
    method = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
    path = zip_of(tmp_path / "a.npz", {"a.npy": GOOD, "b.npy": GOOD[::-1][:0] + GOOD}, method)
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    try:
        found = read_all(path)
    except DataError:
        return
    # Times, versions and attributes carry no data; a changed name is another, equally sound archive.
    assert len(found) == 2
    for array in found.values():
        np.testing.assert_array_equal(array, np.arange(40.0).reshape(5, 8))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("/etc/a.npy", "path"),
        ("../a.npy", "path"),
        ("sub/a.npy", "path"),
        ("..npy", "path"),
        ("a\\b.npy", "path"),
        ("C:a.npy", "path"),
        ("a\nb.npy", "do not print"),
        ("a\x1b[31m.npy", "do not print"),
        ("\u202ea.npy", "do not print"),
        ("notes.txt", r"is no array: members must be named NAME\.npy"),
        ("a", "is no array"),
        (".npy", "is no array"),
        ("folder/", "path"),
    ],
)
def test_members_with_other_names_than_arrays_have_are_refused(tmp_path: Path, name: str, reason: str) -> None:
    path = zip_of(tmp_path / "a.npz", {"good.npy": GOOD, name: GOOD})
    with pytest.raises(DataError, match=reason) as caught:
        NpzArchive(path)
    assert caught.value.member in {name, ascii(name)}
    assert caught.value.member.isprintable()


def test_a_name_that_is_cut_at_a_null_character_is_refused(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "a.npz", {"aXb.npy": GOOD})
    path.write_bytes(path.read_bytes().replace(b"aXb.npy", b"a\0b.npy"))
    assert "do not print" in refused(path, ascii("a\0b.npy"))


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_duplicate_member(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", GOOD)
        archive.writestr("a.npy", GOOD)
    assert "2 times" in refused(path, "a.npy")


@pytest.mark.parametrize("mode", [stat.S_IFLNK, stat.S_IFDIR, stat.S_IFIFO])
def test_links_and_devices(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "a.npz"
    info = zipfile.ZipInfo("a.npy")
    info.external_attr = (mode | 0o777) << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(info, GOOD)
    assert "link" in refused(path, "a.npy")


def test_encrypted_member_and_strange_compression(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "a.npz", {"a.npy": GOOD})
    content = path.read_bytes()
    at = content.index(b"PK\x01\x02") + 8
    path.write_bytes(content[:at] + b"\x01" + content[at + 1 :])
    assert "encrypted" in refused(path, "a.npy")
    zip_of(path, {"a.npy": GOOD}, zipfile.ZIP_BZIP2)
    assert "method 12" in refused(path, "a.npy")


def test_bytes_around_and_between_members(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "a.npz", {"a.npy": GOOD, "b.npy": GOOD})
    whole = path.read_bytes()
    path.write_bytes(whole + b"x")
    assert refused(path) == "has 1 bytes after the archive's end record; none are allowed"
    path.write_bytes(b"#!/bin/sh\n" + whole)
    assert "other bytes stand before" in refused(path)
    path.write_bytes(b"PK\x03\x04" + whole)
    assert "4 bytes before its first member" in refused(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", GOOD)
        archive.comment = b"a comment"
    assert refused(path) == "has 9 bytes after the archive's end record; none are allowed"
    with path.open("w+b") as file, zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.npy", GOOD)
        file.write(b"hidden")
        archive.start_dir = file.tell()
        archive.writestr("b.npy", GOOD)
    assert "6 bytes follow it" in refused(path, "a.npy")


def test_two_entries_that_share_bytes(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "a.npz", {"a.npy": GOOD, "b.npy": GOOD})
    content = bytearray(path.read_bytes())
    second = content.rindex(b"PK\x01\x02")
    content[second + 42 : second + 46] = struct.pack("<I", 0)  # header offset of b: that of a
    path.write_bytes(content)
    with pytest.raises(DataError, match="overlaps"):
        NpzArchive(path)


HEADERS: list[tuple[str, bytes, str]] = [
    ("not an array", b"plain text", "no valid .npy header"),
    ("empty member", b"", "no valid .npy header"),
    ("magic only", b"\x93NUMPY", "no valid .npy header"),
    ("version 9", npy_claiming(claiming("(1,)"), bytes(8), (9, 0)), "version"),
    ("header cut", GOOD[:50], "no valid .npy header"),
    ("data cut", GOOD[:-8], "has 312 bytes of data, too few for shape (5, 8) of float64 (320 bytes)"),
    ("data long", GOOD + bytes(8), "has 328 bytes of data, too many"),
    ("128 GiB", npy_claiming(claiming(f"({16 * GIB},)"), bytes(64)), f"({128 * GIB} bytes)"),
    ("overflow", npy_claiming(claiming("(4294967296, 4294967296, 4294967296)")), "no memory can hold"),
    ("zero and huge", npy_claiming(claiming("(0, 99999999999999999999999)")), "no memory can hold"),
    ("many axes", npy_claiming(claiming("(" + "1, " * 70 + ")"), bytes(8)), "no memory can hold"),
    ("negative", npy_claiming(claiming("(-1,)"), bytes(8)), "lengths must be whole numbers >= 0"),
    ("negative twice", npy_claiming(claiming("(-2, -2)"), bytes(32)), "lengths must be"),
    ("bool length", npy_claiming(claiming("(True,)"), bytes(8)), "lengths must be"),
    ("float length", npy_claiming(claiming("(1.5,)"), bytes(8)), "no valid .npy header"),
    ("shape no tuple", npy_claiming(claiming("3"), bytes(24)), "no valid .npy header"),
    ("extra key", npy_claiming("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), 'x': 1}"), "header"),
    ("missing key", npy_claiming("{'descr': '<f8', 'shape': (1,)}", bytes(8)), "no valid .npy header"),
    ("expression", npy_claiming(claiming("(len('a'),)"), bytes(8)), "no valid .npy header"),
    ("call", npy_claiming("__import__('os').getcwd()"), "no valid .npy header"),
    ("deep", npy_claiming("(" * 9000), "no valid .npy header"),
    ("long", npy_claiming(claiming("(1,)") + " " * 20_000, bytes(8), (2, 0)), "no valid .npy header"),
    ("claimed 4 GiB", b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**32 - 1) + b"{", "no valid .npy header"),
    ("python 2", npy_claiming(claiming("(1L,)"), bytes(8)), "no valid .npy header"),
    ("structured", npy(np.zeros(3, [("x", "f4"), ("y", "i2")])), "has the dtype"),
    ("sub-array", npy_claiming(claiming("(1,)", "('<f8', (3,))"), bytes(24)), "dtype"),
    ("nonsense dtype", npy_claiming(claiming("(1,)", "'<q99'"), bytes(8)), "no valid .npy header"),
    ("dtype tuple", npy_claiming(claiming("(1,)", "()"), bytes(8)), "no valid .npy header"),
    ("dtype list", npy_claiming(claiming("(1,)", "[1, 2]"), bytes(8)), "no valid .npy header"),
    ("dates", npy(np.zeros(3, "M8[s]")), "has the dtype datetime64"),
    ("void", npy(np.zeros(3, "V7")), "has the dtype"),
    ("objects", npy(np.array([1, "a"], dtype=object), allow_pickle=True), "could run any program"),
]


@pytest.mark.parametrize(("data", "reason"), [case[1:] for case in HEADERS], ids=[case[0] for case in HEADERS])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED], ids=["stored", "deflated"])
def test_headers_that_lie(tmp_path: Path, data: bytes, reason: str, method: int) -> None:
    path = zip_of(tmp_path / "a.npz", {"a.npy": data}, method)
    found = refused(path, "a")
    assert reason in found
    assert "\n" not in found


class Bomb:
    """Creates a file when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("name", ["diffraction", "_metadata", "probeGuess"])
def test_a_pickle_bomb_is_not_run(tmp_path: Path, name: str) -> None:
    target = tmp_path / "exploded"
    bomb = np.empty((), dtype=object)
    bomb[()] = Bomb(target)
    path = tmp_path / "a.npz"
    np.savez(path, **{name: bomb}, xcoords=np.zeros(3))
    with pytest.raises(DataError, match="never read; save it again as") as caught:
        read_dataset(path)
    assert caught.value.member == name
    assert not target.exists()
    with np.load(path, allow_pickle=True) as archive:  # the bomb is a live one
        archive[name]
    assert target.exists()


def directory_claim(path: Path, size: int, packed: int | None = None) -> None:
    """Rewrite the sizes of the only member in the zip directory."""
    content = bytearray(path.read_bytes())
    at = content.rindex(b"PK\x01\x02")
    content[at + 24 : at + 28] = struct.pack("<I", size)
    if packed is not None:
        content[at + 20 : at + 24] = struct.pack("<I", packed)
    path.write_bytes(content)


def test_sizes_in_the_zip_directory(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    zip_of(path, {"a.npy": GOOD})
    directory_claim(path, 2**32 - 2)
    assert "claims 4294967294 bytes, but 448 are stored" in refused(path, "a.npy")
    directory_claim(path, 2**32 - 2, 2**32 - 2)
    with pytest.raises(DataError, match=r"does not fit|damaged|would unpack"):
        NpzArchive(path)
    zip_of(path, {"a.npy": GOOD}, zipfile.ZIP_DEFLATED)
    directory_claim(path, 2**32 - 2)
    assert "more than deflate can give" in refused(path, "a.npy")
    zip_of(path, {"a.npy": GOOD}, zipfile.ZIP_DEFLATED)
    directory_claim(path, len(GOOD) + 8)
    assert "too many" in refused(path, "a")
    with pytest.raises(DataError, match="at most 400 are accepted"):
        NpzArchive(zip_of(path, {"a.npy": GOOD}), max_bytes=400)


def test_a_deflated_member_that_ends_early(tmp_path: Path) -> None:
    header = npy_claiming(claiming("(100,)"))
    path = zip_of(tmp_path / "a.npz", {"a.npy": header + bytes(range(200))}, zipfile.ZIP_DEFLATED)
    directory_claim(path, len(header) + 800)
    with pytest.raises(DataError, match=r"ends 600 bytes early|cannot be unpacked"), NpzArchive(path) as archive:
        archive.read("a")


@pytest.mark.parametrize("read", ["read", "verify"])
def test_a_wrong_checksum(tmp_path: Path, read: str) -> None:
    path = tmp_path / "a.npz"
    with NpzWriter(path) as writer:
        writer.add("a", np.zeros(10_000))
    content = bytearray(path.read_bytes())
    content[60_000] ^= 1
    path.write_bytes(content)
    with NpzArchive(path) as archive, pytest.raises(DataError, match="CRC") as caught:
        getattr(archive, read)("a")
    assert caught.value.member == "a"


def test_too_many_members(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "a.npz", {f"a{k}.npy": GOOD for k in range(257)})
    assert "holds 257 members; at most 256" in refused(path)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the size of this process is read from /proc")
def test_a_claim_of_128_gib_takes_no_memory(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "a.npz", {"a.npy": npy_claiming(claiming(f"({16 * GIB},)"), bytes(1 << 20))})
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (64 << 20), hard))
    try:
        reason = refused(path, "a")
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    assert f"{128 * GIB} bytes" in reason
