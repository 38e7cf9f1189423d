"""Blocks are found by their marks, and nothing else in a document changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptyproof.docs_sync.blocks import parse
from ptyproof.errors import DataError
from tests.helpers.documents import BODY, PAGE, TEXT, dedent, page


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
