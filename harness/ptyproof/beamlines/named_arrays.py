"""Arrays of an .npz or HDF5 file, taken under the names that a caller gives; in HDF5 these are paths."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ptyproof.beamlines.hdf5_blocks import pattern_blocks
from ptyproof.beamlines.raw_scan import RawScan
from ptyproof.beamlines.request import PositionUnit
from ptyproof.errors import DataError
from ptyproof.io.npz import Array, NpzArchive

_MOST_NAMES = 40  # of a file that are listed


def read_arrays(
    path: Path, names: Mapping[str, str], position_unit: PositionUnit
) -> tuple[RawScan, Iterator[Array] | None]:
    """Return the arrays of a file by their roles, and the patterns of an HDF5 file, in blocks (k, H, W).

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
    import h5py

    if h5py.is_hdf5(path):
        return _of_hdf5(path, names, position_unit)
    with NpzArchive(path) as archive:
        _check(path, names, archive.members)
        found = {role: archive.read(name) for role, name in names.items()}
    patterns = found.get("patterns")
    return _scan(found, patterns, 0 if patterns is None else len(patterns), position_unit), None


def _of_hdf5(
    path: Path, names: Mapping[str, str], position_unit: PositionUnit
) -> tuple[RawScan, Iterator[Array] | None]:
    import h5py

    arrays: dict[str, h5py.Dataset] = {}
    with h5py.File(path, "r", locking=False) as file:
        file.visititems(lambda name, item: arrays.update({name: item}) if isinstance(item, h5py.Dataset) else None)
        asked = {name: file.get(name) for name in names.values()}  # also behind a link
        arrays |= {name: item for name, item in asked.items() if isinstance(item, h5py.Dataset)}
        _check(path, names, arrays)
        found = {role: np.asarray(arrays[name][()]) for role, name in names.items() if role != "patterns"}
        if "patterns" not in names:
            return _scan(found, None, 0, position_unit), None
        n_patterns = len(arrays[names["patterns"]])
    return _scan(found, None, n_patterns, position_unit), pattern_blocks(path, names["patterns"])


def _check(path: Path, names: Mapping[str, str], arrays: Mapping[str, Any]) -> None:
    missing = [name for name in names.values() if name not in arrays]
    if missing:
        known = sorted(arrays)
        more = f" and {len(known) - _MOST_NAMES} more" if len(known) > _MOST_NAMES else ""
        raise DataError(path, f"has no array {missing[0]!r}; it has {', '.join(known[:_MOST_NAMES])}{more}")
    for role, name in names.items():
        words, kinds, axes = _SHAPES[role]
        shape, dtype = arrays[name].shape, arrays[name].dtype
        if dtype.kind not in kinds or len(shape) not in axes or (role == "positions" and 2 not in shape):
            raise DataError(path, f"must be {words}, got {shape} of {dtype}", name)


def _scan(found: Mapping[str, Array], patterns: Array | None, n_patterns: int, position_unit: PositionUnit) -> RawScan:
    positions, probe = found.get("positions"), found.get("probe")
    if positions is not None:
        positions = np.asarray(positions.T if positions.shape[0] == 2 < positions.shape[1] else positions, np.float64)
    return RawScan(
        patterns=patterns,
        pattern_index=np.arange(n_patterns) if n_patterns else None,
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
