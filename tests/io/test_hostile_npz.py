"""Files that lie about themselves: each is refused with its reason, and nothing in them runs or fills memory."""

from __future__ import annotations

import errno
import io
import os
import pickle
import resource
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ptyproof.errors import DataError
from ptyproof.io.dataset import read_dataset
from ptyproof.io.npz import NpzArchive, NpzWriter
from tests.helpers.messages import names, naming, numbers

GIB = 1 << 30


def npy(array: npt.NDArray[Any], **kwargs: Any) -> bytes:
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
    ("content", "parts"),
    [
        pytest.param(b"", [0, ".npz"], id="empty"),
        pytest.param(b"hello, this is a table\n1 2 3\n", ["'hello, this is a table"], id="text"),
        pytest.param("Größe\n".encode(), ["'Größe"], id="text beyond ASCII"),
        pytest.param(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", ["git LFS"], id="git LFS"),
        pytest.param(b"\x89HDF\r\n\x1a\n" + bytes(100), ["HDF5"], id="HDF5"),
        pytest.param(GOOD, [".npy", "numpy.savez"], id="npy"),
        pytest.param(b"\x1f\x8b\x08\0" + bytes(20), ["gzip"], id="gzip"),
        pytest.param(b"BZh91AY", ["bzip2"], id="bzip2"),
        pytest.param(pickle.dumps([1, 2]), ["pickle"], id="pickle"),
        pytest.param(bytes(600), ["00 00 00 00"], id="zeros"),
        pytest.param(b"\xff" * 20, ["ff ff ff ff"], id="ones"),
        pytest.param(b"PK\x03\x04", [4], id="cut"),
        pytest.param(b"PK\x05\x06" + bytes(18), [], id="no arrays"),
    ],
)
def test_what_is_no_archive_is_said_to_be_what_it_looks_like(
    tmp_path: Path, content: bytes, parts: list[object]
) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=naming(path, *parts)) as caught:
        NpzArchive(path)
    assert all(names(caught.value.reason, part) for part in parts)


def test_missing_folder_pipe_and_null_character(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    reasons = [
        refused(path) for path in (tmp_path / "no.npz", tmp_path, tmp_path / "pipe", tmp_path / "loop", Path("a\0b"))
    ]
    assert len(set(reasons)) == len(reasons)
    assert os.strerror(errno.ELOOP) in reasons[3]


@pytest.mark.parametrize("cut", np.linspace(0.0, 1.0, 20, endpoint=False))
def test_a_file_that_is_cut_anywhere_is_refused(tmp_path: Path, cut: float) -> None:
    path = zip_of(tmp_path / "a.npz", {"a.npy": GOOD, "b.npy": GOOD}, zipfile.ZIP_DEFLATED)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(cut * len(whole))])
    with pytest.raises(DataError, match=naming(path, path.stat().st_size)):
        NpzArchive(path)
    path.write_bytes(whole[: len(whole) - 1 - int(cut * 20)])
    with pytest.raises(DataError, match=naming(path, path.stat().st_size)):
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
    refused = False
    try:
        found = list(read_all(path).values())
    except DataError:
        refused = True
    if not refused:
        # Times, versions and attributes carry no data; a changed name is another, equally sound archive.
        np.testing.assert_array_equal(found, [np.arange(40.0).reshape(5, 8)] * 2)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("/etc/a.npy", "path"),
        ("../a.npy", "path"),
        ("sub/a.npy", "path"),
        ("..npy", "path"),
        ("a\\b.npy", "path"),
        ("C:a.npy", "path"),
        ("a\nb.npy", "unprintable"),
        ("a\x1b[31m.npy", "unprintable"),
        ("\u202ea.npy", "unprintable"),
        ("notes.txt", "other"),
        ("a", "other"),
        (".npy", "other"),
        ("folder/", "path"),
    ],
)
def test_members_with_other_names_than_arrays_have_are_refused(tmp_path: Path, name: str, kind: str) -> None:
    path = zip_of(tmp_path / "a.npz", {"good.npy": GOOD, name: GOOD})
    with pytest.raises(DataError, match=naming(path)) as caught:
        NpzArchive(path)
    assert caught.value.member == (ascii(name) if kind == "unprintable" else name)
    assert ("NAME.npy" in caught.value.reason) == (kind == "other")


