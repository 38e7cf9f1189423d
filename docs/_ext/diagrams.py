"""Diagrams: the pages have them as Mermaid, which the site shows as text, since drawing them needs a script."""

from __future__ import annotations

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx


def setup(app: Sphinx) -> dict[str, bool]:
    """Take `mermaid` for a language of code blocks."""
    app.add_lexer("mermaid", TextLexer)
    return {"parallel_read_safe": True}
