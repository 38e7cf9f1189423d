"""Strict JSON: what the standard library lets through is refused, with the place where it stands."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptyproof.io.strict_json import MAX_DEPTH, NotStrictJsonError, format_json, parse_json, read_json, write_json
from tests.helpers.messages import naming

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(value=VALUES)
def test_round_trip(value: object) -> None:
    text = format_json(value)
    assert parse_json(text) == json.loads(text) == value
    assert text.endswith("\n")


@pytest.mark.parametrize(
    ("text", "rule", "line", "column", "parts"),
    [
        ("", "empty", 1, 1, []),
        (" \n\t", "empty", 2, 2, []),
        ("{", "cut", 1, 2, ["JSON"]),
        ('{"a": 1}\n{"b": 2}', "trailing", 2, 1, ["JSON"]),
        ("{'a': 1}", "syntax", 1, 2, ["JSON"]),
        ('{"a": 1,}', "syntax", 1, 9, ["JSON"]),
        ("[01]", "syntax", 1, 3, ["JSON"]),
        ("NaN", "number", 1, 1, ["NaN", "JSON"]),
        ('{"a": [1, Infinity]}', "number", 1, 11, ["Infinity", "JSON"]),
        ("[-Infinity]", "number", 1, 2, ["-Infinity", "JSON"]),
        ("[1e999]", "number", 1, 2, ["1e999"]),
        ("[-1e999]", "number", 1, 2, ["-1e999"]),
        ('{"a": 1, "b": {"c": 1, "c": 2}}', "duplicate", 1, 24, ["'c'"]),
        ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "depth", 1, 101, [MAX_DEPTH]),
        ('{"a":' * 100_000, "depth", 1, 501, [MAX_DEPTH]),
        ("[" * 100_000, "depth", 1, 101, [MAX_DEPTH]),
        ("9" * 5000, "number", 1, 1, []),
        ('["\t"]', "syntax", 1, 3, ["JSON"]),
        (r'["\ud800"]', "character", 1, 2, []),
        (r'{"\uDC00": 1}', "character", 1, 2, []),
        ('["\ud800"]', "character", 1, 2, []),
        ("\ufeff{}", "syntax", 1, 1, ["JSON"]),
    ],
)
def test_what_is_refused(text: str, rule: str, line: int, column: int, parts: list[object]) -> None:
    with pytest.raises(NotStrictJsonError, match=naming("a.json", line, column, *parts)) as caught:
        parse_json(text, "a.json", "member")
    assert (caught.value.member, caught.value.rule) == ("member", rule)
    assert (caught.value.line, caught.value.column) == (line, column)


def test_a_whole_surrogate_pair_is_a_character() -> None:
    assert parse_json(r'["\ud83d\ude00", "\\ud800"]') == ["\U0001f600", "\\ud800"]


def test_depth_is_counted_outside_strings() -> None:
    assert parse_json("[" * MAX_DEPTH + "]" * MAX_DEPTH) is not None
    assert parse_json(json.dumps("[" * 500 + '\\"{')) == "[" * 500 + '\\"{'


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [1, {"a": -float("inf")}]])
def test_values_that_json_does_not_have_are_not_written(tmp_path: Path, value: object) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [np.float32(1), np.arange(3), Path("a"), {1, 2}, b"a", 1j])
def test_types_that_json_does_not_have_are_not_written(tmp_path: Path, value: object) -> None:
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", {"a": value})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "rule", "parts"),
    [
        (b"\xef\xbb\xbf{}", "mark", ["UTF-8"]),
        (b'{"a": "\xff"}', "encoding", ["UTF-8", 7, "0xff"]),
        ('{"a": 1}'.encode("utf-16"), "mark", ["UTF-8", "UTF-16"]),
        (b"", "empty", []),
    ],
)
def test_files_that_are_refused(tmp_path: Path, content: bytes, rule: str, parts: list[object]) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(NotStrictJsonError, match=naming(tmp_path / "a.json", *parts)) as caught:
        read_json(tmp_path / "a.json")
    assert caught.value.rule == rule


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path / "no.json", tmp_path):
        with pytest.raises(NotStrictJsonError, match=naming(path)) as caught:
            read_json(path)
        assert (caught.value.rule, caught.value.line) == ("unreadable", None)


def test_files_are_utf8_text_that_reads_back(tmp_path: Path) -> None:
    value = {"Größe_px": [1, 2.5, None], "b": {}}
    write_json(tmp_path / "a.json", value)
    assert read_json(tmp_path / "a.json") == value
    assert "Größe_px".encode() in (tmp_path / "a.json").read_bytes()
