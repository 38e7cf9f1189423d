"""`ptyproof docs sync`: blocks say what the tests and the hub say, and nothing else in a document changes."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ptyproof.docs_sync import checklist, index, ledger, selectors
from ptyproof.docs_sync.blocks import Document, parse, split_lines
from ptyproof.docs_sync.collection import EVERYTHING, collect, collect_all, parse_nodes
from ptyproof.docs_sync.runs import Run, read_runs
from ptyproof.docs_sync.settings import DocsSettings, find_project, load_settings
from ptyproof.docs_sync.sync import plan
from ptyproof.errors import DataError, InputError, RunError
from ptyproof.evidence.blocked import write_blocked
from ptyproof.evidence.hub import Hub
from tests.evidence.test_phase_c import snapshot

PAGE = Path("docs/PAGE.md")
ENVIRONMENT = {"python": "3.13.0", "system": "Linux", "machine": "x86_64"}
REVISION = {"commit": None, "uncommitted_sha256": None, "code_sha256": "a" * 64, "tests_sha256": "b" * 64}


@pytest.fixture(autouse=True)
def few_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the pytest runs that are asked what they collect load this project's plugin alone: that is fast."""
    alone(monkeypatch)


def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave other installed plugins out of pytest runs."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_PLUGINS", "pytest_ptyproof.plugin")


def dedent(text: str) -> str:
    """Return a text without the indentation of this file."""
    return textwrap.dedent(text).lstrip("\n")


def page(*blocks: str, between: str = "\n") -> str:
    """Return a document with empty blocks."""
    return between.join(f"<!-- ptyproof:begin {name} -->\n<!-- ptyproof:end {name} -->\n" for name in blocks)


def block(name: str, body: str) -> Document:
    """Return a document with one block between two lines."""
    return parse(f"above\n<!-- ptyproof:begin {name} -->\n{body}<!-- ptyproof:end {name} -->\nbelow\n", PAGE)


def record(root: Path, evidence: str = "green", topic: str | None = "dose", ended: bool = True, **changes: Any) -> str:
    """Record a run in a hub as the plugin does; return its id."""
    hub = Hub(root)
    name = hub.open_run(["pytest", "tests"], evidence, topic, ENVIRONMENT, REVISION)
    (root / "green").mkdir(exist_ok=True)
    (root / "green" / f"{name}.log").write_text("1 passed\n", encoding="utf-8")
    changes = {"accepted": True if ended and evidence != "none" else None, "log_path": f"green/{name}.log"} | changes
    if ended:
        hub.end_run(name, 0, **{"outcomes": {"passed": 1}, **changes})
    else:
        hub.update_run(name, **changes)
    return name


def links(text: str) -> list[str]:
    """Return the targets of a text's links."""
    return re.findall(r"\]\(([^()]*)\)", text)


# --- blocks

PROSE = st.one_of(
    st.text(st.characters(exclude_characters="\n`~<", codec="utf-8"), max_size=30),
    st.sampled_from(["<!-- a comment -->", "`<!-- ptyproof:begin other -->` shows a mark", "a < b", "| a | b |", "\r"]),
    st.sampled_from(["```", "~~~~"]).map(lambda fence: f"{fence}md\n<!-- ptyproof:end shown -->\n{fence}"),
)
TEXT = st.lists(PROSE, max_size=4).flatmap(
    lambda lines: st.sampled_from(["\n", "\r\n"]).map(lambda end: "".join(line + end for line in lines))
)
BODY = st.lists(st.text(st.characters(exclude_characters="\n`~<", codec="utf-8"), max_size=20), max_size=3).map(
    lambda lines: "".join(line + "\n" for line in lines)
)


