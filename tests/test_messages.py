"""The helpers that hold messages against what they must name."""

from __future__ import annotations

import pytest

from tests.helpers.messages import names, numbers


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("gridsize must be 1 or 2, got 3", 3),
        ("gridsize must be 1 or 2, got 3", "gridsize"),
        ("/tmp/a.npz: is empty.", "/tmp/a.npz"),
        ("got (4, 5)", "(4, 5)"),
        ("at least 0.5.", "0.5"),
        ("two\nlines: x", "x"),
        ("--study needs --base", "--study"),
        ("got -1", "-1"),
    ],
)
def test_what_a_message_names(text: str, part: object) -> None:
    assert names(text, part)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("got 13", 3),
        ("got 3.5", 3),
        ("got 0.3", 3),
        ("got 1,234", 234),
        ("got 3 px", "3 p"),
        ("gridsizes", "gridsize"),
        ("--study-file is wrong", "--study"),
        ("a.npzx", "a.npz"),
        ("nothing", "something"),
    ],
)
def test_what_a_message_does_not_name(text: str, part: object) -> None:
    assert not names(text, part)


def test_every_part_must_be_named() -> None:
    assert names("b before a", "a", "b")
    assert not names("a alone", "a", "b")


def test_the_numbers_of_a_text() -> None:
    assert numbers("2 files of 10 (run-0001, a.npz, 3.5, v2): 0.") == [2, 10, 0]
