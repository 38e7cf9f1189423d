"""A scan as a beamline's files have it: patterns of the whole detector, positions in meters, what is known beside.

Arrays are (rows, columns); a position is (row, column), that is (y, x). A reader's process
writes it into a folder, one .npy file an array and one JSON file, from which another process maps it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ptyproof.beamlines.request import PositionUnit
from ptyproof.io.npz import Array

RECORD = "scan.json"
_ARRAYS = ("patterns", "pattern_index", "valid_pixels", "positions", "position_index", "probe", "dark")


@dataclass(frozen=True)
class SetUp:
    """What files say of the set-up; None where they say nothing.

    Parameters
    ----------
    photon_energy_ev
        Photon energy, eV.
    detector_distance_m
        From the sample to the detector, meters.
    detector_pixel_size_m
        (row, column) pitch of the detector, meters.
    probe_pixel_size_m
        (row, column) pitch of the probe's grid, meters.
    beam_center_px
        (row, column) of the direct beam on the detector, pixels.
    """

    photon_energy_ev: float | None = None
    detector_distance_m: float | None = None
    detector_pixel_size_m: tuple[float, float] | None = None
    probe_pixel_size_m: tuple[float, float] | None = None
    beam_center_px: tuple[float, float] | None = None


@dataclass(frozen=True, eq=False)
class RawScan:
    """What the readers have found in the files of a scan; what they have not found is None.

    Parameters
    ----------
    patterns
        (n, H, W) as the detector wrote them, of any real type; may be mapped from a file.
    pattern_index
        (n,) whole numbers: what each pattern is called in the scan.
    valid_pixels
        (H, W) bool: where the detector measures.
    positions
        (m, 2) float64, (row, column), in `position_unit`.
    position_index
        (m,) whole numbers: the pattern that each position belongs to.
    position_unit
        `m` for meters, `px` for pixels of the object's grid.
    probe
        (P, H', W') complex, modes.
    dark
        (H, W) counts that the detector has without light.
    set_up
        Energy, distances, pixel sizes.
    notes
        A sentence for each thing in the files that is not read, or that the reader takes for granted.
    """

    patterns: Array | None = None
    pattern_index: npt.NDArray[np.int64] | None = None
    valid_pixels: npt.NDArray[np.bool_] | None = None
    positions: npt.NDArray[np.float64] | None = None
    position_index: npt.NDArray[np.int64] | None = None
    position_unit: PositionUnit = "m"
    probe: npt.NDArray[np.complexfloating] | None = None
    dark: npt.NDArray[np.floating] | None = None
    set_up: SetUp = field(default_factory=SetUp)
    notes: tuple[str, ...] = ()


def read_raw_scan(folder: Path) -> RawScan:
    """Return what a reader's process has left in a folder; its arrays are mapped, read-only."""
    record: Mapping[str, Any] = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    arrays = {
        name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in _ARRAYS if (folder / f"{name}.npy").exists()
    }
    said: dict[str, Any] = record["set_up"]
    pairs: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in said.items()}
    set_up = SetUp(**pairs)
    return RawScan(**arrays, position_unit=record["position_unit"], set_up=set_up, notes=tuple(record["notes"]))


def write_raw_scan(folder: Path, scan: RawScan, blocks: Iterator[Array] | None = None) -> None:
    """Write a scan into a folder; patterns may come as blocks (k, H, W) instead, together (n, H, W)."""
    for name in _ARRAYS:
        array = getattr(scan, name)
        if array is not None:
            np.save(folder / f"{name}.npy", array, allow_pickle=False)
    if blocks is not None:
        write_blocks(folder / "patterns.npy", blocks)
    record = {"position_unit": scan.position_unit, "set_up": asdict(scan.set_up), "notes": scan.notes}
    (folder / RECORD).write_text(json.dumps(record), encoding="utf-8")


def write_blocks(path: Path, blocks: Iterator[Array]) -> None:
    """Write blocks (k, H, W) of one dtype as one .npy array, without holding them together in memory."""
    n, shape, dtype = 0, (0, 0), np.dtype(np.float32)
    with path.open("wb") as file:
        for block in blocks:
            if n == 0:
                shape, dtype = (block.shape[1], block.shape[2]), block.dtype.newbyteorder("<")
                _write_header(file, (0, *shape), dtype)
            if block.shape[1:] != shape:
                raise ValueError(f"patterns differ in shape: {shape} and {block.shape[1:]}")
            np.ascontiguousarray(block, dtype).tofile(file)
            n += len(block)
        file.seek(0)
        _write_header(file, (n, *shape), dtype)


def _write_header(file: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """The header has room for the number of patterns to grow, so it can be written again at the end."""
    described = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, described)
