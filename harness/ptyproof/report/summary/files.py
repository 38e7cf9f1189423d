"""The files of a hub, and links to them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ptyproof.hub.index import INDEX, walk
from ptyproof.hub.layout import OVERLAP, RUN, SKIP_LINES, SUMMARY
from ptyproof.markdown import Markdown, link


def file_link(name: str, label: str | None = None) -> Markdown:
    """Return a link from the summary to a file, given by its path in the hub; the label is that path by default."""
    return link(label or name, name, SUMMARY)


def files(hub: Path) -> Iterator[str]:
    """Yield a link to each file of a hub but the datasets."""
    names = {INDEX, SUMMARY, SKIP_LINES} | {name for name, _ in walk(hub)}
    names |= {name for name in (RUN, OVERLAP) if (hub / name).is_file()}
    yield f"{file_link(INDEX)} has the size and the sha256 of each file; `ptyproof hub verify` checks them.\n"
    yield from (f"- {file_link(name)}" for name in sorted(names))
