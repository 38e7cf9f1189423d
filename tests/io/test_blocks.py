"""Arrays that are mapped from a file are gone through in pieces, and give their memory back."""

from __future__ import annotations

import mmap
import re
from pathlib import Path

import numpy as np
import pytest

from ptyproof.io.blocks import BLOCK_BYTES, let_go, row_blocks, sum_of_squares
from ptyproof.io.hashing import sha256_array
from ptyproof.io.npz import NpzWriter

MIB = 1 << 20
pytestmark = pytest.mark.skipif(
    not (hasattr(mmap, "MADV_DONTNEED") and Path("/proc/self/status").exists()),
    reason="this system does not say how much of a file is in memory, or keeps it there",
)


@pytest.fixture
def stack(tmp_path: Path) -> np.memmap:
    """96 MiB, mapped."""
    np.save(tmp_path / "stack.npy", np.arange(96 * MIB // 4, dtype=np.float32).reshape(-1, 256, 256))
    found = np.load(tmp_path / "stack.npy", mmap_mode="r")
    assert isinstance(found, np.memmap)
    return found


def mapped_bytes() -> int:
    """Return how much of the files that this process maps is in memory."""
    found = re.search(r"RssFile:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    assert found is not None
    return int(found[1]) * 1024


def test_what_was_gone_through_is_given_back(stack: np.memmap) -> None:
    before, most, total = mapped_bytes(), 0, 0.0
    for view in (stack, np.asarray(stack), stack[1:]):
        total = 0.0
        for rows in row_blocks(view):
            total += float(view[rows].sum(dtype=np.float64))
            most = max(most, mapped_bytes() - before)
        assert mapped_bytes() - before < MIB
    assert total == float(np.arange(256 * 256, 96 * MIB // 4, dtype=np.float32).sum(dtype=np.float64))
    assert BLOCK_BYTES / 2 < most < 2 * BLOCK_BYTES


def test_an_archive_of_a_mapped_array_is_written_and_digested_in_pieces(stack: np.memmap, tmp_path: Path) -> None:
    before = mapped_bytes()
    with NpzWriter(tmp_path / "a.npz") as archive:
        archive.add("stack", stack)
    assert archive.digests["stack"] == sha256_array(stack)
    assert mapped_bytes() - before < MIB
    with np.load(tmp_path / "a.npz") as found:
        np.testing.assert_array_equal(found["stack"], stack)


def test_what_was_written_into_a_private_mapping_stays(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros(1 << 16))
    array = np.load(tmp_path / "a.npy", mmap_mode="c")
    array[:] = 7
    let_go(array)
    assert (array == 7).all()


def test_sums_do_not_depend_on_where_the_array_is(stack: np.memmap) -> None:
    part = stack[:3]
    assert sum_of_squares(part) == float(np.square(part, dtype=np.float64).sum())
    np.testing.assert_allclose(sum_of_squares(stack), np.square(stack, dtype=np.float64).sum(), rtol=1e-12)
