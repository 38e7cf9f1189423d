"""The recorded runs: their states and outcomes, what they are evidence of, and what did not succeed in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ptyproof.hub.index import is_incomplete
from ptyproof.hub.layout import cell_and_reason
from ptyproof.markdown import block, code, table, text
from ptyproof.report.manifests import Manifests
from ptyproof.report.summary.files import file_link
from ptyproof.study.layout import cell_of

UNDER_WAY, INCOMPLETE, BLOCKED = "running", "INCOMPLETE", "BLOCKED"

Run = Mapping[str, Any]


def state_of(run: Run) -> str:
    """Return the state of a run; only an accepted run that ended is shown as accepted."""
    if run["status"] != "ended":
        return INCOMPLETE if is_incomplete(run) else UNDER_WAY
    if run.get("blocked_path") is not None:
        return BLOCKED
    if run["accepted"] is None:
        return "ended"
    return f"{run['evidence']} accepted" if run["accepted"] else f"{run['evidence']} REFUSED"


def chain(runs: Sequence[Run]) -> Iterator[str]:
    """Yield the table of the runs that were to be evidence, oldest first."""
    rows = [
        [run["id"], run["evidence"], run["topic"], _result(run), "; ".join(_remarks(run)), _linked(run["log_path"])]
        for run in runs
        if run["evidence"] != "none"
    ]
    yield from table(["run", "evidence", "topic", "result", "remarks", "log"], rows)


def runs_table(runs: Sequence[Run]) -> Iterator[str]:
    """Yield the table of all runs, oldest first."""
    columns, logs = ("started", "ended", "exit_status", "n_collected"), ("log_path", "reports_path")
    rows = [
        [run["id"], state_of(run), *(run[key] for key in columns), _outcomes(run), *map(_linked, map(run.get, logs))]
        for run in runs
    ]
    head = ["run", "state", "started", "ended", "exit status", "tests selected", "outcomes", "log", "reports"]
    yield from table(head, rows)


def commands(runs: Sequence[Run]) -> Iterator[str]:
    """Yield the command of each run, as a block of code."""
    if runs:
        yield block([f"# {run['id']}\n{run['command']}" for run in runs], "sh")


def unsuccessful(manifests: Manifests, runs: Sequence[Run]) -> Iterator[str]:
    """Yield a line for each run with another exit status than 0, and for each test that did not simply run.

    A skipped test of a cell is left out: the cell's own line has the reason.
    """
    known = set(_skips_of_cells(manifests))
    lines: list[str] = []
    for run in runs:
        if run["status"] == "ended" and run["exit_status"] != 0:
            lines.append(f"- {run['id']} ended with exit status {run['exit_status']}: {_outcomes(run)}")
        others = [skip for skip in run["skips"] if cell_and_reason(skip) not in known]
        lines += [f"- {run['id']} skipped {code(skip['test'])}: {text(skip['reason'])}" for skip in others]
        lines += [
            f"- {run['id']} did not collect {code(one['module'])}: {text(one['reason'])}"
            for one in run.get("uncollected", [])
        ]
        lines += [f"- {run['id']} ran {code(one['test'])} again: {one['count']}" for one in run.get("reruns", [])]
    if lines:
        yield from ("", *lines)


def _skips_of_cells(manifests: Manifests) -> Iterator[tuple[str, str | None]]:
    """Yield the cells that are skips, as the tests of a study name them, with their reasons."""
    for skip in manifests.training["skipped_views"] if manifests.training else ():
        yield cell_of(skip), skip["reason"]
    for cell in manifests.comparison["cells"] if manifests.comparison else ():
        if cell["status"] == "skipped":
            place = f"{cell_of(cell)}-{cell['split']}"
            yield from ((place, cell["reason"]), (f"{place}-{cell['method']}", cell["reason"]))


def _remarks(run: Run) -> Iterator[str]:
    """Yield the red run that a green run follows, and the remarks of the verdict."""
    if run["red"] is not None:
        yield f"follows red {run['red']['run']}"
    if run["reason"]:
        yield run["reason"]


def _result(run: Run) -> str:
    return f"{state_of(run)}: {_outcomes(run)}" if run["outcomes"] else state_of(run)


def _outcomes(run: Run) -> str:
    return ", ".join(f"{number} {outcome.replace('_', ' ')}" for outcome, number in run["outcomes"].items())


def _linked(name: str | None) -> str | None:
    return None if name is None else file_link(name)
