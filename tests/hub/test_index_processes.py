"""Several processes and one index: no run is lost, a killed process leaves the old index, and so does a full disk."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from ptyproof.hub.index import Hub, is_incomplete
from tests.helpers.folders import snapshot
from tests.helpers.hub_index import index_of, open_run, run_of
from tests.helpers.hub_processes import TIMEOUT_S, process, said

# Processes

_FIVE_RUNS = """
for number in range(5):
    run = open_run()
    (hub.root / f"{run}.log").write_text(run)
    hub.end_run(run, number)
"""


def test_processes_at_once_lose_no_run_and_a_reader_sees_whole_indices_only(tmp_path: Path) -> None:
    hub = Hub(tmp_path / "hub é")
    hub.root.mkdir()
    (tmp_path / "link").symlink_to(hub.root)
    roots = [hub.root, tmp_path / "link", hub.root / ".." / hub.root.name]
    temporary = [tmp_path / f"tmp{number}" for number in range(3)]  # as the jobs of a cluster have
    for folder in temporary:
        folder.mkdir()
    writers = [process(_FIVE_RUNS, root, str(n), temporary=temporary[n]) for n, root in enumerate(roots)]
    seen = 0
    while any(writer.poll() is None for writer in writers):
        seen, before = len((hub.read() or {"runs": []})["runs"]), seen
        assert seen >= before
    for writer in writers:
        said(writer)
    runs = index_of(hub)["runs"]
    assert [run["id"] for run in runs] == [f"run-{number:04d}" for number in range(1, 16)]
    assert {run["status"] for run in runs} == {"ended"}
    for number in range(3):
        own = [run["exit_status"] for run in runs if run["command"] == f"pytest {number}"]
        assert own == [0, 1, 2, 3, 4]
    assert [file["path"] for file in index_of(hub)["files"]] == [f"{run['id']}.log" for run in runs]
    assert not list(hub.root.glob(".*"))


def test_a_killed_process_leaves_its_run_running_and_incomplete(hub: Hub) -> None:
    with process("open_run(); print('open', flush=True); time.sleep(600)", hub.root) as started:
        assert started.stdout is not None
        assert started.stdout.readline() == "open\n"
        alive = run_of(hub, "run-0002")
        assert alive["process"]["pid"] == started.pid
        assert (alive["status"], is_incomplete(alive)) == ("running", False)
        started.send_signal(signal.SIGKILL)
        started.wait(TIMEOUT_S)
    dead = run_of(hub, "run-0002")
    assert (dead["status"], dead["ended"], is_incomplete(dead)) == ("running", None, True)
    assert open_run(hub) == "run-0003"
    assert is_incomplete(run_of(hub, "run-0002"))


def test_a_process_that_is_killed_while_it_changes_the_index_leaves_the_old_one(hub: Hub) -> None:
    before = hub.index_path.read_bytes()
    code = """
def make():
    (hub.root / "b.log").touch()
    print("within", flush=True)
    time.sleep(600)
hub.write(make)
"""
    with process(code, hub.root) as started:
        assert started.stdout is not None
        assert started.stdout.readline() == "within\n"
        started.send_signal(signal.SIGKILL)
    assert hub.index_path.read_bytes() == before
    assert open_run(hub) == "run-0002"


def test_a_run_waits_for_one_that_changes_the_index(hub: Hub) -> None:
    waiting: list[subprocess.Popen[str]] = []

    def make() -> None:
        waiting.append(process("print('begins', flush=True); print(open_run(), flush=True)", hub.root))
        assert waiting[0].stdout is not None
        assert waiting[0].stdout.readline() == "begins\n"
        with pytest.raises(subprocess.TimeoutExpired):
            waiting[0].wait(0.5)
        assert len(index_of(hub)["runs"]) == 1

    hub.write(make)
    assert said(waiting[0]) == "run-0002\n"


def test_a_run_whose_end_is_recorded_is_complete_whoever_ran_it(hub: Hub) -> None:
    said(process("hub.end_run(open_run(), 3)", hub.root))
    run = run_of(hub, "run-0002")
    assert (run["exit_status"], is_incomplete(run)) == (3, False)


def test_a_run_without_end_of_another_machine_is_incomplete(hub: Hub) -> None:
    run = run_of(hub, open_run(hub))
    assert not is_incomplete(run)
    assert is_incomplete(run | {"process": run["process"] | {"host_sha256": "0" * 64}})


# No room


def test_a_full_disk_leaves_the_old_index_and_no_rest(hub: Hub) -> None:
    code = """
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
for step in (open_run, lambda: hub.end_run("run-0001", 9)):
    try:
        step()
    except OSError as error:
        print(error.strerror)
"""
    before = snapshot(hub.root)
    assert len(before["hub.json"]) > 1000
    assert said(process(code, hub.root)) == "File too large\nFile too large\n"
    assert snapshot(hub.root) == before
    assert open_run(hub) == "run-0002"


def test_no_hub_where_no_folder_can_be() -> None:
    with pytest.raises(OSError, match="/proc/none"):
        open_run(Hub(Path("/proc/none")))
