"""Each run of a hub is entered once, with the next number."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from ptyproof.docs_sync import ledger
from ptyproof.docs_sync.blocks import parse
from ptyproof.docs_sync.runs import read_runs
from ptyproof.hub.blocked import write_blocked
from ptyproof.hub.index import Hub
from tests.helpers.documents import PAGE, block, dedent, links, page, record


def test_each_run_is_entered_once_with_the_next_number(tmp_path: Path) -> None:
    hub, path = tmp_path / "hub", tmp_path / PAGE
    path.parent.mkdir()
    record(hub, "red", "dose", outcomes={"failed": 2, "passed": 0})
    skips = [{"test": f"t.py::t{i}", "reason": reason} for i, reason in enumerate(["no GPU", "no data", "no GPU"])]
    record(hub, accepted=False, reason="was never red", outcomes={"skipped": 3, "passed": 4}, skips=skips)
    written = "\n### Attempt #7: by hand, in June\n\nIt went well.\n"
    document = block("ledger", written)
    body = ledger.render(document, read_runs(hub), path)
    starts = [run.started for run in read_runs(hub)]
    assert body == written + dedent(f"""

        ### Attempt #8: {starts[0]}
        <!-- ptyproof: run run-0001 {starts[0]} -->

        - command: `pytest tests`
        - result: red evidence of `dose`, accepted; 2 failed; exit status 0
        - skips: none
        - evidence: [run-0001](../hub/green/run-0001.log)

        ### Attempt #9: {starts[1]}
        <!-- ptyproof: run run-0002 {starts[1]} -->

        - command: `pytest tests`
        - result: green evidence of `dose`, REFUSED (was never red); 4 passed, 3 skipped; exit status 0
        - skips: 3
          - 2 × no GPU
          - 1 × no data
        - evidence: [run-0002](../hub/green/run-0002.log)
    """).replace("###", "\n###", 1)
    assert ledger.render(block("ledger", body), read_runs(hub), path) == body
    assert all((path.parent / target).is_file() for target in links(body))


def test_entries_that_moved_out_of_the_block_still_count(tmp_path: Path) -> None:
    record(tmp_path)
    started = read_runs(tmp_path)[0].started
    archive = f"- **Attempt #41**\n### Attempt #12: old\n<!-- ptyproof: run run-0001 {started} -->\n"
    record(tmp_path)
    body = ledger.render(parse(page("ledger") + archive, PAGE), read_runs(tmp_path), tmp_path / PAGE)
    assert re.findall(r"Attempt #\d+", body) == ["Attempt #42"]
    assert "run-0002" in body
    assert "run-0001" not in body


def test_a_run_of_another_hub_with_the_same_id_is_another_run(tmp_path: Path) -> None:
    record(tmp_path / "a", started="2025-01-01T00:00:00Z")
    record(tmp_path / "b", started="2025-01-02T00:00:00Z")
    body = ""
    for name in ("a", "b", "a"):
        body = ledger.render(block("ledger", body), read_runs(tmp_path / name), tmp_path / PAGE)
    assert re.findall(r"### (.*)", body) == ["Attempt #1: 2025-01-01T00:00:00Z", "Attempt #2: 2025-01-02T00:00:00Z"]


def test_a_killed_run_is_entered_and_one_under_way_is_not(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    record(tmp_path, ended=False)
    name = record(tmp_path, ended=False)
    host = Hub(tmp_path).read()["runs"][0]["process"]["host_sha256"]  # type: ignore[index]
    Hub(tmp_path).update_run(name, process={"host_sha256": host, "pid": gone.pid})
    body = ledger.render(block("ledger", ""), read_runs(tmp_path), tmp_path / PAGE)
    assert re.findall("<!-- ptyproof: run (run-[0-9]+)", body) == ["run-0002"]
    assert "no end is recorded: it was killed" in body


def test_a_blocked_run_is_entered_with_what_it_could_not_go_on_from(tmp_path: Path) -> None:
    hub, path = tmp_path / "hub", tmp_path / PAGE
    path.parent.mkdir()
    record_path = write_blocked(hub, "pytest t.py", 1, "t.py::test_beam: no beam <!-- now -->\nE   BeamError", "log")
    record(hub, "none", None, outcomes={}, blocked_path=record_path.relative_to(hub).as_posix())
    body = ledger.render(block("ledger", ""), read_runs(hub), path)
    assert "- result: BLOCKED, it could not go on: a run that is no evidence; no outcome; exit status 0\n" in body
    link = f"[record](../hub/red/{record_path.name})"
    assert f"- blocked: t.py::test_beam: no beam &lt;!-- now --> BeamError ({link})\n" in body
    assert all((path.parent / target).is_file() for target in links(body))


def test_an_entry_takes_the_line_ends_of_its_document(tmp_path: Path) -> None:
    record(tmp_path)
    document = parse(page("ledger").replace("\n", "\r\n"), PAGE)
    body = ledger.render(document, read_runs(tmp_path), tmp_path / PAGE)
    assert body.count("\n") == body.count("\r\n") == 7
