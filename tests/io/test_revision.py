"""The state of a code tree: what was changed changes its digests, and nothing else does."""

from __future__ import annotations

import hashlib
import os
import random
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptyproof.provenance.revision import UNKNOWN_CHANGES, Revision, revision
from tests.helpers.messages import names

FILES = {
    "scan.py": "STEP_PX = 4\n",
    "package/probe.py": "DIAMETER_PX = 10\n",
    "tests/conftest.py": "",
    "tests/test_scan.py": "def test_step() -> None: ...\n",
    "tests/test_probe.py": "def test_diameter() -> None: ...\n",
    "README.md": "Scans\n",
    ".gitignore": "/build/\n*.log\n",
}
SELECTED = ("tests/test_scan.py",)


def git(folder: Path, *args: str) -> str:
    """Let git do something in a folder, whoever runs the tests and however their git is set up."""
    who = ("-c", "user.name=A", "-c", "user.email=a@localhost", "-c", "commit.gpgsign=false")
    said = subprocess.run(["git", "-C", str(folder), *who, *args], check=True, capture_output=True, text=True)
    return said.stdout


def tree(folder: Path) -> Path:
    """Make the files of a small project."""
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def committed(folder: Path) -> Path:
    """Make the small project as a repository with one commit."""
    tree(folder)
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "first")
    return folder


def state(root: Path, tests: tuple[str, ...] = SELECTED) -> Revision:
    """Return the state of a project whose selected tests are named."""
    return revision(root, [root / name for name in tests])


def changes(before: Revision, after: Revision) -> set[str]:
    """Return the names of the fields in which two states differ, and the kinds of files whose digests do."""
    one, other = (fields(found) for found in (before, after))
    return {name for name, value in one.items() if other[name] != value}


def fields(found: Revision) -> dict[str, Any]:
    """Return the fields of a state, and the digests of other kinds of files, in one dictionary without numbers."""
    record: dict[str, Any] = dict(found.as_dict())
    tree = record.pop("tree")
    return {**record, **tree["digests"], "kind": tree["kind"], "root": tree["root"]}


def listing(*names: str) -> str:
    """Return the digest of files of the small project, computed from its definition."""
    lines = (f"{name}\0{hashlib.sha256(FILES[name].encode()).hexdigest()}\n" for name in sorted(names))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep git away from the settings of whoever runs the tests, and from repositories around `tmp_path`."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.resolve()))


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """The small project without git."""
    return tree(tmp_path / "plain")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """The small project as a repository with one commit and no changes."""
    return committed(tmp_path / "repository")


def test_a_clean_repository_has_its_commit_and_no_changes(repository: Path) -> None:
    found = state(repository)
    assert found.commit == git(repository, "rev-parse", "HEAD").strip()
    assert found.uncommitted_sha256 is None
    assert found.code_sha256 == listing("scan.py", "package/probe.py")
    assert found.tests_sha256 == listing("tests/conftest.py", "tests/test_scan.py")


