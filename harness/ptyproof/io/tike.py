"""The layout of tike's test data, made DATA-001: one view of patterns, positions around 0, a probe with mode axes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ptyproof.errors import DataError
from ptyproof.io.blocks import row_blocks
from ptyproof.io.dataset import Dataset, in_its_version
from ptyproof.io.extent import ScanExtent
from ptyproof.io.metadata import new_metadata, source_of, with_transformation
from ptyproof.io.npz import Array, Member, NpzArchive
from ptyproof.io.probe_modes import by_power, mode_axis
from ptyproof.io.reading import Reading, ZeroFrequency, say_which
from ptyproof.io.saturation import KEPT, marked_pixels, settled
from ptyproof.io.zero_frequency import (
    SHIFTED,
    LightCenter,
    axes_in_words,
    moved_to_middle,
    probe_problem,
    unclear,
)

ARRAYS = "data (1, n, H, W) counts, scan (1, n, 2), probe (..., H, W)"
_NAMES = ("data", "scan", "probe")


def is_tike(members: Mapping[str, Member]) -> bool:
    """Tell the layout by the headers of an archive."""
    axes = {name: len(member.shape) for name, member in members.items()}
    return axes.get("data") == 4 and axes.get("scan") == 3 and axes.get("probe", 0) in range(2, 7)


def load_tike(archive: NpzArchive, reading: Reading, margin_px: int, changes: list[str], *, patterns: bool) -> Dataset:
    """Return the measurement of an archive, not yet validated.

    Parameters
    ----------
    archive
        What `is_tike` has accepted.
    reading
        What the caller knows of it.
    margin_px
        Room between the outermost windows and the edge of the object's grid, pixels.
    changes
        Gets one sentence for each change as it is made.
    patterns
        Whether the patterns are wanted; else they are looked at only as far as probe and positions need it.

    Raises
    ------
    DataError
        If the arrays contradict each other, or leave open what they mean.
    """
    path = archive.path
    left = sorted(set(archive.members) - set(_NAMES))
    changes += [f"{name}: left out, the layout does not know it" for name in left]
    data, scan, raw = archive.read("data"), archive.read("scan"), archive.read("probe")
    stack = _single_view(archive, data, scan, raw.shape, reading, changes)
    modes = _modes(path, raw, (stack.shape[1], stack.shape[2]), changes)
    probe, further = modes[0], modes[1:] if len(modes) > 1 else None
    if scan.shape[1:] != (len(stack), 2) or stack.shape[1:] != probe.shape:
        shapes = f"data {data.shape}, scan {scan.shape}, probe {probe.shape}"
        raise DataError(path, f"contradicts the other arrays: {shapes}", "data")
    _check_values(archive, stack, reading)
    positions_px = _placed(archive, scan[0], (probe.shape[0], probe.shape[1]), margin_px, changes)
    index = np.arange(len(stack), dtype=np.int64)
    source = source_of(path)
    if not patterns:
        metadata = new_metadata("measurement", "import-tike", {"changes": list(changes)}, source=source)
        return in_its_version(Dataset(None, probe, positions_px, metadata, scan_index=index, further_modes=further))
    kept = settled(stack, path, "data", reading.saturated, 1.0 if reading.values == "amplitude" else None)
    diffraction, scale = _amplitude(stack, reading, changes)
    diffraction = _centered(archive, diffraction, reading.zero_frequency, kept is not None, changes)
    photons = None if scale is None else _light(diffraction)
    _note_scale(modes, photons, changes)
    if kept is not None:
        changes.append(f"data: {kept}")
    metadata = new_metadata(
        "measurement",
        "import-tike",
        {"changes": list(changes)},
        photons_per_pattern_measured=photons,
        intensity_scale=scale,
        source=source,
    )
    if kept is not None:
        metadata = with_transformation(metadata, KEPT, kept)
    return in_its_version(
        Dataset(None, probe, positions_px, metadata, diffraction, scan_index=index, further_modes=further)
    )


def _single_view(
    archive: NpzArchive, data: Array, scan: Array, probe: tuple[int, ...], reading: Reading, changes: list[str]
) -> Array:
    """Return the patterns (n, H, W) of one view; (H, W, n) are told by the positions and the probe's sides."""
    if len(data) != 1 or len(scan) != 1:
        views = f"data {data.shape}, scan {scan.shape}"
        raise DataError(archive.path, f"must hold one view, got {views}; split it into one file per view", "data")
    view: Array = data[0]
    windows = {"nhw": view.shape[1:], "hwn": view.shape[:2]}
    sides = (probe[-2:], probe[:2]) if len(probe) == 3 else (probe[-2:],)
    fitting = [
        order
        for order, length in (("nhw", view.shape[0]), ("hwn", view.shape[2]))
        if length == scan.shape[1] and windows[order] in sides
    ]
    if reading.axis_order is None and len(fitting) == 2:
        shapes = f"has the shape {data.shape}, with {scan.shape[1]} positions and a probe of shape {probe}"
        question = f"{shapes}, so its axes may be (1, n, H, W) or (1, H, W, n); {say_which('axis_order', *fitting)}"
        raise DataError(archive.path, question, "data")
    if (reading.axis_order or "".join(fitting)) != "hwn":
        return view
    moved = np.moveaxis(view, 2, 0)
    changes.append(f"data: axes (1, H, W, n) {data.shape} made (n, H, W) {moved.shape}")
    return moved


