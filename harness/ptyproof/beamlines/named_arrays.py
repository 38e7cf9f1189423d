"""Arrays of an .npz, .npy or .mat file (before version 7.3), taken under the names that a caller gives."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ptyproof.beamlines.raw_scan import RawScan
from ptyproof.beamlines.request import PositionUnit
from ptyproof.errors import DataError
from ptyproof.io.npz import NpzArchive


def read_arrays(path: Path, names: Mapping[str, str], position_unit: PositionUnit) -> RawScan:
    """Return the arrays of a file by their roles.

    Parameters
    ----------
    path
        The file.
    names
        The name of the array that has each role: patterns (n, H, W), positions (n, 2) as (row, col) or (2, n), probe
        (H, W) or (P, H, W), mask (H, W) that is true where the detector measures, dark (H, W).
    position_unit
        Unit of the positions.

    Raises
    ------
    DataError
        If an array is missing or has another shape or kind than its role.
    """
    with NpzArchive(path) as archive:
        missing = [name for name in names.values() if name not in archive.members]
        if missing:
            raise DataError(path, f"has no array {missing[0]!r}; it has {', '.join(sorted(archive.members))}")
        found = {role: archive.read(name) for role, name in names.items()}
    for role, array in found.items():
        reason = _fault(role, array)
        if reason is not None:
            raise DataError(path, f"{reason}, got {array.shape} of {array.dtype}", names[role])
    positions = found.get("positions")
    patterns, probe = found.get("patterns"), found.get("probe")
    if positions is not None:
        positions = np.asarray(positions.T if positions.shape[0] == 2 < positions.shape[1] else positions, np.float64)
    return RawScan(
        patterns=patterns,
        pattern_index=None if patterns is None else np.arange(len(patterns)),
        positions=positions,
        position_index=None if positions is None else np.arange(len(positions)),
        position_unit=position_unit,
        probe=None if probe is None else probe.reshape(-1, *probe.shape[-2:]),
        valid_pixels=None if "mask" not in found else found["mask"] != 0,
        notes=() if positions is None else ("positions are taken as (row, column), that is (y, x)",),
        dark=None if "dark" not in found else found["dark"].astype(np.float64),
    )


_SHAPES: Mapping[str, tuple[str, str, tuple[int, ...]]] = {
    "patterns": ("patterns (n, H, W) of real numbers", "iuf", (3,)),
    "positions": ("positions (n, 2) of real numbers", "iuf", (2,)),
    "probe": ("a complex probe (H, W) or (P, H, W)", "c", (2, 3, 4, 5, 6)),
    "mask": ("a mask (H, W) of truth values or whole numbers", "biu", (2,)),
    "dark": ("a dark pattern (H, W) of real numbers", "iuf", (2,)),
}


def _fault(role: str, array: Any) -> str | None:
    words, kinds, axes = _SHAPES[role]
    fits = array.dtype.kind in kinds and array.ndim in axes
    if role == "positions":
        fits = fits and 2 in array.shape
    return None if fits else f"must be {words}"
