"""Take a screenshot of a hub's report: its top and one cell, or the cell alone.

python -m tests.helpers.screenshot HUB docs/images/report.png [--top | --cell NAME [--alone]] [--width PX]
"""

from __future__ import annotations

import argparse
import io
import tempfile
from pathlib import Path

from ptyproof.hub.layout import REPORT
from ptyproof.io.atomic import atomic_path
from tests.helpers.browser import MISSING, browser


def main() -> None:
    """Write the screenshot."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("hub", type=Path, help="artifact hub with a report")
    parser.add_argument("out", type=Path, help="the PNG")
    parser.add_argument("--cell", help="name of the cell that is shown; the default is the first trained one")
    parser.add_argument("--alone", action="store_true", help="the cell without the top of the page")
    parser.add_argument("--width", type=int, default=1280, help="width of the screen in pixels (default: 1280)")
    parser.add_argument("--top", action="store_true", help="the answer, truth and methods, and error against dose")
    parser.add_argument("--whole", action="store_true", help="the whole page")
    parser.add_argument("--scale", type=float, default=0.75, help="pixels of the PNG per pixel (default: 0.75)")
    args = parser.parse_args()
    if MISSING is not None:
        parser.error(MISSING)
    with tempfile.TemporaryDirectory() as folder, browser(Path(folder)) as opened:
        opened.screen(args.width)
        opened.open((args.hub / REPORT).resolve())
        chosen = f"cell-{args.cell}" if args.cell else opened.run(_FIRST)
        first = f'[id="{chosen}"]' if args.alone else "body"
        last = ".broad figure .scroll" if args.top else f'.job:has([id="{chosen}"]) .figures'
        parts = None if args.whole else (first, last)
        if not (args.whole or args.top):
            opened.run(_ALONE % chosen)
        png = opened.picture(parts, args.scale)
    with atomic_path(args.out) as temporary:
        temporary.write_bytes(small(png))


# The section of a trained cell: its heading has that state.
_FIRST = "return document.querySelector('h3:has(.state.success)').id"
# Leaves one cell in the page.
_ALONE = "document.querySelectorAll('.job').forEach(e => { e.hidden = e.querySelector('h3').id !== '%s'; })"


def small(png: bytes) -> bytes:
    """Return a PNG with 256 colours, which is enough for a page and a fifth of its size."""
    from PIL import Image

    stream = io.BytesIO()
    with Image.open(io.BytesIO(png)) as image:
        image.convert("RGB").quantize(256).save(stream, "PNG", optimize=True)
    return stream.getvalue()


if __name__ == "__main__":
    main()
