"""HTML from the templates beside this module. Jinja escapes every text, and a line stays one line."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from typing import TYPE_CHECKING

from ptyproof.console import printable
from ptyproof.report.page.cells import CONFORMANCE, NETWORKS, STATES, TESTS

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup


def render(template: str, **data: object) -> str:
    """Return the text of a template, such as `page.html.j2`.

    Raises
    ------
    jinja2.UndefinedError
        If the template uses a name that `data` does not have.
    """
    return _environment().get_template(template).render(data)


def _source(environment: Environment, name: str) -> Markup:
    """Return a file beside the templates, as it stands in a page."""
    from markupsafe import Markup

    assert environment.loader is not None
    return Markup(environment.loader.get_source(environment, name)[0])


def _digest(text: str) -> str:
    """Return the sha256 of a script or style as a page's policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined  # only a process that writes a page loads it

    environment = Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: printable(value) if type(value) is str else value,  # not of what is HTML already
    )
    style, script = (_source(environment, name) for name in ("style.css", "zoom.js"))
    environment.globals |= {"states": {**STATES, **CONFORMANCE, **NETWORKS, **TESTS}, "style": style, "script": script}
    environment.globals["policy"] = (
        f"default-src 'none'; img-src data:; style-src {_digest(style)}; script-src {_digest(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    return environment
