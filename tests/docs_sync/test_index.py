"""The index of the test suite: each module with the first line of its docstring."""

from __future__ import annotations

from pathlib import Path

import pytest

from ptyproof.docs_sync import index
from tests.helpers.documents import PAGE, block
from tests.helpers.messages import numbers


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
    assert numbers(body.splitlines()[0]) == [3, 2]
    assert body.splitlines()[-2:] == [
        "| [a.py](../a.py) | 1 | a \\| b &lt;!-- ptyproof:end test-index --> \\x1b[31m |",
        "| [tests/b (1).py](../tests/b%20%281%29.py) | 2 | – |",
    ]
    assert block("test-index", body).body_text("test-index") == body
