"""The index of the test suite: each module, its number of tests, and what it tests."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path

from ptyproof.markdown import link, passage, table

BLOCK = "test-index"


def first_docstring_line(source: bytes) -> str:
    """Return the first line of a module's docstring; empty if it has none or is not Python."""
    try:
        text = ast.get_docstring(ast.parse(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    return text.strip().splitlines()[0] if text and text.strip() else ""


def render(counts: Mapping[str, int], summaries: Mapping[str, str], root: Path, document: Path) -> str:
    """Return the block's text.

    Parameters
    ----------
    counts
        Number of tests of each module, by its path relative to `root`.
    summaries
        The first line of each module's docstring.
    root, document
        Absolute paths of the project and of the document that the block stands in.
    """
    total = sum(counts.values())
    rows = [
        [link(module, root / module, document), count, passage(summaries[module])]
        for module, count in sorted(counts.items())
    ]
    head = f"{total} test{_s(total)} in {len(counts)} module{_s(len(counts))}."
    return "\n".join([head, "", *table(["module", "tests", "what"], rows, right=[1])]) + "\n"


def _s(number: int) -> str:
    return "" if number == 1 else "s"
