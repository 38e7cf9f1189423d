"""Whether a generated verification report counts its own entries rightly, and what its verdict is."""

from __future__ import annotations

from ptyproof.checking.checks.account import counted
from ptyproof.checking.model.document import Document, Findings, plural, text

_SHOWN = 120


def account(doc: Document) -> Findings:
    """Yield counts that are not those of the entries, and a verdict that the entries do not give."""
    entries = doc.entries("validations")
    if doc.cut or not isinstance(doc.root.get("validations"), list):
        return
    good = sum(entry.get("valid") is True for _, entry in entries)
    bad = sum(entry.get("valid") is False for _, entry in entries)
    yield from counted(doc, doc.root, "$", "n_checks", len(doc.root["validations"]), "validations has {} entries")
    yield from counted(doc, doc.root, "$", "n_valid", good, "{} of the validations are valid")
    yield from counted(doc, doc.root, "$", "n_invalid", bad, "{} of the validations are not valid")
    verdict = doc.root.get("all_valid")
    if not entries:
        yield doc.finding("PM706", "$.validations", "nothing was verified; zero checks are not a success")
    elif verdict is True and bad:
        yield doc.finding("PM704", "$.all_valid", f"all_valid is true, but {plural(bad, 'validation')} failed")
    elif verdict is False and good == len(entries):
        yield doc.finding("PM714", "$.all_valid", "all_valid is false, but every validation is valid")


def outcome(doc: Document) -> Findings:
    """Yield checks that were not valid, and checks called valid beside an error."""
    entries = doc.entries("validations")
    bad = [place for place, entry in entries if entry.get("valid") is False]
    if bad and not doc.cut:
        good = sum(entry.get("valid") is True for _, entry in entries)
        said = f"{good} of {plural(len(entries), 'check')} {'is' if good == 1 else 'are'} valid"
        yield doc.finding("PM715", "$.validations", said)
    for place, entry in entries:
        error = text(entry, "error")
        if entry.get("valid") is True and error:
            said = f"the check is valid, but has an error: {error[:_SHOWN]}"
            yield doc.finding("PM704", f"{place}.error", said)
