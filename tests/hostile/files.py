"""Files that a stranger could send: bombs, liars, pipes and devices."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import numpy as np

GIB = 1 << 30


class Bomb:
    """Makes a folder when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return os.mkdir, (str(self.target),)


class TookTooLongError(BaseException):
    """Nothing of what is tested may catch that."""


@contextlib.contextmanager
def within(seconds: float = 5.0, room: int = GIB) -> Iterator[None]:
    """Let what is inside the block take no longer, and map no more memory than `room` beyond what there is."""

    def stop(_: int, __: FrameType | None) -> None:
        raise TookTooLongError(f"no end after {seconds:g} s")

    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    handler = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + room, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)


def deflated_zeros(head: bytes, length: int) -> bytes:
    """Return `head` and zeros, `length` bytes in all, as a deflate stream; it takes no time to make."""
    piece = 1 << 20
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    first = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(bytes(piece)) + packer.flush(zlib.Z_FULL_FLUSH)
    times, rest = divmod(length - len(head), piece)
    return first + again * times + packer.compress(bytes(rest)) + packer.flush()


def zip_bomb(path: Path, members: dict[str, tuple[bytes, int]]) -> Path:
    """Write a zip whose members unpack to their head and zeros, as many bytes in all as is said."""
    body, directory = b"", b""
    for name, (head, length) in members.items():
        data, label = deflated_zeros(head, length), name.encode()
        sizes = struct.pack("<3L2H", _checksum(head, length), len(data), length, len(label), 0)
        start = struct.pack("<5H", 20, 0, zipfile.ZIP_DEFLATED, 0, 0x21)
        directory += (
            b"PK\x01\x02" + struct.pack("<H", 20) + start + sizes + struct.pack("<3H2L", 0, 0, 0, 0, len(body)) + label
        )
        body += b"PK\x03\x04" + start + sizes + label + data
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, len(members), len(members), len(directory), len(body), 0)
    path.write_bytes(body + directory + end)
    return path


def _checksum(head: bytes, length: int) -> int:
    """Return the checksum of what is small enough to be read before it is refused."""
    return zlib.crc32(head + bytes(length - len(head))) if length < 1 << 16 else 0


def npy_head(shape: tuple[int, ...], kind: str) -> bytes:
    """Return the header of an .npy file."""
    text = repr({"descr": np.dtype(kind).str, "fortran_order": False, "shape": shape}).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def giant(shape: tuple[int, ...], kind: str) -> tuple[bytes, int]:
    """Return head and length of an array of zeros."""
    head = npy_head(shape, kind)
    return head, len(head) + int(np.prod(shape, dtype=object)) * np.dtype(kind).itemsize
