"""HTML from the templates beside this module. Jinja escapes every text, and a line stays one line."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from ptyproof.console import printable
from ptyproof.report.page.cells import CONFORMANCE, STATES

if TYPE_CHECKING:
    from jinja2 import Environment


def render(template: str, **data: object) -> str:
    """Return the text of a template, such as `page.html.j2`.

    Raises
    ------
    jinja2.UndefinedError
        If the template uses a name that `data` does not have.
    """
    return _environment().get_template(template).render(data)


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
    environment.globals["states"] = {**STATES, **CONFORMANCE}
    return environment
