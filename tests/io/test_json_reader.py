"""The reader that knows places: the same verdict as the standard library's, and how far a cut file is readable."""

from __future__ import annotations

import json
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptyproof.io.json_reader import line_and_column, read_text
from ptyproof.io.strict_json import MAX_BYTES, NotStrictJsonError, format_json, parse_bytes, parse_json, read_json
from tests.helpers.messages import names, naming

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(TEXT, inner, max_size=6),
    max_leaves=30,
)
PUNCTUATION = ["{", "}", "[", "]", ",", ":", '"', "\\", "-", " ", "\n", "\t", "\x00", "\u2028", "\ufeff"]
WORDS = ['"a"', '"b":', "1", "0", ".5", "e9", "e999", "true", "nul", "NaN", "Infinity", "é", "٣"]
PIECES = st.sampled_from([*PUNCTUATION, *WORDS, "\\u00", "\\ud800", '"\\ud83d\\ude00"'])


@pytest.fixture(params=[0, 4, 1024], ids="short{}".format)
def short(request: pytest.FixtureRequest) -> int:
    """How many characters the standard library reads at once: none, next to none, and the usual."""
    return int(request.param)


def _strict(text: str) -> Any:
    """Parse by the standard library alone; raise ValueError for what strict JSON does not have."""

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(items)) < len(items):
            raise ValueError
        return dict(items)

    def refuse(_: str) -> None:
        raise ValueError

    value = json.loads(text, object_pairs_hook=pairs, parse_constant=refuse)
    json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    return value


@pytest.mark.parametrize("indent", [None, 2])
def test_it_reads_what_the_standard_library_reads(indent: int | None, short: int) -> None:
    @settings(max_examples=30)
    @given(value=VALUES)
    def check(value: Any) -> None:
        reading = read_text(json.dumps(value, indent=indent, ensure_ascii=indent is None), short=short)
        assert reading.end is None
        assert repr(reading.value) == repr(value)  # the types, too: 1 and 1.0 and True are equal

    check()


def test_it_refuses_what_the_standard_library_refuses(short: int) -> None:
    @settings(max_examples=80)
    @given(pieces=st.lists(PIECES, max_size=12))
    def check(pieces: list[str]) -> None:
        text = "".join(pieces)
        try:
            expected = _strict(text)
        except ValueError:
            assert read_text(text, short=short).end is not None
            with pytest.raises(NotStrictJsonError) as caught:
                parse_json(text)
            assert names(caught.value.reason, caught.value.line, caught.value.column)
        else:
            reading = read_text(text, short=short)
            assert (reading.value, reading.faults, reading.end, reading.open_paths) == (expected, (), None, ())
            assert reading.last_path == "$"
            assert repr(parse_json(text)) == repr(expected)

    check()


@pytest.mark.parametrize("indent", [None, 2])
def test_a_text_cut_anywhere_is_readable_up_to_there(indent: int | None, short: int) -> None:
    @settings(max_examples=30)
    @given(value=st.dictionaries(TEXT, VALUES, min_size=1, max_size=4), data=st.data())
    def check(value: dict[str, Any], data: st.DataObject) -> None:
        text = json.dumps(value, indent=indent, ensure_ascii=indent is None)
        end = data.draw(st.integers(0, len(text) - 1))
        reading = read_text(text[:end], short=short)
        assert reading.end is not None
        assert reading.end.rule in ("cut", "empty")
        _assert_is_part(reading.value, value)

    check()


def _assert_is_part(part: Any, whole: Any) -> None:
    """Every member but the last is complete."""
    if isinstance(part, dict) and isinstance(whole, dict):
        assert list(part) == list(whole)[: len(part)]
        pairs = [(part[key], whole[key]) for key in part]
    elif isinstance(part, list) and isinstance(whole, list):
        assert len(part) <= len(whole)
        pairs = list(zip(part, whole, strict=False))
    else:
        assert part is ... or part == whole
        return
    for inner, outer in pairs[:-1]:
        assert inner == outer
    for inner, outer in pairs[-1:]:
        _assert_is_part(inner, outer)