@given(outside=st.tuples(TEXT, TEXT, TEXT, st.sampled_from(["", "no line end"])), bodies=st.tuples(BODY, BODY, BODY))
def test_a_replaced_body_is_all_that_changes(outside: tuple[str, ...], bodies: tuple[str, ...]) -> None:
    def text(first: str, second: str) -> str:
        return (
            f"{outside[0]}<!-- ptyproof:begin one -->\n{first}<!-- ptyproof:end one -->\r\n{outside[1]}"
            f"  <!-- ptyproof:begin two -->\n{second}<!-- ptyproof:end two --> \n{outside[2]}{outside[3]}"
        )

    document = parse(text(bodies[0], bodies[1]), PAGE)
    assert (document.body_text("one"), document.body_text("two")) == (bodies[0], bodies[1])
    assert document.replaced({}) == text(bodies[0], bodies[1])
    assert document.replaced({"two": bodies[2]}) == text(bodies[0], bodies[2])
    assert document.replaced({"two": bodies[2], "one": ""}) == text("", bodies[2])


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("\n<!-- ptyproof:begin a -->\n", 2, "begins the block a, but no mark below it ends it"),
        ("x\n\n<!-- ptyproof:end a -->\n", 3, "ends the block a, but no mark above it begins it"),
        (page("a") + page("a"), 3, "begins the block a a second time; it began in line 1"),
        ("<!-- ptyproof:begin a -->\n<!-- ptyproof:begin b -->\n", 2, "inside the block a, which began in line 1"),
        ("<!-- ptyproof:begin a -->\n<!-- ptyproof:begin a -->\n", 2, "blocks cannot be nested"),
        ("<!-- ptyproof:begin a -->\n<!-- ptyproof:end b -->\n", 2, "ends the block b inside the block a"),
        (page("a") + "<!-- ptyproof:end a -->\n", 3, "ends the block a, but no mark above it begins it"),
        ("text <!-- ptyproof:begin a -->\n", 1, "is no mark"),
        ("<!-- ptyproof:begin a --> <!-- ptyproof:end a -->\n", 1, "is no mark"),
        ("<!-- ptyproof:begin -->\n", 1, "is no mark"),
        ("<!-- ptyproof: begin a -->\n", 1, "is no mark"),
        ("<!--ptyproof:begin a-->\n", 1, "is no mark"),
        ("<!-- Ptyproof:Begin a -->\n", 1, "is no mark"),
        ("<!-- ptyproof:begin a\n-->\n", 1, "is no mark"),
        ("<!-- ptyproof:begin A_B -->\n", 1, "is no mark"),
        ("- [ ] x <!-- ptyproof: evidence -->\n", 1, "is no mark"),
        ("- [ ] x <!-- ptyproof: evidence a/b -->\n", 1, "is no mark"),
        ("<!-- ptyproof: run run-1 -->\n", 1, "is no mark"),
        ("```\n<!-- ptyproof:begin a -->\n```\n<!-- ptyproof:end a -->\n", 4, "no mark above it begins it"),
    ],
)
def test_a_wrong_mark_is_refused_with_file_and_line(text: str, line: int, words: str) -> None:
    with pytest.raises(DataError) as caught:
        parse(text, PAGE)
    assert str(caught.value).startswith(f"docs/PAGE.md: line {line}: ")
    assert words in str(caught.value)


def test_marks_in_code_are_no_marks() -> None:
    text = dedent("""
        `<!-- ptyproof:begin a -->` and ``<!-- ptyproof:begin -->``
        ````md
        ```
        <!-- ptyproof:begin a -->
        ````
        <!-- ptyproof:begin b -->
        <!-- ptyproof:end b -->
        ~~~
        <!-- ptyproof:end b -->
    """)
    assert list(parse(text, PAGE).blocks) == ["b"]


# --- selectors

TABLE = dedent("""
    Some words.

    | selector | Tests | what |
    |:---|---:|---|
    | `pytest tests/a.py` | 3 | a \\| b |
    |`-k "x or y"`||  |
    | `python -m pytest "tests/b.py::t[1\\|2]"` | 12

    More words.
""")


def test_selectors_get_their_counts_and_all_else_stays() -> None:
    document = block("selectors", TABLE)
    column, rows = selectors.read_rows(document)
    assert column == 1
    assert [row.selector for row in rows] == [("tests/a.py",), ("-k", "x or y"), ("tests/b.py::t[1|2]",)]
    body = selectors.render(document, {("tests/a.py",): 3, ("-k", "x or y"): 5, ("tests/b.py::t[1|2]",): 1})
    expected = TABLE.replace('|`-k "x or y"`||  |', '| `-k "x or y"` | 5 |  |')
    assert body == expected.replace('1\\|2]"` | 12\n', '1\\|2]"` | 1 |  |\n')


