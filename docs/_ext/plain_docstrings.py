"""Docstrings of this project are plain text: |x| is a modulus in them, not a substitution of reStructuredText.

Sections in the style of NumPy are read by `sphinx.ext.napoleon`; what is here runs after it.
"""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx

_MARK = re.compile(r"`[^`]+`|^\s*:[^:`]+:|(?P<mark>[\\|]|(?<=\w)_(?!\w)|(?<=[\w ])\*(?=[\w ]))")

_of_properties: dict[str, list[str]] = {}


def plain(line: str) -> str:
    """Return a line with each mark escaped that stands for itself; `code` and field names stay as they are."""
    return _MARK.sub(lambda found: f"\\{found[0]}" if found["mark"] else found[0], line)


def as_code(lines: list[str]) -> list[str]:
    """Return the lines of a module's docstring with its indented paragraphs marked as code."""
    made: list[str] = []
    inside = False
    for line in lines:
        if line.startswith("    ") and not inside:
            made += [".. code-block:: python", ""]
        inside = line.startswith("    ") or (inside and not line)
        made.append(line if inside else plain(line))
    return made


def _kept(app: Sphinx, what: str, name: str, obj: object, options: Any, lines: list[str]) -> None:
    """Keep the docstring of a property from napoleon, which takes what stands before a colon for a type."""
    if what == "property":
        _of_properties[name] = list(lines)


def _processed(app: Sphinx, what: str, name: str, obj: object, options: Any, lines: list[str]) -> None:
    lines[:] = _of_properties.pop(name, lines)
    lines[:] = as_code(lines) if what == "module" else [plain(line) for line in lines]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with autodoc, before and after napoleon."""
    app.connect("autodoc-process-docstring", _kept, priority=100)
    app.connect("autodoc-process-docstring", _processed, priority=900)
    return {"parallel_read_safe": True}
