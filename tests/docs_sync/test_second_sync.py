"""A second sync changes nothing, whatever documents and runs say; a hub that grows is followed."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ptyproof.docs_sync import checklist, ledger
from ptyproof.docs_sync.blocks import RUN_KEY, parse, split_lines
from ptyproof.docs_sync.runs import Run, read_runs
from ptyproof.hub.index import Evidence
from tests.helpers.documents import BODY, PAGE, ROW, TEXT, block, record

HOSTILE = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=20),
    st.sampled_from(
        ["<!-- ptyproof:end ledger -->", "x\n### Attempt #99", "\n```\n", "a\n<!-- ptyproof: run run-0001 2025 -->\nb"]
    ),
)
RUNS = st.lists(
    st.builds(
        Run,
        id=st.integers(1, 12000).map("run-{:04d}".format),
        command=HOSTILE,
        started=st.sampled_from(["2025-01-01T00:00:00Z", "2025-06-01T12:34:56Z"]),
        evidence=st.sampled_from(["red", "green", "collect", "none"]),
        topic=st.sampled_from(["dose", "overlap", None]),
        accepted=st.sampled_from([True, False, None]),
        reason=st.one_of(st.none(), HOSTILE),
        exit_status=st.integers(0, 5),
        ended=st.booleans(),
        under_way=st.booleans(),
        record=st.sampled_from([Path("/hub/green/a (b).log"), Path("/project/docs/hub/hub.json")]),
        outcomes=st.dictionaries(st.sampled_from(["passed", "failed"]), st.integers(0, 9)),
        skips=st.lists(HOSTILE, max_size=3).map(tuple),
    ),
    max_size=4,
    unique_by=lambda run: (run.id, run.started),
)
ROWS = st.lists(
    st.builds(
        "{}[{}] {}<!-- ptyproof: evidence {} -->{}".format,
        st.sampled_from(["- ", "  * ", "3. "]),
        st.sampled_from(" xX"),
        st.text(st.characters(exclude_characters="\n\r`<", codec="utf-8"), max_size=20),
        st.sampled_from(["dose", "overlap"]),
        st.sampled_from(["", "  "]),
    ),
    max_size=4,
)


@settings(max_examples=50)
@given(rows=ROWS, written=BODY, outside=st.tuples(TEXT, TEXT, TEXT), runs=RUNS, more=RUNS)
def test_a_second_sync_changes_nothing_and_none_changes_other_text(
    rows: list[str], written: str, outside: tuple[str, ...], runs: list[Run], more: list[Run]
) -> None:
    path = Path("/project") / PAGE
    parts = [
        f"{outside[0]}<!-- ptyproof:begin checklist -->\n",
        "".join(row + "\n" for row in rows),
        f"<!-- ptyproof:end checklist -->\n{outside[1]}<!-- ptyproof:begin ledger -->\n",
        written,
        f"<!-- ptyproof:end ledger -->\n{outside[2]}",
    ]

    def synced(text: str, runs: list[Run]) -> str:
        document = parse(text, PAGE)
        checklist.check_marks(document)
        return document.replaced(
            {
                "checklist": checklist.render(document, "checklist", runs, path),
                "ledger": ledger.render(document, runs, path),
            }
        )

    assume(len(parse("".join(parts), PAGE).blocks) == 2)
    once = synced("".join(parts), runs)
    assert synced(once, runs) == once
    document = parse(once, PAGE)
    entries = document.body_text("ledger")
    assert entries.startswith(written)
    assert sum(len(RUN_KEY.findall(document.prose[index])) for index in document.body("ledger")) == sum(
        not run.under_way for run in runs
    )
    boxes = [
        any(run.shows_green(topic) for run in runs) for topic in re.findall("evidence (dose|overlap) -->", parts[1])
    ]
    assert [line.lstrip(" -*3.")[:3] == "[x]" for line in split_lines(document.body_text("checklist"))] == boxes
    assert once == "".join([parts[0], document.body_text("checklist"), parts[2], entries, parts[4]])
    later = parse(synced(once, more), PAGE)
    assert later.body_text("ledger").startswith(entries)
    assert synced(synced(once, more), []).startswith(parts[0])


@settings(max_examples=15)
@given(
    kinds=st.lists(st.tuples(st.sampled_from(["red", "green"]), st.booleans(), st.booleans()), min_size=1, max_size=3)
)
def test_a_hub_as_it_grows_is_followed_run_by_run(kinds: list[tuple[Evidence, bool, bool]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        hub, path = Path(folder) / "hub", Path(folder) / PAGE
        entries, ticked = "", False
        for number, (evidence, accepted, ended) in enumerate(kinds, start=1):
            record(hub, evidence, "dose", ended, **({"accepted": accepted} if ended else {}))
            ticked = ticked or (evidence == "green" and accepted and ended)
            runs = read_runs(hub)
            before = entries
            entries = ledger.render(block("ledger", entries), runs, path)
            assert entries.startswith(before)
            assert (f"run-{number:04d}" in entries) == ended
            assert checklist.render(block("checklist", ROW), "checklist", runs, path).startswith(
                "- [x]" if ticked else "- [ ]"
            )