@pytest.mark.parametrize(
    ("body", "line", "words"),
    [
        ("", 2, "needs a table with the columns selector and tests"),
        ("| selector | tests |\n|---|---|\n", 2, "needs a table"),
        ("```\n| selector | tests |\n|---|---|\n| `a` | 1 |\n```\n", 2, "needs a table"),
        ("| selector | number |\n|---|---|\n| `a` | 1 |\n", 3, "no column is called tests"),
        ("| tests | what |\n|---|---|\n| `a` | 1 |\n", 3, "no column is called tests"),
        ("| selector | tests |\n| `a` | 1 |\n| `b` | 1 |\n", 4, "must be the rule"),
        ("| selector | tests |\n|---|---|\n| tests/a.py | 1 |\n", 5, "must be a selector between backticks"),
        ("| selector | tests |\n|---|---|\n| `a` | 1 | 2 |\n", 5, "has 3 cells in a table of 2 columns"),
        ("| selector | tests |\n|---|---|\n| `-k 'x` | 1 |\n", 5, "No closing quotation"),
        ("| selector | tests |\n|---|---|\n| `tests -k` | 1 |\n", 5, "-k needs a value"),
        ("| selector | tests |\n|---|---|\n| `tests --junitxml=x` | 1 |\n", 5, "got '--junitxml=x'"),
        ("| selector | tests |\n|---|---|\n| `a` | 1 |\n| `tests -n 2` | 1 |\n", 6, "got '-n'"),
    ],
)
def test_a_table_of_selectors_that_cannot_be_read_is_refused(body: str, line: int, words: str) -> None:
    with pytest.raises(DataError) as caught:
        selectors.read_rows(block("selectors", body))
    assert str(caught.value).startswith(f"docs/PAGE.md: line {line}: ")
    assert words in str(caught.value)


# --- index


@pytest.mark.parametrize(
    ("source", "line"),
    [
        (b'"""One line."""\n', "One line."),
        (b'"""\n    First.\n\n    Second.\n    """\nx = 1\n', "First."),
        (b"# comment\n'single'\n", "single"),
        (b"x = 1\n'no docstring'\n", ""),
        (b'""" """\n', ""),
        (b"", ""),
        (b"not python at all\n", ""),
        (b"\x00", ""),
        ("# coding: latin-1\n'''Größe'''\n".encode("latin-1"), "Größe"),
        ("'''Größe'''\n".encode(), "Größe"),
    ],
)
def test_the_first_line_of_a_docstring(source: bytes, line: str) -> None:
    assert index.first_docstring_line(source) == line


def test_the_index_is_a_table_whatever_a_docstring_says() -> None:
    root = Path("/project")
    summary = "a | b <!-- ptyproof:end test-index --> \x1b[31m"
    body = index.render({"tests/b (1).py": 2, "a.py": 1}, {"a.py": summary, "tests/b (1).py": ""}, root, root / PAGE)
    assert body.startswith("3 tests in 2 modules.\n")
    assert body.splitlines()[-2:] == [
        "| [a.py](../a.py) | 1 | a \\| b &lt;!-- ptyproof:end test-index --> [31m |",
        "| [tests/b (1).py](../tests/b%20%281%29.py) | 2 |  |",
    ]
    assert block("test-index", body).body_text("test-index") == body


# --- collection


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
    ("selector", "reason"),
    [
        (("tests/test_empty.py",), "no test is selected"),
        (("-k", "nothing_like_it"), "no test is selected"),
        (("tests/test_gone.py",), "file or directory not found: tests/test_gone.py"),
        (("tests/test_a.py::test_gone",), "test_gone"),
        (("-k", "a or"), "Wrong expression passed to '-k'"),
    ],
)
def test_a_selector_that_collects_nothing_says_why(selector: tuple[str, ...], reason: str, suite: Path) -> None:
    found = collect(suite, selector)
    assert found.nodes == ()
    assert reason in found.reason


def test_a_module_that_cannot_be_imported_is_an_error(suite: Path) -> None:
    with pytest.raises(RunError, match=r"pytest other: the tests cannot be collected: ERROR other/test_broken\.py"):
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
    with pytest.raises(RunError, match=r"pytest two: the tests cannot be collected: ERROR two/test_b\.py"):
        collect_all(root, [("one",), ("two",)])


def test_a_module_that_ends_its_process_costs_the_others_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = count_alone(monkeypatch)
    root = write_modules(
        tmp_path, a__test_a="def test_a(): ...\n", b__test_b="import os\nos._exit(3)\n", c__test_c="def test_c(): ...\n"
    )
    with pytest.raises(RunError, match="pytest b: the tests cannot be collected: exit status 3"):
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


