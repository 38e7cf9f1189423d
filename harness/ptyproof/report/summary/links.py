"""Links from a summary to the files of its hub."""

from __future__ import annotations

from ptyproof.hub.layout import SUMMARY
from ptyproof.markdown import Markdown, link


def file_link(name: str, label: str | None = None) -> Markdown:
    """Return a link to a file, given by its path in the hub; the label is that path if there is no other."""
    return link(label or name, name, SUMMARY)
