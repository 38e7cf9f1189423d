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
from tests.helpers.documents import PAGE, block, links, page, record
from tests.helpers.messages import names, numbers


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
    assert body.startswith(written)
    entries = body.removeprefix(written).split("\n### ")[1:]
    for number, (entry, started) in enumerate(zip(entries, starts, strict=True), start=1):
        key = f"Attempt #{number + 7}: {started}\n<!-- ptyproof: run run-000{number} {started} -->\n\n- "
        assert entry.startswith(key)
        assert "`pytest tests`\n" in entry
        assert links(entry) == [f"../hub/green/run-000{number}.log"]
        assert names(entry, "`dose`", 0)
    assert names(entries[0], "red", "2 failed")
    assert names(entries[1], "green", "(was never red)", "4 passed", "3 skipped")
    assert [line.strip(" -") for line in entries[1].splitlines() if "×" in line] == ["2 × no GPU", "1 × no data"]
    assert "×" not in entries[0]
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
    (result,) = [line for line in body.splitlines() if names(line, "green", "`dose`")]
    assert not numbers(result)  # neither an exit status nor outcomes


def test_a_blocked_run_is_entered_with_what_it_could_not_go_on_from(tmp_path: Path) -> None:
    hub, path = tmp_path / "hub", tmp_path / PAGE
    path.parent.mkdir()
    record_path = write_blocked(hub, "pytest t.py", 1, "t.py::test_beam: no beam <!-- now -->\nE   BeamError", "log")
    record(hub, "none", None, outcomes={}, blocked_path=record_path.relative_to(hub).as_posix())
    body = ledger.render(block("ledger", ""), read_runs(hub), path)
    assert any(line.startswith("- ") and numbers(line) == [0] for line in body.splitlines())  # its exit status
    (why,) = [line for line in body.splitlines() if f"](../hub/red/{record_path.name})" in line]
    assert "t.py::test_beam: no beam &lt;!-- now --\\> BeamError" in why
    assert all((path.parent / target).is_file() for target in links(body))


def test_an_entry_takes_the_line_ends_of_its_document(tmp_path: Path) -> None:
    record(tmp_path)
    document = parse(page("ledger").replace("\n", "\r\n"), PAGE)
    body = ledger.render(document, read_runs(tmp_path), tmp_path / PAGE)
    assert body.count("\n") == body.count("\r\n") == 7