# --- checklist

ROW = "- [ ] doses scale the probe <!-- ptyproof: evidence dose -->\n"


@pytest.mark.parametrize(
    ("changes", "ticked"),
    [
        ({}, True),
        ({"accepted": False}, False),
        ({"accepted": None}, False),
        ({"ended": False}, False),
        ({"ended": False, "accepted": True}, False),
        ({"topic": "Dose"}, False),
        ({"evidence": "red"}, False),
        ({"evidence": "collect"}, False),
        ({"evidence": "none", "topic": None}, False),
    ],
)
def test_a_row_is_ticked_by_accepted_green_evidence_of_its_topic_alone(
    changes: dict[str, Any], ticked: bool, tmp_path: Path
) -> None:
    record(tmp_path / "the hub", **changes)
    path = tmp_path / PAGE
    body = checklist.render(block("checklist", ROW), "checklist", read_runs(tmp_path / "the hub"), path)
    if not ticked:
        assert body == ROW
        return
    assert body == (
        "- [x] doses scale the probe (evidence: [run-0001](../the%20hub/green/run-0001.log)) "
        "<!-- ptyproof: evidence dose -->\n"
    )
    assert checklist.render(block("checklist", body), "checklist", read_runs(tmp_path / "the hub"), path) == body
    assert checklist.render(block("checklist", body), "checklist", [], path) == ROW


def test_the_newest_evidence_is_linked_and_the_index_where_a_log_is_gone(tmp_path: Path) -> None:
    hub = tmp_path / "hub"
    for accepted in (True, True, False):
        record(hub, accepted=accepted)
    path = tmp_path / "page.md"
    assert links(checklist.render(block("checklist", ROW), "checklist", read_runs(hub), path)) == [
        "hub/green/run-0002.log"
    ]
    (hub / "green" / "run-0002.log").unlink()
    assert links(checklist.render(block("checklist", ROW), "checklist", read_runs(hub), path)) == ["hub/hub.json"]


def test_rows_keep_their_form(tmp_path: Path) -> None:
    record(tmp_path)
    body = dedent("""
        words
        - [x] by hand
          1. [X] nested [a link](x.md) <!-- ptyproof: evidence dose --> \r
        > * [ ] quoted<!-- ptyproof: evidence other -->
        ```
        - [ ] shown <!-- ptyproof: evidence dose -->
        ```
        - [ ] `<!-- ptyproof: evidence dose -->` is how
    """)
    document = block("checklist", body)
    checklist.check_marks(document)
    evidence = " (evidence: [run-0001](green/run-0001.log))"
    expected = body.replace("[X] nested [a link](x.md)", f"[x] nested [a link](x.md){evidence}")
    assert checklist.render(document, "checklist", read_runs(tmp_path), tmp_path / "page.md") == expected


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (page("checklist") + ROW, 3),
        (page("ledger").replace("\n", "\n" + ROW, 1), 2),
        (page("checklist").replace("\n", "\n- no box <!-- ptyproof: evidence a -->\n", 1), 2),
        (page("checklist").replace("\n", "\n- [ ] row\n  <!-- ptyproof: evidence a -->\n", 1), 3),
        (page("checklist").replace("\n", "\n- [ ] row <!-- ptyproof: evidence a --> more\n", 1), 2),
        (page("checklist").replace("\n", f"\n{ROW[:-1]} <!-- ptyproof: evidence a -->\n", 1), 2),
    ],
)
def test_an_evidence_mark_that_would_tick_nothing_is_refused(text: str, line: int) -> None:
    with pytest.raises(DataError, match=rf"^docs/PAGE\.md: line {line}: .*evidence mark"):
        checklist.check_marks(parse(text, PAGE))


# --- ledger


