"""Selectors in a table get the number of tests that they collect."""

from __future__ import annotations

import pytest

from ptyproof.docs_sync import selectors
from ptyproof.errors import DataError
from tests.helpers.documents import block, dedent
from tests.helpers.messages import naming, numbers

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
    ("body", "line", "parts"),
    [
        ("", 2, ["selectors", "selector", "tests"]),
        ("| selector | tests |\n|---|---|\n", 2, ["selectors", "selector", "tests"]),
        ("```\n| selector | tests |\n|---|---|\n| `a` | 1 |\n```\n", 2, ["selectors", "selector", "tests"]),
        ("| selector | number |\n|---|---|\n| `a` | 1 |\n", 3, ["tests", "selector, number"]),
        ("| tests | what |\n|---|---|\n| `a` | 1 |\n", 3, ["tests, what"]),
        ("| selector | tests |\n| `a` | 1 |\n| `b` | 1 |\n", 4, ["|---|---|"]),
        ("| selector | tests |\n|---|---|\n| tests/a.py | 1 |\n", 5, ["'tests/a.py'"]),
        ("| selector | tests |\n|---|---|\n| `a` | 1 | 2 |\n", 5, [3, 2]),
        ("| selector | tests |\n|---|---|\n| `-k 'x` | 1 |\n", 5, ["`-k 'x`"]),
        ("| selector | tests |\n|---|---|\n| `tests -k` | 1 |\n", 5, ["-k"]),
        ("| selector | tests |\n|---|---|\n| `tests --junitxml=x` | 1 |\n", 5, ["-k, -m, --", "'--junitxml=x'"]),
        ("| selector | tests |\n|---|---|\n| `a` | 1 |\n| `tests -n 2` | 1 |\n", 6, ["-k, -m, --", "'-n'"]),
        ("| selector | tests |\n|---|---|\n| `a` | 1 |\n| `b` | 1 |\n| `pytest a` | 2 |\n", 7, ["`pytest a`", 5]),
    ],
)
def test_a_table_of_selectors_that_cannot_be_read_is_refused(body: str, line: int, parts: list[object]) -> None:
    with pytest.raises(DataError, match=naming("docs/PAGE.md", *parts)) as caught:
        selectors.read_rows(block("selectors", body))
    assert numbers(str(caught.value.member)) == [line]
