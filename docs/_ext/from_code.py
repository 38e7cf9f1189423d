"""The directive `from-code`: a part of a page that is made from the code while the site is built."""

from __future__ import annotations

from typing import ClassVar

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from docs._ext import pages

PARTS = {"commands": pages.commands, "fixtures": pages.fixtures, "schemas": pages.schemas}


class FromCode(SphinxDirective):
    """`from-code NAME`: Markdown that a function of `pages` returns, in the place of the directive."""

    required_arguments: ClassVar[int] = 1

    def run(self) -> list[nodes.Node]:
        """Return what the part named by the argument consists of."""
        return self.parse_text_to_nodes(PARTS[self.arguments[0]](), allow_section_headings=True)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("from-code", FromCode)
    return {"parallel_read_safe": True}
