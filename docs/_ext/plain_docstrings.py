"""Docstrings of this project are plain text: |x| is a modulus in them, not a substitution of reStructuredText."""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx

_QUOTED = re.compile(r"(``[^`]+``|`[^`]+`)")


def plain(line: str) -> str:
    """Return a line of a docstring as reStructuredText: `code` is literal, and every other mark stands for itself."""
    parts = _QUOTED.split(line)
    return "".join(
        f"``{part.strip('`')}``" if at % 2 else re.sub(r"([\\*|_])", r"\\\1", part) for at, part in enumerate(parts)
    )


def _processed(app: Sphinx, what: str, name: str, obj: object, options: Any, lines: list[str]) -> None:
    lines[:] = [plain(line) for line in lines]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with autodoc."""
    app.connect("autodoc-process-docstring", _processed)
    return {"parallel_read_safe": True}
