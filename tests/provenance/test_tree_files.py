"""Which files belong to a code tree: of a folder, a project, or a repository with others inside."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ptyproof.provenance.revision import revision
from tests.helpers.code_trees import FILES, changes, committed, git, state, tree


def test_environments_and_caches_are_no_code_of_a_folder_without_git(plain: Path) -> None:
    before = state(plain)
    (plain / "my env" / "lib").mkdir(parents=True)
    (plain / "my env" / "pyvenv.cfg").touch()
    others = (".venv", "__pycache__", "build", "dist", "package/node_modules/a", "lib/site-packages/b")
    for folder in ("my env/lib", *others):
        (plain / folder).mkdir(parents=True, exist_ok=True)
        (plain / folder / "other.py").write_text("x = 1\n")
    assert state(plain) == before
    (plain / "my env" / "pyvenv.cfg").unlink()
    assert changes(before, state(plain)) == {"code_sha256"}


@pytest.mark.parametrize("name", ["two words/é π.py", "-rf.py", "a\nb.py", 'quote".py', "*.py"])
@pytest.mark.parametrize("make", [tree, committed])
def test_strange_names_are_read(tmp_path: Path, make: Callable[[Path], Path], name: str) -> None:
    root = make(tmp_path / "Größe und Phase")
    before = state(root)
    path = root / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("x = 1\n")
    found = state(root)
    assert "code_sha256" in changes(before, found)
    path.write_text("x = 2\n")
    assert "code_sha256" in changes(found, state(root))
    if make is committed:
        assert None not in {found.commit, found.uncommitted_sha256}
        git(root, "add", ".")
        git(root, "commit", "--quiet", "--message", "second")
        path.write_text("x = 3\n")
        assert state(root).uncommitted_sha256 not in {None, found.uncommitted_sha256}


@pytest.mark.parametrize("make", [tree, committed])
def test_names_that_are_no_text_are_read(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    root = make(tmp_path / "project")
    found = [state(root).code_sha256]
    path = root / os.fsdecode(b"caf\xe9.py")
    try:
        path.write_text("x = 1\n")
    except OSError:
        pytest.skip("this file system does not take the name")
    found.append(state(root).code_sha256)
    path.write_text("x = 2\n")
    found.append(state(root).code_sha256)
    assert len(set(found)) == 3


@pytest.mark.parametrize("part", ["package", "tests"])
def test_a_part_of_a_repository_stands_for_the_whole(repository: Path, part: str) -> None:
    before, whole = revision(repository / part, []), revision(repository, [])
    assert (before.tree.root, whole.tree.root) == ("..", ".")
    assert replace(before, tree=whole.tree) == whole
    for name, changed in [("scan.py", "code_sha256"), ("data.json", "data"), ("tests/table.json", "data")]:
        before = revision(repository / part, [])
        (repository / name).write_text("1\n")
        after = revision(repository / part, [])
        assert changes(before, after) == {"uncommitted_sha256", changed}


@pytest.mark.parametrize("mark", ["pyproject.toml", "setup.py", "setup.cfg"])
def test_without_git_the_tree_is_that_of_the_project(plain: Path, mark: str) -> None:
    alone = revision(plain / "tests", [])
    assert (alone.tree.kind, alone.tree.root, alone.tree.n_files) == ("folder", ".", 3)
    (plain / mark).touch()
    before = revision(plain / "tests", [])
    assert (before.tree.kind, before.tree.root) == ("project", "..")
    (plain / "scan.py").write_text("STEP_PX = 5\n")
    assert changes(before, revision(plain / "tests", [])) == {"code_sha256"}


def test_a_home_is_no_project(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (plain / "setup.cfg").touch()
    monkeypatch.setenv("HOME", str(plain))
    found = revision(plain / "package", [])
    assert (found.tree.kind, found.tree.root) == ("folder", ".")


def test_submodules_and_repositories_inside_are_part_of_the_tree(repository: Path, tmp_path: Path) -> None:
    inner = committed(tmp_path / "inner")
    git(repository, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner), "vendor/inner")
    git(repository, "commit", "--quiet", "--message", "submodule")
    committed(repository / "nested")
    before = state(repository)
    for name in ("vendor/inner/scan.py", "vendor/inner/new.py", "nested/scan.py", "nested/new.py"):
        (repository / name).write_text("STEP_PX = 5\n")
        after = state(repository)
        assert changes(before, after) == {"uncommitted_sha256", "code_sha256"}, name
        before = after


def test_a_submodule_that_is_not_checked_out_counts_by_its_commit(repository: Path, tmp_path: Path) -> None:
    inner = committed(tmp_path / "inner")
    git(repository, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner), "inner")
    git(repository, "commit", "--quiet", "--message", "submodule")
    git(repository, "submodule", "--quiet", "deinit", "--force", "inner")
    assert state(repository).uncommitted_sha256 is None
    assert state(repository).tree.n_files == len(FILES) + 2


@pytest.mark.parametrize("make", [tree, committed])
def test_pipes_sockets_and_files_that_cannot_be_read_stop_nothing(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    root = make(tmp_path / "project")
    os.mkfifo(root / "pipe.py")
    (root / "to the pipe.py").symlink_to("pipe.py")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(os.path.relpath(root / "socket"))
        (root / "secret.npz").write_text("1")
        (root / "secret.npz").chmod(0)
        found = state(root)
    assert bool(found.tree.limits) is not os.access(root / "secret.npz", os.R_OK)


def test_what_is_too_large_to_be_read_is_said_or_known_by_git(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / "large.npz").write_bytes(b"1" * 1000)
    monkeypatch.setattr("ptyproof.provenance.revision.MOST_BYTES", 900)
    found = state(repository)
    (limit,) = found.tree.limits
    assert limit.endswith(": large.npz")
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "--message", "large")
    before = state(repository)
    assert before.tree.limits == ()
    (repository / "large.npz").write_bytes(b"2" * 1000)
    git(repository, "commit", "--quiet", "--all", "--message", "other")
    assert changes(before, state(repository)) == {"commit", "data"}


def test_a_folder_of_very_many_files_is_looked_at_in_part_and_that_is_said(
    plain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ptyproof.provenance.tree_files.MOST_FILES", 3)
    found = state(plain, ())
    assert found.tree.n_files == 3
    assert len(found.tree.limits) == 1


def test_an_environment_that_git_does_not_ignore_is_no_code(repository: Path) -> None:
    before = state(repository)
    (repository / "env" / "lib").mkdir(parents=True)
    (repository / "env" / "pyvenv.cfg").touch()
    (repository / "env" / "lib" / "other.py").touch()
    assert state(repository) == before


def test_a_folder_that_the_repository_around_it_ignores_is_outside_of_it(repository: Path, plain: Path) -> None:
    tree(repository / "build" / "project")
    assert state(repository / "build" / "project") == state(plain)
