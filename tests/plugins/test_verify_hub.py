"""`pytest DIR` on a hub: an item for each file, and no effect on any other run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ptyproof.hub.index import Hub
from ptyproof.hub.layout import SKIP_LINES
from ptyproof.report.summary import write_summary
from tests.helpers.hubs import make_hub, make_run
from tests.helpers.phases import Phase
from tests.helpers.runs import HEAVY, Run, run_pytest

LOG = "red/run-0001.log"
FILES = {"hub.json", LOG, "red/run-0001.jsonl", "docs/summary.md", "docs/skipped_views.jsonl", "größe 1.txt"}


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    """A sound hub in a folder with a test of somebody."""
    hub = Hub(tmp_path / "cwd" / "hub")
    hub.root.mkdir(parents=True)
    make_run(hub, "red", "adding", accepted=True, outcomes={"failed": 1})
    (hub.root / "größe 1.txt").write_text("x")
    hub.write(lambda: write_summary(hub.root))
    (tmp_path / "cwd" / "test_it.py").write_text("def test_it(): pass\n")
    return hub


def run(hub: Hub, *args: str) -> Run:
    """Run pytest in the folder that the hub is in, with warnings as errors."""
    return run_pytest(hub.root.parent, "-W", "error", *args)


def test_every_file_of_a_sound_hub_passes(hub: Hub) -> None:
    ended = run(hub, "hub")
    assert ended.status == 0, ended.screen
    assert ended.outcomes() == dict.fromkeys(FILES, "passed")
    assert run(hub, "hub/hub.json").outcomes() == dict.fromkeys(FILES, "passed")


def test_a_changed_a_missing_and_a_new_file_fail_by_their_names(hub: Hub) -> None:
    (hub.root / LOG).write_text("nicer")
    (hub.root / "größe 1.txt").unlink()
    (hub.root / "new.txt").write_text("x")
    ended = run(hub, "hub")
    assert ended.status == 1
    assert {name for name, outcome in ended.outcomes().items() if outcome == "failed"} == {
        LOG,
        "größe 1.txt",
        "new.txt",
    }
    assert f"{LOG}: error PM302 at $" in ended.screen
    assert "new.txt: error PM210 at $" in ended.screen
    assert "Traceback" not in ended.screen


def test_a_damaged_index_fails_and_the_files_are_still_there(hub: Hub) -> None:
    hub.index_path.write_text(hub.index_path.read_text().replace('"failed": 1', '"failed": 0'))
    ended = run(hub, "hub")
    assert ended.outcomes() == dict.fromkeys(FILES, "passed") | {"hub.json": "failed"}
    assert "hub.json: error PM210 at $.index_sha256" in ended.screen


def test_one_file_can_be_asked_for(hub: Hub) -> None:
    (hub.root / "new.txt").write_text("x")
    ended = run(hub, f"hub/hub.json::{LOG}")
    assert ended.outcomes() == {LOG: "passed"}
    assert run(hub, "hub", "-k", "hub.json and not new").outcomes() == dict.fromkeys(FILES, "passed")


def test_a_file_that_is_missing_and_was_never_recorded_fails_the_index(
    smoke_c: Phase, smoke_d: Phase, smoke_e: Phase, tmp_path: Path
) -> None:
    hub = make_hub(tmp_path / "cwd" / "hub", smoke_c, smoke_d, smoke_e)
    (hub.root / SKIP_LINES).unlink()
    hub.write(lambda: None)
    ended = run(hub, "hub")
    assert [name for name, outcome in ended.outcomes().items() if outcome == "failed"] == ["hub.json"]
    assert f"{SKIP_LINES}: error PM902 at $" in ended.screen


def test_a_hub_that_a_run_comes_across_is_left_alone(hub: Hub) -> None:
    assert run(hub).outcomes() == {"test_it": "passed"}
    assert run(hub, ".").outcomes() == {"test_it": "passed"}


def test_a_folder_without_an_index_has_no_items(hub: Hub) -> None:
    hub.index_path.unlink()
    assert run(hub, "hub").status == 5


def test_it_loads_nothing_heavy() -> None:
    code = f"import sys, pytest_ptyproof.verify; print(*(name for name in {HEAVY!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
