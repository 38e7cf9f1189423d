"""Older forms of the dataset archive, made canonical by what names, dtypes and shapes tell, never by a guess.

`canonical_arrays` works on arrays alone. Each thing that it changes becomes one sentence, so that a reader of
the new file can see what was done to the old one; what the arrays leave open is an error that names the
option which settles it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ptyproof.errors import DataError, InputError
from ptyproof.io.blocks import row_blocks
from ptyproof.io.grids import as_list
from ptyproof.io.keys import (
    DTYPES,
    FACTORS,
    KNOWN,
    LEGACY_DIFFRACTION,
    OF_DETECTOR,
    OF_PATTERNS,
    PATTERNS,
    POSITIONS,
    VALID,
)
from ptyproof.io.probe_modes import by_power, mode_axis
from ptyproof.io.reading import AxisOrder, Reading, Values, say_which
from ptyproof.io.saturation import settled
from ptyproof.io.valid_pixels import cleared
from ptyproof.io.zero_frequency import SHIFTED, axes_in_words, moved_to_middle

Array = npt.NDArray[Any]

LARGEST_TELLING = 1 << 18  # float32 has few fractions left beyond, so being whole says nothing
_OTHERWISE = "--values intensity of `ptyproof import` (in Python values='intensity') reads it as intensity"
_ACCEPTED_KINDS = {"f": "fiu", "c": "c", "i": "iu", "b": "iu"}
_MAY_BE_WHOLE = (*POSITIONS, *OF_DETECTOR, FACTORS)


@dataclass
class Canonical:
    """Arrays under the contract's names, the changes that made them so, and the scale where it became known.

    `arrays` has shapes (...) and dtypes of the contract (docs/data-contract.md).
    `intensity_scale` is 1.0 where counts were turned into amplitudes (counts = amplitude^2), else None.
    `saturated` is the sentence for pixels at the largest value that were kept as light, else None.
    """

    path: Path
    arrays: dict[str, Array]
    changes: list[str] = field(default_factory=list)
    intensity_scale: float | None = None
    saturated: str | None = None

    def fail(self, name: str, reason: str) -> DataError:
        """Return the error for the array `name`."""
        return DataError(self.path, reason, name)

    def replace(self, name: str, array: Array, change: str) -> None:
        """Put `array`, of the shape (...) and dtype that `name` has in the contract, under `name`; note the change."""
        self.arrays[name] = array
        self.changes.append(f"{name}: {change}")


def canonical_arrays(
    arrays: Mapping[str, Array],
    path: Path,
    reading: Reading,
    *,
    version: int | None,
    as_base: bool = False,
    changes: list[str] | None = None,
) -> Canonical:
    """Return the arrays of an archive in the contract's names, axes and dtypes.

    Parameters
    ----------
    arrays
        Members of the archive, without `_metadata`: any shapes (...) and dtypes.
    path
        Serves the error messages.
    reading
        What the caller knows about an archive of unknown origin.
    version
        Version of the contract that the archive's `_metadata` record states; None where it has no record. A record
        fixes names, axes and the meaning of values: only dtypes of the same family and axes of length 1 are changed,
        and the zero frequency is moved where the caller says that it lies elsewhere.
    as_base
        Whether a base is wanted: what is simulated from, not what was recorded. Patterns are left out, unjudged.
    changes
        List that gets the sentences; a new one where it is None.

    Raises
    ------
    DataError
        If the arrays can be read in more than one way, a value does not fit the narrower dtype, or the caller
        contradicts the record.
    """
    state = Canonical(path, dict(arrays), [] if changes is None else changes)
    recorded = version is not None
    if recorded:
        _agree_with_record(state, reading)
    _rename(state)
    _drop_unknown(state)
    for name in (*POSITIONS, FACTORS):
        _flatten(state, name)
    _squeeze_object(state)
    order: AxisOrder | None = "nhw" if recorded else reading.axis_order
    _probe_modes(state, order, version)
    for name in (*PATTERNS, *OF_DETECTOR):
        if recorded or not _ungrid(state, name, reading):
            _orient(state, name, order)
    if as_base:
        _leave_patterns_out(state)
    elif not recorded:
        _clear_invalid(state)
        _intensity_to_amplitude(state, arrays, reading)
    _center(state, reading)
    for name, dtype in DTYPES.items():
        _convert(state, name, dtype)
    return state


def _agree_with_record(state: Canonical, reading: Reading) -> None:
    for name, given, stated in (("axis_order", reading.axis_order, "nhw"), ("values", reading.values, "amplitude")):
        if given not in (None, stated):
            raise state.fail(
                "_metadata",
                f"says that this is DATA-001, whose patterns have {name} {stated}, but {given} was passed; that "
                "argument is for files without a record",
            )


def _rename(state: Canonical) -> None:
    if LEGACY_DIFFRACTION not in state.arrays:
        return
    if "diffraction" in state.arrays:
        raise state.fail(LEGACY_DIFFRACTION, "occurs together with diffraction; remove the one that is not meant")
    array = state.arrays.pop(LEGACY_DIFFRACTION)
    state.replace("diffraction", array, f"renamed from {LEGACY_DIFFRACTION}")


def _drop_unknown(state: Canonical) -> None:
    for name in sorted(set(state.arrays) - set(KNOWN)):
        array = state.arrays.pop(name)
        state.changes.append(f"{name}: left out, the contract does not know it (shape {array.shape}, {array.dtype})")


def _flatten(state: Canonical, name: str) -> None:
    array = state.arrays.get(name)
    if array is not None and array.ndim == 2 and 1 in array.shape:
        state.replace(name, array.reshape(-1), f"shape {array.shape} made ({array.size},)")


def _squeeze_object(state: Canonical) -> None:
    array = state.arrays.get("objectGuess")
    if array is None or array.ndim != 3 or 1 not in (array.shape[0], array.shape[2]):
        return
    axis = 2 if array.shape[2] == 1 else 0
    squeezed = array.squeeze(axis)
    state.replace("objectGuess", squeezed, f"shape {array.shape} made {squeezed.shape}")


def _probe_modes(state: Canonical, order: AxisOrder | None, version: int | None) -> None:
    """Put the axis of modes first, where a probe has one, and the modes in the order of their power."""
    array = state.arrays.get("probeGuess")
    if array is None or array.ndim != 3 or not array.size or array.dtype.kind not in "fiuc":
        return  # what is no stack of numbers is named in validation
    axis = 0 if version == 2 else mode_axis(array.shape, _windows(state, order), state.path, "probeGuess")
    modes = np.moveaxis(array, axis, 0)
    if len(modes) == 1:
        state.replace("probeGuess", modes[0], f"shape {array.shape} made {modes[0].shape}")
        return
    if version == 2:
        return  # that the modes are in the order of their power is checked in validation
    found, said = by_power(modes, state.path, "probeGuess")
    axes = "(modes, H, W)" if axis == 0 else "(H, W, modes)"
    state.replace("probeGuess", np.ascontiguousarray(found), f"axes {axes} {array.shape}, {said}")


def _windows(state: Canonical, order: AxisOrder | None) -> set[tuple[int, int]]:
    """Return the windows (H, W) that the patterns may have, as the number of positions tells."""
    xcoords = state.arrays.get("xcoords")
    found = set()
    for array in (state.arrays[name] for name in PATTERNS if name in state.arrays):
        axes = array.ndim - 2  # of positions: one, or two of a grid
        if xcoords is None or axes not in (1, 2):
            continue
        for name, grid, window in (
            ("nhw", array.shape[:axes], array.shape[axes:]),
            ("hwn", array.shape[2:], array.shape[:2]),
        ):
            if order in (None, name) and math.prod(grid) == xcoords.size:
                found.add((window[0], window[1]))
    return found


def _ungrid(state: Canonical, name: str, reading: Reading) -> bool:
    """Make a stack with two axes of positions, and positions on the same grid, a list; say whether it was one."""
    array, xcoords, probe = (state.arrays.get(key) for key in (name, "xcoords", "probeGuess"))
    if array is None or array.ndim != 4 or (name == "Y" and array.shape[3] == 1) or xcoords is None:
        return False
    given = [state.arrays[key] for key in ("xcoords", "ycoords") if key in state.arrays]
    positions = [values for values in given if values.shape == xcoords.shape and values.dtype.kind in "fiu"]
    known = probe.shape[-2:] if probe is not None and probe.ndim in (2, 3) else None
    try:
        patterns, grid, words = as_list(array, positions or [xcoords], known, reading)
    except InputError as error:
        raise state.fail(name, str(error)) from error
    state.replace(name, patterns, words)
    for other in (*POSITIONS, FACTORS, "scan_index", "filenames"):
        values = state.arrays.get(other)
        if values is not None and values.shape == grid:
            state.replace(other, values.reshape(-1), f"grid of shape {grid} made ({values.size},), in the same order")
    return True


def _orient(state: Canonical, name: str, order: AxisOrder | None) -> None:
    array = state.arrays.get(name)
    if array is not None and name == "Y" and array.ndim == 4 and array.shape[3] == 1:
        state.replace(name, array[..., 0], f"shape {array.shape} made {array.shape[:3]}")
        array = array[..., 0]
    if array is None or array.ndim != 3:
        return
    if (order or _axis_order(state, name, array)) == "hwn":
        moved = np.ascontiguousarray(np.moveaxis(array, 2, 0))
        state.replace(name, moved, f"axes (H, W, N) {array.shape} made (N, H, W) {moved.shape}")


def _axis_order(state: Canonical, name: str, array: Array) -> AxisOrder:
    """Tell the axis order by the number of positions and, where there is one, the probe's shape."""
    xcoords, probe = state.arrays.get("xcoords"), state.arrays.get("probeGuess")
    if xcoords is None or xcoords.ndim != 1:
        return "nhw"  # the missing positions are reported by name in validation
    shapes: dict[AxisOrder, tuple[int, ...]] = {"nhw": array.shape[1:], "hwn": array.shape[:2]}
    lengths: dict[AxisOrder, int] = {"nhw": array.shape[0], "hwn": array.shape[2]}
    fitting = [order for order in shapes if lengths[order] == len(xcoords)]
    if len(fitting) == 2 and probe is not None and probe.ndim in (2, 3):
        fitting = [order for order in fitting if shapes[order] == probe.shape[-2:]]
    if len(fitting) == 2:
        raise state.fail(
            name,
            f"has the shape {array.shape} and {len(xcoords)} positions, so its axes may be (N, H, W) or "
            "(H, W, N); " + say_which("axis_order", "nhw", "hwn"),
        )
    return fitting[0] if fitting else "nhw"  # a wrong length is reported in validation


