"""Settings of the documentation site; `python -m sphinx -W --keep-going -b html docs docs/_build/html` builds it.

The build reads this tree alone: no inventory of other projects, no script and no font from a network.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ptyproof import __version__

sys.path.insert(0, str(Path(__file__).parent.parent))

project = "ptyproof"
author = "The ptyproof developers"
project_copyright = author
version = release = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "docs._ext.from_code",
    "docs._ext.plain_docstrings",
    "docs._ext.diagrams",
]
exclude_patterns = ["_build", "_ext"]

myst_heading_anchors = 4
myst_fence_as_directive = ["mermaid"]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
default_role = "code"
napoleon_google_docstring = False
napoleon_use_rtype = False

html_theme = "furo"
html_title = f"ptyproof {__version__}"
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
