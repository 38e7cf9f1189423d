"""Markdown from any text: a cell stays one cell, a link leads to its file, and another parser reads back the text."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ptyproof import markdown
from ptyproof.console import printable
from ptyproof.docs_sync.blocks import parse

MarkdownIt = pytest.importorskip("markdown_it", reason="needs markdown-it-py, which is in the extra dev").MarkdownIt

HOSTILE = [
    "a|b",
    "\\|",
    "a\\",
    "`|`",
    "**x**",
    "[x](y)",
    "<b>",
    "<!-- ptyproof:end one -->",
    "&lt;",
    "~~a~~",
    "a\n| b |",
]
ANY = st.one_of(st.text(max_size=20), st.sampled_from(HOSTILE), st.text("|\\`*<&[]()! \n", max_size=12))
NAMES = st.text(
    st.characters(exclude_characters="/\0", codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=8
).filter(lambda name: name.strip(".") != "")
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(lambda parts: PurePosixPath(*parts))


def tokens_of(source: str) -> list[Any]:
    """Return the tokens of a document, those inside lines among them, as an independent parser reads it."""
    found: list[Any] = []
    for token in MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(source):
        found += [token, *(token.children or ())]
    return found


def cells_in(lines: list[str]) -> list[list[str]]:
    """Return the text in the cells of the one table that lines of Markdown make, row by row."""
    rows: list[list[str]] = []
    for token in MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse("\n".join(lines)):
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline":
            assert {child.type for child in token.children} <= {"text", "text_special", "code_inline"}
            rows[-1].append("".join(child.content for child in token.children))
    return rows


@given(head=st.lists(ANY, min_size=3, max_size=3), rows=st.lists(st.lists(ANY, min_size=3, max_size=3), min_size=1))
@example(head=["a", "b", "c"], rows=[["\\\\|", "`a|", "|b`"]])
@example(head=["_a_", "a_b_c", "__a__"], rows=[["_0_", "a _b_", "_"]])
def test_any_text_is_one_cell_and_is_read_back(head: list[str], rows: list[list[str]]) -> None:
    lines = list(markdown.table(head, rows))
    assert len(lines) == len(rows) + 2
    expected = [[(printable(cell) or markdown.UNKNOWN).strip() for cell in row] for row in [head, *rows]]
    assert cells_in(lines) == expected


@given(code=ANY, beside=ANY)
def test_code_in_a_cell_is_one_cell(code: str, beside: str) -> None:
    rows = cells_in(list(markdown.table(["a", "b"], [[markdown.code(code), beside]])))
    assert len(rows[1]) == 2
    assert rows[1][0].strip() == printable(code).strip()


@given(code=ANY)
def test_code_in_a_line_is_code_and_nothing_else(code: str) -> None:
    (found,) = [token for token in tokens_of(f"- {markdown.code(code)}") if token.type == "code_inline"]
    assert found.content.strip() == printable(code).strip()


@given(value=ANY)
def test_a_text_is_read_back_and_ends_no_block_of_a_document(value: str) -> None:
    source = f"- x{markdown.text(value)}x"
    texts = [token.content for token in tokens_of(source) if token.type in ("text", "text_special")]
    assert "".join(texts) == f"x{printable(value)}x"
    assert parse(f"{source}\n- {markdown.passage(value)}\n- {markdown.code(value)}\n", Path("it.md")).blocks == {}


@given(label=ANY, target=PATHS, document=PATHS, absolute=st.booleans())
@example(label="x", target=PurePosixPath("docs/a:b.txt"), document=PurePosixPath("docs/c.md"), absolute=False)
def test_a_link_is_relative_and_leads_to_its_file(
    label: str, target: PurePosixPath, document: PurePosixPath, absolute: bool
) -> None:
    root = PurePosixPath("/hub" if absolute else "")
    found = tokens_of(f"- {markdown.link('x' + label, root / target, root / document)}")
    (opened,) = [token for token in found if token.type == "link_open"]
    address = unquote(opened.attrs["href"])
    assert ":" not in opened.attrs["href"]
    assert not address.startswith("/")
    parts: list[str] = list((root / document).parent.parts)
    for part in address.split("/"):
        parts = parts[:-1] if part == ".." else parts if part == "." else [*parts, part]
    assert PurePosixPath(*parts) == root / target


@given(cells=st.lists(ANY, min_size=1, max_size=4))
def test_the_cells_of_a_row_are_found_again(cells: list[str]) -> None:
    assert len(markdown.cells_of(markdown.row(cells))) == len(cells)


def test_a_block_of_code_ends_at_its_own_fence() -> None:
    assert markdown.block(["a", "```", "b"], "sh") == "````sh\na\n```\nb\n````"


def test_values_and_alignment() -> None:
    assert list(markdown.table(["a", "b"], [[1.23456789, None], [1e6, ""]], right=[1])) == [
        "| a | b |",
        "|---|---:|",
        "| 1.23457 | – |",
        "| 1e+06 | – |",
    ]
    assert list(markdown.table(["a"], [])) == []
