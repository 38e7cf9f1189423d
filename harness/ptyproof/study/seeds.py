"""Independent random streams, each from a root seed and a key of its own.

A stream depends on nothing but its root and its key, so a dose or view made alone gives the same numbers as
one made together with all others.
"""

from __future__ import annotations

import hashlib

import numpy as np


def of_replicate(key: tuple[str, ...], replicate: int) -> tuple[str, ...]:
    """Return the key of a stream for one replicate of a study; the first one has the key itself."""
    return key if replicate == 1 else (*key, f"replicate {replicate}")


def stream(root: int, *key: str) -> np.random.Generator:
    """Return the random generator (PCG64) of `key` under the seed `root`.

    The key's SHA-256 is the spawn key of a `numpy.random.SeedSequence` whose entropy is the root.
    """
    digest = hashlib.sha256("\0".join(key).encode()).digest()
    words = tuple(int.from_bytes(digest[start : start + 4], "little") for start in range(0, 32, 4))
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(root, spawn_key=words)))
