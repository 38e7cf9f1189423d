"""A `comparison_table` for people: as text with columns of one width, or as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ptyproof import markdown
from ptyproof.console import printable
from ptyproof.metrics.paired import RULE
from ptyproof.metrics.ranking import how_marked
from ptyproof.phases.g_compare.experiment_table import CAPTION, experiment_table
from ptyproof.tables.grid import Form, grid

if TYPE_CHECKING:
    from ptyproof_schemas.types.comparison_table import ComparisonTable, Judged, Row, Score, Spread
    from ptyproof_schemas.types.metrics_summary import ExperimentRow

_ARROWS = {"lower": "↓", "higher": "↑"}
_TIMES = {"training_s": "training / s", "start_s": "start / s", "reconstruction_s": "reconstruction / s"}
_BEST = "best"


def lines_of(table: ComparisonTable, form: Form) -> Iterator[str]:
    """Yield the lines of a table: what it is of, the rows of each protocol, and what readers must know."""
    n, mark = len(table["replicates"]), "Bold" if form == "markdown" else "Best"
    names = ", ".join(hub["name"] for hub in table["hubs"])
    yield _said(f"Study {table['study']}, {n} replicate{'s' * (n > 1)} ({names}). {how_marked(n, mark)}", form)
    if table["against"] is not None:
        meaning = "+ is better, - is worse; a percentage is the median difference divided by the larger of both values."
        said = f"Ahead, level and behind: against {table['against']}; {meaning} {_undecided(n)}"
        yield _said(said.strip(), form)
    if "experiments" in table:
        yield from _experiments(table["experiments"], form)
    for protocol in table["protocols"]:
        rows = [row for row in table["rows"] if row["protocol"] == protocol["sha256"]]
        parts = protocol["parts"]
        yield ""
        yield _said(
            f"Half {parts['split']}, probe {parts['probe']}, crop where the illumination is at least "
            f"{parts['crop']['illumination_at_least']:g} of its maximum; protocol {protocol['sha256'][:16]}.",
            form,
        )
        yield ""
        yield from grid(_heads(table), [_cells(row, table, form) for row in rows], form)
    yield ""
    yield from _list([f"Computed on: {used}." for used in table["environments"]] + table["remarks"], form)
    yield from _list(list(_missing(table)), form)


def _experiments(rows: Sequence[ExperimentRow], form: Form) -> Iterator[str]:
    shown = experiment_table(rows)
    yield ""
    yield _said(CAPTION, form)
    yield ""
    yield from grid(shown.heads, shown.rows, form)
    yield from (f"\n{_said(note, form)}" for note in shown.notes)


def _undecided(n: int) -> str:
    if n == 1:
        return "Undecided: one replicate."
    return f"Undecided: {n} replicates." if n < RULE.least_replicates else ""


def _heads(table: ComparisonTable) -> list[str]:
    metrics = [
        f"{column['label']}{'' if column['unit'] == '1' else ' / ' + column['unit']} {_ARROWS[column['direction']]}"
        for column in table["metrics"]
    ]
    return ["dose", "view", "method", "n", *metrics, *_TIMES.values()]


def _cells(row: Row, table: ComparisonTable, form: Form) -> list[str]:
    method = f"{row['method']} (control)" if row["is_control"] else row["method"]
    n = max(_n(score) for score in row["scores"])
    return [
        f"{row['dose']:g}",
        f"{row['view']} (gs{row['gridsize']})",
        method,
        str(n),
        *(_score(score, len(table["replicates"]), form) for score in row["scores"]),
        *(_seconds(times) for times in (row["training_s"], row["start_s"], row["reconstruction_s"])),
    ]


def _n(found: Score | Spread) -> int:
    return sum(value is not None for value in found["values"])


def _score(score: Score, n_replicates: int, form: Form) -> str:
    """Return `median [lowest, highest] ahead +3.1 %`; Markdown has the best in bold, text has the word."""
    if score["median"] is None:
        return markdown.UNKNOWN
    shown = f"{score['median']:.4g}"
    if n_replicates > 1:
        shown += f" [{score['low']:.4g}, {score['high']:.4g}]"
    if _n(score) < n_replicates:
        shown += f" n = {_n(score)}"
    if score["is_best"]:
        shown = f"**{shown}**" if form == "markdown" else f"{shown} {_BEST}"
    judged = score["against"]
    return markdown.Markdown(shown if judged is None else f"{shown} {_outcome(judged)}")


def _outcome(judged: Judged) -> str:
    if judged["relative"] is None:
        return judged["outcome"]
    return f"{judged['outcome']} {100 * judged['relative']:+.1f} %"


def _seconds(found: Spread) -> str:
    return markdown.UNKNOWN if found["median"] is None else f"{found['median']:.3g}"


def _missing(table: ComparisonTable) -> Iterator[str]:
    """Yield the cells without a result, those with one reason in one line."""
    groups: dict[tuple[str, str, str | None], list[Mapping[str, object]]] = {}
    for cell in table["without_result"]:
        groups.setdefault((cell["method"], cell["status"], cell["reason"]), []).append({**cell})
    for (method, status, reason), cells in groups.items():
        places = dict.fromkeys(f"{cell['dose']:g} {cell['view']}" for cell in cells)
        why = "" if reason is None else f": {reason}"
        yield f"No result of {method} ({', '.join(places)}): {status.replace('_', ' ')}{why}"


def _list(entries: Sequence[str], form: Form) -> Iterator[str]:
    for entry in entries:
        yield f"- {_said(entry, form)}" if form == "markdown" else printable(entry)


def _said(text: str, form: Form) -> str:
    return markdown.text(text) if form == "markdown" else printable(text)