def test_the_record_is_what_the_index_of_a_hub_takes(repository: Path) -> None:
    (repository / "scan.py").write_text("")
    record: dict[str, Any] = {**state(repository).as_dict()}
    names = ["commit", "uncommitted_sha256", "code_sha256", "tests_sha256"]
    assert list(record) == [*names, "git_error", "tree"]
    assert all(re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", record[name]) for name in names)
    assert (record["git_error"], record["tree"]["limits"]) == (None, [])
    assert {key: record["tree"][key] for key in ("kind", "root", "n_files")} == {
        "kind": "repository",
        "root": ".",
        "n_files": len(FILES),
    }
    assert set(record["tree"]["digests"]) == {"other_tests", "configuration", "data", "documents"}


def test_outside_a_repository_there_are_digests_of_the_same_files_and_no_commit(plain: Path, repository: Path) -> None:
    found = state(plain)
    assert (found.commit, found.uncommitted_sha256) == (None, None)
    assert changes(found, state(repository)) == {"commit", "kind"}


def test_without_git_the_files_are_found_all_the_same(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_git = state(repository)
    monkeypatch.setenv("PATH", "")
    found = state(repository)
    assert (found.commit, found.uncommitted_sha256) == (None, None)
    assert changes(with_git, found) == {"commit", "kind", "git_error"}
    assert found.git_error


def test_before_the_first_commit_there_is_none(plain: Path) -> None:
    git(plain, "init", "--quiet")
    found = state(plain)
    assert (found.commit, found.uncommitted_sha256) == (None, None)
    assert found.code_sha256 == listing("scan.py", "package/probe.py")
    git(plain, "add", ".")
    assert state(plain) == found


def test_a_repository_of_sha256_has_longer_commits(plain: Path) -> None:
    git(plain, "init", "--quiet", "--object-format=sha256")
    git(plain, "add", ".")
    git(plain, "commit", "--quiet", "--message", "first")
    assert re.fullmatch("[0-9a-f]{64}", str(state(plain).commit))


def test_a_folder_that_is_not_there_has_no_code(tmp_path: Path) -> None:
    nothing = hashlib.sha256(b"").hexdigest()
    found = revision(tmp_path / "none", [])
    assert (found.commit, found.uncommitted_sha256, found.code_sha256, found.tests_sha256) == (
        None,
        None,
        nothing,
        nothing,
    )
    assert found.tree.n_files == 0


# Changes


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


@settings(max_examples=8)
@given(st.lists(st.tuples(st.sampled_from(sorted(FILES)), st.sampled_from(["", "a\n", "b\n"])), max_size=3))
def test_equal_trees_have_equal_states_wherever_they_lie(
    tmp_path_factory: pytest.TempPathFactory, edits: list[tuple[str, str]]
) -> None:
    states = []
    for name in ("one", "another place/é"):
        root = tree(tmp_path_factory.mktemp("equal") / name)
        git(root, "init", "--quiet")
        git(root, "add", ".")
        when = "2026-01-01T00:00:00+0000"
        git(root, "-c", "core.hooksPath=/dev/null", "commit", "--quiet", "--message", "first", "--date", when)
        for file, text in edits:
            (root / file).write_text(text)
        states.append(replace(state(root), commit=None))
        shutil.rmtree(root)
    assert states[0] == states[1]


# Tests against code


def test_which_tests_are_selected_says_what_is_code(plain: Path) -> None:
    none, one, both = (state(plain, tests) for tests in ((), SELECTED, (*SELECTED, "tests/test_probe.py")))
    assert none.tests_sha256 == listing("tests/conftest.py")
    assert one.code_sha256 == listing("scan.py", "package/probe.py")
    assert both.code_sha256 == listing("scan.py", "package/probe.py")
    assert both.tests_sha256 == listing("tests/conftest.py", "tests/test_scan.py", "tests/test_probe.py")


def test_what_a_run_writes_is_no_change_of_the_code(repository: Path) -> None:
    hub = repository / "the hub"
    hub.mkdir()
    (hub / "hub.json").write_text("{}")
    assert revision(repository, []).uncommitted_sha256 is not None
    assert revision(repository, [], hub).uncommitted_sha256 is None
    assert revision(repository, [], repository).uncommitted_sha256 is not None
    (repository / "scan.py").write_text("")
    assert revision(repository, [], hub).uncommitted_sha256 is not None


def test_the_order_of_tests_and_how_they_are_named_do_not_matter(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = state(plain, ("tests/test_scan.py", "tests/test_probe.py"))
    assert state(plain, ("tests/test_probe.py", "package/../tests/test_scan.py", "tests/test_scan.py")) == expected
    monkeypatch.chdir(plain)
    assert revision(Path(), [Path("tests/test_scan.py"), Path("tests/test_probe.py")]) == expected


def test_a_project_through_a_link_is_the_same(repository: Path, tmp_path: Path) -> None:
    (repository / "scan.py").write_text("STEP_PX = 5\n")
    (tmp_path / "link").symlink_to(repository)
    assert state(tmp_path / "link") == state(repository)


def test_selected_tests_that_are_no_python_files_count_as_tests(plain: Path) -> None:
    found = state(plain, ("README.md", "tests", "gone.py"))
    assert found.tests_sha256 == listing("tests/conftest.py", "README.md")


@pytest.mark.parametrize("name", ["test_linked.py", "conftest.py"])
def test_a_test_that_is_a_link_is_no_code(plain: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "shared").mkdir()
    target = tmp_path / "shared" / name
    target.write_text("# 1\n")
    (plain / name).symlink_to(target)
    before = state(plain, (*SELECTED, name))
    target.write_text("# 2\n")
    assert changes(before, state(plain, (*SELECTED, name))) == {"tests_sha256"}


def test_tests_of_one_name_outside_the_project_are_told_apart(plain: Path, tmp_path: Path) -> None:
    tests = [tmp_path / folder / "test_a.py" for folder in "abcdef"]
    for path in tests:
        path.parent.mkdir()
        path.write_text("# 1\n")
    found = [revision(plain, tests).tests_sha256]
    for path in tests:
        path.write_text("# 2\n")
        found.append(revision(plain, tests).tests_sha256)
    assert len(set(found)) == len(tests) + 1


# Which files


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


def test_what_may_be_executed_is_a_change(repository: Path) -> None:
    (repository / "run").write_text("#!/bin/sh\n")
    before = state(repository)
    (repository / "run").chmod(0o755)
    assert changes(before, state(repository)) == {"uncommitted_sha256", "code_sha256", "data"}


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


# A repository that git does not read


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


def test_a_folder_that_the_repository_around_it_ignores_is_outside_of_it(repository: Path, plain: Path) -> None:
    tree(repository / "build" / "project")
    assert state(repository / "build" / "project") == state(plain)


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


def test_a_state_says_nothing_of_the_order_in_which_files_are_found(tmp_path: Path) -> None:
    names = [f"{name}.py" for name in "abcdefghij"]
    found = set()
    for seed in range(3):
        root = tmp_path / str(seed)
        root.mkdir()
        for name in random.Random(seed).sample(names, len(names)):
            (root / name).write_text(name)
        found.add(revision(root, []))
    assert len(found) == 1
