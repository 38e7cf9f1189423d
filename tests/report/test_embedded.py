"""Pictures inside the page: one width, small, and exact where a picture is enlarged; a changed file is not shown."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ptyproof.io.file_record import file_record
from ptyproof.report.page.embedded import Embedded, embedded, recorded_png
from tests.helpers.report_hub import pixels

RNG = np.random.default_rng(3)


def png_of(width: int, height: int) -> bytes:
    """A PNG of smooth colors with noise."""
    ramp = np.linspace(0, 200, width)[None, :, None] + RNG.uniform(0, 55, (height, width, 3))
    stream = io.BytesIO()
    Image.fromarray(ramp.astype(np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def content(found: Embedded) -> io.BytesIO:
    kind, data = found.url.split(";base64,")
    assert kind == "data:image/webp"
    return io.BytesIO(base64.b64decode(data))


def test_a_wide_picture_is_brought_to_one_width_and_keeps_its_shape() -> None:
    found = embedded(png_of(2400, 300))
    assert found.size == (1200, 150)
    assert pixels(content(found)).shape == (150, 1200, 3)
    assert embedded(png_of(1200, 2)).size == (1200, 2)


def test_a_picture_that_is_enlarged_keeps_every_pixel() -> None:
    png = png_of(1500, 7)
    found = embedded(png, is_exact=True)
    assert found.size == (1500, 7)
    assert np.array_equal(pixels(content(found)), pixels(io.BytesIO(png)))


def test_the_smaller_of_both_ways_is_taken() -> None:
    noisy = png_of(300, 200)
    assert len(embedded(noisy).url) < len(embedded(noisy, is_exact=True).url) / 2
    drawing = np.full((300, 400, 3), 255, dtype=np.uint8)
    drawing[::20] = (31, 119, 180)
    stream = io.BytesIO()
    Image.fromarray(drawing).save(stream, "PNG")
    found = embedded(stream.getvalue())
    assert np.array_equal(pixels(content(found)), drawing / 255)
    assert len(found.url) < 1000


def test_equal_pictures_give_equal_texts() -> None:
    png = png_of(50, 40)
    assert embedded(png) == embedded(png)


def test_a_png_that_cannot_be_decoded_is_shown_as_it_is() -> None:
    png = png_of(30, 20)[:60]
    found = embedded(png)
    assert found.size == (30, 20)
    assert found.url == f"data:image/png;base64,{base64.b64encode(png).decode()}"


def test_a_recorded_picture_is_shown_only_as_it_was_recorded(tmp_path: Path) -> None:
    folder = tmp_path / "hub" / "real_run"
    folder.mkdir(parents=True)
    path, png = folder / "a.png", png_of(9, 8)
    path.write_bytes(png)
    record = file_record(path, folder)
    assert recorded_png(record, folder, tmp_path / "hub") == png
    outside = tmp_path / "b.png"
    outside.write_bytes(png)
    assert recorded_png(file_record(outside, folder), folder, tmp_path / "hub") is None
    path.write_bytes(png + b"x")
    assert recorded_png(record, folder, tmp_path / "hub") is None
    path.unlink()
    assert recorded_png(record, folder, tmp_path / "hub") is None


@pytest.mark.parametrize("other", [b"", b"GIF89a" + b"0" * 40, b"\x89PNG\r\n\x1a\n"])
def test_a_file_that_is_no_picture_is_not_shown(tmp_path: Path, other: bytes) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(other)
    assert recorded_png(file_record(path, tmp_path), tmp_path, tmp_path) is None
