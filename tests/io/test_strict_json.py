"""Strict JSON: what the standard library lets through is refused, with the place where it stands."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptyproof.errors import ManifestError
from ptyproof.io.strict_json import MAX_DEPTH, format_json, parse_json, read_json, write_json

TEXT = st.text(st.characters(exclude_categories=("Cs",)))
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
    ("text", "reason"),
    [
        ("", "is empty"),
        (" \n\t", "is empty"),
        ("{", "is no JSON: .* at line 1, column 2"),
        ('{"a": 1}\n{"b": 2}', "Extra data at line 2, column 1"),
        ("{'a': 1}", "is no JSON"),
        ('{"a": 1,}', "is no JSON"),
        ("[01]", "is no JSON"),
        ("NaN", "holds NaN"),
        ('{"a": [1, Infinity]}', "holds Infinity"),
        ("[-Infinity]", "holds -Infinity"),
        ("[1e999]", "too large for a number"),
        ("[-1e999]", "too large for a number"),
        ('{"a": 1, "b": {"c": 1, "c": 2}}', "has the key 'c' twice"),
        ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "nested deeper than 100"),
        ('{"a":' * 100_000, "nested deeper than 100"),
        ("[" * 100_000, "nested deeper than 100"),
        ("9" * 5000, "too large for a number at line 1, column 1"),
        ('["\t"]', "is no JSON"),
        (r'["\ud800"]', "half of a surrogate pair"),
        (r'{"\uDC00": 1}', "half of a surrogate pair"),
        ('["\ud800"]', "half of a surrogate pair"),
        ("\ufeff{}", "is no JSON"),
    ],
)
def test_what_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ManifestError, match=reason) as caught:
        parse_json(text, "a.json", "member")
    assert str(caught.value).startswith("a.json: member: ")


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
    ("content", "reason"),
    [
        (b"\xef\xbb\xbf{}", "byte order mark"),
        (b'{"a": "\xff"}', "is not UTF-8: byte 7 is 0xff"),
        ('{"a": 1}'.encode("utf-16"), "is not UTF-8"),
        (b"", "is empty"),
    ],
)
def test_files_that_are_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(ManifestError, match=reason):
        read_json(tmp_path / "a.json")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path / "no.json", tmp_path):
        with pytest.raises(ManifestError, match="cannot be read"):
            read_json(path)


def test_files_are_utf8_text_that_reads_back(tmp_path: Path) -> None:
    value = {"Größe_px": [1, 2.5, None], "b": {}}
    write_json(tmp_path / "a.json", value)
    assert read_json(tmp_path / "a.json") == value
    assert "Größe_px".encode() in (tmp_path / "a.json").read_bytes()
