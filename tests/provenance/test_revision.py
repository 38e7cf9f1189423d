"""The state of a code tree: its record, which tests make a file code or test, and what it does not depend on."""

from __future__ import annotations

import hashlib
import random
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptyproof.provenance.revision import revision
from tests.helpers.code_trees import FILES, SELECTED, changes, git, listing, state, tree


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
