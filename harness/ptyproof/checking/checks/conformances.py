"""Whether the verdict on a method follows from the checks that its record lists; one that fails is told, too."""

from __future__ import annotations

from collections import Counter

from ptyproof.checking.checks.account import added_up
from ptyproof.checking.model.document import Document, Findings, listed, mapping, text
from ptyproof.hub.conformance import OUTCOMES, status_of

_WRONG = ("failed", "exception")  # outcomes with sentences of what is wrong
_EXPLAINED = ("exception", "stale", "skipped")  # outcomes with a reason
_SHOWN = 160


def check(doc: Document) -> Findings:
    """Yield what is wrong with the account, the checks and the verdict, and whether the method fails."""
    if doc.cut or not isinstance(doc.root.get("checks"), list):
        return
    outcomes = [text(entry, "outcome") or "" for _, entry in doc.entries("checks")]
    count = Counter(outcomes)
    yield from added_up(doc, "n_checks", {f"n_{outcome}": count[outcome] for outcome in OUTCOMES})
    names: set[str] = set()
    for place, entry in doc.entries("checks"):
        name = (text(entry, "check") or "")[:_SHOWN]
        if name in names:
            yield doc.finding("PM203", place, f"{name} occurs twice")
        names.add(name)
        yield from _entry(doc, place, entry, name)
    yield from _verdict(doc, outcomes)


def _entry(doc: Document, place: str, entry: dict[str, object], name: str) -> Findings:
    """Yield an outcome that the rest of its entry contradicts."""
    outcome = text(entry, "outcome")
    if (outcome in _WRONG) != bool(listed(entry, "said")):
        said = "without a sentence that says" if outcome in _WRONG else "with a sentence that says"
        yield doc.finding("PM714", f"{place}.outcome", f"{name} is {outcome} {said} what is wrong")
    if (outcome in _EXPLAINED) and entry.get("reason") is None:
        yield doc.finding("PM714", f"{place}.reason", f"{name} is {outcome} without a reason")
    if outcome in ("passed", "exception", "stale") and entry.get("duration_s") is None:
        yield doc.finding("PM714", f"{place}.duration_s", f"{name} is {outcome} without a duration: it has no end")


def _verdict(doc: Document, outcomes: list[str]) -> Findings:
    status, wanted = text(doc.root, "status"), status_of(outcomes)
    if status is not None and status != wanted:
        yield doc.finding("PM714", "$.status", f"the status is {status[:_SHOWN]}, but its checks give {wanted}")
    elif status in ("failed", "incomplete"):
        account = mapping(doc.root, "account")
        said = ", ".join(f"{account.get(f'n_{one}')} {one}" for one in OUTCOMES if account.get(f"n_{one}"))
        name = (text(doc.root, "method") or "the method")[:_SHOWN]
        yield doc.finding("PM717", "$.status", f"{name} is {status}: {said.replace('_', ' ')}")
