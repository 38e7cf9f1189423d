"""Reading untrusted files: limits, encodings, and the readable part of a broken text."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptyproof.checking import check_manifest
from ptyproof.checking.judge import judge
from ptyproof.checking.model.loading import MAX_TOLERANT_BYTES, load, load_bytes
from ptyproof.io.json_reader import read_text
from ptyproof.io.strict_json import MAX_BYTES, MAX_DEPTH
from tests.helpers.changed_examples import WHOLE, changed

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("raw", "code", "place", "said"),
    [
        (b"", "PM004", "$", ""),
        (b"   \n", "PM004", "$", ""),
        (b"{} x", "PM004", "$", "line 1, column 4"),
        (b'{"a": 1,}', "PM004", "$.a", "line 1, column 9"),
        (b'{"a": [1, 2]\n "b": 3}', "PM004", "$.a", "line 2, column 2"),
        (b"\xff\xfe{\x00", "PM003", "$", "UTF-16"),
        (b'{"a": "\xff"}', "PM003", "$", "line 1, column 8"),
        (b"\xef\xbb\xbf{}", "PM003", "$", "line 1, column 1"),
        (b'{"a": [{"b": 1, "b": 2}]}', "PM006", "$.a[0].b", "line 1, column 17"),
        (b'{"a": [NaN]}', "PM007", "$.a[0]", "NaN"),
        (b'{"a": -Infinity}', "PM007", "$.a", "-Infinity"),
        (b'{"a": 1e999}', "PM007", "$.a", ""),
        (b'{"a": ' + b"9" * 5000 + b"}", "PM007", "$.a", ""),
        (b"[" * 100_000, "PM008", "$", str(MAX_DEPTH)),
        (b'{"a":' * 1_000_000, "PM008", "$", str(MAX_DEPTH)),
        (b'{"a": "\\ud800"}', "PM004", "$.a", "line 1, column 7"),
        (b'{"a": [1, 2', "PM005", "$.a", "line 1, column 12"),
        (b'{"a": "b', "PM005", "$", "line 1, column 9"),
        (b'{"a": {"b": tru', "PM005", "$.a", "line 1, column 16"),
        (b"[" + b"1," * MAX_TOLERANT_BYTES, "PM004", "$", ""),
        (b" " * (MAX_BYTES + 1), "PM002", "$", str(MAX_BYTES)),
    ],
    ids=lambda value: repr(value[:20]) if isinstance(value, bytes) else None,
)
def test_what_is_no_strict_json_is_said_with_its_place(raw: bytes, code: str, place: str, said: str) -> None:
    faults = load_bytes(raw).faults
    assert [(fault[0], fault[1]) for fault in faults][:1] == [(code, place)]
    assert said in faults[0][2]


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    assert load(path).faults[0][0] == "PM002"


@pytest.mark.parametrize("name", ["nowhere.json", ".", "a\0b"])
def test_what_cannot_be_read(tmp_path: Path, name: str) -> None:
    checked = check_manifest(tmp_path / name)
    assert [(finding.code, finding.group) for finding in checked.findings] == [("PM001", "json")]


@given(value=JSON, indent=st.sampled_from([None, 1]), ascii_only=st.booleans())
def test_a_whole_text_is_read_as_the_standard_library_does(value: object, indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    reading = read_text(text, recover=True)
    if not reading.faults:  # a whole number too large for a float is one
        assert reading.end is None
        assert reading.value == json.loads(text)


@given(value=JSON, share=st.floats(0, 1))
def test_a_text_that_is_cut_anywhere_is_said_to_be_cut(value: object, share: float) -> None:
    text = json.dumps({"a": value, "b": [value]})
    at = min(int(share * len(text)), len(text) - 1)
    reading = read_text(text[:at], recover=True)
    assert reading.is_cut
    assert reading.faults == ()


def test_every_cut_of_a_manifest_is_found() -> None:
    text = json.dumps(changed(WHOLE, {}), indent=1)
    numbers = random.Random(1)
    for at in sorted(numbers.sample(range(len(text)), 60)):
        checked = judge(load_bytes(text[:at].encode()), "cut.json")
        assert {"PM005", "PM004"} & {finding.code for finding in checked.findings}
        # what is there is sound: nothing but the cut itself, and perhaps that too little is there to know the kind
        others = {finding.code for finding in checked.findings if finding.severity == "error"} - {"PM005", "PM102"}
        assert others <= {"PM004"}, (at, [str(finding) for finding in checked.findings])


def test_several_faults_are_all_found() -> None:
    raw = b'\xef\xbb\xbf{"n_valid": "1/1", "n_valid": "2/2", "metrics": {"test": {"mae_phase": NaN'
    found = {finding.code for finding in judge(load_bytes(raw), "x").findings}
    assert found >= {"PM003", "PM005", "PM006", "PM007", "PM707"}


@pytest.mark.parametrize("said", ['{"a": [1, NaN]}', '{"kind": "training_manifest", "schema_version": 1, "n": NaN}'])
def test_a_number_that_json_does_not_have_is_told_once(said: str) -> None:
    found = [one for one in judge(load_bytes(said.encode()), "a.json").findings if one.code == "PM007"]
    assert len(found) == 1
    assert "line 1" in found[0].message
