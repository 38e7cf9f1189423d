"""The directive `mermaid`: a flowchart, drawn while the site is built."""

from __future__ import annotations

from typing import ClassVar

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from docs._ext.flowchart import svg


class Mermaid(SphinxDirective):
    """A block of `mermaid`, as GitHub draws it, too."""

    has_content: ClassVar[bool] = True

    def run(self) -> list[nodes.Node]:
        """Return the picture; what is not understood is an error of the build."""
        try:
            return [nodes.raw("", svg("\n".join(self.content)), format="html")]
        except ValueError as error:
            raise self.error(str(error)) from None


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("mermaid", Mermaid)
    return {"parallel_read_safe": True}
