"""Digests depend on contents alone: not on layout, byte order or blocks, and never collide by concatenation."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ptyproof.io.file_record import file_is_whole, file_record
from ptyproof.io.hashing import ArrayDigest, combine_digests, sha256_array, sha256_bytes, sha256_file, sha256_json

ARRAYS = st.sampled_from(["<f4", "<f8", "<c8", "<i8", "?", "<U3"]).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5))
)


def test_the_digest_of_an_array_is_that_of_its_header_and_bytes() -> None:
    array = np.arange(6, dtype="<f4").reshape(2, 3)
    assert sha256_array(array) == hashlib.sha256(b"<f4\0(2, 3)\0" + array.tobytes()).hexdigest()


@given(array=ARRAYS)
def test_layout_and_byte_order_do_not_count(array: np.ndarray) -> None:
    expected = sha256_array(array)
    assert sha256_array(np.array(array, order="F")) == expected
    assert sha256_array(array.astype(array.dtype.newbyteorder(">"))) == expected
    assert sha256_array(array[..., np.newaxis].repeat(2, -1)[..., 0]) == expected


@given(array=hnp.arrays("f4", hnp.array_shapes(min_dims=1, max_dims=3, max_side=6)), data=st.data())
def test_blocks_do_not_count(array: np.ndarray, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(array)), max_size=3)))
    digest = ArrayDigest(array.dtype, array.shape)
    for block in np.split(array, cuts):
        digest.update(block)
    assert digest.hexdigest() == sha256_array(array)


def test_a_large_array_is_read_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    array = np.random.default_rng(0).normal(size=(50, 7))
    whole = sha256_array(array)
    monkeypatch.setattr("ptyproof.io.hashing.CHUNK_BYTES", 100)
    assert sha256_array(array) == whole


def test_value_dtype_and_shape_count() -> None:
    array = np.zeros(6, "f4")
    variants = [array, array + 1, array.astype("f8"), array.astype("i4"), array.reshape(2, 3), array.reshape(3, 2)]
    variants += [array.reshape(6, 1), array[:5], np.zeros(0, "f4"), np.zeros((), "f4")]
    assert len({sha256_array(variant) for variant in variants}) == len(variants)


def test_files(tmp_path: Path) -> None:
    for content in (b"", b"abc", bytes(3 << 20)):
        (tmp_path / "a").write_bytes(content)
        assert sha256_file(tmp_path / "a") == hashlib.sha256(content).hexdigest()


def test_combined_digests_depend_on_names_but_not_on_their_order() -> None:
    a, b = "a" * 64, "b" * 64
    assert combine_digests({"x": a, "y": b}) == combine_digests({"y": b, "x": a})
    distinct = [{"x": a, "y": b}, {"x": b, "y": a}, {"x": a}, {"y": a}, {}]
    assert len({combine_digests(digests) for digests in distinct}) == len(distinct)


def test_json_is_canonical() -> None:
    assert sha256_json({"b": [1, 2.5], "a": "é"}) == sha256_json({"a": "é", "b": [1, 2.5]})
    assert sha256_json({"a": 1}) == hashlib.sha256(b'{"a":1}').hexdigest()
    assert sha256_json({"a": [1, 2]}) != sha256_json({"a": [2, 1]})
    with pytest.raises(ValueError, match="not JSON compliant"):
        sha256_json(float("nan"))


def test_digest_and_size_of_a_file_are_of_one_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, file_digest = tmp_path / "file", hashlib.file_digest
    path.write_bytes(b"one")

    def replaced(file: Any, name: str) -> Any:
        found = file_digest(file, name)
        (tmp_path / "other").write_bytes(b"another")
        (tmp_path / "other").replace(path)
        return found

    monkeypatch.setattr(hashlib, "file_digest", replaced)
    assert file_record(path, tmp_path) == {"path": "file", "sha256": sha256_bytes(b"one"), "size_bytes": 3}


def test_a_file_that_is_removed_while_it_is_looked_at_is_not_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, is_file = tmp_path / "file", Path.is_file
    path.write_bytes(b"one")
    record = file_record(path, tmp_path)
    assert file_is_whole(record, tmp_path)

    def removed(one: Path) -> bool:
        found = is_file(one)
        one.unlink()
        return found

    monkeypatch.setattr(Path, "is_file", removed)
    assert not file_is_whole(record, tmp_path)