def _modes(path: Path, probe: Array, window: tuple[int, int], changes: list[str]) -> npt.NDArray[np.complex64]:
    if probe.dtype.kind != "c":
        raise DataError(path, f"must be complex, got {probe.dtype}", "probe")
    if probe.ndim == 3 and probe.size:
        modes = np.moveaxis(probe, mode_axis(probe.shape, {window}, path, "probe"), 0)
    else:
        modes = probe.reshape(-1, *probe.shape[-2:])
    modes, change = by_power(modes, path, "probe") if modes.size else (modes, "")
    if not modes.any():
        raise DataError(path, "must be finite and not zero everywhere", "probe")
    mode = modes[0]
    made = modes.shape if len(modes) > 1 else mode.shape
    changes.append(f"probe: shape {probe.shape} made {made}, {change}")
    reason = probe_problem((np.abs(mode.astype(np.complex128)) / float(np.abs(mode).max())) ** 2, "probe")
    if reason is not None:
        raise DataError(path, reason, "probe")
    with np.errstate(over="ignore"):  # validation names what is infinite then
        return np.ascontiguousarray(modes, dtype=np.complex64)


def _check_values(archive: NpzArchive, stack: Array, reading: Reading) -> None:
    """Refuse what are no counts, unless the caller says that the values are something else."""
    if stack.dtype.kind not in "fiu":
        raise DataError(archive.path, f"must be photon counts, got {stack.dtype}", "data")
    for rows in row_blocks(stack):
        block = stack[rows]
        if not (np.isfinite(block).all() and (block >= 0).all()):
            found = f"must be photon counts, whole numbers >= 0, but contains {block.min()}"
            raise DataError(archive.path, found, "data")
        if reading.values is None and not np.array_equal(block, np.rint(block)):
            fractions = "must be photon counts, whole numbers >= 0, but has fractions; "
            raise DataError(archive.path, fractions + say_which("values", "intensity", "amplitude"), "data")
    if not stack.any():
        raise DataError(archive.path, "is zero everywhere", "data")


def _placed(
    archive: NpzArchive, scan: Array, window: tuple[int, int], margin_px: int, changes: list[str]
) -> npt.NDArray[np.float64]:
    """Move positions by whole pixels, so that all windows lie inside a grid that begins at (0, 0)."""
    if scan.dtype.kind not in "fiu" or not np.isfinite(scan).all():
        raise DataError(archive.path, "must be finite real positions (row, col)", "scan")
    positions = scan.astype(np.float64)
    if not (positions == positions[0]).all():  # that all are equal is said in validation
        reason = ScanExtent.of(positions, window).problem()
        if reason is not None:
            raise DataError(archive.path, reason, "scan")
    half = np.array([window[0] // 2, window[1] // 2])
    offset = half + margin_px - np.floor(positions.min(axis=0))
    changes.append(
        f"scan: (row, col) moved by ({offset[0]:g}, {offset[1]:g}) px, so that every window lies at least "
        f"{margin_px} px inside the object's grid"
    )
    placed: npt.NDArray[np.float64] = positions + offset
    return placed


def _amplitude(stack: Array, reading: Reading, changes: list[str]) -> tuple[npt.NDArray[np.float32], float | None]:
    """Return the amplitude of patterns (n, H, W), and its scale where counts are known."""
    if reading.values == "amplitude":
        changes.append("data: taken as amplitude, as the caller said")
        return stack.astype(np.float32), None
    whole = all(np.array_equal(stack[rows], np.rint(stack[rows])) for rows in row_blocks(stack))
    amplitude = np.empty(stack.shape, np.float32)
    for rows in row_blocks(stack):
        amplitude[rows] = np.sqrt(stack[rows].astype(np.float64))
    what = "counts made amplitude, their square root, so that intensity_scale is 1"
    changes.append(f"data: {what if whole else 'intensity made amplitude, its square root'}")
    return amplitude, 1.0 if whole else None


def _centered(
    archive: NpzArchive, amplitude: npt.NDArray[np.float32], place: ZeroFrequency, kept: bool, changes: list[str]
) -> npt.NDArray[np.float32]:
    """Return the amplitude with its zero frequency in the middle; light that is transmitted gathers around it.

    Where pixels that are no light are kept as light they say nothing of that place.
    """
    total = np.zeros(amplitude.shape[1:])
    for rows in row_blocks(amplitude):
        total += np.square(amplitude[rows], dtype=np.float64).sum(axis=0)
    if kept:
        total[marked_pixels(amplitude, 1.0)] = 0
    found = LightCenter.of(total)
    why = "as the caller said"
    if place == "auto":
        if found.place is None:
            raise DataError(archive.path, unclear(found), "data")
        place, why = found.place, found.described()
    axes = SHIFTED[place]
    moved = "left in the middle"
    if axes:
        moved = f"moved from the {place} to the middle along {axes_in_words(axes)}"
    changes.append(f"data: zero frequency {moved}, {why}")
    return moved_to_middle(amplitude, place)


def _light(amplitude: npt.NDArray[np.float32]) -> float:
    total = sum(float(np.rint(np.square(amplitude[rows], dtype=np.float64)).sum()) for rows in row_blocks(amplitude))
    return total / len(amplitude)


def _note_scale(modes: npt.NDArray[np.complex64], photons: float | None, changes: list[str]) -> None:
    power = float(np.sum(np.abs(modes.astype(np.complex128)) ** 2))
    mean = "" if photons is None else f", the mean pattern has {photons:.6g} counts"
    changes.append(f"probe: values left as they are; sum |P|^2 is {power:.6g}{mean}")
