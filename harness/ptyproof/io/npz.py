"""Archives of arrays (.npz): read without trusting them, written in a stream and byte for byte the same.

An archive is a zip file whose members are .npy arrays. Nothing in it is ever unpickled, no name in it is
ever used as a path, and no memory is set aside before the sizes that the zip directory, the array's header
and the file itself state have been found to agree.
"""

from __future__ import annotations

import io
import math
import stat
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, BinaryIO, Literal, Self, cast

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from ptyproof.errors import DataError, InputError, RunError
from ptyproof.io.atomic import atomic_path
from ptyproof.io.blocks import row_blocks
from ptyproof.io.budget import check_expansion
from ptyproof.io.hashing import ArrayDigest
from ptyproof.io.npz_rules import (
    BAD_HEADER,
    HEAD_BYTES,
    LOCAL_MAGIC,
    SUFFIX,
    Array,
    Member,
    entry_fault,
    first_line,
    is_text,
    listing,
    looks_like,
    name_fault,
    parse_header,
    shown,
    size_fault,
    type_fault,
)

__all__ = ["DEFAULT_MAX_BYTES", "Array", "Member", "NpzArchive", "NpzWriter"]

DEFAULT_MAX_BYTES = 1 << 35  # 32 GiB for one array
MAX_MEMBERS = 256
_CHUNK_BYTES = 1 << 22
_END_RECORD_BYTES = 22
_END_MAGIC = b"PK\x05\x06"
_LOCAL_HEADER = struct.Struct("<4s5H3L2H")
_DESCRIPTOR_BYTES = (0, 12, 16, 20, 24)
_HAS_DESCRIPTOR = 0x8
_ALIGNMENT = 64
_PADDING_ID = 0xD935  # the extra field that zipalign uses for the same purpose
_BAD_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
)


