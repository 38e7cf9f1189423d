"""The runs in a hub's index: each is recorded from its beginning to its end, and nothing that was recorded is lost."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ptyproof import clock
from ptyproof.errors import ManifestError
from ptyproof.hub.index import Hub
from tests.helpers.folders import snapshot
from tests.helpers.hub_index import index_of, open_run, run_of
from tests.helpers.hubs import ENVIRONMENT, REVISION
from tests.helpers.known import known
from tests.helpers.messages import naming


def test_a_folder_without_an_index_has_none(tmp_path: Path) -> None:
    assert Hub(tmp_path).read() is None
    assert Hub(tmp_path / "none").read() is None
    assert not (tmp_path / "none").exists()


def test_runs_are_numbered_in_the_order_in_which_they_began(hub: Hub) -> None:
    assert [open_run(hub), open_run(hub)] == ["run-0002", "run-0003"]
    assert [run["id"] for run in index_of(hub)["runs"]] == ["run-0001", "run-0002", "run-0003"]


def test_a_run_is_recorded_from_its_beginning_to_its_end(tmp_path: Path) -> None:
    hub = Hub(tmp_path / "some where" / "hub")
    before = clock.stamp()
    name = hub.open_run(["pytest", "-k", "a or b"], "red", "overlap", ENVIRONMENT, REVISION)
    begun = run_of(hub, name)
    assert (begun["status"], begun["ended"], begun["exit_status"], begun["accepted"]) == ("running", None, None, None)
    assert (begun["evidence"], begun["topic"], begun["command"]) == ("red", "overlap", "pytest -k 'a or b'")
    assert (begun["environment"], begun["revision"]) == (ENVIRONMENT, REVISION)
    assert begun["process"]["pid"] == os.getpid()
    returned = hub.update_run(name, n_collected=3, outcomes={"failed": 3})
    assert returned == run_of(hub, name) == begun | {"n_collected": 3, "outcomes": {"failed": 3}}
    ended = hub.end_run(name, 1, accepted=False, reason="x")
    assert ended == run_of(hub, name)
    assert ended == returned | {
        "status": "ended",
        "exit_status": 1,
        "ended": ended["ended"],
        "accepted": False,
        "reason": "x",
    }
    assert before <= ended["started"] <= known(ended["ended"]) <= clock.stamp()


def test_other_runs_stay_as_they_are(hub: Hub) -> None:
    first = run_of(hub, "run-0001")
    name = open_run(hub)
    hub.update_run(name, real_run=True)
    hub.end_run(name, 5)
    assert run_of(hub, "run-0001") == first


@pytest.mark.parametrize("changes", [{"status": "killed"}, {"colour": "red"}, {"n_collected": -1}, {"topic": "a/b"}])
def test_what_the_schema_refuses_is_not_written(hub: Hub, changes: dict[str, Any]) -> None:
    before = snapshot(hub.root)
    with pytest.raises(ManifestError, match=naming("hub_index", *changes)):
        hub.update_run("run-0001", **changes)
    assert snapshot(hub.root) == before


def test_a_run_that_the_index_no_longer_knows_cannot_end(hub: Hub) -> None:
    name = open_run(hub)
    hub.index_path.unlink()
    with pytest.raises(ManifestError, match=naming("hub.json", name)):
        hub.end_run(name, 0)
    assert not hub.index_path.exists()


def test_what_is_no_text_is_recorded_as_escapes(hub: Hub) -> None:
    name = open_run(hub, "pytest", os.fsdecode(b"caf\xe9"), "π\n")
    hub.end_run(name, 0, skips=[{"test": "a.py::b[\udce9]", "reason": "no \ud800"}])
    run = run_of(hub, name)
    assert run["command"] == "pytest 'caf\\udce9' 'π\n'"
    assert run["skips"] == [{"test": "a.py::b[\\udce9]", "reason": "no \\ud800"}]


def test_a_long_command_is_recorded_whole(hub: Hub) -> None:
    tests = [f"tests/test_a.py::test_{number}" for number in range(2000)]
    assert run_of(hub, open_run(hub, *tests))["command"].split() == tests