def _leave_patterns_out(state: Canonical) -> None:
    for name in OF_PATTERNS:
        if name in state.arrays:
            del state.arrays[name]
            state.changes.append(f"{name}: left out, a base dataset has object, probe and positions alone")


def _clear_invalid(state: Canonical) -> None:
    """Put 0 where a mask says that nothing was measured, before the values are judged."""
    array, valid = state.arrays.get("diffraction"), state.arrays.get(VALID)
    if array is None or valid is None or array.ndim != 3 or array.dtype.kind not in "fiu":
        return  # what is no stack of numbers is named in validation
    if valid.shape not in (array.shape, array.shape[1:]) or valid.dtype.kind not in "biu":
        return
    found, n = cleared(array, valid.astype(np.bool_))
    if n:
        state.replace("diffraction", found, f"{n} values of pixels that {VALID} excludes made 0")


def _intensity_to_amplitude(state: Canonical, given: Mapping[str, Array], reading: Reading) -> None:
    array = state.arrays.get("diffraction")
    if array is None or array.ndim != 3 or array.dtype.kind not in "fiu":
        return  # what is no stack of numbers is named in validation
    values = reading.values or _values(state, array, legacy_name=LEGACY_DIFFRACTION in given)
    if values == "amplitude":
        state.saturated = settled(array, state.path, "diffraction", reading.saturated, 1.0)
        why = "as the caller said" if reading.values else f"since nothing says otherwise; {_OTHERWISE}"
        state.changes.append(f"diffraction: {array.dtype} taken as amplitude, {why}")
        if array.dtype.kind in "iu":  # the reading that asks for it; whether it can be is judged in validation
            state.arrays["diffraction"] = array.astype(np.float32)
        return
    if array.size and not array.min() >= 0:
        raise state.fail("diffraction", f"must hold intensities >= 0, but the smallest is {array.min()}")
    state.saturated = settled(array, state.path, "diffraction", reading.saturated)
    whole = array.dtype.kind in "iu" or all(
        np.array_equal(array[rows], np.rint(array[rows])) for rows in row_blocks(array)
    )
    state.intensity_scale = 1.0 if whole else None
    amplitude = np.empty(array.shape, np.float32)
    for rows in row_blocks(array):
        amplitude[rows] = np.sqrt(array[rows].astype(np.float64))
    counts = "whole-numbered counts" if whole else "intensity"
    state.replace("diffraction", amplitude, f"{counts} of {array.dtype} made amplitude: its square root")


