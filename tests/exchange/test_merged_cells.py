"""The union of cells and certificates depends on no order and loses no end."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ptyproof.exchange.cells import Conflicts, merged_cells
from ptyproof.exchange.merged_data import merged_certificate
from ptyproof.hub.layout import CERTIFICATE
from ptyproof.methods.reconstruction_jobs import ReconstructionCell
from ptyproof.records.cell_book import CellBook


def test_every_attempt_of_both_certificates_is_kept() -> None:
    attempts = [{"status": "reproduced", "started": f"2026-01-0{day}T00:00:00Z"} for day in (1, 2, 3)]
    lists = ([attempts[0], attempts[2]], [attempts[1], attempts[2]])
    found = [{CERTIFICATE: {"timestamp": f"t{n}", "attempts": one}} for n, one in enumerate(lists)]
    for order in (found, found[::-1]):
        united = merged_certificate(order)[CERTIFICATE]
        assert united["attempts"] == attempts
        assert united["account"] == {"n_attempts": 3, "n_reproduced": 3, "n_diverged": 0, "n_failed": 0}


def result(status: str, finished: int, digest: str | None = None) -> dict[str, Any]:
    """Return the end of a job."""
    ended = None if status == "lost" else f"2026-01-01T00:00:{finished:02d}Z"
    return {"status": status, "started": "2026-01-01T00:00:00Z", "finished": ended, "arrays_sha256": digest}


STATES = st.one_of(
    st.just("absent"),
    st.just("not_selected"),
    st.just("skipped"),
    st.tuples(st.sampled_from(("success", "failed", "lost")), st.integers(0, 3)),
)
CELLS = [{"dose": 1e3, "view": f"v{n}", "gridsize": 1, "split": "test", "method": "lsqml"} for n in range(3)]


def book(states: Sequence[Any]) -> CellBook:
    """Return the book of a hub whose cells have these states; all successes of a cell are of one result."""
    manifest: dict[str, Any] = {"jobs": [], "skipped": [], "not_selected": []}
    for cell, state in zip(CELLS, states, strict=True):
        if state == "not_selected":
            manifest["not_selected"].append(cell)
        elif state == "skipped":
            manifest["skipped"].append({**cell, "code": "no_trained_bundle", "reason": "none", "selected": True})
        elif state != "absent":
            status, finished = state
            name = ReconstructionCell.of(cell).key
            manifest["jobs"].append(
                {**cell, "job": name, "result": result(status, finished, name), "earlier_results": []}
            )
    return CellBook(deepcopy(manifest), "skipped", ReconstructionCell)


def united(*books: CellBook) -> CellBook:
    """Return the union of books as a book."""
    found = merged_cells(books, Conflicts(None))
    parts = {"jobs": found.jobs, "skipped": found.skips, "not_selected": found.not_selected}
    return CellBook({key: list(group.values()) for key, group in parts.items()}, "skipped", ReconstructionCell)


def state_of(one: CellBook) -> tuple[Any, ...]:
    """Return what a book has of cells."""
    return one.jobs, one.skips, one.not_selected


BOOKS = st.tuples(*[STATES] * len(CELLS)).map(book)


@settings(max_examples=50)
@given(BOOKS, BOOKS, BOOKS)
def test_a_union_depends_on_no_order_and_loses_no_end(a: CellBook, b: CellBook, c: CellBook) -> None:
    assert state_of(united(a, b)) == state_of(united(b, a))
    assert state_of(united(a, a)) == state_of(a)
    assert state_of(united(united(a, b), c)) == state_of(united(a, united(b, c))) == state_of(united(a, b, c))
    found = united(a, b, c)
    for key, job in found.jobs.items():
        kept = [job["result"], *job["earlier_results"]]
        ends = [one.jobs[key]["result"] for one in (a, b, c) if key in one.jobs]
        assert all(end in kept for end in ends if end["status"] != "lost")
        assert job["result"]["status"] == min((end["status"] for end in ends), key=("success", "failed", "lost").index)
    for group in ("skips", "not_selected"):
        for one in (a, b, c):
            others = found.jobs.keys() | found.skips.keys() | found.not_selected.keys()
            assert getattr(one, group).keys() <= others