@pytest.mark.parametrize(
    ("text", "value", "path"),
    [
        ("", ..., "$"),
        ("{", {}, "$"),
        ('{"a', {}, "$"),
        ('{"a": ', {}, "$.a"),
        ('{"a": 12', {}, "$.a"),
        ('{"a": 12,', {"a": 12}, "$"),
        ('{"a": {"b c": [1, 2, tr', {"a": {"b c": [1, 2]}}, "$.a['b c'][2]"),
        ('{"a": [1, 2', {"a": [1]}, "$.a[1]"),
        ('{"a": [1, 2]', {"a": [1, 2]}, "$"),
        ('{"a": [{"b": 1}', {"a": [{"b": 1}]}, "$.a"),
        ('{"a": [{"b": 1}, ', {"a": [{"b": 1}]}, "$.a[1]"),
        ('{"a": "x\\', {}, "$.a"),
        ('{"a": "x\\u00', {}, "$.a"),
        ('{"a": -', {}, "$.a"),
        ('{"a": 1e+', {}, "$.a"),
    ],
)
def test_how_far_a_cut_text_is_readable(text: str, value: Any, path: str, short: int) -> None:
    reading = read_text(text, short=short)
    assert reading.end is not None
    assert (reading.value, reading.end.json_path, reading.end.rule) == (value, path, "cut" if text else "empty")


@pytest.mark.parametrize(
    ("text", "path", "rule", "place"),
    [
        ('{"a": [1, 2,\n 3,, 4]}', "$.a[3]", "syntax", (2, 4)),
        ('{"a": 1}\n\n {"b": 1}', "$", "trailing", (3, 2)),
        ('{"a": 1,\n "b": 2,\n "a": 3}', "$.a", "duplicate", (3, 2)),
        ('[{"a":\n NaN}]', "$[0].a", "number", (2, 2)),
        ("[[1], [-Infinity]]", "$[1][0]", "number", (1, 8)),
        ('["é", 1e400]', "$[1]", "number", (1, 7)),
        ("[" + "9" * 400 + "]", "$[0]", "number", (1, 2)),
        (r'["a", "\ud83d\ude00", "\ud800"]', "$[2]", "character", (1, 23)),
        ("[" * 101, "$" + "[0]" * 100, "depth", (1, 101)),
        ('["a\tb"]', "$[0]", "syntax", (1, 4)),
        ('["\\q"]', "$[0]", "syntax", (1, 3)),
        ("{'a': 1}", "$", "syntax", (1, 2)),
        ('{"a" 1}', "$.a", "syntax", (1, 6)),
        ("[1 2]", "$", "syntax", (1, 4)),
        (" \n ", "$", "empty", (2, 2)),
        ("[1", "$[0]", "cut", (1, 2)),
    ],
)
def test_where_a_fault_is(text: str, path: str, rule: str, place: tuple[int, int], short: int) -> None:
    reading = read_text(text, short=short)
    assert reading.end is not None
    assert (reading.end.json_path, reading.end.rule) == (path, rule)
    with pytest.raises(NotStrictJsonError) as caught:
        parse_json(text, "a.json")
    assert (caught.value.rule, caught.value.line, caught.value.column) == (rule, *place)
    assert names(str(caught.value), "a.json", *place)


@pytest.mark.parametrize(
    ("raw", "rule", "place"),
    [
        (b"\xef\xbb\xbf{}", "mark", (1, 1)),
        ('{"a": 1}'.encode("utf-16"), "mark", (1, 1)),
        ('{"a": "é",\n "b": "é'.encode() + b'\xe9"}', "encoding", (2, 9)),
        ('{"a": "é"}'.encode("latin-1"), "encoding", (1, 8)),
    ],
)
def test_where_bytes_are_no_text(raw: bytes, rule: str, place: tuple[int, int]) -> None:
    with pytest.raises(NotStrictJsonError) as caught:
        parse_bytes(raw)
    assert (caught.value.rule, caught.value.line, caught.value.column) == (rule, *place)


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(NotStrictJsonError, match=naming(path, MAX_BYTES)) as caught:
        read_json(path)
    assert caught.value.rule == "size"


