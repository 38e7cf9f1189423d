"""Every file of a whole hub is searched for what it must not say: paths, names, and values of the environment."""

from __future__ import annotations

import hashlib
import io
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ptyproof.checking.hub import verify_hub
from ptyproof.cli.main import main
from ptyproof.hub.index import Hub
from ptyproof.provenance.environment import _cpu_name
from tests.helpers.runs import QUIET, STUDY_AS_TESTS, TINY

pytestmark = pytest.mark.campaign

HOST, USER = "hostmarker77", "usermarker77"
VARIABLES = {
    "UPLOAD_TOKEN": "tokenmarker77",
    "PLAIN_SETTING": "settingmarker77",
    "USER": USER,
    "LOGNAME": USER,
    "USERNAME": USER,
    "OMP_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "PASSIVE",
}
# two views, one of which is rejected, and methods that load little
STUDY = TINY.replace(', {name = "lsqml", epochs = 1}', "").partition('[[views]]\nname = "dense"')[0]
STUDY += "[[views]]" + TINY.rpartition("[[views]]")[2]
# the names of the process are those of the marker, for whatever library asks
RENAMED = f"""
import os, platform, socket
platform.node = socket.gethostname = socket.getfqdn = lambda *_: "{HOST}"
"""
FAILING = """
import os
from pathlib import Path

def test_that_fails(tmp_path):
    print("printed", Path.home() / "secret.txt", os.environ["UPLOAD_TOKEN"], os.environ["USER"])
    raise FileNotFoundError(2, "No such file", str(tmp_path / "input.npz"))
"""

BLOCKED = """
import os
from pathlib import Path

import pytest

@pytest.fixture
def dataset(tmp_path):
    raise FileNotFoundError(2, f"No such file for {os.environ['UPLOAD_TOKEN']}", str(tmp_path / "input.npz"))

@pytest.mark.real_run
def test_that_is_skipped():
    pytest.skip(f"nothing in {Path.home() / 'data'} for {os.environ['USER']}")

@pytest.mark.real_run
def test_that_cannot_begin(dataset):
    pass
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with somebody's home, project, temporary folder and hub in it, all with telling names."""
    place = tmp_path_factory.mktemp("placemarker77")
    for name in ("homemarker77", "cwdmarker77", "tmpmarker77", "site"):
        (place / name).mkdir()
    (place / "site" / "sitecustomize.py").write_text(RENAMED, encoding="utf-8")
    (place / "homemarker77" / "tiny.toml").write_text(STUDY, encoding="utf-8")
    (place / "cwdmarker77" / "test_own.py").write_text(FAILING, encoding="utf-8")
    (place / "cwdmarker77" / "test_blocked.py").write_text(BLOCKED, encoding="utf-8")
    return place


@pytest.fixture(scope="module")
def hub(place: Path) -> Path:
    """The hub of an anonymous real run, of tests that failed or were skipped, and of runs that ended early."""
    root = place / "homemarker77" / "hub"
    into = [f"--artifact-hub={root}", "--anonymous"]
    anonymous = [into[0], "--ptyproof-anonymous"]
    python = [sys.executable, "-m"]
    commands = [
        [*python, "pytest", *QUIET, *STUDY_AS_TESTS, study_in(place), "--ptyproof-keep-datasets", *anonymous],
        [*python, "pytest", *QUIET, "test_own.py", "--evidence", "red", "-l", *anonymous],
        [*python, "ptyproof", "overlap", f"--phase-c-root={place / 'c'}", f"--output-root={place / 'd'}", *into],
        [*python, "pytest", *QUIET, "-m", "real_run", "test_blocked.py", *anonymous],
    ]
    run_there(place, commands, [0, 0, 2, 1])
    return root


def study_in(place: Path) -> str:
    """Return the option that names the study."""
    return f"--ptyproof-study={place / 'homemarker77' / 'tiny.toml'}"


def run_there(place: Path, commands: list[list[str]], expected: list[int]) -> None:
    """Run commands where and by whom the names say, and compare their exit statuses."""
    folders = {"HOME": "homemarker77", "TMPDIR": "tmpmarker77", "PYTHONPATH": "site"}
    environment = os.environ | VARIABLES | {name: str(place / folder) for name, folder in folders.items()}
    statuses = []
    for command in commands:
        done = subprocess.run(command, cwd=place / "cwdmarker77", env=environment, capture_output=True, check=False)
        statuses.append((done.returncode, (done.stdout + done.stderr)[-3000:]))
    assert [status for status, _ in statuses] == expected, statuses


def copy_without_names(place: Path) -> Path:
    """Return a folder with a copy of a hub that was made without `--anonymous`, and its export."""
    root, out = place / "homemarker77" / "named", place / "copies"
    out.mkdir()
    python = [sys.executable, "-m"]
    run = [*python, "pytest", *QUIET, *STUDY_AS_TESTS, study_in(place), "--ptyproof-keep-datasets"]
    copy = [*python, "ptyproof", "hub", "anonymise", str(root), str(out / "copy")]
    run_there(place, [[*run, f"--artifact-hub={root}"], copy], [0, 0])
    assert _cpu_name() in (root / "hub.json").read_text(encoding="utf-8")
    assert main(["hub", "export", str(out / "copy"), "--format", "ro-crate", str(out / "crate.zip")]) == 0
    assert main(["hub", "verify", str(out / "crate.zip")]) == 0
    return out


