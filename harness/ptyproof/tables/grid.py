"""The cells of a table as lines: as text with columns of one width, or as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from ptyproof import markdown
from ptyproof.console import printable

Form = Literal["text", "markdown"]


def grid(heads: Sequence[str], rows: Sequence[Sequence[str]], form: Form) -> Iterator[str]:
    """Yield the lines of a table with a head."""
    if form == "markdown":
        yield from markdown.table(heads, rows)
        return
    shown = [[printable(cell) for cell in row] for row in (heads, *rows)]
    widths = [max(len(row[column]) for row in shown) for column in range(len(heads))]
    for row in shown:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
