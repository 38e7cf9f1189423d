"""The ledger of attempts: a numbered entry for each run of the hub; entries that are there never change."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ptyproof.docs_sync.blocks import RUN_KEY, Document
from ptyproof.docs_sync.runs import Run
from ptyproof.hub.blocked import first_error
from ptyproof.markdown import code, link, text

BLOCK = "ledger"
_ENTRY = re.compile(r"[\s#*+>-]*Attempt #(\d+)\b")


def missing_runs(document: Document, runs: Sequence[Run]) -> list[Run]:
    """Return the runs that ended or died and have no entry, neither inside the block nor outside it."""
    known = {found.groups() for prose in document.prose for found in RUN_KEY.finditer(prose)}
    return [run for run in runs if not run.under_way and (run.id, run.started) not in known]


def render(document: Document, runs: Sequence[Run], path: Path) -> str:
    """Return the block's text with an entry for each missing run behind those that are there.

    Numbers go on from the largest in the whole document; `path` is the document's absolute path.
    """
    body = document.body_text(BLOCK)
    numbers = [int(found[1]) for found in map(_ENTRY.match, document.prose) if found]
    newline = document.newline(BLOCK)
    for number, run in enumerate(missing_runs(document, runs), start=max(numbers, default=0) + 1):
        gap = "" if not body or body.endswith(("\n\n", "\n\r\n")) else newline
        body += gap + "".join(line + newline for line in _entry(number, run, path))
    return body


def _entry(number: int, run: Run, path: Path) -> list[str]:
    reasons = Counter(text(reason.strip()) or "no reason" for reason in run.skips)
    return [
        f"### Attempt #{number}: {run.started}",
        f"<!-- ptyproof: run {run.id} {run.started} -->",
        "",
        f"- command: {code(run.command)}",
        f"- result: {_result(run)}",
        *([] if run.blocked is None else [f"- blocked: {_why(run.blocked)} ({link('record', run.blocked, path)})"]),
        f"- skips: {len(run.skips) or 'none'}",
        *(f"  - {count} × {reason}" for reason, count in sorted(reasons.items())),
        f"- evidence: {link(run.id, run.record, path)}",
    ]


def _result(run: Run) -> str:
    what = "not evidence" if run.evidence == "none" else f"{run.evidence} evidence"
    if run.blocked is not None:
        what = f"BLOCKED by an error: {what}"
    if run.topic is not None:
        what += f" of `{run.topic}`"
    if not run.ended:
        return f"{what}; no end is recorded, the process was killed"
    if run.accepted is not None:
        what += ", accepted" if run.accepted else ", REFUSED"
    if run.reason:
        what += f" ({text(run.reason)})"
    outcomes = ", ".join(f"{count} {text(name)}" for name, count in sorted(run.outcomes.items()) if count)
    return f"{what}; {outcomes or 'no outcome'}; exit status {run.exit_status}"


def _why(blocked: Path) -> str:
    return text(first_error(blocked)) or "no error is recorded"