def test_a_name_that_is_cut_at_a_null_character_is_refused(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "a.npz", {"aXb.npy": GOOD})
    path.write_bytes(path.read_bytes().replace(b"aXb.npy", b"a\0b.npy"))
    assert refused(path, ascii("a\0b.npy"))


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_duplicate_member(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", GOOD)
        archive.writestr("a.npy", GOOD)
    assert numbers(refused(path, "a.npy")) == [2]


@pytest.mark.parametrize("mode", [stat.S_IFLNK, stat.S_IFDIR, stat.S_IFIFO])
def test_links_and_devices(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "a.npz"
    info = zipfile.ZipInfo("a.npy")
    for kind in (stat.S_IFREG, mode):
        info.external_attr = (kind | 0o777) << 16
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(info, GOOD)
        if kind == stat.S_IFREG:
            assert read_all(path).keys() == {"a"}
    assert refused(path, "a.npy")


def test_encrypted_member_and_strange_compression(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "a.npz", {"a.npy": GOOD})
    content = path.read_bytes()
    at = content.index(b"PK\x01\x02") + 8
    path.write_bytes(content[:at] + b"\x01" + content[at + 1 :])
    encrypted = refused(path, "a.npy")
    zip_of(path, {"a.npy": GOOD}, zipfile.ZIP_BZIP2)
    assert numbers(refused(path, "a.npy")) == [zipfile.ZIP_BZIP2]
    assert not numbers(encrypted)


def test_bytes_around_and_between_members(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "a.npz", {"a.npy": GOOD, "b.npy": GOOD})
    whole = path.read_bytes()
    path.write_bytes(whole + b"x")
    assert numbers(refused(path)) == [1]
    path.write_bytes(b"#!/bin/sh\n" + whole)
    assert not numbers(refused(path))
    path.write_bytes(b"PK\x03\x04" + whole)
    assert numbers(refused(path)) == [4]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", GOOD)
        archive.comment = b"a comment"
    assert numbers(refused(path)) == [9]
    with path.open("w+b") as file, zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.npy", GOOD)
        file.write(b"hidden")
        archive.start_dir = file.tell()
        archive.writestr("b.npy", GOOD)
    assert numbers(refused(path, "a.npy")) == [6]


def test_two_entries_that_share_bytes(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "a.npz", {"a.npy": GOOD, "b.npy": GOOD})
    content = bytearray(path.read_bytes())
    second = content.rindex(b"PK\x01\x02")
    content[second + 42 : second + 46] = struct.pack("<I", 0)  # header offset of b: that of a
    path.write_bytes(content)
    with pytest.raises(DataError, match=naming(path)) as caught:
        NpzArchive(path)
    assert caught.value.member == "a.npy"


NO_HEADER = [".npy"]
HUGE = "(4294967296, 4294967296, 4294967296)"
HEADERS: list[tuple[str, bytes, list[Any]]] = [
    ("not an array", b"plain text", NO_HEADER),
    ("empty member", b"", NO_HEADER),
    ("magic only", b"\x93NUMPY", NO_HEADER),
    ("version 9", npy_claiming(claiming("(1,)"), bytes(8), (9, 0)), ["(9, 0)"]),
    ("header cut", GOOD[:50], NO_HEADER),
    ("data cut", GOOD[:-8], [312, "(5, 8)", "float64", 320]),
    ("data long", GOOD + bytes(8), [328, "(5, 8)", "float64", 320]),
    ("128 GiB", npy_claiming(claiming(f"({16 * GIB},)"), bytes(64)), [128 * GIB]),
    ("overflow", npy_claiming(claiming(HUGE)), [HUGE]),
    ("zero and huge", npy_claiming(claiming("(0, 99999999999999999999999)")), ["(0, 99999999999999999999999)"]),
    ("many axes", npy_claiming(claiming("(" + "1, " * 70 + ")"), bytes(8)), ["(1, 1, 1, 1, "]),
    ("negative", npy_claiming(claiming("(-1,)"), bytes(8)), ["(-1,)", ">= 0"]),
    ("negative twice", npy_claiming(claiming("(-2, -2)"), bytes(32)), ["(-2, -2)", ">= 0"]),
    ("bool length", npy_claiming(claiming("(True,)"), bytes(8)), ["(True,)", ">= 0"]),
    ("float length", npy_claiming(claiming("(1.5,)"), bytes(8)), NO_HEADER),
    ("shape no tuple", npy_claiming(claiming("3"), bytes(24)), NO_HEADER),
    ("extra key", npy_claiming("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), 'x': 1}"), NO_HEADER),
    ("missing key", npy_claiming("{'descr': '<f8', 'shape': (1,)}", bytes(8)), NO_HEADER),
    ("expression", npy_claiming(claiming("(len('a'),)"), bytes(8)), NO_HEADER),
    ("call", npy_claiming("__import__('os').getcwd()"), NO_HEADER),
    ("deep", npy_claiming("(" * 9000), NO_HEADER),
    ("long", npy_claiming(claiming("(1,)") + " " * 20_000, bytes(8), (2, 0)), NO_HEADER),
    ("claimed 4 GiB", b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**32 - 1) + b"{", NO_HEADER),
    ("python 2", npy_claiming(claiming("(1L,)"), bytes(8)), NO_HEADER),
    ("structured", npy(np.zeros(3, [("x", "f4"), ("y", "i2")])), ["dtype", "[('x', '<f4'), ('y', '<i2')]"]),
    ("sub-array", npy_claiming(claiming("(1,)", "('<f8', (3,))"), bytes(24)), ["dtype", "('<f8', (3,))"]),
    ("nonsense dtype", npy_claiming(claiming("(1,)", "'<q99'"), bytes(8)), NO_HEADER),
    ("dtype tuple", npy_claiming(claiming("(1,)", "()"), bytes(8)), NO_HEADER),
    ("dtype list", npy_claiming(claiming("(1,)", "[1, 2]"), bytes(8)), NO_HEADER),
    ("dates", npy(np.zeros(3, "M8[s]")), ["dtype", "datetime64[s]"]),
    ("void", npy(np.zeros(3, "V7")), ["dtype", "|V7"]),
    ("objects", npy(np.array([1, "a"], dtype=object), allow_pickle=True), ["object", "allow_pickle=False"]),
]


@pytest.mark.parametrize(("data", "parts"), [case[1:] for case in HEADERS], ids=[case[0] for case in HEADERS])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED], ids=["stored", "deflated"])
def test_headers_that_lie(tmp_path: Path, data: bytes, parts: list[Any], method: int) -> None:
    path = zip_of(tmp_path / "a.npz", {"a.npy": data}, method)
    found = refused(path, "a")
    assert names(found, *parts)
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
    members: dict[str, Any] = {name: bomb, "xcoords": np.zeros(3)}
    np.savez(path, **members)
    with pytest.raises(DataError, match=naming(path, "object", "allow_pickle=False")) as caught:
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
    assert names(refused(path, "a.npy"), 2**32 - 2, len(GOOD))
    directory_claim(path, 2**32 - 2, 2**32 - 2)
    with pytest.raises(DataError, match=naming(path, 2**32 - 2)):
        NpzArchive(path)
    zip_of(path, {"a.npy": GOOD}, zipfile.ZIP_DEFLATED)
    packed = zipfile.ZipFile(path).getinfo("a.npy").compress_size
    directory_claim(path, 2**32 - 2)
    assert names(refused(path, "a.npy"), 2**32 - 2, packed)
    zip_of(path, {"a.npy": GOOD}, zipfile.ZIP_DEFLATED)
    directory_claim(path, len(GOOD) + 8)
    assert names(refused(path, "a"), 328, 320, "(5, 8)", "float64")
    with pytest.raises(DataError, match=naming(path, len(GOOD), 400)):
        NpzArchive(zip_of(path, {"a.npy": GOOD}), max_bytes=400)


def test_a_deflated_member_that_ends_early(tmp_path: Path) -> None:
    header = npy_claiming(claiming("(100,)"))
    path = zip_of(tmp_path / "a.npz", {"a.npy": header + bytes(range(200))}, zipfile.ZIP_DEFLATED)
    directory_claim(path, len(header) + 800)
    with pytest.raises(DataError, match=naming(path)) as caught, NpzArchive(path) as archive:
        archive.read("a")
    assert caught.value.member == "a"
    assert numbers(caught.value.reason) in ([600], [])  # bytes that are missing; where zlib finds it, its own words


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
    assert numbers(refused(path)) == [257, 256]


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
    assert names(reason, 128 * GIB)
