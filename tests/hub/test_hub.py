"""The hub's index: nothing that was recorded is lost, no change to it goes unseen, and every file is in it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptyproof import clock
from ptyproof.errors import ManifestError
from ptyproof.hub.index import Hub, is_incomplete
from ptyproof.records.manifest import head
from ptyproof_schemas.types.hub_index import HubIndex, Run
from tests.helpers.hub_processes import TIMEOUT_S, process, said
from tests.helpers.hubs import ENVIRONMENT, REVISION
from tests.helpers.known import known
from tests.helpers.messages import naming

EXAMPLES = sorted((Path(__file__).parents[1] / "schemas/examples/hub_index/valid").glob("*.json"))


def sha256(raw: bytes) -> str:
    """Return a digest in hexadecimal digits."""
    return hashlib.sha256(raw).hexdigest()


def open_run(hub: Hub, *command: str) -> str:
    """Open a run that shows nothing by itself."""
    return hub.open_run(command or ("pytest",), "none", None, ENVIRONMENT, REVISION)


def index_of(hub: Hub) -> HubIndex:
    """Return the index, which is there."""
    index = hub.read()
    assert index is not None
    return index


def run_of(hub: Hub, name: str) -> Run:
    """Return the record of a run."""
    return next(run for run in index_of(hub)["runs"] if run["id"] == name)


def sealed(index: dict[str, Any]) -> bytes:
    """Return an index as bytes, with the digest that belongs to them."""
    text = json.dumps(index | {"index_sha256": "0" * 64}, indent=1).encode()
    return text.replace(b"0" * 64, sha256(text).encode(), 1)


def snapshot(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder with its bytes."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    """A hub with one run that has ended and one file."""
    found = Hub(tmp_path / "hub")
    run = open_run(found)
    (found.root / "a.log").write_text("1 passed\n")
    found.end_run(run, 0)
    return found


# The record


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


# The digest


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_examples_carry_their_own_digest(tmp_path: Path, example: Path) -> None:
    (tmp_path / "hub.json").write_bytes(example.read_bytes())
    assert Hub(tmp_path).read() == json.loads(example.read_bytes())


def test_the_digest_is_that_of_the_bytes_with_zeros_in_its_place(hub: Hub) -> None:
    raw = hub.index_path.read_bytes()
    zeroed, count = re.subn(rb'(?<="index_sha256": ")[0-9a-f]{64}', b"0" * 64, raw)
    assert count == 1
    assert index_of(hub)["index_sha256"] == sha256(zeroed)


def _changed(byte: int) -> set[int]:
    """Return other values of a byte: near ones, other cases, and, of white space, the other white space."""
    white = set(b" \t\r\n")
    return ({byte ^ 1, byte ^ 0x20, byte ^ 0x80} | (white if byte in white else set())) - {byte}


def test_a_change_of_any_byte_is_detected(tmp_path: Path) -> None:
    hub = Hub(tmp_path)
    (tmp_path / "é.log").write_text("1 passed\n")
    hub.write(lambda: None)
    raw = hub.index_path.read_bytes()
    unseen = []
    for place, byte in enumerate(raw):
        for value in _changed(byte):
            hub.index_path.write_bytes(raw[:place] + bytes([value]) + raw[place + 1 :])
            try:
                hub.read()
            except ManifestError:
                continue
            unseen.append((place, value))
    assert unseen == []


@settings(max_examples=60)
@given(st.data())
def test_bytes_that_are_changed_added_or_removed_are_detected(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    hub = Hub(tmp_path_factory.getbasetemp() / "hub of changes")
    hub.root.mkdir(exist_ok=True)
    raw = EXAMPLES[0].read_bytes()
    first = data.draw(st.integers(0, len(raw)))
    last = data.draw(st.integers(first, min(len(raw), first + 3)))
    changed = raw[:first] + data.draw(st.binary(max_size=3)) + raw[last:]
    hub.index_path.write_bytes(changed)
    if changed == raw:
        assert hub.read() == json.loads(raw)
    else:
        with pytest.raises(ManifestError, match=r"hub\.json"):
            hub.read()


def test_a_value_that_was_edited_is_reported_as_such(hub: Hub) -> None:
    raw = hub.index_path.read_bytes()
    hub.index_path.write_bytes(raw.replace(b'"exit_status": 0', b'"exit_status": 1'))
    with pytest.raises(ManifestError, match=naming("index_sha256")):
        hub.read()


def test_a_digest_in_a_text_is_not_taken_for_that_of_the_index(hub: Hub) -> None:
    name = open_run(hub, "pytest", '"index_sha256": "' + "0" * 64 + '"', "0" * 64)
    hub.end_run(name, 0)
    assert ("0" * 64) in run_of(hub, name)["command"]


# What is refused


def _truncated(raw: bytes) -> bytes:
    return raw[: len(raw) // 2]


def _other_kind(raw: bytes) -> bytes:
    return json.dumps(json.loads(raw) | {"kind": "skip_summary"}).encode()


def _next_major(raw: bytes) -> bytes:
    return sealed(json.loads(raw) | {"schema_version": "2.0.0", "rooms": []})


@pytest.mark.parametrize(
    "damage",
    [
        _truncated,
        _other_kind,
        _next_major,
        lambda raw: b"",
        lambda raw: b"\xef\xbb\xbf" + raw,
        lambda raw: raw.replace(b"pytest", b"pytes\xe9"),
        lambda raw: raw.replace(b"\n", b"\r\n"),
        lambda raw: raw + b"{}",
        lambda raw: b"[]\n",
    ],
    ids=["truncated", "other kind", "next major", "empty", "mark", "no UTF-8", "line ends", "trailing", "no object"],
)
def test_a_damaged_index_is_refused_and_left_alone(hub: Hub, damage: Callable[[bytes], bytes]) -> None:
    hub.index_path.write_bytes(damage(hub.index_path.read_bytes()))
    before = snapshot(hub.root)
    steps: list[Callable[[], object]] = [
        hub.read,
        lambda: open_run(hub),
        lambda: hub.end_run("run-0001", 0),
        lambda: hub.write(lambda: (hub.root / "made").touch()),
    ]
    for step in steps:
        with pytest.raises(ManifestError, match=r"hub\.json"):
            step()
    assert snapshot(hub.root) == before


def test_an_index_of_a_newer_minor_version_is_read_but_not_written_over(hub: Hub) -> None:
    newer = {**index_of(hub), "schema_version": "1.99.0", "rooms": ["a"]}
    hub.index_path.write_bytes(sealed(newer))
    before = snapshot(hub.root)
    assert dict(index_of(hub))["rooms"] == ["a"]
    for step in (lambda: open_run(hub), lambda: hub.update_run("run-0001", real_run=True)):
        with pytest.raises(ManifestError, match=naming("1.99.0")):
            step()
    assert snapshot(hub.root) == before


def test_an_index_of_another_patch_version_is_written_anew(hub: Hub) -> None:
    hub.index_path.write_bytes(sealed({**index_of(hub), "schema_version": "1.0.9"}))
    open_run(hub)
    assert index_of(hub)["schema_version"] == head("hub_index")["schema_version"]


def test_a_folder_in_place_of_the_index_is_refused(tmp_path: Path) -> None:
    (tmp_path / "hub.json").mkdir()
    with pytest.raises(ManifestError, match=r"hub\.json"):
        open_run(Hub(tmp_path))


def test_a_file_in_place_of_the_hub_is_refused(tmp_path: Path) -> None:
    (tmp_path / "hub").write_text("x")
    with pytest.raises(OSError, match="hub"):
        open_run(Hub(tmp_path / "hub"))
    assert (tmp_path / "hub").read_text() == "x"


# Files

FILES = {
    "a.log": b"1 passed\n",
    "empty": b"",
    ".hidden": b"h",
    "kept.part": b"p",
    "-rf": b"r",
    "red/report of 2 lines.jsonl": b"{}\n{}\n",
    "größe/π ≈ 3.txt": b"3.14159",
    "real_run/work/model.bin": bytes(range(256)),
    "real_run/hub.json": b"{}",
    "workshop/a": b"a",
}
LEFT_OUT = ("work/phase_c/base.npz", ".hub.json.abc.part", "red/.a.log.x1.part")


def test_every_file_is_listed_with_its_hash_but_for_datasets_and_temporary_ones(tmp_path: Path) -> None:
    hub = Hub(tmp_path / "hub")
    for name, raw in FILES.items() | {(name, b"x") for name in LEFT_OUT}:
        path = hub.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(raw)
    (hub.root / "empty folder").mkdir()
    open_run(hub)
    expected = [{"path": name, "sha256": sha256(raw), "size_bytes": len(raw)} for name, raw in sorted(FILES.items())]
    assert hub.files() == index_of(hub)["files"] == expected


def test_every_step_takes_stock_of_the_files_anew(hub: Hub) -> None:
    run = open_run(hub)
    (hub.root / "a.log").write_text("2 passed\n")
    (hub.root / "b.log").touch()
    hub.update_run(run)
    assert [(file["path"], file["sha256"]) for file in index_of(hub)["files"]] == [
        ("a.log", sha256(b"2 passed\n")),
        ("b.log", sha256(b"")),
    ]
    (hub.root / "a.log").unlink()
    hub.end_run(run, 0)
    assert [file["path"] for file in index_of(hub)["files"]] == ["b.log"]


def test_write_takes_stock_of_what_it_makes(hub: Hub) -> None:
    hub.write(lambda: (hub.root / "made").write_text("x"))
    assert [file["path"] for file in index_of(hub)["files"]] == ["a.log", "made"]


def test_a_write_that_fails_leaves_the_index_alone(hub: Hub) -> None:
    before = hub.index_path.read_bytes()

    def fail() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hub.write(fail)
    assert hub.index_path.read_bytes() == before
    assert open_run(hub) == "run-0002"


def test_links_to_files_are_files_and_links_to_folders_are_not_followed(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "b.log").write_bytes(b"elsewhere")
    (hub.root / "inside").symlink_to("a.log")
    (hub.root / "outside").symlink_to(tmp_path / "elsewhere" / "b.log")
    (hub.root / "folder").symlink_to(tmp_path / "elsewhere")
    (hub.root / "loop").symlink_to(hub.root)
    hub.write(lambda: None)
    digests = {file["path"]: file["sha256"] for file in index_of(hub)["files"]}
    assert digests == {
        "a.log": sha256(b"1 passed\n"),
        "inside": sha256(b"1 passed\n"),
        "outside": sha256(b"elsewhere"),
    }


def test_what_holds_nothing_is_left_out_and_stops_nobody(hub: Hub) -> None:
    (hub.root / "gone").symlink_to("nowhere")
    (hub.root / "itself").symlink_to("itself")
    (hub.root / "zeros").symlink_to("/dev/zero")
    os.mkfifo(hub.root / "pipe")
    listing = process("print(*(file['path'] for file in hub.files()))", hub.root)
    try:
        assert said(listing) == "a.log\n"
    finally:
        listing.kill()


@pytest.mark.parametrize("name", [b"a\nb", b"a\\b", b"caf\xe9", b"C:a", b"\x01"], ids=repr)
def test_a_file_of_any_name_stops_nobody(hub: Hub, name: bytes) -> None:
    path = hub.root / os.fsdecode(name)
    try:
        path.write_bytes(b"x")
    except OSError:
        pytest.skip("this file system does not take the name")
    assert open_run(hub) == "run-0002"
    listed = [file["path"] for file in index_of(hub)["files"] if file["sha256"] == sha256(b"x")]
    assert listed == [name.decode(errors="surrogateescape").encode(errors="backslashreplace").decode()]


@pytest.fixture
def busy() -> Iterator[Callable[[Callable[[], None]], None]]:
    """Run a step over and over in another thread until the test ends."""
    end = threading.Event()
    threads: list[threading.Thread] = []

    def start(step: Callable[[], None]) -> None:
        def repeat() -> None:
            while not end.is_set():
                step()

        threads.append(threading.Thread(target=repeat))
        threads[-1].start()

    yield start
    end.set()
    for thread in threads:
        thread.join()


def test_files_that_vanish_meanwhile_are_left_out(hub: Hub, busy: Callable[[Callable[[], None]], None]) -> None:
    names = [hub.root / f"{number}.ckpt" for number in range(50)]

    def come_and_go() -> None:
        for path in names:
            path.write_bytes(b"x")
        for path in names:
            path.unlink()

    busy(come_and_go)
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        assert {"path": "a.log", "sha256": sha256(b"1 passed\n"), "size_bytes": 9} in hub.files()


def test_size_and_digest_of_a_file_that_grows_belong_together(
    hub: Hub, busy: Callable[[Callable[[], None]], None]
) -> None:
    log = hub.root / "b.log"
    log.write_bytes(bytes(1 << 20))

    def grow() -> None:
        with log.open("ab") as file:
            file.write(b"one more line\n")

    busy(grow)
    for _ in range(100):
        record = next(file for file in hub.files() if file["path"] == "b.log")
        assert record["sha256"] == sha256(log.read_bytes()[: record["size_bytes"]])


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