def test_each_run_is_entered_once_with_the_next_number(tmp_path: Path) -> None:
    hub, path = tmp_path / "hub", tmp_path / PAGE
    path.parent.mkdir()
    record(hub, "red", "dose", outcomes={"failed": 2, "passed": 0})
    skips = [{"test": f"t.py::t{i}", "reason": reason} for i, reason in enumerate(["no GPU", "no data", "no GPU"])]
    record(hub, accepted=False, reason="was never red", outcomes={"skipped": 3, "passed": 4}, skips=skips)
    written = "\n### Attempt #7: by hand, in June\n\nIt went well.\n"
    document = block("ledger", written)
    body = ledger.render(document, read_runs(hub), path)
    starts = [run.started for run in read_runs(hub)]
    assert body == written + dedent(f"""

        ### Attempt #8: {starts[0]}
        <!-- ptyproof: run run-0001 {starts[0]} -->

        - command: `pytest tests`
        - result: red evidence of `dose`, accepted; 2 failed; exit status 0
        - skips: none
        - evidence: [run-0001](../hub/green/run-0001.log)

        ### Attempt #9: {starts[1]}
        <!-- ptyproof: run run-0002 {starts[1]} -->

        - command: `pytest tests`
        - result: green evidence of `dose`, REFUSED (was never red); 4 passed, 3 skipped; exit status 0
        - skips: 3
          - 2 × no GPU
          - 1 × no data
        - evidence: [run-0002](../hub/green/run-0002.log)
    """).replace("###", "\n###", 1)
    assert ledger.render(block("ledger", body), read_runs(hub), path) == body
    assert all((path.parent / target).is_file() for target in links(body))


def test_entries_that_moved_out_of_the_block_still_count(tmp_path: Path) -> None:
    record(tmp_path)
    started = read_runs(tmp_path)[0].started
    archive = f"- **Attempt #41**\n### Attempt #12: old\n<!-- ptyproof: run run-0001 {started} -->\n"
    record(tmp_path)
    body = ledger.render(parse(page("ledger") + archive, PAGE), read_runs(tmp_path), tmp_path / PAGE)
    assert re.findall(r"Attempt #\d+", body) == ["Attempt #42"]
    assert "run-0002" in body
    assert "run-0001" not in body


def test_a_run_of_another_hub_with_the_same_id_is_another_run(tmp_path: Path) -> None:
    record(tmp_path / "a", started="2025-01-01T00:00:00Z")
    record(tmp_path / "b", started="2025-01-02T00:00:00Z")
    body = ""
    for name in ("a", "b", "a"):
        body = ledger.render(block("ledger", body), read_runs(tmp_path / name), tmp_path / PAGE)
    assert re.findall(r"### (.*)", body) == ["Attempt #1: 2025-01-01T00:00:00Z", "Attempt #2: 2025-01-02T00:00:00Z"]


def test_a_killed_run_is_entered_and_one_under_way_is_not(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    record(tmp_path, ended=False)
    name = record(tmp_path, ended=False)
    host = Hub(tmp_path).read()["runs"][0]["process"]["host_sha256"]  # type: ignore[index]
    Hub(tmp_path).update_run(name, process={"host_sha256": host, "pid": gone.pid})
    body = ledger.render(block("ledger", ""), read_runs(tmp_path), tmp_path / PAGE)
    assert re.findall("<!-- ptyproof: run (run-[0-9]+)", body) == ["run-0002"]
    assert "no end is recorded: it was killed" in body


def test_a_blocked_run_is_entered_with_what_it_could_not_go_on_from(tmp_path: Path) -> None:
    hub, path = tmp_path / "hub", tmp_path / PAGE
    path.parent.mkdir()
    record_path = write_blocked(hub, "pytest t.py", 1, "t.py::test_beam: no beam <!-- now -->\nE   BeamError", "log")
    record(hub, "none", None, outcomes={}, blocked_path=record_path.relative_to(hub).as_posix())
    body = ledger.render(block("ledger", ""), read_runs(hub), path)
    assert "- result: BLOCKED, it could not go on: a run that is no evidence; no outcome; exit status 0\n" in body
    link = f"[record](../hub/red/{record_path.name})"
    assert f"- blocked: t.py::test_beam: no beam &lt;!-- now --> BeamError ({link})\n" in body
    assert all((path.parent / target).is_file() for target in links(body))


def test_an_entry_takes_the_line_ends_of_its_document(tmp_path: Path) -> None:
    record(tmp_path)
    document = parse(page("ledger").replace("\n", "\r\n"), PAGE)
    body = ledger.render(document, read_runs(tmp_path), tmp_path / PAGE)
    assert body.count("\n") == body.count("\r\n") == 7


# --- all of them

HOSTILE = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=20),
    st.sampled_from(
        ["<!-- ptyproof:end ledger -->", "x\n### Attempt #99", "\n```\n", "a\n<!-- ptyproof: run run-0001 2025 -->\nb"]
    ),
)
RUNS = st.lists(
    st.builds(
        Run,
        id=st.integers(1, 12000).map("run-{:04d}".format),
        command=HOSTILE,
        started=st.sampled_from(["2025-01-01T00:00:00Z", "2025-06-01T12:34:56Z"]),
        evidence=st.sampled_from(["red", "green", "collect", "none"]),
        topic=st.sampled_from(["dose", "overlap", None]),
        accepted=st.sampled_from([True, False, None]),
        reason=st.one_of(st.none(), HOSTILE),
        exit_status=st.integers(0, 5),
        ended=st.booleans(),
        under_way=st.booleans(),
        record=st.sampled_from([Path("/hub/green/a (b).log"), Path("/project/docs/hub/hub.json")]),
        outcomes=st.dictionaries(st.sampled_from(["passed", "failed"]), st.integers(0, 9)),
        skips=st.lists(HOSTILE, max_size=3).map(tuple),
    ),
    max_size=4,
    unique_by=lambda run: (run.id, run.started),
)
ROWS = st.lists(
    st.builds(
        "{}[{}] {}<!-- ptyproof: evidence {} -->{}".format,
        st.sampled_from(["- ", "  * ", "3. "]),
        st.sampled_from(" xX"),
        st.text(st.characters(exclude_characters="\n\r`<", codec="utf-8"), max_size=20),
        st.sampled_from(["dose", "overlap"]),
        st.sampled_from(["", "  "]),
    ),
    max_size=4,
)


