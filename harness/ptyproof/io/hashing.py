"""Digests: of files, of arrays, and of JSON values.

`np.savez` and zip containers are byte-stable on one system only, so data are identified by the digest of
their arrays; file digests tell whether a file on disk is still the one that was recorded.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy.typing as npt

CHUNK_BYTES = 1 << 22


def sha256_file(path: Path) -> str:
    """Return the sha256 of a file's bytes, 64 hexadecimal digits."""
    return sha256_and_size(path)[0]


def sha256_and_size(path: Path) -> tuple[str, int]:
    """Return the sha256 of a file and its bytes, of one moment even where another process writes or replaces it."""
    with path.open("rb", buffering=0) as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), file.tell()


def sha256_bytes(content: bytes) -> str:
    """Return the sha256 of bytes, 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def sha256_array(array: npt.NDArray[Any]) -> str:
    """Return the sha256 of the dtype, shape and contents of an array (...) of any dtype but objects.

    The digest does not depend on memory layout or byte order, and reads a memory-mapped array in pieces.
    """
    from ptyproof.io.blocks import row_blocks

    digest = ArrayDigest(array.dtype, array.shape)
    if array.ndim == 0 or array.size == 0:
        digest.update(array.reshape(-1))
    else:
        for rows in row_blocks(array):
            digest.update(array[rows])
    return digest.hexdigest()


class ArrayDigest:
    """`sha256_array` for an array that arrives in blocks along its first axis."""

    def __init__(self, dtype: npt.DTypeLike, shape: tuple[int, ...]) -> None:
        import numpy as np  # here, as digests of files are wanted where numpy is not

        self._dtype = np.dtype(dtype).newbyteorder("<")
        self._digest = hashlib.sha256(f"{self._dtype.str}\0{shape}\0".encode())

    def update(self, block: npt.NDArray[Any]) -> None:
        """Add the next block, (k, ...) of the array's dtype or one that it holds exactly."""
        import numpy as np

        self._digest.update(np.ascontiguousarray(block, dtype=self._dtype).reshape(-1).view(np.uint8).data)

    def hexdigest(self) -> str:
        """Return the digest of what was added so far, 64 hexadecimal digits."""
        return self._digest.hexdigest()


def combine_digests(digests: Mapping[str, str]) -> str:
    """Return one sha256 for named digests (the arrays of a dataset, say), in the order of the names."""
    lines = "".join(f"{name}\0{digests[name]}\n" for name in sorted(digests))
    return hashlib.sha256(lines.encode()).hexdigest()


def sha256_json(value: Any) -> str:
    """Return the sha256 of a JSON value in canonical form (sorted keys, no spaces, no NaN)."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
