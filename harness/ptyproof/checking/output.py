"""Judgments as text for people, as JSON for programs, and as annotations for GitHub."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from ptyproof.checking.gather import LeftAlone
from ptyproof.checking.judge import Checked
from ptyproof.checking.model.causes import Cause
from ptyproof.checking.model.codes import Code, codes
from ptyproof.checking.model.document import plural
from ptyproof.checking.model.files import Named
from ptyproof.checking.model.findings import SEVERITIES, printable
from ptyproof.checking.table import verdict

_PLACES = 3
_COUNTS = ("n", "there", "absent", "unseen", "not_shipped")
_WIDTH = 110
_INDENT = " " * 6
_CLEAN = "no error found"
_CLEAN_ITSELF = "no error in the manifest itself"
_NOTHING_LEFT = LeftAlone()
_CLEAN_THEMSELVES = "no error in the manifests themselves"
_LEVELS = {"error": "error", "warning": "warning", "info": "notice"}


def as_text(checked: Checked, everything: bool = False, advised: set[str] | None = None) -> str:
    """Return a judgment for people: a headline, then what was found, worst first, each cause once with its places.

    `everything` shows every cause and place; `advised` are the remedies that were shown already: they are not shown
    again, and those that are shown here are added.
    """
    advised = set() if advised is None else advised
    lines = [f"{printable(checked.file)}: {checked.headline}"]
    lines += [f"  {said}" for said in [named_files(checked.named)] if said]
    if not checked.findings:
        lines.append(f"  {_CLEAN if _all_seen(checked.named) else _CLEAN_ITSELF}")
    by_code: dict[str, list[Cause]] = {}
    for cause in checked.causes:
        by_code.setdefault(cause.code, []).append(cause)
    for code, found in by_code.items():
        lines += _of_code(codes()[code], found, everything)
        advice = codes()[code].fix.replace("KIND", checked.kind or "KIND")
        if advice not in advised:
            lines += _wrapped(f"to fix it: {advice}", _INDENT)
            advised.add(advice)
    return "".join(f"{line}\n" for line in lines)


def named_files(named: Named) -> str:
    """Return how many files a manifest names and how many of them were looked at; an empty text where it names none."""
    if not named.n:
        return ""
    parts = [f"{named.there} {'exists' if named.there == 1 else 'exist'}"]
    if named.absent:
        parts.append(f"{named.absent} {'is' if named.absent == 1 else 'are'} missing")
    if named.unseen:
        parts.append(f"{named.unseen} could not be read")
    if named.not_shipped:
        parts.append(_not_shipped(named.not_shipped))
    return f"names {plural(named.n, 'file')}: {', '.join(parts)}"


def _not_shipped(n: int) -> str:
    return f"{plural(n, 'dataset')} {'is' if n == 1 else 'are'} not shipped, so not checked"


def _all_seen(named: Named) -> bool:
    return named.there == named.n


def _of_code(code: Code, found: Sequence[Cause], everything: bool) -> Iterable[str]:
    yield f"  {code.severity} {code.code}: {code.title}"
    shown = found if everything or len(found) <= _PLACES + 1 else found[:_PLACES]
    for cause in shown:
        if len(cause.places) == 1:
            yield from _wrapped(f"{cause.places[0]}: {cause.message}", _INDENT)
            continue
        yield from _wrapped(f"{cause.message} ({len(cause.places)} places):", _INDENT)
        yield from _wrapped(_places(cause, everything), f"{_INDENT}  ")
    if len(shown) < len(found):
        rest = sum(len(cause.places) for cause in found[len(shown) :])
        yield f"{_INDENT}... and {rest} more such {'place' if rest == 1 else 'places'}; --all shows them"


def _places(cause: Cause, everything: bool) -> str:
    few = everything or len(cause.places) <= _PLACES + 1
    shown = ", ".join(cause.places if few else cause.places[:_PLACES])
    return shown if few else f"{shown} and {len(cause.places) - _PLACES} more such places; --all shows them"


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        printable(text), _WIDTH, initial_indent=indent, subsequent_indent=f"{indent}  ", break_on_hyphens=False
    )


def summary(judged: Sequence[Checked], left: LeftAlone = _NOTHING_LEFT) -> str:
    """Return one line about all files."""
    counts = Counter(cause.severity for checked in judged for cause in checked.causes)
    names = {"error": "error", "warning": "warning", "info": "remark"}
    found = ", ".join(plural(counts[severity], names[severity]) for severity in SEVERITIES if counts[severity])
    named = _total(judged)
    clean = _CLEAN if _all_seen(named) else _CLEAN_ITSELF if len(judged) == 1 else _CLEAN_THEMSELVES
    line = f"{plural(len(judged), 'file')} checked: {found or clean}"
    if named.not_shipped:
        line += f"; of {plural(named.n, 'named file')}, {_not_shipped(named.not_shipped)}"
    if named.absent + named.unseen:
        line += f"; of {plural(named.n, 'named file')}, {named.absent + named.unseen} could not be read"
    line += "".join(f"; {said}" for said in what_was_left(left))
    if found:
        line += "; `ptyproof explain CODE` explains a check"
    return f"{line}\n"


def what_was_left(left: LeftAlone) -> Iterator[str]:
    """Yield what a call has not judged, each in a few words."""
    if left.files:
        yield f"{plural(len(left.files), 'file')} of other kinds ignored (--verbose lists {_them(left.files)})"
    if left.folders:
        shown = ", ".join(map(printable, left.folders[:_PLACES]))
        more = f" and {len(left.folders) - _PLACES} more" if len(left.folders) > _PLACES else ""
        yield f"{plural(len(left.folders), 'folder')} with JSON not entered: {shown}{more}"


def listed(left: LeftAlone) -> str:
    """Return a line for each file and folder that was not judged."""
    lines = [f"ignored: {printable(name)}\n" for name in left.files]
    return "".join([*lines, *(f"not entered: {printable(name)}\n" for name in left.folders)])


def _them(names: Sequence[str]) -> str:
    return "it" if len(names) == 1 else "them"


def _total(judged: Iterable[Checked]) -> Named:
    every = [checked.named for checked in judged]
    return Named(*(sum(getattr(named, key) for named in every) for key in _COUNTS))


def _counts(named: Named) -> dict[str, int]:
    found = {"named": named.n, "there": named.there, "absent": named.absent, "not_looked_at": named.unseen}
    return found | {"not_shipped": named.not_shipped}


def as_json(judged: Iterable[Checked], left: LeftAlone = _NOTHING_LEFT) -> dict[str, object]:
    """Return judgments as JSON values."""
    files = []
    counts = dict.fromkeys(SEVERITIES, 0)
    judged = list(judged)
    for checked in judged:
        found = checked.causes
        for cause in found:
            counts[cause.severity] += 1
        files.append(
            {
                "file": _plain(checked.file),
                "kind": checked.kind,
                "generation": checked.generation,
                "headline": checked.headline,
                "time": checked.time,
                "verdict": verdict(checked),
                "groups": list(checked.groups),
                "named_files": _counts(checked.named),
                "findings": list(map(_of_cause, found)),
            }
        )
    return {
        "files": files,
        "left_alone": len(left.files),
        "left_alone_files": list(map(_plain, left.files)),
        "folders_not_entered": list(map(_plain, left.folders)),
        "counts": counts,
        "named_files": _counts(_total(judged)),
    }


def _of_cause(cause: Cause) -> dict[str, object]:
    """Return a cause as JSON values; `json_path` is the first of its `places`."""
    said = {"code": cause.code, "severity": cause.severity, "group": cause.group, "message": _plain(cause.message)}
    places = [_plain(place) for place in cause.places]
    return said | {"json_path": places[0], "places": places}


def as_annotations(checked: Checked) -> str:
    """Return findings as GitHub's workflow commands, which show them beside the file."""
    lines = []
    for cause in checked.causes:
        more = f" and {len(cause.places) - 1} more" if len(cause.places) > 1 else ""
        properties = f"file={_property(cause.file)},title={_property(f'{cause.code} {cause.places[0]}{more}')}"
        lines.append(f"::{_LEVELS[cause.severity]} {properties}::{_data(printable(cause.message))}\n")
    if not _all_seen(checked.named):
        properties = f"file={_property(checked.file)},title=files that the manifest names"
        lines.append(f"::notice {properties}::{_data(named_files(checked.named))}\n")
    return "".join(lines)


def explanation(code: Code) -> str:
    """Return what a code means, why it is checked, and how to fix what it found."""
    parts = (
        f"{code.code} ({code.severity}, {code.group}): {code.title}.",
        f"Why: {code.why}",
        f"To fix it: {code.fix}",
    )
    return "".join("\n".join(textwrap.wrap(part, _WIDTH, break_on_hyphens=False)) + "\n" for part in parts)


def _plain(text: str) -> str:
    """Return a text that UTF-8 can encode: other bytes of a file's name are escaped."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return printable(_data(_plain(text))).replace(":", "%3A").replace(",", "%2C")