@settings(max_examples=50)
@given(rows=ROWS, written=BODY, outside=st.tuples(TEXT, TEXT, TEXT), runs=RUNS, more=RUNS)
def test_a_second_sync_changes_nothing_and_none_changes_other_text(
    rows: list[str], written: str, outside: tuple[str, ...], runs: list[Run], more: list[Run]
) -> None:
    path = Path("/project") / PAGE
    parts = [
        f"{outside[0]}<!-- ptyproof:begin checklist -->\n",
        "".join(row + "\n" for row in rows),
        f"<!-- ptyproof:end checklist -->\n{outside[1]}<!-- ptyproof:begin ledger -->\n",
        written,
        f"<!-- ptyproof:end ledger -->\n{outside[2]}",
    ]

    def synced(text: str, runs: list[Run]) -> str:
        document = parse(text, PAGE)
        checklist.check_marks(document)
        return document.replaced(
            {
                "checklist": checklist.render(document, "checklist", runs, path),
                "ledger": ledger.render(document, runs, path),
            }
        )

    assume(len(parse("".join(parts), PAGE).blocks) == 2)
    once = synced("".join(parts), runs)
    assert synced(once, runs) == once
    document = parse(once, PAGE)
    entries = document.body_text("ledger")
    assert entries.startswith(written)
    assert entries.count("<!-- ptyproof: run ") == sum(not run.under_way for run in runs)
    boxes = [
        any(run.shows_green(topic) for run in runs) for topic in re.findall("evidence (dose|overlap) -->", parts[1])
    ]
    assert [line.lstrip(" -*3.")[:3] == "[x]" for line in split_lines(document.body_text("checklist"))] == boxes
    assert once == "".join([parts[0], document.body_text("checklist"), parts[2], entries, parts[4]])
    later = parse(synced(once, more), PAGE)
    assert later.body_text("ledger").startswith(entries)
    assert synced(synced(once, more), []).startswith(parts[0])