def _values(state: Canonical, array: Array, *, legacy_name: bool) -> Values:
    """Tell amplitude from intensity: integers under the old name are counts, fractions are taken as amplitudes."""
    if array.dtype.kind in "iu":
        if legacy_name:
            return "intensity"
        why = f"holds integers ({array.dtype}), which may be counts or rounded amplitudes"
    elif looks_like_counts(array):
        why = f"holds whole numbers only (as {array.dtype}, up to {array.max():g}), as counts would"
    else:
        return "amplitude"
    raise state.fail("diffraction", f"{why}; {say_which('values', 'intensity', 'amplitude')}")


def _center(state: Canonical, reading: Reading) -> None:
    """Move the zero frequency to the middle where the caller says that it lies elsewhere."""
    place = reading.zero_frequency
    axes = SHIFTED.get(place, ())
    moved = f"zero frequency moved from the {place} to the middle along {axes_in_words(axes)}, as the caller said"
    for name in ("diffraction", *OF_DETECTOR):
        array = state.arrays.get(name)
        if array is not None and axes and array.ndim in ((3,) if name == "diffraction" else (2, 3)):
            state.replace(name, moved_to_middle(array, place), moved)


def looks_like_counts(array: Array) -> bool:
    """Say whether a stack (N, H, W) holds whole numbers beyond 0 and 1, as square roots of counts do not.

    Square roots of counts are all whole only if every count is a perfect square. Where counts of 2 and more
    occur that has a probability below 1/3 for each of them, so that twelve such pixels (1 in 500,000) decide.
    """
    above_one = 0
    for rows in row_blocks(array):
        block = array[rows].astype(np.float64)
        if not np.array_equal(block, np.rint(block)):
            return False
        above_one += int(np.count_nonzero((block >= 2) & (block < LARGEST_TELLING)))
    return above_one >= 12


def _convert(state: Canonical, name: str, dtype: np.dtype[Any]) -> None:
    array = state.arrays.get(name)
    if array is None or array.dtype == dtype or array.dtype.kind not in _ACCEPTED_KINDS[dtype.kind]:
        return  # another kind of number is no matter of width; validation names it
    if name not in _MAY_BE_WHOLE and dtype.kind == "f" and array.dtype.kind != "f":
        return
    with np.errstate(over="ignore", invalid="ignore"):
        converted = array.astype(dtype)
    if dtype.kind in "ib":
        fits = np.array_equal(converted, array)
    else:
        fits = np.count_nonzero(np.isfinite(converted)) == np.count_nonzero(np.isfinite(array))
    if not fits:
        what = "other than 0 and 1" if dtype.kind == "b" else f"that are too large for {dtype}"
        raise state.fail(name, f"holds values of {array.dtype} {what}")
    state.replace(name, converted, f"{array.dtype.str} made {dtype}")
