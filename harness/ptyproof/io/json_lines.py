"""Files of JSON lines: one value a line, written as it comes, so that the last may have been cut off.

A line ends with a line feed and with nothing else. JSON escapes a line feed in a text; a writer that leaves U+0085,
U+2028 and U+2029 as they are, which `str.splitlines` takes for line ends, has them escaped by `one_line`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_ENDS = {ord(mark): f"\\u{ord(mark):04x}" for mark in "\x7f\x85\u2028\u2029"}


def one_line(text: str) -> str:
    """Return a JSON text with escapes for what other readers take for the end of a line; its value stays."""
    is_plain = text.isascii() and "\x7f" not in text  # nearly every line, and told ten times faster
    return text if is_plain else text.translate(_ENDS)


def read_lines(path: Path) -> Iterator[Any]:
    """Yield the values of a file of JSON lines; nothing where there is no file.

    A line that is no JSON is left out: the last one, where a process died while it wrote.
    """
    if not path.is_file():
        return
    for raw in path.read_bytes().split(b"\n"):
        try:
            yield json.loads(raw.decode("utf-8", errors="replace"))
        except (ValueError, RecursionError):
            continue