@settings(max_examples=15)
@given(
    kinds=st.lists(st.tuples(st.sampled_from(["red", "green"]), st.booleans(), st.booleans()), min_size=1, max_size=3)
)
def test_a_hub_as_it_grows_is_followed_run_by_run(kinds: list[tuple[str, bool, bool]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        hub, path = Path(folder) / "hub", Path(folder) / PAGE
        entries, ticked = "", False
        for number, (evidence, accepted, ended) in enumerate(kinds, start=1):
            record(hub, evidence, "dose", ended, **({"accepted": accepted} if ended else {}))
            ticked = ticked or (evidence == "green" and accepted and ended)
            runs = read_runs(hub)
            before = entries
            entries = ledger.render(block("ledger", entries), runs, path)
            assert entries.startswith(before)
            assert (f"run-{number:04d}" in entries) == ended
            assert checklist.render(block("checklist", ROW), "checklist", runs, path).startswith(
                "- [x]" if ticked else "- [ ]"
            )


# --- settings


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("", DocsSettings()),
        ("[tool.ptyproof.docs]\n", DocsSettings()),
        ("[tool.ptyproof.docs]\nledger = 'L.md'\n", DocsSettings(ledger="L.md")),
        ("[tool.ptyproof.docs]\nchecklists = ['a.md', 'b/c.md']\n", DocsSettings(checklists=("a.md", "b/c.md"))),
    ],
)
def test_settings_have_defaults(table: str, expected: DocsSettings, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(f"[project]\nname = 'x'\n{table}")
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert find_project(tmp_path / "a" / "b") == tmp_path.resolve()
    assert load_settings(tmp_path) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[tool.ptyproof.docs]\nleger = 'x.md'\n", "[tool.ptyproof.docs]: leger: is no key of this table"),
        ("[tool.ptyproof.docs]\nledger = 3\n", "ledger: must be a path inside the folder of pyproject.toml"),
        ("[tool.ptyproof.docs]\nledger = ''\n", "got ''"),
        ("[tool.ptyproof.docs]\nledger = '/etc/x.md'\n", "got '/etc/x.md'"),
        ("[tool.ptyproof.docs]\ntest_index = '../x.md'\n", "got '../x.md'"),
        ("[tool.ptyproof.docs]\nchecklists = 'x.md'\n", "checklists: must be a list of paths, got 'x.md'"),
        ("[tool.ptyproof.docs]\nchecklists = [['x.md']]\n", "got ['x.md']"),
        ("[tool.ptyproof]\ndocs = 3\n", "docs: must be a table, got 3"),
        ("tool = 3\n", "tool: must be a table, got 3"),
        ("[tool\n", "is no TOML"),
        (b"\xff", "is not UTF-8 text (byte 0)"),
    ],
)
def test_settings_that_cannot_be_are_refused(text: str | bytes, words: str, tmp_path: Path) -> None:
    file = tmp_path / "pyproject.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DataError) as caught:
        load_settings(tmp_path)
    assert words in str(caught.value)


# --- whole projects

TESTS = "| selector | tests |\n|---|---|\n| `pytest tests` | ? |\n"
GUIDE = f"# Guide\n\n{page('selectors').replace('-->', '-->' + chr(10) + TESTS[:-1], 1)}no line end".replace(
    "\n", "\r\n"
)
INDEX = f"# Index\n\n{page('test-index')}\n`<!-- ptyproof:begin test-index -->` is how\n".replace("\n", "\r\n")
PLAN = f"# Plan\n\n{page('checklist').replace(chr(10), chr(10) + ROW, 1)}\n{page('checklist-more', 'ledger')}end\n"


