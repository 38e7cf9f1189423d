"""Rows of a checklist with a mark: a row is ticked if the hub has evidence that the tests of its topic pass.

`- [ ] text <!-- ptyproof: evidence TOPIC -->` becomes `- [x] text (evidence: [run](log)) <!-- ... -->`, and back.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from ptyproof.docs_sync.blocks import EVIDENCE, Document, line_end
from ptyproof.docs_sync.runs import Run
from ptyproof.markdown import link

BLOCK = "checklist"
_ROW = re.compile(
    r"(?P<lead>[\s>]*(?:[-*+]|\d+[.)])\s+)\[[ xX]\](?P<text>\s.*?)"
    r"(?: \(evidence: \[[^\]]*\]\([^()\s]*\)\))?"
    rf"(?P<mark>\s*{EVIDENCE.pattern}\s*)"
)


def is_block(name: str) -> bool:
    """Return whether a block of this name is a checklist."""
    return name == BLOCK or name.startswith(f"{BLOCK}-")


def check_marks(document: Document) -> None:
    """Refuse evidence marks that no block can tick.

    Raises
    ------
    DataError
        If one stands outside the checklists, or not at the end of a row with a box.
    """
    inside = {index for name in document.blocks if is_block(name) for index in document.body(name)}
    for index, prose in enumerate(document.prose):
        marks = len(EVIDENCE.findall(prose))
        if not marks:
            continue
        if index not in inside:
            raise document.error(index, f"has an evidence mark outside the blocks {BLOCK} and {BLOCK}-NAME")
        if marks > 1 or _row(document, index) is None:
            raise document.error(index, "one evidence mark stands at the end of a row that begins with - [ ] or - [x]")


def render(document: Document, name: str, runs: Sequence[Run], path: Path) -> str:
    """Return a block's text with every marked row ticked or not; `path` is the document's absolute path."""
    lines = []
    for index in document.body(name):
        line = document.lines[index]
        row = _row(document, index)
        if row is not None:
            shown = [run for run in runs if run.shows_green(row["topic"])]
            box, evidence = ("x", f" (evidence: {link(shown[-1].id, shown[-1].record, path)})") if shown else (" ", "")
            line = f"{row['lead']}[{box}]{row['text']}{evidence}{row['mark']}{line_end(line)}"
        lines.append(line)
    return "".join(lines)


def _row(document: Document, index: int) -> re.Match[str] | None:
    if not EVIDENCE.search(document.prose[index]):
        return None
    return _ROW.fullmatch(document.lines[index].rstrip("\r\n"))
