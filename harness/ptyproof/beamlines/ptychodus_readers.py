"""The readers of ptychodus (https://github.com/AdvancedPhotonSource/ptychodus), called by the names that it gives them.

Imported in a reader's process alone: ptychodus imports several hundred modules, and logs. What its readers return is
taken as it is: patterns (n, H, W) of the detector, positions x, y in meters, a mask of bad pixels.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ptyproof.beamlines.raw_scan import RawScan, SetUp
from ptyproof.beamlines.strips import patterns_of_strips
from ptyproof.errors import DataError, InputError

if TYPE_CHECKING:
    from ptyproof.io.npz import Array

KINDS = {
    "patterns": "diffraction_file_readers",
    "positions": "probe_position_file_readers",
    "probe": "probe_file_readers",
    "mask": "bad_pixels_file_readers",
}
_STRIP_BYTES = 1 << 27  # of all patterns that are held at once


def names() -> dict[str, dict[str, str]]:
    """Return for each kind of file the names of its readers, and what ptychodus says of each."""
    registry = _registry()
    return {
        kind: {plugin.simple_name: plugin.display_name for plugin in getattr(registry, chooser)}
        for kind, chooser in KINDS.items()
    }


def read_patterns(name: str, path: Path) -> tuple[RawScan, Iterator[Array]]:
    """Return what a reader of patterns finds, and the patterns in blocks (k, H, W).

    Raises
    ------
    DataError
        If the file has no patterns, or a series of files has a gap.
    InputError
        If there is no reader of that name.
    """
    dataset = _reader("patterns", name).read(path)
    said = dataset.get_metadata()
    if not len(dataset) or not sum(said.num_patterns_per_array):
        raise DataError(path, f"has no patterns for the reader {name} of ptychodus")
    _check_series(path, dataset.get_layout().children)
    bad = np.asarray(dataset.get_bad_pixels(), dtype=bool)
    center = said.beam_center
    scan = RawScan(
        pattern_index=np.concatenate([np.asarray(array.get_indexes(), dtype=np.int64) for array in dataset]),
        valid_pixels=~bad if bad.any() else None,
        set_up=SetUp(
            photon_energy_ev=_known(said.photon_energy_eV),
            detector_distance_m=_known(said.detector_distance_m),
            detector_pixel_size_m=_pitch(said.detector_pixel_geometry),
            beam_center_px=None if center is None else (float(center.y_px), float(center.x_px)),
        ),
    )
    window, dtype = said.detector_extent.get_shape(), np.dtype(said.pattern_dtype)
    parts = zip(dataset, said.num_patterns_per_array, strict=True)
    return scan, (block for array, n in parts for block in _blocks(array, n, window, dtype))


def read_positions(name: str, path: Path) -> RawScan:
    """Return the positions of a file, and the patterns that they belong to."""
    found = _reader("positions", name).read(path)
    positions = np.stack([found.get_coordinates_y_m(), found.get_coordinates_x_m()], axis=1)
    return RawScan(
        positions=np.asarray(positions, dtype=np.float64),
        position_index=np.asarray(found.get_indexes(), dtype=np.int64),
    )


def read_probe(name: str, path: Path) -> RawScan:
    """Return the incoherent modes (P, H, W) of a file's probe; of several coherent ones the first."""
    found = _reader("probe", name).read(path)
    array = np.asarray(found.get_array())
    notes = (f"of {len(array)} coherent probes the first is read",) if len(array) > 1 else ()
    return RawScan(
        probe=array[0], notes=notes, set_up=SetUp(probe_pixel_size_m=_pitch(_asked(found.get_pixel_geometry)))
    )


def read_mask(name: str, path: Path) -> RawScan:
    """Return where the detector measures."""
    return RawScan(valid_pixels=~np.asarray(_reader("mask", name).read(path), dtype=bool))


def _registry() -> Any:
    from ptychodus.api.plugins import PluginRegistry

    return PluginRegistry.load_plugins()


def _reader(kind: str, name: str) -> Any:
    chooser = getattr(_registry(), KINDS[kind])
    for plugin in chooser:
        if plugin.simple_name.casefold() == name.casefold():
            return plugin.strategy
    known = ", ".join(sorted(plugin.simple_name for plugin in chooser))
    raise InputError(f"the reader of {kind} must be one of {known}, got {name!r}; `ptyproof import --reader list`")


def _blocks(array: Any, n: int, window: tuple[int, int], dtype: np.dtype[Any]) -> Iterator[Array]:
    """Yield the patterns of one array of a dataset, without holding many of them together."""
    from ptychodus.api.diffraction import CropRegion

    height, width = window
    rows = max(1, _STRIP_BYTES // max(1, n * width * dtype.itemsize))
    if rows >= height:
        patterns = np.asarray(array.get_patterns())
        yield patterns if patterns.ndim == 3 else patterns[None]
        return
    strips = (
        (first, array.get_patterns(read_region=CropRegion((0, width), (first, min(first + rows, height)))))
        for first in range(0, height, rows)
    )
    yield from patterns_of_strips(strips, (n, *window), dtype)


def _check_series(path: Path, parts: Any) -> None:
    """Refuse a numbered series of files with a gap: ptychodus counts on, so all later patterns would shift."""
    numbers = [int(part.details) for part in parts if part.dtype == "TIFF" and part.details.isdecimal()]
    gap = next((a + 1 for a, b in itertools.pairwise(numbers) if b != a + 1), None)
    if gap is not None:
        raise DataError(path, f"is one of a series of {len(numbers)} files that lacks the number {gap}")


def _known(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) or value == 0 else float(value)


def _pitch(geometry: Any) -> tuple[float, float] | None:
    if geometry is None or not (geometry.height_m and geometry.width_m):
        return None
    return float(geometry.height_m), float(geometry.width_m)


def _asked(ask: Any) -> Any:
    """Return what a library tells, or None where it raises because it was never told."""
    try:
        return ask()
    except ValueError:
        return None
