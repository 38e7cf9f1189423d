"""How much memory an archive may take, from what its headers say before any array is read.

Positions and probe say how many patterns of which size there can be, so that whatever belongs to a scan has a size
that they allow. What no shape bounds is bounded by the file: a small one does not unpack to a large array.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from ptyproof.errors import DataError
from ptyproof.io.keys import FACTORS, LEGACY_DIFFRACTION, OF_DETECTOR, PATTERNS, POSITIONS
from ptyproof.io.npz_rules import Member

ROOM_BYTES = 1 << 28  # that any file may unpack to
MAX_EXPANSION = 100  # beyond it; patterns with few photons pack about 50 : 1
_NUMBER_BYTES = 16  # of a complex128, the largest number of the contract's legacy forms
_NAME_BYTES = 4 * 4096  # of a raw file's name
_STACKS = (LEGACY_DIFFRACTION, *PATTERNS, *OF_DETECTOR)
_VECTORS = (*POSITIONS, FACTORS, "scan_index")


def check_expansion(path: Path, unpacked: int, packed: int) -> None:
    """Refuse an archive of `packed` bytes whose members claim more than a file of that size may unpack to.

    Raises
    ------
    DataError
        With both numbers and the way out: an archive that is not compressed takes as much memory as it has bytes.
    """
    if unpacked > ROOM_BYTES + MAX_EXPANSION * packed:
        raise DataError(
            path,
            f"would unpack from {packed} to {unpacked} bytes; at most {ROOM_BYTES} and {MAX_EXPANSION} times the "
            "file may be unpacked: if the arrays are intended, save them uncompressed, with numpy.savez",
        )


def check_scan(path: Path, members: Mapping[str, Member]) -> None:
    """Refuse a dataset with an array that is larger than its positions and its probe allow.

    Raises
    ------
    DataError
        Names the array.
    """
    n = math.prod(members["xcoords"].shape)
    probe = math.prod(members["probeGuess"].shape)
    limits = dict.fromkeys(_STACKS, n * probe * _NUMBER_BYTES)
    limits |= dict.fromkeys(_VECTORS, n * _NUMBER_BYTES)
    limits["filenames"] = n * _NAME_BYTES
    for name, limit in limits.items():
        if name in members and members[name].nbytes > limit:
            member = members[name]
            raise DataError(
                path,
                f"has the shape {member.shape} of {member.dtype}, but {n} positions and a probe of shape "
                f"{members['probeGuess'].shape} have at most {limit} bytes of it",
                name,
            )
