"""Blocks are found by their marks, and nothing else in a document changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptyproof.docs_sync.blocks import parse
from ptyproof.errors import DataError
from tests.helpers.documents import BODY, PAGE, TEXT, dedent, page
from tests.helpers.messages import naming, numbers

BEGIN, END = "<!-- ptyproof:begin block-a -->\n", "<!-- ptyproof:end block-a -->\n"


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
    ("text", "line", "parts"),
    [
        pytest.param(f"\n{BEGIN}", 2, ["block-a"], id="without an end"),
        pytest.param(f"x\n\n{END}", 3, ["block-a"], id="without a beginning"),
        pytest.param(page("block-a") + page("block-a"), 3, ["block-a", 1], id="twice"),
        pytest.param(BEGIN + "<!-- ptyproof:begin block-b -->\n", 2, ["block-a", "block-b", 1], id="nested"),
        pytest.param(BEGIN + BEGIN, 2, ["block-a", 1], id="nested in itself"),
        pytest.param(BEGIN + "<!-- ptyproof:end block-b -->\n", 2, ["block-a", "block-b", 1], id="another end"),
        pytest.param(page("block-a") + END, 3, ["block-a"], id="ended twice"),
        pytest.param(f"```\n{BEGIN}```\n{END}", 4, ["block-a"], id="begun in code"),
    ],
)
def test_a_mark_without_its_other_is_refused_with_file_and_line(text: str, line: int, parts: list[object]) -> None:
    with pytest.raises(DataError, match=naming("docs/PAGE.md", *parts)) as caught:
        parse(text, PAGE)
    assert numbers(str(caught.value.member)) == [line]


@pytest.mark.parametrize(
    ("before", "mark"),
    [
        ("text ", "<!-- ptyproof:begin a -->"),
        ("", "<!-- ptyproof:begin a --> <!-- ptyproof:end a -->"),
        ("", "<!-- ptyproof:begin -->"),
        ("", "<!-- ptyproof: begin a -->"),
        ("", "<!--ptyproof:begin a-->"),
        ("", "<!-- Ptyproof:Begin a -->"),
        ("", "<!-- ptyproof:begin a\n-->"),
        ("", "<!-- ptyproof:begin A_B -->"),
        ("- [ ] x ", "<!-- ptyproof: evidence -->"),
        ("- [ ] x ", "<!-- ptyproof: evidence a/b -->"),
        ("", "<!-- ptyproof: run run-1 -->"),
    ],
)
def test_what_is_like_a_mark_is_refused_and_shown_beside_the_forms_of_marks(before: str, mark: str) -> None:
    shown = mark.partition("\n")[0].partition(" <!--")[0]
    forms = "<!-- ptyproof:begin NAME -->", "<!-- ptyproof:end NAME -->", "<!-- ptyproof: evidence TOPIC -->"
    with pytest.raises(DataError, match=naming("docs/PAGE.md", f"'{shown}'", *forms)) as caught:
        parse(f"{before}{mark}\n", PAGE)
    assert numbers(str(caught.value.member)) == [1]


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
