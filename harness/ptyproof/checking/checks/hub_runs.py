"""Whether the runs that the index of a hub lists have ended, and are what it says of them."""

from __future__ import annotations

from collections.abc import Sequence

from ptyproof.checking.model.document import Document, Findings, count, listed, mapping, number, text
from ptyproof.hub.session import MARKER_RULE

_MAX_PID = 2**31
_SHOWN = 80
_WANTED = {"red": "failed", "green": "passed"}


def check(doc: Document) -> Findings:
    """Yield runs without an end, evidence that is accepted although it cannot be, and answers that are not so."""
    kinds: dict[str, str | None] = {}
    runs = doc.entries("runs")
    for at, (place, run) in enumerate(runs):
        name = text(run, "id") or place
        yield from _end(doc, place, run, [other for _, other in runs[at + 1 :]])
        if name in kinds:
            yield doc.finding("PM907", f"{place}.id", f"{name[:_SHOWN]} occurs twice")
        for key in ("red", "collect"):
            answered = text(mapping(run, key), "run")
            if answered is not None and kinds.get(answered) != key:
                said = f"{answered[:_SHOWN]} is not a {key} run before {name[:_SHOWN]}"
                yield doc.finding("PM907", f"{place}.{key}.run", said)
        kinds[name] = text(run, "evidence")
        if run.get("accepted") is True:
            yield from _accepted(doc, place, run, name[:_SHOWN])


def _accepted(doc: Document, place: str, run: dict[str, object], name: str) -> Findings:
    """Yield what an accepted run cannot have: another exit status than 0, or tests that ended in another way."""
    kind = text(run, "evidence") or ""
    if number(run, "exit_status") not in (0, None):
        said = f"{name} is accepted as {kind} with exit status {run.get('exit_status')}"
        yield doc.finding("PM704", f"{place}.accepted", said)
    wanted = _WANTED.get(kind)
    if wanted is None:
        return
    others = {key: n for key, n in mapping(run, "outcomes").items() if key != wanted and n != 0}
    if others:
        said = ", ".join(f"{str(key)[:20]} {n!s:.20}" for key, n in sorted(others.items())[:6])
        yield doc.finding("PM704", f"{place}.outcomes", f"{name} is accepted as {kind}, but not all {wanted}: {said}")
    for key, what in (("uncollected", "modules were not collected"), ("reruns", "tests ran again")):
        if listed(run, key) and (key == "uncollected" or kind == "green"):
            said = f"{name} is accepted as {kind}, but {what}: {len(listed(run, key))}"
            yield doc.finding("PM704", f"{place}.{key}", said)
    left_out = [one for one in listed(run, "deselected") if isinstance(one, dict) and not _may_be_left_out(one)]
    if kind == "green" and left_out:
        said = (
            f"{name} is accepted as green, but some tests were left out by {(text(left_out[0], 'by') or '')[:_SHOWN]}"
        )
        yield doc.finding("PM704", f"{place}.deselected", said)


def _may_be_left_out(tests: dict[str, object]) -> bool:
    return tests.get("by_command") is not False or text(tests, "by") == MARKER_RULE


def _end(doc: Document, place: str, run: dict[str, object], later: Sequence[dict[str, object]]) -> Findings:
    """Yield what is wrong with a run's end; a run that was killed and done again stays visible and is no fault."""
    name = (text(run, "id") or place)[:_SHOWN]
    if run.get("status") == "running":
        if not _is_gone(run):
            said = f"{name} is still running, so the hub is not complete: process {mapping(run, 'process').get('pid')}"
            yield doc.finding("PM710", f"{place}.status", said)
        elif not any(other.get("status") == "ended" and _command(other) == _command(run) for other in later):
            said = f"{name} is incomplete: it began {run.get('started')} and has no recorded end"
            yield doc.finding("PM710", f"{place}.status", said)
    elif run.get("status") == "ended" and (run.get("ended") is None or run.get("exit_status") is None):
        yield doc.finding("PM710", f"{place}.ended", f"{name} has ended, but has no end time or exit status")


def _command(run: dict[str, object]) -> str:
    """Return a run's command, with pytest's options by the names that they had first: `--ptyproof-study`, `--study`."""
    return (text(run, "command") or "").replace("--ptyproof-", "--")


def _is_gone(run: dict[str, object]) -> bool:
    """Tell whether the process of a run that has no end has gone, as far as this machine can know."""
    # here, as a checked manifest is rarely an index
    from ptyproof.hub.index import is_incomplete

    process = mapping(run, "process")
    pid = count(process, "pid")
    is_known = text(process, "host_sha256") is not None and pid is not None and 0 < pid < _MAX_PID
    return is_known and is_incomplete(run)
