"""What git says of a code tree: a repository that it cannot read is named, and no setting hides a change."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ptyproof.provenance.revision import UNKNOWN_CHANGES, revision
from tests.helpers.code_trees import FILES, changes, committed, git, listing, state
from tests.helpers.messages import names


def fake_git(folder: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    fake = folder / "bin" / "git"
    fake.parent.mkdir()
    fake.write_text(f"#!{sys.executable}\n{code}\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(fake.parent))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_repository_of_another_owner_says_so(repository: Path) -> None:
    before = state(repository)
    for path in (repository, *repository.rglob("*")):
        os.chown(path, 4321, 4321)
    found = state(repository)
    assert names(str(found.git_error), "safe.directory", repository)
    assert changes(before, found) == {"commit", "kind", "git_error"}
    (repository / "scan.py").write_text("")
    assert changes(found, state(repository)) == {"code_sha256"}
    assert revision(repository / "tests", []).tree.root == ".."


@pytest.mark.parametrize(
    ("harm", "commit_is_known"),
    [
        (lambda git_folder: (git_folder / "HEAD").write_text("what is this"), False),
        (lambda git_folder: (git_folder / "HEAD").unlink(), False),
        (lambda git_folder: (git_folder / "config").write_text("[core"), False),
        (lambda git_folder: (git_folder / "index").write_bytes(b"no index"), True),
    ],
    ids=["HEAD", "no HEAD", "config", "index"],
)
def test_a_broken_repository_says_so(repository: Path, harm: Callable[[Path], object], commit_is_known: bool) -> None:
    harm(repository / ".git")
    found = state(repository)
    assert found.git_error
    assert (found.commit is not None) is commit_is_known
    assert found.code_sha256 == listing("scan.py", "package/probe.py")


def test_a_worktree_whose_repository_is_gone_says_so(repository: Path, tmp_path: Path) -> None:
    git(repository, "worktree", "add", "--quiet", "-b", "other", str(tmp_path / "other"))
    shutil.rmtree(repository)
    assert state(tmp_path / "other").git_error


def test_a_git_that_does_not_answer_is_named(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ptyproof.provenance.git.TIMEOUT_S", 0.2)
    fake_git(tmp_path, monkeypatch, "import time\ntime.sleep(20)")
    assert names(str(state(repository).git_error), "0.2 s")


def test_outside_of_a_repository_git_has_nothing_to_say(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert state(plain).git_error is None
    monkeypatch.setenv("PATH", "")
    assert state(plain).git_error is None


def test_a_worktree_has_its_own_commit(repository: Path, tmp_path: Path) -> None:
    git(repository, "worktree", "add", "--quiet", "-b", "other", str(tmp_path / "other tree"))
    (tmp_path / "other tree" / "scan.py").write_text("STEP_PX = 5\n")
    git(tmp_path / "other tree", "commit", "--quiet", "--all", "--message", "second")
    found = state(tmp_path / "other tree")
    assert found.commit == git(tmp_path / "other tree", "rev-parse", "HEAD").strip() != state(repository).commit
    assert found.uncommitted_sha256 is None


# How git is set up

SETTINGS = {
    "diff.external": "true",
    "color.ui": "always",
    "diff.noprefix": "true",
    "diff.context": "0",
    "diff.renames": "copies",
    "diff.relative": "true",
    "core.quotePath": "false",
    "core.abbrev": "5",
    "status.showUntrackedFiles": "no",
    "status.relativePaths": "false",
    "status.branch": "true",
    "status.showStash": "true",
    "status.renames": "copies",
    "status.short": "true",
}


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_of_git_neither_hide_nor_change_what_is_uncommitted(repository: Path, name: str) -> None:
    (repository / "scan.py").write_text("STEP_PX = 5\n")
    (repository / "é.py").write_text(FILES["package/probe.py"])
    (repository / "package" / "probe.py").unlink()
    git(repository, "add", "--all")
    (repository / "new.py").touch()
    found = [state(repository), revision(repository / "package", [])]
    assert None not in {part.uncommitted_sha256 for part in found}
    git(repository, "config", name, SETTINGS[name])
    assert [state(repository), revision(repository / "package", [])] == found


def test_a_filter_that_shows_nothing_hides_no_change(repository: Path) -> None:
    git(repository, "config", "diff.quiet.textconv", "true")
    (repository / ".git" / "info").mkdir(exist_ok=True)
    (repository / ".git" / "info" / "attributes").write_text("*.py diff=quiet\n")
    found = []
    for step in (5, 6):
        (repository / "scan.py").write_text(f"STEP_PX = {step}\n")
        found.append(state(repository).uncommitted_sha256)
    assert len({None, *found}) == 3


def test_a_hook_of_another_repository_changes_nothing(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = committed(tmp_path / "other")
    (other / "more.py").touch()
    git(other, "add", ".")
    git(other, "commit", "--quiet", "--message", "second")
    expected = state(repository)
    for name, value in {
        "GIT_DIR": str(other / ".git"),
        "GIT_WORK_TREE": str(other),
        "GIT_INDEX_FILE": str(other / ".git" / "index"),
    }.items():
        monkeypatch.setenv(name, value)
    assert state(repository) == expected


def test_git_is_asked_without_taking_its_lock(repository: Path) -> None:
    os.utime(repository / "scan.py", (1, 1))
    index = repository / ".git" / "index"
    before = index.read_bytes()
    state(repository)
    assert index.read_bytes() == before
    (repository / ".git" / "index.lock").touch()
    assert state(repository).uncommitted_sha256 is None


def test_a_repository_whose_changes_git_cannot_tell_is_not_called_clean(repository: Path) -> None:
    (repository / ".git" / "index").write_bytes(b"no index")
    found = state(repository)
    assert found.commit is not None
    assert found.uncommitted_sha256 == UNKNOWN_CHANGES
    assert found.code_sha256 == listing("scan.py", "package/probe.py")


def test_a_git_that_does_not_answer_is_none(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_git(tmp_path, monkeypatch, "raise SystemExit(128)")
    found = state(repository)
    assert found.commit is None
    assert "128" in str(found.git_error)
