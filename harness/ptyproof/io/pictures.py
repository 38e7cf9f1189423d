"""PNG and WebP pictures: whether a file is a whole one, and how large, read with the standard library.

PNG (ISO/IEC 15948): each chunk has a CRC; the pixels are one zlib stream, whose length follows from the header. Both
are compared. WebP (RFC 9649): the RIFF container and the header of its first chunk; a lossy stream has no checksum.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from ptyproof.errors import DataError
from ptyproof.io.regular import open_regular

SMALLEST_EDGE_PX = 16  # nothing of an object can be seen in less
_LARGEST_EDGE_PX = 100_000
_PNG, _RIFF = b"\x89PNG\r\n\x1a\n", b"RIFF"
# bits per pixel by color type, for each bit depth that it may have
_CHANNELS = {0: (1, (1, 2, 4, 8, 16)), 2: (3, (8, 16)), 3: (1, (1, 2, 4, 8)), 4: (2, (8, 16)), 6: (4, (8, 16))}
# first column, first row, and steps of the passes of an interlaced picture
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_PIECE = 1 << 20
_FORMATS = {".png": "PNG", ".webp": "WebP"}


class _FaultError(Exception):
    """What is wrong with a picture, as the end of a sentence."""


def is_picture(name: str) -> bool:
    """Tell whether a file is a picture by its name."""
    return name.lower().endswith(tuple(_FORMATS))


def fault_of(path: Path) -> str | None:
    """Return what is wrong with a picture file, as the end of a sentence about it; None for one that can be shown.

    At most one pass over the file, in pieces.
    """
    try:
        with open_regular(path) as file:
            head = file.read(12)
            if head.startswith(_PNG):
                file.seek(len(_PNG))
                width, height = _png(file)
            elif head.startswith(_RIFF) and head.endswith(b"WEBP"):
                width, height = _webp(file, head, path.stat().st_size)
            else:
                return "is not a PNG or WebP picture"
    except DataError as error:
        return error.reason
    except _FaultError as error:
        return str(error)
    if not min(width, height) >= SMALLEST_EDGE_PX:
        return f"has {width} x {height} pixels, and a picture has at least {SMALLEST_EDGE_PX} on each edge"
    return None


def _png(file: IO[bytes]) -> tuple[int, int]:
    header: tuple[int, ...] | None = None
    pixels = zlib.decompressobj()
    found = expected = 0
    has_palette = False
    for kind, piece in _chunks(file):
        if header is None:
            header, expected = _header(kind, piece)
        elif kind == b"PLTE":
            has_palette = True
        elif kind == b"IDAT":
            found += _unpacked(pixels, piece, expected - found)
    assert header is not None
    found += len(pixels.flush())  # what a piece gave beyond the limit of its last call, less than one match of deflate
    if header[3] == 3 and not has_palette:
        raise _FaultError("has no palette for its pixels")
    if found != expected or not pixels.eof:
        raise _FaultError(f"was cut off or changed: it has {found} of {expected} bytes of pixels")
    return header[0], header[1]


def _chunks(file: IO[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Yield the chunks from the header to the end, pixels in pieces, after each CRC was compared."""
    kind = b""
    while kind != b"IEND":
        length, kind = struct.unpack(">I4s", _exactly(file, 8))
        if length >= 1 << 31:
            raise _FaultError(f"has a chunk of {length} bytes")
        crc, left = zlib.crc32(kind), length
        while True:
            piece = _exactly(file, min(left, _PIECE))
            crc, left = zlib.crc32(piece, crc), left - len(piece)
            yield kind, piece
            if not left:
                break
        if struct.unpack(">I", _exactly(file, 4))[0] != crc:
            raise _FaultError("was changed: a CRC in it does not fit")
    if file.read(1):
        raise _FaultError("goes on after its end")


def _exactly(file: IO[bytes], n: int) -> bytes:
    found = file.read(n)
    if len(found) != n:
        raise _FaultError("was cut off")
    return found


def _header(kind: bytes, piece: bytes) -> tuple[tuple[int, ...], int]:
    """Return the fields of the header, and how many bytes its pixels have with the filter byte of each row."""
    if kind != b"IHDR" or len(piece) != 13:
        raise _FaultError("has no header")
    width, height, depth, color, packing, filtering, interlace = fields = struct.unpack(">IIBBBBB", piece)
    channels, depths = _CHANNELS.get(color, (0, ()))
    edges = min(width, height) > 0 and max(width, height) <= _LARGEST_EDGE_PX
    if depth not in depths or packing or filtering or interlace > 1 or not edges:
        raise _FaultError(f"has an impossible header: {width} x {height} pixels, depth {depth}, color type {color}")
    passes = _PASSES if interlace else ((0, 0, 1, 1),)
    sizes = ((-(-(width - x) // dx), -(-(height - y) // dy)) for x, y, dx, dy in passes if x < width and y < height)
    return fields, sum(rows * (1 + -(-columns * channels * depth // 8)) for columns, rows in sizes)


def _unpacked(pixels: zlib._Decompress, piece: bytes, left: int) -> int:
    """Return how many bytes a piece of the stream gives; a bomb gives one byte more than there may be."""
    n = 0
    try:
        while piece and not pixels.eof:
            n += len(pixels.decompress(piece, _PIECE))
            if n > left:
                raise _FaultError("has more pixels than its header says")
            piece = pixels.unconsumed_tail
    except zlib.error as error:
        raise _FaultError(f"was changed: {error}") from error
    return n


def _webp(file: IO[bytes], head: bytes, size: int) -> tuple[int, int]:
    stated = struct.unpack("<I", head[4:8])[0] + 8
    if stated != size:
        raise _FaultError(f"was cut off or changed: it has {size} bytes, and its header says {stated}")
    kind, length = struct.unpack("<4sI", _exactly(file, 8))
    if 20 + length > size:
        raise _FaultError("was cut off: its first chunk is longer than the file")
    body = _exactly(file, 10)
    if kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        width, height = struct.unpack("<HH", body[6:10])
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L" and body[0] == 0x2F:
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8X":
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    raise _FaultError("has no header of a WebP picture")
