"""CXI files (Maia, Nat. Methods 9, 854, 2012; cxi_format, version 1.6), read without an object or a probe in them.

Detector: `entry_1/instrument_1/detector_1` with data (n, H, W), mask, distance, x_pixel_size, y_pixel_size; source:
`source_1/energy` in joules; positions: `sample_1/geometry_1/translation` (n, 3), x, y, z in meters.

CXI has the translation of the sample, or of what the file's writer calls so: its sign and axes are taken as they stand.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ptyproof.beamlines.hdf5_blocks import pattern_blocks
from ptyproof.beamlines.raw_scan import RawScan, SetUp
from ptyproof.errors import DataError
from ptyproof.io.physical import HC_EV_M

if TYPE_CHECKING:
    import h5py

    from ptyproof.io.npz import Array

DETECTOR = "entry_1/instrument_1/detector_1"
SOURCE = "entry_1/instrument_1/source_1"
PATTERNS = ("entry_1/data_1/data", f"{DETECTOR}/data")
TRANSLATIONS = (
    "entry_1/sample_1/geometry_1/translation",
    "entry_1/data_1/translation",
    f"{DETECTOR}/translation",
)
PROBES = ("entry_1/image_1/data", f"{SOURCE}/illumination")
DARKS = (f"{DETECTOR}/data_dark", f"{DETECTOR}/background")
JOULE_PER_EV = 1.602176634e-19
_MEASURES = 0x00001000  # CXI: the pixel has signal; the only bit that does not make it invalid


def read_scan(path: Path) -> tuple[RawScan, Iterator[Array]]:
    """Return what a CXI file says of a scan, and its patterns in blocks (k, H, W).

    Raises
    ------
    DataError
        If the file has no patterns (n, H, W), or something in it has another shape than CXI gives it.
    """
    import h5py

    with h5py.File(path, "r", locking=False) as file:
        patterns = _first(file, PATTERNS)
        if patterns is None or patterns.ndim != 3 or patterns.dtype.kind not in "iuf":
            found = "no array" if patterns is None else f"{patterns.shape} of {patterns.dtype}"
            raise DataError(path, f"must hold patterns (n, H, W) in {' or '.join(PATTERNS)}, got {found}")
        n, window = patterns.shape[0], patterns.shape[1:]
        translation = _positions(path, file)
        scan = RawScan(
            pattern_index=np.arange(n),
            valid_pixels=_valid_pixels(path, file, window),
            positions=translation,
            position_index=None if translation is None else np.arange(len(translation)),
            probe=_image(path, _first(file, PROBES)),
            dark=_dark(path, file, window),
            set_up=_set_up(path, file),
            notes=tuple(_notes(file)),
        )
        name = patterns.name
    return scan, pattern_blocks(path, name)


def _notes(file: h5py.File) -> Iterator[str]:
    others = sorted(name for name in file if name.startswith("entry_") and name != "entry_1")
    if others:
        yield f"of several entries entry_1 is read, and not {', '.join(others)}"
    if f"{DETECTOR}/basis_vectors" in file:
        yield "the orientation of the detector (basis_vectors) is not applied; --orient-patterns turns the patterns"


def _first(file: h5py.File, names: tuple[str, ...]) -> h5py.Dataset | None:
    import h5py

    found = (file.get(name) for name in names)
    return next((item for item in found if isinstance(item, h5py.Dataset)), None)


def _positions(path: Path, file: h5py.File) -> npt.NDArray[np.float64] | None:
    member = _first(file, TRANSLATIONS)
    if member is None:
        return None
    if member.ndim != 2 or member.shape[1] not in (2, 3) or member.dtype.kind not in "iuf":
        found = f"{member.shape} of {member.dtype}"
        raise DataError(path, f"must be positions (n, 3) in meters, got {found}", member.name)
    translation = member[()].astype(np.float64)
    return np.ascontiguousarray(translation[:, [1, 0]])


def _valid_pixels(path: Path, file: h5py.File, window: tuple[int, ...]) -> npt.NDArray[np.bool_] | None:
    mask = file.get(f"{DETECTOR}/mask")
    if mask is None:
        return None
    if mask.shape != window or mask.dtype.kind not in "iub":
        found = f"{mask.shape} of {mask.dtype}"
        raise DataError(path, f"must be a mask of whole numbers {window}, got {found}", mask.name)
    valid: npt.NDArray[np.bool_] = (mask[()].astype(np.int64) & ~_MEASURES) == 0
    return valid


def _dark(path: Path, file: h5py.File, window: tuple[int, ...]) -> npt.NDArray[np.floating] | None:
    member = _first(file, DARKS)
    if member is None:
        return None
    if member.shape[-2:] != window or member.ndim not in (2, 3) or member.dtype.kind not in "iuf":
        raise DataError(path, f"must be dark patterns {window} or (k, *{window}), got {member.shape}", member.name)
    dark = member[()].astype(np.float64)
    return dark if dark.ndim == 2 else np.asarray(dark.mean(axis=0))


def _set_up(path: Path, file: h5py.File) -> SetUp:
    energy_j = _number(path, file, f"{SOURCE}/energy")
    wavelength_m = _number(path, file, f"{SOURCE}/wavelength")
    energy_ev = None if energy_j is None else energy_j / JOULE_PER_EV
    if energy_ev is None and wavelength_m:
        energy_ev = HC_EV_M / wavelength_m
    pitch = [_number(path, file, f"{DETECTOR}/{axis}_pixel_size") for axis in ("y", "x")]
    row, col = pitch
    return SetUp(
        photon_energy_ev=energy_ev,
        detector_distance_m=_number(path, file, f"{DETECTOR}/distance"),
        detector_pixel_size_m=None if row is None or col is None else (row, col),
    )


def _number(path: Path, file: h5py.File, name: str) -> float | None:
    item = file.get(name)
    if item is None:
        return None
    if getattr(item, "size", 0) != 1 or item.dtype.kind not in "iuf":
        raise DataError(path, "must be one number", name)
    value = float(np.asarray(item[()]).reshape(()))
    return value if np.isfinite(value) and value != 0 else None


def _image(path: Path, member: Any) -> npt.NDArray[np.complexfloating] | None:
    """Return an image's modes or layers (P, H, W)."""
    if member is None or not hasattr(member, "shape"):
        return None
    if member.dtype.kind != "c" or member.ndim < 2:
        raise DataError(path, f"must be complex (..., H, W), got {member.shape} of {member.dtype}", member.name)
    image: npt.NDArray[np.complexfloating] = member[()]
    return image.reshape(-1, *image.shape[-2:])
