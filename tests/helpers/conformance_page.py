"""What docs/conformance.md has from the code and from a hub.

`python -m tests.helpers.conformance_page` writes the list of checks again; with a hub, also the table of methods:

    pytest --pyargs pytest_ptyproof.conformance --ptyproof-method=all --artifact-hub=hub
    python -m tests.helpers.conformance_page hub
"""

from __future__ import annotations

import re
import sys
from functools import partial
from pathlib import Path

from ptyproof.conformance import checks
from ptyproof.conformance.exceptions import WITHOUT_EXCEPTION
from ptyproof.conformance.record import holds
from ptyproof.markdown import code, table
from ptyproof.tables.conformance import lines_of, read_records

PAGE = Path(__file__).parents[2] / "docs" / "conformance.md"
_BLOCK = "(<!-- made from the {}: [^>]* -->\n).*?(<!-- end -->)"


def table_of_checks() -> str:
    """Return the table of checks, and their limits."""
    rows = [[code(name), holds(name), "no" if name in WITHOUT_EXCEPTION else "yes"] for name in checks.CHECKS]
    lines = list(table(["check", "what must hold", "exception possible"], rows))
    lines += ["", f"Largest complex NRMSE: {checks.LARGEST_ERROR:g}, between pixels {checks.LARGEST_SUBPIXEL_ERROR:g}."]
    lines += [
        f"Largest shift: {checks.LARGEST_SHIFT_PX:g} px. Results that must be one differ by at most {checks.ALIKE:g}."
    ]
    lines += [f"Refined positions keep at most {checks.LARGEST_LEFT:g} of the rms error of the given ones."]
    return "\n".join(lines) + "\n"


def table_of_methods(hub: Path) -> str:
    """Return the table of the methods in a hub."""
    return "\n".join(lines_of(read_records([hub]), "markdown")) + "\n"


def _filled(made: str, found: re.Match[str]) -> str:
    return f"{found[1]}\n{made}\n{found[2]}"


def renewed(page: str, made: dict[str, str]) -> str:
    """Return the page with parts as they are made now."""
    for name, text in made.items():
        page, n = re.subn(_BLOCK.format(name), partial(_filled, text), page, flags=re.DOTALL)
        assert n == 1, name
    return page


if __name__ == "__main__":
    made = {"code": table_of_checks()} | ({"hub": table_of_methods(Path(sys.argv[1]))} if sys.argv[1:] else {})
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8"), made), encoding="utf-8")
