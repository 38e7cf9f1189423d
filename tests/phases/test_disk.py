"""Disks that are full, have a quota or take no files, and folders with long and foreign names, for every phase.

What cannot be written is told in one sentence, what was complete stays complete, and nothing half written is left. A
real, small file system is mounted where that is allowed (root has to); a limit on the size of files stands for a quota.
"""

from __future__ import annotations

import itertools
import json
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ptyproof.checking import check_manifest
from ptyproof.checking.hub import verify_hub
from ptyproof.cli import main
from ptyproof.console import Console
from ptyproof.exit_statuses import sentence_of
from ptyproof.io.hashing import sha256_file
from ptyproof.io.locking import is_lock
from ptyproof.phases.e_train.train import TrainingPhase
from ptyproof.study.jobs import JobFilters
from ptyproof.training.device import RunOptions
from tests.helpers.repeats import SHORT_STUDY, forked

TRAIN = ("--accelerator", "cpu", "--threads", "1")
TWO = SHORT_STUDY.replace(
    'views = [{name = "baseline", gridsize = 1, selection = "all"}]',
    'views = [{name = "baseline", gridsize = 1, selection = "all"},'
    ' {name = "again", gridsize = 1, selection = "sampling", s_img = 0.5, n_groups = 20}]',
)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of two cells that train within a second."""
    path = tmp_path_factory.mktemp("study") / "two.toml"
    path.write_text(TWO, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def data(study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with Phases C and D of the study, in `c` and `d`."""
    root = tmp_path_factory.mktemp("data")
    assert main(["generate", "--base-npz", "builtin", "--output-root", str(root / "c"), "--study", str(study)]) == 0
    assert main(["overlap", "--phase-c-root", str(root / "c"), "--output-root", str(root / "d")]) == 0
    return root


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Artifacts of the first cell alone."""
    root = tmp_path_factory.mktemp("trained") / "e"
    assert main([*train(data, root), "--view", "baseline"]) == 0
    return root


def train(data: Path, root: Path) -> list[str]:
    roots = {"--phase-c-root": data / "c", "--phase-d-root": data / "d", "--artifact-root": root}
    return ["train", *(str(word) for pair in roots.items() for word in pair), *TRAIN]


def commands(data: Path, study: Path, root: Path) -> dict[str, list[str]]:
    """Return a command for each phase that writes into `root`."""
    roots = ["--phase-c-root", str(data / "c"), "--phase-d-root", str(data / "d"), "--artifact-root", str(root)]
    return {
        "base": ["base", "--study", str(study), "--out", str(root / "base.npz")],
        "generate": ["generate", "--base-npz", "builtin", "--study", str(study), "--output-root", str(root)],
        "overlap": ["overlap", "--phase-c-root", str(data / "c"), "--output-root", str(root)],
        "train": train(data, root),
        "reconstruct": ["reconstruct", *roots, "--method", "flat"],
        "certify": ["certify", "--study", str(study), "--hub", str(root), *TRAIN, "--epochs", "1"],
    }


COMMANDS = ("base", "generate", "overlap", "train", "reconstruct", "certify")


def snapshot(root: Path) -> dict[str, str]:
    return {path.relative_to(root).as_posix(): sha256_file(path) for path in root.rglob("*") if path.is_file()}


def unfinished(root: Path) -> list[Path]:
    """Return temporary files and locks."""
    return [path for path in root.rglob(".*") if path.name.endswith(".part") or is_lock(path.name)]


def sentence(capsys: pytest.CaptureFixture[str]) -> str:
    """Return the one line that a command said on standard error."""
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("ptyproof: error: ")
    assert "a file:" not in line  # which one is said
    return line


@contextmanager
def files_up_to(n_bytes: int) -> Iterator[None]:
    """Let the system refuse files of this process that would be larger, as a quota or a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))  # Python ignores the signal, so a write fails
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def fill(place: Path) -> None:
    """Leave no room on a disk."""
    with (place / "filler").open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        file.writelines(itertools.repeat(bytes(4096)))


