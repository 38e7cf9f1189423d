"""Markdown from any text: tables, links and code. Whatever a text says, it stays in its place.

Functions that return `Markdown` have escaped what they were given. Tables escape every other text themselves, so a
name with a bar or a star in it cannot leave its cell.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import PurePath
from urllib.parse import quote

from ptyproof.console import printable

UNKNOWN = "–"
_MARKS = re.compile(r"[\\`*\[\]>&~]|(?<![^\W_])_|_(?![^\W_])")  # a line inside a word is no emphasis
_CELL_END = re.compile(r"(?<!\\)\|")


class Markdown(str):
    """Text that is Markdown already; it is written as it is."""

    __slots__ = ()


def text(value: str) -> Markdown:
    """Return a text as one line that Markdown shows as it is; Markdown stays what it is."""
    if isinstance(value, Markdown):
        return value
    return Markdown(_MARKS.sub(r"\\\g<0>", printable(value)).replace("<", "&lt;"))


def passage(value: str) -> Markdown:
    """Return Markdown that an author wrote, such as a docstring, as one line in which no comment begins."""
    return Markdown(printable(value).replace("<!--", "&lt;!--"))


def bold(value: str) -> Markdown:
    """Return a text in bold."""
    return Markdown(f"**{text(value)}**")


def code(value: str) -> Markdown:
    """Return a text of one line as code."""
    value = printable(value)
    ticks = "`" * (_longest_run(value) + 1)
    pad = " " if value.startswith("`") or value.endswith("`") or not value.strip() else ""
    return Markdown(f"{ticks}{pad}{value}{pad}{ticks}")


def block(lines: Iterable[str], language: str = "") -> str:
    """Return lines as a block of code, whose fence is longer than any in the lines."""
    body = "\n".join(lines)
    fence = "`" * max(3, _longest_run(body) + 1)
    return f"{fence}{language}\n{body}\n{fence}"


def relative(target: str | PurePath, document: str | PurePath) -> str:
    """Return the address of a file relative to the document that links to it.

    Both paths are absolute, or both are relative to the same folder.
    """
    path = PurePath(os.path.relpath(target, PurePath(document).parent)).as_posix()
    return quote(path, errors="surrogateescape")


def link(label: str, target: str | PurePath, document: str | PurePath) -> Markdown:
    """Return a link from a document to a file; see `relative`."""
    return Markdown(f"[{text(label)}]({relative(target, document)})")


def shown(value: object) -> str:
    """Return a value as a cell has it: a number to six digits, a dash for one that is not known."""
    if value is None or value == "":
        return UNKNOWN
    return f"{value:.6g}" if isinstance(value, float) else text(value if isinstance(value, str) else str(value))


def row(cells: Iterable[object]) -> str:
    """Return the line of a table's row."""
    return "| " + " | ".join(shown(cell).replace("|", "\\|") for cell in cells) + " |"


def table(head: Sequence[str], rows: Iterable[Sequence[object]], right: Collection[int] = ()) -> Iterator[str]:
    """Yield the lines of a table; none where it has no rows.

    Parameters
    ----------
    head
        Names of the columns.
    rows
        Values of the cells, see `shown`.
    right
        Columns, counted from 0, whose cells are aligned to the right.
    """
    lines = [row(cells) for cells in rows]
    if lines:
        rules = "".join("---:|" if column in right else "---|" for column in range(len(head)))
        yield from (row(head), f"|{rules}", *lines)


def cells_of(line: str) -> list[str]:
    """Return the Markdown in the cells of a row, each with its spaces and with its bars still escaped."""
    parts = _CELL_END.split(line.strip()[1:])
    return parts[:-1] if not parts[-1].strip() else parts


def _longest_run(value: str) -> int:
    return max((len(ticks) for ticks in re.findall("`+", value)), default=0)