def make_project(root: Path) -> Path:
    """Make a project with one test module, documents that were never synced, and a hub with an accepted green run."""
    files = {
        "pyproject.toml": "[tool.ptyproof.docs]\nchecklists = ['docs/fix_plan.md', './docs/fix_plan.md']\n",
        "tests/test_one.py": '"""One and only."""\n\ndef test_one(): ...\n\n\ndef test_two(): ...\n',
        "docs/TESTING_GUIDE.md": GUIDE,
        "docs/development/TEST_SUITE_INDEX.md": INDEX,
        "docs/fix_plan.md": PLAN,
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(text.encode())
    record(root / "hub")
    return root


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that was never synced."""
    return make_project(tmp_path / "project")


def test_a_sync_fills_every_block_and_a_second_finds_nothing_to_do(project: Path) -> None:
    before = snapshot(project)
    first = plan(project, project / "hub")
    assert [(path.name, name, line) for path, name, line in first.stale()] == [
        ("TESTING_GUIDE.md", "selectors", 3),
        ("TEST_SUITE_INDEX.md", "test-index", 3),
        ("fix_plan.md", "checklist", 3),
        ("fix_plan.md", "ledger", 10),
    ]
    assert snapshot(project) == before
    first.write()
    after = snapshot(project)
    assert {name for name in after if after[name] != before.get(name)} == {
        "docs/TESTING_GUIDE.md",
        "docs/development/TEST_SUITE_INDEX.md",
        "docs/fix_plan.md",
    }
    assert after["docs/TESTING_GUIDE.md"].decode() == GUIDE.replace("| ? |", "| 2 |")
    table = "2 tests in 1 module.\n\n| module | tests | what |\n|---|---:|---|\n"
    table += "| [tests/test_one.py](../../tests/test_one.py) | 2 | One and only. |\n"
    expected = INDEX.replace("-->\r\n<!--", f"-->\r\n{table.replace(chr(10), chr(13) + chr(10))}<!--", 1)
    assert after["docs/development/TEST_SUITE_INDEX.md"].decode() == expected
    text = after["docs/fix_plan.md"].decode()
    assert "- [x] doses scale the probe (evidence: [run-0001](../hub/green/run-0001.log)) <!--" in text
    assert "### Attempt #1: " in text
    second = plan(project, project / "hub")
    assert second.stale() == []
    places = [path.stat().st_ino for path in sorted(project.rglob("*.md"))]
    second.write()
    assert [path.stat().st_ino for path in sorted(project.rglob("*.md"))] == places
    assert snapshot(project) == after


def test_without_a_hub_checklists_and_ledger_are_not_even_read(project: Path) -> None:
    (project / "docs" / "fix_plan.md").unlink()
    planned = plan(project, None)
    assert [name for _, name, _ in planned.stale()] == ["selectors", "test-index"]


def test_one_document_can_hold_every_block(project: Path) -> None:
    settings = "".join(f"{key} = 'ALL.md'\n" for key in ("testing_guide", "test_index", "ledger"))
    (project / "pyproject.toml").write_text(f"[tool.ptyproof.docs]\nchecklists = ['ALL.md']\n{settings}")
    (project / "ALL.md").write_bytes(b"\n".join(text.encode() for text in (GUIDE, INDEX, PLAN)))
    planned = plan(project, project / "hub")
    planned.write()
    assert len(planned.stale()) == 4
    assert links((project / "ALL.md").read_text())[0] == "tests/test_one.py"
    assert plan(project, project / "hub").stale() == []


def test_a_selector_that_collects_nothing_is_named_and_nothing_is_written(project: Path) -> None:
    guide = project / "docs" / "TESTING_GUIDE.md"
    guide.write_bytes(GUIDE.replace("pytest tests", "pytest tests -k three").encode())
    before = snapshot(project)
    with pytest.raises(
        RunError, match=r"docs/TESTING_GUIDE\.md: block selectors: collects nothing: pytest tests -k thr"
    ):
        plan(project, None)
    assert snapshot(project) == before


def test_a_document_that_changed_meanwhile_is_not_written_over(project: Path) -> None:
    planned = plan(project, project / "hub")
    with (project / "docs" / "fix_plan.md").open("a") as file:
        file.write("one more thought\n")
    before = snapshot(project)
    with pytest.raises(RunError, match=r"docs/fix_plan\.md was changed by somebody else"):
        planned.write()
    assert snapshot(project) == before


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("TESTING_GUIDE.md", "# Guide\n", "lines 1 to 1: no mark begins the block selectors"),
        ("fix_plan.md", PLAN + page("selectors"), "line 13: no block selectors is kept here"),
        (
            "fix_plan.md",
            PLAN.replace("<!-- ptyproof:end ledger -->", ""),
            "line 10: begins the block ledger, but no mark",
        ),
        ("fix_plan.md", page("ledger"), "no mark begins the block checklist"),
        ("fix_plan.md", PLAN + ROW, "line 13: has an evidence mark outside the blocks"),
        ("fix_plan.md", None, "cannot be read: No such file or directory"),
        ("development/TEST_SUITE_INDEX.md", b"\xff", "is not UTF-8 text (byte 0)"),
    ],
)
def test_documents_that_cannot_be_synced_are_refused_before_any_test_is_collected(
    name: str, text: str | bytes | None, words: str, project: Path
) -> None:
    (project / "tests" / "test_one.py").write_text("raise SystemError\n")
    file = project / "docs" / name
    file.unlink()
    if text is not None:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DataError) as caught:
        plan(project, project / "hub")
    assert str(caught.value).startswith(f"docs/{name}: ")
    assert words in str(caught.value)


def test_a_hub_without_an_index_or_with_a_changed_one_is_refused(project: Path) -> None:
    with pytest.raises(InputError, match=r"--hub must be a folder with an index, but .*hub\.json is not there"):
        plan(project, project / "docs")
    index_file = project / "hub" / "hub.json"
    index_file.write_text(index_file.read_text().replace('"accepted": true', '"accepted": false'))
    with pytest.raises(InputError, match="was changed after it was written"):
        plan(project, project / "hub")