@pytest.mark.parametrize("name", COMMANDS)
def test_a_full_disk(name: str, data: Path, study: Path, small_disk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = small_disk / "root"
    root.mkdir()
    fill(small_disk)
    assert main(commands(data, study, root)[name]) in (1, 2)
    said = sentence(capsys)
    assert "No space left on device" in said
    assert str(root) in said
    assert unfinished(root) == []
    assert all(not size for size in (path.stat().st_size for path in root.rglob("*") if path.is_file()))


def test_a_disk_that_is_full_in_the_middle_of_a_study_keeps_what_was_complete(
    data: Path, small_disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = small_disk / "e"
    assert main([*train(data, root), "--view", "baseline"]) == 0
    before = snapshot(root / "dose_1000" / "baseline")
    fill(small_disk)
    capsys.readouterr()
    assert main([*train(data, root), "--view", "again"]) == 1
    assert "No space left on device" in "".join(capsys.readouterr())
    assert snapshot(root / "dose_1000" / "baseline") == before
    assert [
        finding for finding in check_manifest(root / "training_manifest.json").findings if finding.code != "PM705"
    ] == []
    assert unfinished(root) == []
    (small_disk / "filler").unlink()
    assert main(train(data, root)) == 0
    assert "baseline-gs1: reused" in capsys.readouterr().out
    assert check_manifest(root / "training_manifest.json").findings == ()


@pytest.mark.parametrize("name", COMMANDS)
def test_a_disk_that_may_only_be_read(
    name: str, data: Path, study: Path, small_disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = small_disk / "root"
    root.mkdir()
    (root / "mine.txt").write_text("mine")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    assert main(commands(data, study, root)[name]) in (1, 2)
    said = sentence(capsys)
    assert "Read-only file system" in said
    assert str(root) in said
    assert [path.name for path in root.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("n_bytes", [2_000, 20_000, 60_000])
def test_a_quota_in_a_training_fails_the_job_and_no_other(
    n_bytes: int, data: Path, trained: Path, tmp_path: Path
) -> None:
    root = tmp_path / "e"
    subprocess.run(["cp", "-r", str(trained), str(root)], check=True)
    before = snapshot(root / "dose_1000" / "baseline")
    phase = TrainingPhase.opened(data / "c", data / "d", root, RunOptions(accelerator="cpu", threads=1))
    filters = JobFilters(None, ("again",))
    found = phase.enumerate(filters)
    with files_up_to(n_bytes):  # of this process, so the job is trained here
        try:
            (done,) = phase.run(found, filters, False, Console.silent())
            said, status = str(done.error), done.status
        except OSError as error:
            said, status = str(sentence_of(error)), "failed"
    assert status == "failed"
    assert "File too large" in said
    assert snapshot(root / "dose_1000" / "baseline") == before
    assert unfinished(root) == []
    text = (root / "training_manifest.json").read_text(encoding="utf-8")
    assert str(tmp_path) not in text
    manifest = json.loads(text)
    assert [entry["result"]["status"] for entry in manifest["jobs"]][:1] == ["success"]
    assert all(entry["result"]["status"] != "success" for entry in manifest["jobs"][1:])
    assert main([*train(data, root), "--view", "again", "--retrain"]) == 0
    assert check_manifest(root / "training_manifest.json").findings == ()


@pytest.mark.parametrize("n_bytes", [500, 4_000])
def test_a_quota_in_a_certification_is_no_certificate(
    n_bytes: int,
    study: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Enough for the index at first, and not for the certificate."""
    monkeypatch.setattr("ptyproof.certificate.repeat_training.launch", forked())
    hub = tmp_path / "hub"
    words = ["certify", "--study", str(study), "--hub", str(hub), *TRAIN, "--epochs", "1", "--view", "baseline"]
    with files_up_to(n_bytes):
        assert main(words) == 1
    assert "File too large" in sentence(capsys)
    assert not (hub / "real_run" / "certificate.json").exists()
    assert unfinished(hub) == []
    assert main(words) == 0
    assert verify_hub(hub) == []


NAME = (
    "a path of more than two hundred and fifty characters, each part of it with what some program may stumble over",
    "данные эксперимента",
    "實驗 数据",
    "بيانات التجربة",
    "combining e\u0301, beyond 16 bits 𝛙 🔬, and a very long rest: " + "b" * 60,
    'it\'s a "hub" & <b>[1]% $HOME ;#',
)


def test_a_hub_with_a_long_and_foreign_name(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every phase runs in it, and leaves a hub that is sound."""
    monkeypatch.setattr("ptyproof.certificate.repeat_training.launch", forked())
    hub = tmp_path.joinpath(*NAME)
    assert len("/".join(NAME)) > 250
    c, d, e = hub / "work" / "phase_c", hub / "work" / "phase_d", hub / "real_run"
    roots = ["--phase-c-root", str(c), "--phase-d-root", str(d), "--artifact-root", str(e)]
    recorded: list[Any] = ["--artifact-hub", str(hub)]
    for words in (
        ["generate", "--base-npz", "builtin", "--study", str(study), "--output-root", str(c), *recorded],
        ["overlap", "--phase-c-root", str(c), "--output-root", str(d), *recorded],
        ["train", *roots, *TRAIN, "--view", "baseline", *recorded],
        ["reconstruct", *roots, "--method", "flat", "--view", "baseline", *recorded],
        ["certify", "--study", str(study), "--hub", str(hub), *TRAIN, "--epochs", "1", "--view", "baseline"],
        ["report", "--hub", str(hub)],
    ):
        assert main(words) == 0, words
    assert verify_hub(hub) == []
    assert main(["check", str(hub)]) == 0
    assert unfinished(hub) == []
    for path in hub.rglob("*.json"):
        assert str(tmp_path) not in json.dumps(
            {key: value for key, value in json.loads(path.read_text(encoding="utf-8")).items() if key != "runs"}
        )
