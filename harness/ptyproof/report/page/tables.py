"""Tables and pictures of the report page, as data that its templates show."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ptyproof.report.page.embedded import Embedded, embedded

UNKNOWN = "–"


@dataclass(frozen=True)
class Content:
    """What a cell of a table shows.

    Parameters
    ----------
    text
        The text; a link if `href` is given.
    href
        Where the text leads.
    state
        A key of `cells.STATES`, shown as a badge and as the color of the cell.
    mark
        A key of `cells.NETWORKS`: a badge, and for an outcome of the rule the color of the cell.
    remark
        What limits the value, in words behind it.
    note
        Small print behind the text.
    is_best, is_code
        Whether the text is marked as that of the best method of its row, or is code.
    columns
        Number of columns that the cell takes.
    """

    text: str
    href: str | None = None
    state: str | None = None
    mark: str | None = None
    remark: str | None = None
    note: str | None = None
    is_best: bool = False
    is_code: bool = False
    columns: int = 1


@dataclass(frozen=True)
class Table:
    """A table with a caption; `kind` is its class in the style sheet."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[Content]]
    kind: str


@dataclass(frozen=True)
class PngFigure:
    """A picture: its text alternative, its caption, path and sha256 of what it was made from, its bytes.

    `same_as` names the cell that shows the same picture, which the page has once.
    """

    alt: str
    caption: str
    made_from: Sequence[tuple[str, str]]
    png: bytes
    same_as: str | None = None

    @cached_property
    def embedded(self) -> Embedded:
        """The picture as the page has it."""
        return embedded(self.png)


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str | Content]], kind: str = "numbers") -> Table:
    """Return a table whose cells may be given as plain text."""
    cells = [[Content(cell) if isinstance(cell, str) else cell for cell in row] for row in rows]
    return Table(caption, head, cells, kind)


def score(value: float | None) -> str:
    """Return a score with all of its five digits, so that those of a column can be compared."""
    return UNKNOWN if value is None else f"{value:#.5g}"


def number(value: Any) -> str:
    """Return a number to five digits; a whole one with all of its digits."""
    if value is None:
        return UNKNOWN
    return f"{value:.5g}" if isinstance(value, float) else f"{value:,}"


def sentence_case(text: str) -> str:
    """Return a text that begins with a capital letter and ends with a full stop."""
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")
