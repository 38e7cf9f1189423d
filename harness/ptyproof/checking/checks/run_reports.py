"""Whether the lines about a run's reports say what the index of the hub says of an accepted run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

from ptyproof.checking.model.document import Document, Findings, count, listed, mapping, text
from ptyproof.errors import PtyproofError
from ptyproof.io.regular import lies_inside, open_regular

_SHOWN = 80


@dataclass
class _Lines:
    """What the lines of a run tell: tests by how their reports ended, and what was collected."""

    n_broken: int = 0
    n_listed: int = 0
    n_uncollected: int = 0
    n_deselected: int = 0
    setups: dict[str, int] = field(default_factory=dict)
    passed: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    others: set[str] = field(default_factory=set)

    def add(self, line: dict[str, object]) -> None:
        test, when, outcome = (str(line.get(key)) for key in ("test", "when", "outcome"))
        if "when" not in line:
            self.n_listed += 1
        elif when == "collect":
            self.n_uncollected += outcome == "skipped"
            self.n_deselected += outcome == "deselected"
            if outcome not in ("skipped", "deselected"):
                self.others.add(test)
        elif outcome == "passed" and "error" not in line:
            self.setups[test] = self.setups.get(test, 0) + (when == "setup")
            if when == "call" and "subtest" not in line:
                self.passed.add(test)
        elif outcome == "failed" and when == "call":
            self.failed.add(test)
        else:
            self.others.add(test)

    @property
    def n_again(self) -> int:
        return sum(number > 1 for number in self.setups.values())


def check(doc: Document) -> Findings:
    """Yield what the index says of an accepted run, and the lines of its reports do not."""
    if not (doc.reads_files and doc.is_index_of_its_hub) or doc.cut:
        return
    for place, run in doc.entries("runs"):
        if run.get("accepted") is not True:
            continue
        name, path = (text(run, "id") or place)[:_SHOWN], text(run, "reports_path")
        if path is None:
            yield doc.finding("PM911", f"{place}.reports_path", f"{name} is accepted, but has no lines of reports")
            continue
        lines = _read(doc, path)
        if lines is None:
            continue  # that the file is not there, or is no file of the hub, is said of the file
        if lines.n_broken:
            yield doc.finding(
                "PM911", f"{place}.reports_path", f"{lines.n_broken} lines of {path[:_SHOWN]} are not JSON"
            )
        for key, said in _differences(run, lines):
            yield doc.finding("PM911", f"{place}.{key}", f"{name}: {said}")


def _differences(run: dict[str, object], lines: _Lines) -> Iterator[tuple[str, str]]:
    kind = text(run, "evidence")
    if kind == "collect":
        if count(run, "n_collected") != lines.n_listed:
            yield "n_collected", f"is {run.get('n_collected')}, but the lines list {lines.n_listed} tests"
        return
    wanted, found = {"green": ("passed", lines.passed), "red": ("failed", lines.failed)}.get(str(kind), ("", set()))
    if not wanted:
        yield "accepted", f"is accepted as {str(kind)[:_SHOWN]}, which is not evidence"
        return
    if mapping(run, "outcomes").get(wanted) != len(found):
        said = f"counts {mapping(run, 'outcomes').get(wanted)} {wanted}, but the lines have {len(found)} {wanted}"
        yield "outcomes", said
    if count(run, "n_collected") not in (None, len(found)):
        yield "n_collected", f"is {run.get('n_collected')}, but by the lines {len(found)} tests {wanted}"
    others = lines.others | (lines.failed if kind == "green" else set())
    if kind == "green" and others:
        yield "accepted", f"is accepted as green, but by the lines {min(others)[:_SHOWN]} is not a plain pass"
    counted = {
        "uncollected": (len(listed(run, "uncollected")), lines.n_uncollected),
        "deselected": (_n_deselected(run), lines.n_deselected),
    }
    if kind == "green":
        counted["reruns"] = (len(listed(run, "reruns")), lines.n_again)
    for key, (said_n, n) in counted.items():
        if key in run and said_n != n:
            yield key, f"counts {said_n}, but the lines have {n}"


def _n_deselected(run: dict[str, object]) -> int:
    return sum(count(one, "count") or 0 for one in listed(run, "deselected") if isinstance(one, dict))


def _read(doc: Document, name: str) -> _Lines | None:
    """Return what the lines tell; None where they cannot be read."""
    assert doc.folder is not None
    path = doc.folder / name
    if not lies_inside(path, doc.folder) or not path.is_file():
        return None
    lines = _Lines()
    try:
        with open_regular(path) as file:
            for raw in file:
                try:
                    value = json.loads(raw)
                except (ValueError, RecursionError):
                    value = None
                if isinstance(value, dict):
                    lines.add(value)
                else:
                    lines.n_broken += 1
    except (OSError, PtyproofError):
        return None
    return lines
