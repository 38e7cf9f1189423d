"""PNG and WebP pictures, whole and damaged; matplotlib and Pillow write the whole ones."""

from __future__ import annotations

import io
import random
import struct
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import pytest

from ptyproof.io.pictures import fault_of
from tests.helpers.pictures import chunk, png

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def written(folder: Path, content: bytes, name: str = "a.png") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def by_pillow(mode: str, form: str, size: tuple[int, int] = (37, 21), **options: Any) -> bytes:
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    drawn = image.effect_noise(size, 40.0).convert(mode)
    raw = io.BytesIO()
    drawn.save(raw, form, **options)
    return raw.getvalue()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_pictures_of_another_program_can_be_shown(mode: str, tmp_path: Path) -> None:
    if mode == "I;16":
        image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
        raw = io.BytesIO()
        image.new(mode, (37, 21)).save(raw, "PNG")
        content = raw.getvalue()
    else:
        content = by_pillow(mode, "PNG", bits=2) if mode == "P" else by_pillow(mode, "PNG")
    assert fault_of(written(tmp_path, content)) is None


@pytest.mark.parametrize("options", [{}, {"lossless": True}, {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"}])
def test_webp_pictures_of_another_program_can_be_shown(options: dict[str, Any], tmp_path: Path) -> None:
    content = by_pillow("RGB", "WEBP", **options)
    assert fault_of(written(tmp_path, content, "a.webp")) is None
    assert fault_of(written(tmp_path, content[:-3], "b.webp")) is not None
    assert fault_of(written(tmp_path, content + b"x", "c.webp")) is not None
    small = by_pillow("RGB", "WEBP", (37, 15), **options)
    assert "37 x 15" in str(fault_of(written(tmp_path, small, "d.webp")))


def test_an_interlaced_picture_can_be_shown(tmp_path: Path) -> None:
    def of(width: int, height: int) -> bytes:
        passes = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
        rows = b"".join(
            bytes(1 + len(range(x, width, dx))) * len(range(y, height, dy))
            for x, y, dx, dy in passes
            if range(x, width, dx)
        )
        header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 1)
        return SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")

    for size in ((16, 16), (17, 23), (40, 19)):
        assert fault_of(written(tmp_path, of(*size))) is None


@pytest.mark.parametrize(("width", "height"), [(1, 1), (15, 400), (400, 15)])
def test_a_picture_in_which_nothing_can_be_seen_is_refused(width: int, height: int, tmp_path: Path) -> None:
    assert f"{width} x {height}" in str(fault_of(written(tmp_path, png(width, height, bytes((width + 1) * height)))))
    assert fault_of(written(tmp_path, png(16, 16))) is None


def test_a_picture_that_was_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    whole = png()
    assert fault_of(written(tmp_path, whole)) is None
    for n in range(len(whole)):
        assert fault_of(written(tmp_path, whole[:n])) is not None, n


def test_a_changed_byte_anywhere_is_found(tmp_path: Path) -> None:
    whole, draw = png(), random.Random(3)
    for n in range(len(whole)):
        changed = bytearray(whole)
        changed[n] ^= draw.randrange(1, 256)
        assert fault_of(written(tmp_path, bytes(changed))) is not None, n


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"drawn",
        b"\xff\xd8\xff\xe0 a JPEG under another name",
        SIGNATURE + chunk(b"IEND", b""),
        SIGNATURE + chunk(b"IHDR", b"short") + chunk(b"IEND", b""),
        png() + b"more",
        png(32, 24, bytes(33 * 23)),  # a row is missing
        png(32, 24, bytes(33 * 25)),  # a row too many
        png(32, 24, bytes(1 << 24)),  # a bomb
        SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", 32, 24, 3, 0, 0, 0, 0)) + chunk(b"IEND", b""),
        SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", 1 << 31, 1 << 31, 8, 0, 0, 0, 0)) + chunk(b"IEND", b""),
        SIGNATURE + struct.pack(">I4s", 0xFFFFFFFF, b"IHDR"),
        b"RIFF\x04\x00\x00\x00WEBP",
        b"RIFF\x16\x00\x00\x00WEBPVP8 \x0a\x00\x00\x00" + bytes(10),
        b"RIFF\x16\x00\x00\x00WEBPVP8L\xff\xff\xff\x7f" + bytes(10),
    ],
)
def test_what_is_no_picture_is_refused(content: bytes, tmp_path: Path) -> None:
    tracemalloc.start()
    try:
        assert fault_of(written(tmp_path, content)) is not None
        assert tracemalloc.get_traced_memory()[1] < 1 << 23
    finally:
        tracemalloc.stop()


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").mkdir()
    assert fault_of(tmp_path / "a.png") is not None
    assert fault_of(tmp_path / "b.png") is not None
