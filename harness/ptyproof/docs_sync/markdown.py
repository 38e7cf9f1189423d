"""Texts of others in Markdown: in one line, without comments, and links relative to the document."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import quote


def one_line(text: str) -> str:
    """Return a text in one line of printable characters, in which no comment begins."""
    printable = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(printable.split()).replace("<!--", "&lt;!--")


def code(text: str) -> str:
    """Return a text in one line as code."""
    text = one_line(text)
    ticks = "`" * (max((len(found) for found in re.findall("`+", text)), default=0) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def cell(text: str) -> str:
    """Return a text for a cell of a table."""
    return re.sub(r"(?<!\\)\|", r"\\|", one_line(text))


def link(label: str, target: Path, document: Path) -> str:
    """Return a link from a document to a file; both paths are absolute."""
    return f"[{label}]({quote(Path(os.path.relpath(target, document.parent)).as_posix())})"