N = 20_000
HOSTILE = {
    "lists": "[" * N,
    "closed lists": "[" * N + "]" * N,
    "objects": '{"a":' * N,
    "digits": "9" * N,
    "digits of a fraction": "[0." + "9" * N,
    "exponent": "1e" + "9" * N,
    "text without end": '{"a": "' + "a" * N,
    "escapes": '"' + "\\n" * N + '"x',
    "backslashes": '"' + "\\" * N,
    "numbers": "[" + "0," * N,
    "empty lists": "[" + "[]," * N,
    "objects in a list": "[" + '{"a":[0]},' * (N // 4),
    "deep lists in a list": "[" + ("[" * 60 + "]" * 60 + ",") * (N // 100),
    "equal keys": "{" + '"a":1,' * N,
    "keys": "{" + "".join(f'"{number}":1,' for number in range(N)),
    "space": " " * N,
    "lines": "\n" * N + "x",
    "minus": "-" * N,
    "half pairs": '["' + "\\ud83d\\ude00" * (N // 10) + '\\ud800"]',
    "equal keys below a long one": '{"' + "a" * N + '": {' + '"b":1,' * N,
    "numbers that are none": "[" + "NaN," * N,
    "empty lists beside a half pair": '["\\ud800", ' + "[]," * (N // 10),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_are_refused_in_time_and_memory_that_grow_with_them(name: str) -> None:
    text = HOSTILE[name]
    tracemalloc.start()
    began = time.process_time()
    with pytest.raises(NotStrictJsonError) as caught:
        parse_json(text)
    taken = time.process_time() - began
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(caught.value.reason) < 300
    assert taken < 60e-6 * len(text), f"{taken:.2f} s for {len(text)} characters"
    assert peak < 60 * len(text) + 1e6


@pytest.mark.parametrize("name", HOSTILE)
def test_going_on_behind_faults_takes_time_and_memory_that_grow_with_the_text(name: str) -> None:
    text = HOSTILE[name]
    tracemalloc.start()
    began = time.process_time()
    reading = read_text(text, recover=True)
    taken = time.process_time() - began
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert reading.end is not None or reading.faults
    assert len(reading.faults) <= 100
    assert taken < 60e-6 * len(text), f"{taken:.2f} s for {len(text)} characters"
    assert peak < 60 * len(text) + 1e7


def test_a_number_is_read_to_its_end() -> None:
    """Also where the piece that the standard library is given ends within it: 1,024 characters from its beginning."""
    number = "0." + "1" * 1020 + "e-5"
    for before in range(0, 1100, 7):
        reading = read_text(f'["{"x" * before}", {number}, "{"x" * 2000}"')
        assert reading.value == ["x" * before, float(number), "x" * 2000], before


def test_two_commas_are_a_fault_wherever_they_stand() -> None:
    for before in range(2, 150):
        end = read_text(f'[{"1, " * before}, "{"x" * 2000}"]').end
        assert end is not None, before
        assert (end.rule, end.offset) == ("syntax", 3 * before + 1)


def test_every_fault_that_does_not_end_a_text_is_found_with_its_place(short: int) -> None:
    text = '{"a": [1, NaN, -Infinity, 1e999],\n "a": "\\ud800", "b": {"c": 1, "c": 2}, "d": [3, 4, tr'
    reading = read_text(text, recover=True, short=short)
    found = [(fault.rule, fault.json_path, line_and_column(text, fault.offset)) for fault in reading.faults]
    assert found == [
        ("number", "$.a[1]", (1, 11)),
        ("number", "$.a[2]", (1, 16)),
        ("number", "$.a[3]", (1, 27)),
        ("duplicate", "$.a", (2, 2)),
        ("character", "$.a", (2, 7)),
        ("duplicate", "$.b.c", (2, 31)),
    ]
    assert reading.end is not None
    assert (reading.end.rule, reading.end.json_path) == ("cut", "$.d[2]")
    assert (reading.last_path, reading.open_paths) == ("$.d[1]", ("$", "$.d"))
    assert reading.value == {"a": "\ud800", "b": {"c": 2}, "d": [3, 4]}


def test_writing_and_reading_agree(tmp_path: Path) -> None:
    value = {"a": [1, 2.5, None, {"b": "\u2028"}]}
    (tmp_path / "a.json").write_text(format_json(value), encoding="utf-8")
    assert read_json(tmp_path / "a.json") == value
