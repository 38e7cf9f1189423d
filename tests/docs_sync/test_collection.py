"""What pytest collects for a selector, or why it collects nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ptyproof.docs_sync.collection import EVERYTHING, collect, collect_all, parse_nodes
from ptyproof.errors import RunError
from tests.helpers.documents import dedent
from tests.helpers.folders import snapshot
from tests.helpers.messages import names, naming


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose tests have awkward ids, whose pytest is told to be quiet, and whose plugin prints a node id."""
    root = tmp_path_factory.mktemp("suite")
    files = {
        "pyproject.toml": """
            [tool.pytest.ini_options]
            testpaths = ["tests"]
            addopts = "-q -q -m 'not slow'"
            markers = ["slow: takes long"]
        """,
        "conftest.py": """
            def pytest_report_collectionfinish():
                return ["tests/test_a.py is no node", "note: tests::nothing", "conftest.py", ""]
        """,
        "tests/test_a.py": '''
            """Numbers | letters."""
            import pytest

            @pytest.mark.parametrize("word", ["a b", "x::y", "[", "\\n", "größe", "1 test collected"])
            def test_word(word): ...

            class TestClass:
                def test_method(self): ...

            @pytest.mark.slow
            def test_slow(): ...
        ''',
        "tests/deep er/test_b.py": """
            def test_b(): ...
        """,
        "tests/real/test_c.py": '''
            """Real runs alone."""
            import pytest

            @pytest.mark.real_run
            def test_c(): ...
        ''',
        "tests/test_empty.py": "x = 1\n",
        "other/test_broken.py": "import nothing_of_this_name\n",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(dedent(text), encoding="utf-8")
    return root


@pytest.mark.parametrize(
    ("selector", "modules"),
    [
        (EVERYTHING, {"tests/deep er/test_b.py": 1, "tests/real/test_c.py": 1, "tests/test_a.py": 8}),
        ((), {"tests/deep er/test_b.py": 1, "tests/test_a.py": 7}),
        (("tests/test_a.py", "-k", "word"), {"tests/test_a.py": 6}),
        (("tests/test_a.py::test_word[x::y]", "tests/deep er"), {"tests/deep er/test_b.py": 1, "tests/test_a.py": 1}),
        (("-m", "real_run"), {"tests/real/test_c.py": 1}),
    ],
)
def test_what_pytest_collects_is_counted_by_module(
    selector: tuple[str, ...], modules: dict[str, int], suite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "-v --co -k test_b")
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    before = snapshot(suite)
    assert collect(suite, selector).by_module() == modules
    assert snapshot(suite) == before


@pytest.mark.parametrize(
    ("selector", "parts"),
    [
        (("tests/test_empty.py",), None),
        (("-k", "nothing_like_it"), None),
        (("tests/test_gone.py",), ["ERROR: ", "tests/test_gone.py"]),
        (("tests/test_a.py::test_gone",), ["ERROR: ", "test_gone"]),
        (("-k", "a or"), ["ERROR: ", "'-k'"]),
    ],
)
def test_a_selector_that_collects_nothing_says_why(
    selector: tuple[str, ...], parts: list[str] | None, suite: Path
) -> None:
    found = collect(suite, selector)
    assert found.nodes == ()
    assert names(found.reason, *parts or [])
    assert ("ERROR" in found.reason) == (parts is not None)


def test_a_module_that_cannot_be_imported_is_an_error(suite: Path) -> None:
    with pytest.raises(RunError, match=naming("pytest other", "ERROR other/test_broken.py")):
        collect(suite, ["other"])


SELECTORS: tuple[tuple[str, ...], ...] = (
    EVERYTHING,
    (),
    ("tests/test_a.py", "-k", "word"),
    ("tests/test_a.py::test_word[x::y]", "tests/deep er"),
    ("-k", "nothing_like_it"),
    ("tests/test_gone.py",),
    ("-m", "real_run"),
)


def count_alone(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Return a list that grows by each selector that is collected in a process of its own."""
    alone: list[tuple[str, ...]] = []

    def counted(root: Path, selector: tuple[str, ...]) -> Any:
        alone.append(selector)
        return collect(root, selector)

    monkeypatch.setattr("ptyproof.docs_sync.collection.collect", counted)
    return alone


def test_one_process_for_all_selectors_says_what_one_for_each_says(
    suite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = count_alone(monkeypatch)
    before = snapshot(suite)
    found = collect_all(suite, [*SELECTORS, SELECTORS[0]])
    assert snapshot(suite) == before
    assert alone == [("-k", "nothing_like_it"), ("tests/test_gone.py",)]
    assert found == {selector: collect(suite, selector) for selector in SELECTORS}


def write_modules(root: Path, **modules: str) -> Path:
    """Write test modules, `one__test_a` to `one/test_a.py`, and an empty configuration; return the folder."""
    (root / "pytest.ini").write_text("[pytest]\n")
    for name, text in modules.items():
        path = root / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(dedent(text))
    return root


def test_what_one_selector_changes_in_the_process_is_hidden_from_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = count_alone(monkeypatch)
    root = write_modules(
        tmp_path,
        one__helper="times = []\n",
        one__test_a="""
            import os, sys, helper, pytest
            helper.times.append(1)
            os.environ["SEEN"] = "yes"
            os.chdir("/")
            sys.path.insert(0, "/nowhere")

            @pytest.mark.parametrize("time", helper.times)
            def test_a(time): ...
        """,
        two__test_b="""
            import os, sys, pytest

            @pytest.mark.parametrize("n", range(3 - ("SEEN" in os.environ) - ("/nowhere" in sys.path)))
            def test_b(n): ...
        """,
        two__test_a="def test_of_the_same_name(): ...\n",
    )
    found = collect_all(root, [("one",), ("one/test_a.py",), ("two",)])
    assert [len(collection.nodes) for collection in found.values()] == [1, 1, 4]
    assert alone == []


def test_a_helper_that_another_selector_found_is_not_found(tmp_path: Path) -> None:
    root = write_modules(
        tmp_path, one__helper="", one__test_a="import helper\ndef test_a(): ...\n", two__test_b="import helper\n"
    )
    with pytest.raises(RunError, match=naming("pytest two", "ERROR two/test_b.py")):
        collect_all(root, [("one",), ("two",)])


def test_a_module_that_ends_its_process_costs_the_others_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = count_alone(monkeypatch)
    root = write_modules(
        tmp_path, a__test_a="def test_a(): ...\n", b__test_b="import os\nos._exit(3)\n", c__test_c="def test_c(): ...\n"
    )
    with pytest.raises(RunError, match=naming("pytest b", 3)):
        collect_all(root, [("a",), ("b",), ("c",)])
    assert alone == [("b",)]
    assert collect_all(root, [("a",), ("c",)]).keys() == {("a",), ("c",)}
    assert alone == [("b",)]


def test_a_node_id_is_read_only_where_node_ids_stand(suite: Path) -> None:
    said = dedent("""
        a plugin speaks of tests::nothing
        tests/test_a.py::test_word[a b]
        tests/test_a.py::TestClass::test_method

        tests/test_a.py::in_a_warning
        2/9 tests collected (7 deselected) in 0.01s
    """)
    assert parse_nodes(said, suite) == (
        ["tests/test_a.py::test_word[a b]", "tests/test_a.py::TestClass::test_method"],
        2,
    )
    assert parse_nodes("tests/test_a.py::one\n\n1 test collected in 0.01s", suite)[1] == 1
    assert parse_nodes("tests/test_a.py::one\n", suite)[1] is None
