"""Small pictures for tests, written by the standard library."""

from __future__ import annotations

import struct
import zlib


def chunk(kind: bytes, content: bytes) -> bytes:
    """Return a chunk of a PNG picture."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int = 32, height: int = 24, pixels: bytes | None = None) -> bytes:
    """Return a gray PNG picture, whose pixels are `pixels` with a filter byte before each row."""
    rows = bytes([0, *range(width)]) * height if pixels is None else pixels
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    return b"".join([b"\x89PNG\r\n\x1a\n", *parts])
