"""Judgements as text for people, as JSON for programs, and as annotations for GitHub."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from ptyproof.evidence.checking.codes import CODES, Code
from ptyproof.evidence.checking.document import plural
from ptyproof.evidence.checking.files import Named
from ptyproof.evidence.checking.findings import SEVERITIES, Finding, printable
from ptyproof.evidence.checking.run import Checked

_PLACES = 3
_WIDTH = 110
_INDENT = " " * 8
_CLEAN = "nothing wrong was found"
_CLEAN_ITSELF = "nothing wrong in the manifest itself"
_LEVELS = {"error": "error", "warning": "warning", "info": "notice"}


def as_text(checked: Checked, everything: bool = False) -> str:
    """Return a judgement for people: a headline, then what was found, worst first, each code once with its places."""
    lines = [f"{printable(checked.file)}: {checked.headline}"]
    lines += [f"  {said}" for said in [named_files(checked.named)] if said]
    if not checked.findings:
        lines.append(f"  {_CLEAN if _all_seen(checked.named) else _CLEAN_ITSELF}")
    by_code: dict[str, list[Finding]] = {}
    for finding in checked.findings:
        by_code.setdefault(finding.code, []).append(finding)
    for code, found in by_code.items():
        lines += _of_code(CODES[code], found, everything, checked.kind or "KIND")
    return "".join(f"{line}\n" for line in lines)


def named_files(named: Named) -> str:
    """Return how many files a manifest names and how many of them were looked at; an empty text where it names none."""
    if not named.n:
        return ""
    parts = [f"{named.there} {'is' if named.there == 1 else 'are'} there"]
    if named.absent:
        parts.append(f"{named.absent} {'is' if named.absent == 1 else 'are'} not")
    if named.unseen:
        parts.append(f"{named.unseen} could not be looked at")
    return f"names {plural(named.n, 'file')}: {', '.join(parts)}"


def _all_seen(named: Named) -> bool:
    return named.there == named.n


def _of_code(code: Code, found: Sequence[Finding], everything: bool, kind: str) -> Iterable[str]:
    yield f"  {code.severity} {code.code}: {code.title}"
    shown = found if everything or len(found) <= _PLACES + 1 else found[:_PLACES]
    for finding in shown:
        yield from _wrapped(f"{finding.json_path}: {finding.message}", _INDENT[:6])
    if len(shown) < len(found):
        yield f"{_INDENT[:6]}... and {len(found) - len(shown)} more such places; --all shows them"
    yield from _wrapped(f"to mend it: {code.mend}".replace("KIND", kind), _INDENT[:6])


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        printable(text), _WIDTH, initial_indent=indent, subsequent_indent=f"{indent}  ", break_on_hyphens=False
    )


def summary(judged: Sequence[Checked], n_left_alone: int = 0) -> str:
    """Return one line about all files."""
    counts = Counter(finding.severity for checked in judged for finding in checked.findings)
    names = {"error": "error", "warning": "warning", "info": "remark"}
    found = ", ".join(plural(counts[severity], names[severity]) for severity in SEVERITIES if counts[severity])
    named = _total(judged)
    clean = _CLEAN if _all_seen(named) else f"{_CLEAN_ITSELF}{'' if len(judged) == 1 else 's'}"
    line = f"{plural(len(judged), 'file')} checked: {found or clean}"
    if not _all_seen(named):
        line += f"; of {plural(named.n, 'named file')}, {named.absent + named.unseen} could not be looked at"
    if n_left_alone:
        line += f"; {plural(n_left_alone, 'file')} of other kinds left alone"
    if found:
        line += "; `ptyproof explain CODE` says why a check exists"
    return f"{line}\n"


def _total(judged: Iterable[Checked]) -> Named:
    every = [checked.named for checked in judged]
    return Named(*(sum(getattr(named, key) for named in every) for key in ("n", "there", "absent", "unseen")))


def _counts(named: Named) -> dict[str, int]:
    return {"named": named.n, "there": named.there, "absent": named.absent, "not_looked_at": named.unseen}


def as_json(judged: Iterable[Checked], n_left_alone: int = 0) -> dict[str, Any]:
    """Return judgements as JSON values."""
    files = []
    counts = dict.fromkeys(SEVERITIES, 0)
    judged = list(judged)
    for checked in judged:
        for finding in checked.findings:
            counts[finding.severity] += 1
        files.append(
            {
                "file": _plain(checked.file),
                "kind": checked.kind,
                "generation": checked.generation,
                "headline": checked.headline,
                "groups": list(checked.groups),
                "named_files": _counts(checked.named),
                "findings": [
                    {key: _plain(value) for key, value in finding.as_dict().items() if key != "file"}
                    for finding in checked.findings
                ],
            }
        )
    return {"files": files, "left_alone": n_left_alone, "counts": counts, "named_files": _counts(_total(judged))}


def as_annotations(checked: Checked) -> str:
    """Return findings as GitHub's workflow commands, which show them beside the file."""
    lines = []
    for finding in checked.findings:
        title = f"{finding.code} {finding.json_path}"
        properties = f"file={_property(finding.file)},title={_property(title)}"
        lines.append(f"::{_LEVELS[finding.severity]} {properties}::{_data(printable(finding.message))}\n")
    if not _all_seen(checked.named):
        properties = f"file={_property(checked.file)},title=files that the manifest names"
        lines.append(f"::notice {properties}::{_data(named_files(checked.named))}\n")
    return "".join(lines)


def explanation(code: Code) -> str:
    """Return what a code means, why it is checked, and how to mend what it found."""
    parts = (
        f"{code.code} ({code.severity}, {code.group}): {code.title}.",
        f"Why: {code.why}",
        f"To mend it: {code.mend}",
    )
    return "".join("\n".join(textwrap.wrap(part, _WIDTH, break_on_hyphens=False)) + "\n" for part in parts)


def _plain(text: str) -> str:
    """Return a text that UTF-8 can hold: bytes of a file's name that are none are escaped."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return printable(_data(_plain(text))).replace(":", "%3A").replace(",", "%2C")
