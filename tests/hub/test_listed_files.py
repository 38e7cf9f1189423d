"""Every file of a hub is in its index, but for datasets and temporary files."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ptyproof.hub.index import Hub
from tests.helpers.hub_index import index_of, open_run, sha256
from tests.helpers.hub_processes import process, said

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
