"""Pictures inside the page: small enough for a file that is sent by mail, as text for a data URL.

The page shows pictures as WebP, at most 1200 pixels wide. The PNG that each is made from stays in the hub.
"""

from __future__ import annotations

import base64
import io
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ptyproof.io.file_record import file_is_whole
from ptyproof.io.regular import lies_inside

if TYPE_CHECKING:
    from PIL import Image

_LARGEST_WIDTH_PX = 1200
_QUALITY = 75  # of 100
_N_COLORS = 64  # of a drawing that is smaller without losses
_PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Embedded:
    """A picture in the page: its width and height in pixels, and its data URL."""

    size: tuple[int, int]
    url: str


def recorded_png(record: Mapping[str, Any], folder: Path, hub: Path) -> bytes | None:
    """Return the PNG that a manifest in `folder` has recorded; None where it is gone, changed, or outside the hub."""
    path = folder / record["path"]
    if not lies_inside(path, hub) or not file_is_whole(record, folder):
        return None
    png = path.read_bytes()
    return png if png.startswith(_PNG) and len(png) > 24 else None


def size_of(png: bytes) -> tuple[int, int]:
    """Return width and height in pixels of a PNG, from its first block."""
    width, height = struct.unpack(">II", png[16:24])
    return width, height


@cache  # the end of a run writes its page twice
def embedded(png: bytes, is_exact: bool = False) -> Embedded:
    """Return a picture for the page; the PNG itself where Pillow is not installed or cannot read it.

    Parameters
    ----------
    png
        The picture.
    is_exact
        Keep its pixels, for a picture that is enlarged.
    """
    try:
        from PIL import Image

        with Image.open(io.BytesIO(png)) as opened:
            image = opened.convert("RGB")
    except (ImportError, OSError, SyntaxError, ValueError):
        return Embedded(size_of(png), _url("png", png))
    if is_exact:
        return Embedded(image.size, _url("webp", _webp(image, lossless=True, quality=100, method=4)))
    if image.width > _LARGEST_WIDTH_PX:
        height = max(1, round(image.height * _LARGEST_WIDTH_PX / image.width))
        image = image.resize((_LARGEST_WIDTH_PX, height), Image.Resampling.LANCZOS)
    flat = image.quantize(_N_COLORS, dither=Image.Dither.NONE).convert("RGB")
    found = min(
        _webp(image, quality=_QUALITY, method=6),
        _webp(flat, lossless=True, quality=75, method=4),
        key=len,
    )
    return Embedded(image.size, _url("webp", found))


def _webp(image: Image.Image, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format="WEBP", **options)
    return stream.getvalue()


def _url(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"
