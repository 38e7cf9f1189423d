"""Pieces of HTML: text that is safe, tables that narrow screens can show, numbers, digests and links."""

from __future__ import annotations

import base64
import posixpath
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any
from urllib.parse import quote

from ptyproof.console import printable
from ptyproof.hub.layout import REPORT


def safe(value: object) -> str:
    """Return a text of one line, safe in HTML and in attributes."""
    return escape(printable(str(value)))


def safe_lines(value: object) -> str:
    return "\n".join(safe(line) for line in str(value).splitlines())


def sentence_case(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def table(caption: str, head: Sequence[str], rows: Iterable[str], kind: str = "numbers") -> str:
    """Return a table whose rows become blocks on a narrow screen; its roles say that it is still a table."""
    heads = "".join(f'<th scope="col" role="columnheader">{safe(name)}</th>' for name in head)
    return (
        f'<div class="wide"><table role="table" class="{kind}"><caption>{safe(caption)}</caption>'
        f'<thead role="rowgroup"><tr role="row">{heads}</tr></thead>'
        f'<tbody role="rowgroup">{"".join(rows)}</tbody></table></div>'
    )


def row_of(head: Sequence[str], cells: Sequence[str], attributes: Sequence[str] = ()) -> str:
    """Return a row of a table; `cells` are HTML, and each repeats its column's name for narrow screens."""
    attributes = attributes or [""] * len(cells)
    parts = [
        f'<th scope="row" role="rowheader"><span class="column" aria-hidden="true">{safe(head[0])}</span>'
        f"{cells[0]}</th>"
    ]
    parts += [
        f'<td role="cell"{attribute}><span class="column" aria-hidden="true">{safe(name)}</span><div>{cell}</div></td>'
        for name, cell, attribute in zip(head[1:], cells[1:], attributes[1:], strict=True)
    ]
    return f'<tr role="row">{"".join(parts)}</tr>'


def details(summary: str, content: str) -> str:
    return f"<details><summary>{safe(summary)}</summary>{content}</details>"


def short_digest(sha256: str) -> str:
    return f'<code title="sha256 {escape(sha256)}">{escape(sha256[:16])}</code>'


def file_link(name: str) -> str:
    """Return a file's name; a link to it where it stays in the hub."""
    if name.endswith(".npz"):
        return safe(name)
    target = quote(posixpath.relpath(name, posixpath.dirname(REPORT)))
    return f'<a href="{escape(target)}">{safe(name)}</a>'


def score(value: float | None) -> str:
    """Return a score with all of its five digits, so that those of a column can be compared."""
    return "–" if value is None else f"{value:#.5g}"


def number(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.5g}" if isinstance(value, float) else f"{value:,}"


@dataclass(frozen=True)
class PngFigure:
    """A picture of the page: its text alternative, its caption, path and sha256 of what it was made from, its bytes."""

    alt: str
    caption: str
    made_from: tuple[tuple[str, str], ...]
    png: bytes


def figure(picture: PngFigure) -> str:
    """Return a picture inside the page, with its sources below it."""
    width, height = struct.unpack(">II", picture.png[16:24])
    made_from = ", ".join(f"{safe(path)} {short_digest(sha256)}" for path, sha256 in picture.made_from)
    data = base64.b64encode(picture.png).decode("ascii")
    return (
        f'<figure><img width="{width}" height="{height}" alt="{safe(picture.alt)}" '
        f'src="data:image/png;base64,{data}">'
        f'<figcaption>{safe(picture.caption)} <span class="from">Made from: {made_from}.</span></figcaption></figure>'
    )
