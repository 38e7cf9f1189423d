"""What was changed in a code tree changes its digests, and nothing else does."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.helpers.code_trees import changes, git, state


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("scan.py", {"uncommitted_sha256", "code_sha256"}),
        ("package/probe.py", {"uncommitted_sha256", "code_sha256"}),
        ("tests/test_scan.py", {"uncommitted_sha256", "tests_sha256"}),
        ("tests/conftest.py", {"uncommitted_sha256", "tests_sha256"}),
        ("tests/test_probe.py", {"uncommitted_sha256", "other_tests"}),
        ("README.md", {"uncommitted_sha256", "documents"}),
    ],
)
@pytest.mark.parametrize("text", ["# changed\n", None], ids=["changed", "removed"])
@pytest.mark.parametrize("staged", [False, True], ids=["", "staged"])
def test_a_change_changes_the_digests_of_what_it_is_in(
    repository: Path, name: str, changed: set[str], text: str | None, staged: bool
) -> None:
    before = state(repository)
    if text is None:
        (repository / name).unlink()
    else:
        (repository / name).write_text(text)
    if staged:
        git(repository, "add", "--all")
    assert changes(before, state(repository)) == changed
    git(repository, "reset", "--quiet", "--hard")
    assert state(repository) == before


def test_different_changes_have_different_digests(repository: Path) -> None:
    found = []
    for text in ("STEP_PX = 5\n", "STEP_PX = 6\n", ""):
        (repository / "scan.py").write_text(text)
        found.append(state(repository).uncommitted_sha256)
    (repository / "scan.py").unlink()
    found.append(state(repository).uncommitted_sha256)
    assert len(set(found)) == 4
    assert None not in found


def test_a_commit_makes_changes_committed(repository: Path) -> None:
    (repository / "scan.py").write_text("STEP_PX = 5\n")
    before = state(repository)
    git(repository, "commit", "--quiet", "--all", "--message", "second")
    after = state(repository)
    assert changes(before, after) == {"commit", "uncommitted_sha256"}
    assert after.uncommitted_sha256 is None


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("new.py", {"uncommitted_sha256", "code_sha256"}),
        ("new folder/größe.py", {"uncommitted_sha256", "code_sha256"}),
        ("package/conftest.py", {"uncommitted_sha256", "tests_sha256"}),
        ("data.npz", {"uncommitted_sha256", "data"}),
        ("package/__pycache__/probe.cpython-311.pyc", set()),
        (".pytest_cache/lastfailed", set()),
        ("build/generated.py", set()),
        ("run.log", set()),
    ],
)
def test_an_untracked_file_is_a_change_unless_git_ignores_it(repository: Path, name: str, changed: set[str]) -> None:
    before = state(repository)
    path = repository / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"\x00\xff")
    found = state(repository)
    assert changes(before, found) == changed
    path.write_bytes(b"\x00\xfe")
    assert changes(found, state(repository)) == changed
    moved = path.with_name(f"moved{path.suffix}")
    if path.name != "conftest.py":
        path.rename(moved)
        path.parent.mkdir(exist_ok=True)
        moved.write_bytes(b"\x00\xff")
        assert changes(found, state(repository)) == changed


def test_staging_a_change_leaves_it_what_it_is(repository: Path) -> None:
    (repository / "scan.py").write_text("STEP_PX = 5\n")
    (repository / "new.py").touch()
    (repository / "README.md").unlink()
    before = state(repository)
    git(repository, "add", "--all")
    assert state(repository) == before


def test_a_merge_that_conflicts_is_a_change(repository: Path) -> None:
    git(repository, "branch", "other")
    for branch, text in [("other", "STEP_PX = 5\n"), ("-", "STEP_PX = 6\n")]:
        git(repository, "checkout", "--quiet", branch)
        (repository / "scan.py").write_text(text)
        git(repository, "commit", "--quiet", "--all", "--message", text)
    assert state(repository).uncommitted_sha256 is None
    with pytest.raises(subprocess.CalledProcessError):
        git(repository, "merge", "--quiet", "other")
    found = [state(repository).uncommitted_sha256]
    (repository / "scan.py").write_text("STEP_PX = 7\n")
    found.append(state(repository).uncommitted_sha256)
    assert len({None, *found}) == 3


def test_tracked_binary_files_and_modes_count(repository: Path) -> None:
    data = repository / "data.npz"
    data.write_bytes(b"\x00\x01")
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "--message", "data")
    found = [state(repository).uncommitted_sha256]
    for raw in (b"\x00\x02", b"\x00\x03"):
        data.write_bytes(raw)
        found.append(state(repository).uncommitted_sha256)
    data.chmod(0o755)
    found.append(state(repository).uncommitted_sha256)
    data.write_bytes(b"\x00\x01")
    found.append(state(repository).uncommitted_sha256)
    assert found[0] is None
    assert len(set(found)) == 5


def test_links_count_by_where_they_lead_and_by_what_a_file_there_holds(repository: Path, tmp_path: Path) -> None:
    found = [state(repository)]
    link = repository / "linked.npz"
    for target in ("nowhere", str(tmp_path), "linked.npz", "/dev/zero", str(tmp_path / "data")):
        link.symlink_to(target)
        found.append(state(repository))
        link.unlink()
    link.symlink_to(tmp_path / "data")
    for content in ("1", "2"):
        (tmp_path / "data").write_text(content)
        found.append(state(repository))
    assert all(changes(one, other) <= {"uncommitted_sha256", "data"} for one in found for other in found)
    assert len({one.tree.digests["data"] for one in found}) == len(found)


def test_times_of_files_do_not_count(repository: Path) -> None:
    before = state(repository)
    os.utime(repository / "scan.py", (1, 1))
    assert state(repository) == before
    (repository / "scan.py").write_text("STEP_PX = 5\n")
    changed = state(repository)
    os.utime(repository / "scan.py", (2, 2))
    assert state(repository) == changed


def test_what_may_be_executed_is_a_change(repository: Path) -> None:
    (repository / "run").write_text("#!/bin/sh\n")
    before = state(repository)
    (repository / "run").chmod(0o755)
    assert changes(before, state(repository)) == {"uncommitted_sha256", "code_sha256", "data"}
