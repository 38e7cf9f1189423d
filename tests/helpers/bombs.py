"""Small files that unpack to more than anybody has: zeros, packed once and repeated."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

_BLOCK = bytes(1 << 24)


def packed_zeros(head: bytes, n_bytes: int, *, bare: bool = False) -> bytes:
    """Return some bytes and zeros behind them, `n_bytes` a multiple of 16 MiB, as a zlib or a bare deflate stream."""
    packer = zlib.compressobj(wbits=-15 if bare else 15)
    first = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(_BLOCK) + packer.flush(zlib.Z_FULL_FLUSH)  # the same each time
    last = packer.flush()
    n = n_bytes // len(_BLOCK)
    stream = first + block * n
    return stream + (last if bare else last[:-4] + struct.pack(">I", _checked(zlib.adler32, head, n)))


def zip_of_zeros(path: Path, member: str, head: bytes, n_bytes: int) -> None:
    """Write an archive with one member, some bytes and zeros behind them; less than 4 GiB."""
    packed, name = packed_zeros(head, n_bytes, bare=True), member.encode()
    size, crc = len(head) + n_bytes, _checked(zlib.crc32, head, n_bytes // len(_BLOCK))
    about = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 33, crc, len(packed), size, len(name), 0)
    local = b"PK\x03\x04" + about + name
    central = b"PK\x01\x02" + struct.pack("<H", 20) + about + struct.pack("<HHHII", 0, 0, 0, 0, 0) + name
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local) + len(packed), 0)
    path.write_bytes(local + packed + central + end)


def _checked(check: Callable[[bytes, int], int], head: bytes, n: int) -> int:
    value = check(head, check(b"", 1) if check is zlib.adler32 else 0)
    for _ in range(n):
        value = check(_BLOCK, value)
    return value