@pytest.fixture(scope="module", params=["hub", "exports", "copies"])
def handed_on(request: pytest.FixtureRequest, hub: Path, place: Path) -> Path:
    """The hub, a folder with all that it is exported to, and a folder with a copy without names of another one."""
    if request.param == "hub":
        return hub
    if request.param == "copies":
        return copy_without_names(place)
    out = place / "exports"
    out.mkdir()
    for form, name in (("ro-crate", "crate"), ("ro-crate", "crate.zip"), ("ctrf", "report.json")):
        assert main(["hub", "export", str(hub), "--format", form, str(out / name)]) == 0
    assert main(["hub", "merge", str(out / "united"), str(hub), str(out / "crate")]) == 0
    return out


def contents(path: Path, name: str, raw: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the bytes of a file and of everything that is packed in it: members of archives, texts of arrays."""
    yield name, raw
    if raw.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            for info in archive.infolist():
                yield from contents(path, f"{name}:{info.filename}", archive.read(info))
    if raw.startswith(b"\x93NUMPY"):
        array = np.lib.format.read_array(io.BytesIO(raw), allow_pickle=False)
        if array.dtype.kind == "U":
            yield f"{name}:text", "\n".join(map(str, array.reshape(-1))).encode()
    if raw.startswith(b"\x89PNG"):
        chunks = re.findall(rb"(tEXt|zTXt|iTXt|eXIf)", raw)
        assert set(chunks) <= {b"tEXt"}, f"{name} has packed texts, which this test does not look into"


def everything(root: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(root.rglob("*")):
        if path.is_file():
            yield from contents(path, path.relative_to(root).as_posix(), path.read_bytes())


def test_the_hub_is_sound_and_has_all_kinds_of_files(hub: Path) -> None:
    assert verify_hub(hub) == []
    kinds = {path.suffix for path in hub.rglob("*") if path.is_file()}
    assert kinds >= {".npz", ".safetensors", ".ckpt", ".png", ".json", ".jsonl", ".log", ".csv", ".md", ".html"}
    index = Hub(hub).read()
    assert index is not None
    assert len(index["runs"]) == 4


def test_nothing_in_a_hub_says_where_or_by_whom_it_was_made(handed_on: Path, place: Path) -> None:
    words = [b"marker77", str(place.parent).encode(), os.fsencode(Path.cwd()), sys.prefix.encode()]
    words += [text.decode().encode(kind) for text in (b"marker77",) for kind in ("utf-16-le", "utf-32-le")]
    found = [(name, word) for name, content in everything(handed_on) for word in words if word in content]
    assert found == []


def test_the_search_finds_what_is_packed(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", record=np.array("it was usermarker77"))
    assert [name for name, content in everything(tmp_path) if b"usermarker77" in content] == ["a.npz:record.npy:text"]


def test_no_absolute_path_is_in_a_text(handed_on: Path) -> None:
    path = re.compile(r"(?<![\w.})\]:/*-])/(?:home|root|tmp|var|work|mnt|data|Users|private|scratch|opt)/")
    for name, content in everything(handed_on):
        if Path(name).suffix in {".json", ".jsonl", ".log", ".csv", ".md"}:
            assert path.search(content.decode("utf-8")) is None, name


def test_an_anonymous_hub_names_neither_host_nor_hardware(handed_on: Path) -> None:
    cpu = _cpu_name().encode()
    for name, content in everything(handed_on):
        assert cpu not in content, name
    index = next(handed_on.rglob("hub.json")).read_text(encoding="utf-8")
    marks = re.findall(r'"cpu": "(.*)"', index)
    assert marks
    assert all(re.fullmatch(r"\w[\w ]* \([0-9a-f]+\)", mark) for mark in marks)
    assert hashlib.sha256(HOST.encode()).hexdigest() not in index


def test_what_failed_is_still_told(hub: Path) -> None:
    (log,) = (hub / "red").glob("pytest_*.log")
    text = log.read_text(encoding="utf-8")
    assert "printed {home}/secret.txt {secret} {user}" in text
    assert re.search(r"FileNotFoundError: \[Errno 2\] .*'\{tmp\}/pytest-of-[^']*/input.npz'", text)
    index = Hub(hub).read()
    assert index is not None
    command = "ptyproof overlap --phase-c-root={elsewhere}/c --output-root={elsewhere}/d --artifact-hub={hub}"
    assert index["runs"][2]["command"].replace("'", "") == f"{command} --anonymous"
    (blocked,) = [path for path in (hub / "red").glob("blocked_*.md") if "test_blocked" in path.read_text()]
    assert "No such file for {secret}" in blocked.read_text()
    assert "nothing in {home}/data for {user}" in str(index["runs"][3])
