"""A row of a checklist is ticked by accepted green evidence of its topic alone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from ptyproof.docs_sync import checklist
from ptyproof.docs_sync.blocks import parse
from ptyproof.docs_sync.runs import read_runs
from ptyproof.errors import DataError
from tests.helpers.documents import PAGE, ROW, block, dedent, links, page, record
from tests.helpers.messages import numbers


@pytest.mark.parametrize(
    "changes",
    [
        {"accepted": False},
        {"accepted": None},
        {"ended": False},
        {"ended": False, "accepted": True},
        {"topic": "Dose"},
        {"evidence": "red"},
        {"evidence": "collect"},
        {"evidence": "none", "topic": None},
    ],
)
def test_a_row_is_ticked_by_no_other_run(changes: dict[str, Any], tmp_path: Path) -> None:
    record(tmp_path / "the hub", **changes)
    path = tmp_path / PAGE
    assert checklist.render(block("checklist", ROW), "checklist", read_runs(tmp_path / "the hub"), path) == ROW


def test_a_row_is_ticked_by_accepted_green_evidence_of_its_topic(tmp_path: Path) -> None:
    record(tmp_path / "the hub")
    path = tmp_path / PAGE
    body = checklist.render(block("checklist", ROW), "checklist", read_runs(tmp_path / "the hub"), path)
    assert body.startswith(f"- [x] {ROW.removeprefix('- [ ] ').partition(' <!--')[0]} (")
    assert links(body) == ["../the%20hub/green/run-0001.log"]
    assert "[run-0001]" in body
    assert body.endswith(") <!-- ptyproof: evidence dose -->\n")
    assert body.count("\n") == 1
    assert checklist.render(block("checklist", body), "checklist", read_runs(tmp_path / "the hub"), path) == body
    assert checklist.render(block("checklist", body), "checklist", [], path) == ROW


def test_the_newest_evidence_is_linked_and_the_index_where_a_log_is_gone(tmp_path: Path) -> None:
    hub = tmp_path / "hub"
    for accepted in (True, True, False):
        record(hub, accepted=accepted)
    path = tmp_path / "page.md"
    assert links(checklist.render(block("checklist", ROW), "checklist", read_runs(hub), path)) == [
        "hub/green/run-0002.log"
    ]
    (hub / "green" / "run-0002.log").unlink()
    assert links(checklist.render(block("checklist", ROW), "checklist", read_runs(hub), path)) == ["hub/hub.json"]


def test_rows_keep_their_form(tmp_path: Path) -> None:
    record(tmp_path)
    body = dedent("""
        words
        - [x] by hand
          1. [X] nested [a link](x.md) <!-- ptyproof: evidence dose --> \r
        > * [ ] quoted<!-- ptyproof: evidence other -->
        ```
        - [ ] shown <!-- ptyproof: evidence dose -->
        ```
        - [ ] `<!-- ptyproof: evidence dose -->` is how
    """)
    document = block("checklist", body)
    checklist.check_marks(document)
    rendered = checklist.render(document, "checklist", read_runs(tmp_path), tmp_path / "page.md")
    evidence = re.search(r" \([^()]*\[run-0001\]\(green/run-0001\.log\)\)", rendered)
    assert evidence is not None
    assert rendered == body.replace("[X] nested [a link](x.md)", f"[x] nested [a link](x.md){evidence[0]}")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (page("checklist") + ROW, 3),
        (page("ledger").replace("\n", "\n" + ROW, 1), 2),
        (page("checklist").replace("\n", "\n- no box <!-- ptyproof: evidence a -->\n", 1), 2),
        (page("checklist").replace("\n", "\n- [ ] row\n  <!-- ptyproof: evidence a -->\n", 1), 3),
        (page("checklist").replace("\n", "\n- [ ] row <!-- ptyproof: evidence a --> more\n", 1), 2),
        (page("checklist").replace("\n", f"\n{ROW[:-1]} <!-- ptyproof: evidence a -->\n", 1), 2),
    ],
)
def test_an_evidence_mark_that_would_tick_nothing_is_refused(text: str, line: int) -> None:
    with pytest.raises(DataError, match=r"docs/PAGE\.md") as caught:
        checklist.check_marks(parse(text, PAGE))
    assert numbers(str(caught.value.member)) == [line]