class NpzArchive:
    """An opened .npz file, every member's header read and checked; a context manager.

    Parameters
    ----------
    path
        The archive.
    max_bytes
        The largest array that is accepted, in bytes.

    Raises
    ------
    DataError
        If the file is missing, no zip archive, damaged, or holds anything but plain arrays; `member` of the
        error names the array at fault.
    """

    def __init__(self, path: Path | str, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        self.path = Path(path)
        self._max_bytes = max_bytes
        with ExitStack() as stack:
            self._file = stack.enter_context(_open_regular(self.path))
            self._zip = stack.enter_context(self._open_zip())
            self._infos = self._checked_infos()
            self.members = {name: self._read_header(name) for name in self._infos}
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; arrays that were mapped stay usable."""
        self._stack.close()

    def read(self, name: str) -> Array:
        """Return the array `name` with the shape (...) and dtype of its member, read with its checksum verified.

        Raises
        ------
        DataError
            If there is no such array or its bytes are damaged.
        """
        member = self._member(name)
        buffer = np.empty(member.nbytes, np.uint8)
        filled = 0
        for chunk in self._chunks(member):
            buffer[filled : filled + len(chunk)] = np.frombuffer(chunk, np.uint8)
            filled += len(chunk)
        if member.dtype.kind == "U" and not is_text(
            buffer.view(np.dtype(np.uint32).newbyteorder(member.dtype.byteorder))
        ):
            raise DataError(self.path, "is not text: it contains invalid code points", name)
        return np.ndarray(member.shape, member.dtype, buffer, order=_order(member))

    def memmap(self, name: str) -> Array:
        """Return the array `name` mapped from the file, read-only; compressed arrays, text and scalars are read.

        The array has the shape (...) and dtype of its member. The checksum of a mapped array is not verified here:
        `verify` does that.
        """
        member = self._member(name)
        if not member.stored or member.nbytes == 0 or member.shape == () or member.dtype.kind == "U":
            return self.read(name)
        info = self._infos[name]
        offset = self._data_start(info) + member.data_offset
        file = cast("IO[bytes]", self._file)
        mapped: Array = np.memmap(file, member.dtype, mode="r", offset=offset, shape=member.shape, order=_order(member))
        return mapped

    def verify(self, name: str) -> None:
        """Read the array `name` in pieces, keeping none, and compare its checksum.

        Raises
        ------
        DataError
            If there is no such array or its bytes are damaged.
        """
        for _ in self._chunks(self._member(name)):
            pass

    def _member(self, name: str) -> Member:
        if name not in self.members:
            raise DataError(self.path, f"is missing; the archive contains {listing(self.members)}", name)
        return self.members[name]

    def _open_zip(self) -> zipfile.ZipFile:
        head = self._file.read(512)
        if not head:
            raise DataError(self.path, "is empty (0 bytes), but must be a .npz archive")
        if not head.startswith((LOCAL_MAGIC, _END_MAGIC)):
            raise DataError(self.path, f"is not a .npz archive: {looks_like(head)}")
        self._check_end()
        try:
            return zipfile.ZipFile(self._file)
        except _BAD_ZIP as error:
            raise DataError(self.path, f"is a damaged zip archive: {error}") from error

    def _check_end(self) -> None:
        size = self._size = self._file.seek(0, io.SEEK_END)
        self._file.seek(max(0, size - _END_RECORD_BYTES - (1 << 16)))
        tail = self._file.read()
        self._file.seek(0)
        record = tail[-_END_RECORD_BYTES:]
        if record.startswith(_END_MAGIC) and record.endswith(b"\0\0"):
            return
        at = tail.rfind(_END_MAGIC)
        if at < 0 or at + _END_RECORD_BYTES > len(tail):
            raise DataError(self.path, f"is truncated: its {size} bytes have no end-of-archive record")
        extra = len(tail) - at - _END_RECORD_BYTES
        raise DataError(self.path, f"has {extra} bytes after the archive's end record; none are allowed")

    def _checked_infos(self) -> dict[str, zipfile.ZipInfo]:
        infos = self._zip.infolist()
        if not infos:
            raise DataError(self.path, "contains no arrays")
        if len(infos) > MAX_MEMBERS:
            raise DataError(self.path, f"has {len(infos)} members; at most {MAX_MEMBERS} are allowed")
        for info in infos:
            reason = entry_fault(info, self._max_bytes)
            if reason is not None:
                raise DataError(self.path, reason, shown(info.orig_filename))
        name, times = Counter(info.filename for info in infos).most_common(1)[0]
        if times > 1:
            raise DataError(self.path, f"occurs {times} times in the archive", name)
        check_expansion(self.path, sum(info.file_size for info in infos), self._size)
        self._check_layout(infos)
        return {info.filename.removesuffix(SUFFIX): info for info in infos}

    def _check_layout(self, infos: list[zipfile.ZipInfo]) -> None:
        """Refuse bytes that belong to no member, and members that share bytes."""
        ordered = sorted(infos, key=lambda info: info.header_offset)
        first = ordered[0].header_offset
        if first != 0:
            raise DataError(self.path, f"has {first} bytes before its first member; none are allowed")
        ends = [info.header_offset for info in ordered[1:]] + [self._zip.start_dir]
        for info, end in zip(ordered, ends, strict=True):
            gap = end - self._data_start(info) - info.compress_size
            allowed = _DESCRIPTOR_BYTES if info.flag_bits & _HAS_DESCRIPTOR else (0,)
            if gap not in allowed:
                what = f"{gap} bytes follow it that belong to no member" if gap > 0 else "it overlaps the next"
                raise DataError(self.path, f"does not fit into the archive: {what}", info.filename)

    def _data_start(self, info: zipfile.ZipInfo) -> int:
        self._file.seek(info.header_offset)
        raw = self._file.read(_LOCAL_HEADER.size)
        if len(raw) < _LOCAL_HEADER.size or not raw.startswith(LOCAL_MAGIC):
            raise DataError(self.path, "has no local zip header at its offset", info.filename)
        *_, name_bytes, extra_bytes = _LOCAL_HEADER.unpack(raw)
        return int(info.header_offset + _LOCAL_HEADER.size + name_bytes + extra_bytes)

    def _read_header(self, name: str) -> Member:
        info = self._infos[name]
        try:
            with self._zip.open(info) as file:
                head = file.read(HEAD_BYTES)
        except _BAD_ZIP as error:
            raise DataError(self.path, f"cannot be unpacked: {error}", name) from error
        stream = io.BytesIO(head)
        try:
            shape, fortran_order, dtype = parse_header(stream)
        except BAD_HEADER as error:
            raise DataError(self.path, f"has no valid .npy header: {first_line(error)}", name) from error
        reason = type_fault(name, shape, dtype)
        if reason is None:
            stored = info.compress_type == zipfile.ZIP_STORED
            member = Member(name, shape, dtype, fortran_order, stored, stream.tell())
            reason = size_fault(member, info.file_size - member.data_offset)
        if reason is not None:
            raise DataError(self.path, reason, name)
        return member

    def _chunks(self, member: Member) -> Iterator[bytes]:
        """Yield the array's bytes in order; zipfile compares the checksum before it hands out the last of them."""
        left = member.nbytes
        try:
            with self._zip.open(self._infos[member.name]) as file:
                file.read(member.data_offset)
                while left > 0:
                    chunk = file.read(min(left, _CHUNK_BYTES))
                    if not chunk:
                        break
                    left -= len(chunk)
                    yield chunk
        except _BAD_ZIP as error:
            raise DataError(self.path, f"cannot be unpacked: {error}", member.name) from error
        if left > 0:
            raise DataError(self.path, f"ends {left} bytes early", member.name)


class NpzWriter:
    """Writes an uncompressed .npz that appears under `path` only when the block ends without error.

    Equal arrays, added in the same order, give equal bytes: times are fixed, data are little-endian, in C
    order and begin at multiples of 64 bytes, so that they can be mapped. `digests` holds the digest of each
    array added so far (`hashing.sha256_array`).

    Raises
    ------
    InputError
        If the folder of `path` does not exist, a name is unusable or taken, or an array is no plain one.
    RunError
        If the system refuses to write (disk full, say); nothing is left behind.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.digests: dict[str, str] = {}

    def __enter__(self) -> Self:
        if not self.path.parent.is_dir():
            raise InputError(f"the folder of {self.path} does not exist")
        with ExitStack() as stack, self._failures():
            temporary = stack.enter_context(atomic_path(self.path))
            self._file = stack.enter_context(_closing(temporary.open("wb")))
            self._zip = zipfile.ZipFile(self._file, "w", zipfile.ZIP_STORED)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            with suppress(OSError, ValueError):  # the directory of a half-written archive is of no use
                self._zip.close()
            self._stack.__exit__(kind, error, trace)
            return
        with self._failures(), self._stack:
            self._zip.close()

    def add(self, name: str, array: npt.ArrayLike) -> None:
        """Add an array of any plain dtype and shape under `name`."""
        values = np.asarray(array)
        if values.ndim == 0 or values.size == 0:
            self._add(name, values.shape, values.dtype, [values])
        else:
            parts = (values[rows] for rows in row_blocks(values))
            self._add(name, values.shape, values.dtype, parts)

    def add_blocks(self, name: str, shape: tuple[int, ...], dtype: npt.DTypeLike, blocks: Iterable[Array]) -> None:
        """Add an array of `shape` and `dtype` that arrives in blocks (k, ...) along its first axis.

        Raises
        ------
        InputError
            If a block has another dtype or other trailing axes, or the blocks do not add up to `shape`.
        """
        self._add(name, shape, np.dtype(dtype), self._fitting(name, shape, np.dtype(dtype), blocks))

    def _add(self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any], blocks: Iterable[Array]) -> None:
        fault = name_fault(name + SUFFIX) or type_fault(name, shape, dtype)
        if fault is not None or name in self.digests:
            raise InputError(f"array {shown(name)} {fault or 'has been written already'}")
        dtype = dtype.newbyteorder("<")
        digest = ArrayDigest(dtype, shape)
        head = _header_bytes(shape, dtype)
        nbytes = len(head) + math.prod(shape) * dtype.itemsize
        info = self._zip_info(name, nbytes)
        with self._failures():
            member = self._zip.open(info, "w", force_zip64=_needs_zip64(nbytes))
        try:
            with self._failures():
                member.write(head)
            for block in blocks:
                packed = np.ascontiguousarray(block, dtype)
                digest.update(packed)
                with self._failures():
                    member.write(packed.reshape(-1).view(np.uint8).data if packed.size else b"")
        except BaseException:
            with suppress(OSError, RuntimeError, ValueError):
                member.close()
            raise
        with self._failures():
            member.close()
        self.digests[name] = digest.hexdigest()

    def _fitting(
        self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any], blocks: Iterable[Array]
    ) -> Iterator[Array]:
        rows = 0
        for block in blocks:
            if block.dtype.newbyteorder("<") != dtype.newbyteorder("<"):
                raise InputError(f"blocks of {name} must be {dtype}, got {block.dtype}")
            if block.ndim != len(shape) or block.shape[1:] != shape[1:]:
                raise InputError(f"blocks of {name} must have the shape (rows, *{shape[1:]}), got {block.shape}")
            rows += len(block)
            if rows > shape[0]:
                break
            yield block
        if rows != shape[0]:
            more = "more than " if rows > shape[0] else ""
            raise InputError(f"blocks of {name} must add up to {shape[0]} rows, got {more}{min(rows, shape[0])}")

    def _zip_info(self, name: str, nbytes: int) -> zipfile.ZipInfo:
        info = zipfile.ZipInfo(name + SUFFIX, date_time=(1980, 1, 1, 0, 0, 0))
        info.create_system = 3  # Unix, on every system, so that the bytes agree
        info.external_attr = (stat.S_IFREG | 0o644) << 16
        zip64_bytes = 20 if _needs_zip64(nbytes) else 0
        fixed = self._file.tell() + _LOCAL_HEADER.size + len(info.filename.encode()) + 4 + zip64_bytes
        padding = -fixed % _ALIGNMENT
        info.extra = struct.pack("<HH", _PADDING_ID, padding) + bytes(padding)
        info.file_size = nbytes
        return info

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise RunError(f"{self.path} cannot be written: {error.strerror or error}") from error


def _open_regular(path: Path) -> BinaryIO:
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise DataError(path, "is a folder, but must be a .npz archive")
        if not stat.S_ISREG(mode):
            raise DataError(path, "is not a regular file, but must be a .npz archive")
        return path.open("rb")
    except FileNotFoundError as error:
        raise DataError(path, "does not exist") from error
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        raise DataError(path, f"cannot be read: {getattr(error, 'strerror', None) or error}") from error


@contextmanager
def _closing(file: BinaryIO) -> Iterator[BinaryIO]:
    """Close `file`; a failure to flush counts only where nothing else has failed before."""
    try:
        yield file
    except BaseException:
        with suppress(OSError):
            file.close()
        raise
    file.close()


def _order(member: Member) -> Literal["C", "F"]:
    return "F" if member.fortran_order else "C"


def _header_bytes(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
    stream = io.BytesIO()
    description = {"descr": npy.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    npy.write_array_header_1_0(stream, description)
    return stream.getvalue()


def _needs_zip64(nbytes: int) -> bool:
    return nbytes * 1.05 > zipfile.ZIP64_LIMIT  # the rule that zipfile itself applies
