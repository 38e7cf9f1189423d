"""Pixels that hold the largest value of their type: what detectors write for dead pixels, gaps and overflow, no light.

Two rules, each of which is enough:

1. The largest value of a stack is the largest that its whole-number type holds, or that of another type that data pass
   through on their way (int16, uint16, int32, uint32, int64, uint64; a float32 copy of one counts as that one), in
   however many pixels.
2. The largest value of a pixel, of 100 or more, stands in it in at least half of the patterns, 8 or more: light varies
   with its square root, so it does not repeat itself. This finds 12- and 14-bit limits and custom marks. A pixel
   with less than the largest value of all must repeat itself 16 times: there are many such pixels, and of 16 Poisson
   numbers with a mean of 100 or more all are equal with a probability below 1e-20.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ptyproof.errors import DataError
from ptyproof.io.blocks import row_blocks
from ptyproof.io.reading import Saturated, say_which

Array = npt.NDArray[Any]

KEPT = "saturated-kept"  # the step in a record that says so
_TYPES = ("int16", "uint16", "int32", "uint32", "int64", "uint64")
_LIMITS = {name: int(np.iinfo(name).max) for name in _TYPES}
_MIN_REPEATED = 100
_MIN_PATTERNS = 8
_MIN_REPEATS = 16
_EPS32 = float(np.finfo(np.float32).eps)


@dataclass(frozen=True)
class Saturation:
    """The largest value of a stack, where it is no light.

    `value` is the value; `n_values` how often it stands in the stack; `n_pixels` and `n_patterns` in how many
    places of the window, and in how many of the `of_patterns` patterns; `why` names the rule.
    """

    value: int
    n_values: int
    n_pixels: int
    n_patterns: int
    of_patterns: int
    why: str

    def described(self) -> str:
        """Return the numbers in words."""
        return (
            f"{self.n_values} values are {self.value}, {self.why}: {self.n_pixels} pixels of the window, in "
            f"{self.n_patterns} of {self.of_patterns} patterns"
        )


def find_saturation(stack: Array, scale: float | None = None) -> Saturation | None:
    """Return the saturation of patterns, or None.

    Parameters
    ----------
    stack
        (n, H, W) real numbers >= 0, as a file has them.
    scale
        Where they are amplitudes: then the intensities (stack * scale)^2 are looked at as well.
    """
    if stack.ndim != 3 or not stack.size or stack.dtype.kind not in "fiu":
        return None
    brightest = _brightest(stack)
    largest = brightest.max()
    if not np.isfinite(largest) or largest <= 0:
        return None
    found = _limit_of(stack.dtype, largest)
    if scale is not None and found is None:
        found = _limit_of(np.dtype(np.float32), round((float(largest) * scale) ** 2))
    if found is None:
        repeated = _repeated(stack, brightest, scale)
        if repeated is None:
            return None
        largest, found = repeated
    per_pixel = np.zeros(stack.shape[1:], np.int64)
    per_pattern = 0
    for rows in row_blocks(stack):
        at = stack[rows] == largest
        per_pixel += at.sum(axis=0)
        per_pattern += int(at.any(axis=(1, 2)).sum())
    value, why = found
    return Saturation(value, int(per_pixel.sum()), int(np.count_nonzero(per_pixel)), per_pattern, len(stack), why)


def settled(stack: Array, path: Path, member: str, saturated: Saturated, scale: float | None = None) -> str | None:
    """Return the sentence for saturated pixels of real patterns (n, H, W) that are kept on request, or None.

    Raises
    ------
    DataError
        If there are any and they are not to be kept.
    """
    found = find_saturation(stack, scale)
    if found is None:
        return None
    if saturated == "keep":
        return f"{found.described()}; kept as light, as the caller said"
    raise DataError(
        path,
        f"{found.described()}; detectors write this value for dead pixels, gaps and overflow: "
        f"mask these pixels, or {say_which('saturated', 'keep')}",
        member,
    )


def _limit_of(dtype: np.dtype[Any], value: Any) -> tuple[int, str] | None:
    """Return the limit that a value equals, and its type, the array's own first; None if it is not a limit."""
    whole = dtype.kind in "iu"
    limits = ({dtype.name: int(np.iinfo(dtype).max)} if whole else {}) | _LIMITS
    for name, limit in limits.items():
        if int(value) == limit if whole else abs(float(value) - limit) <= 4 * _EPS32 * limit:
            return limit, f"the largest that {name} holds"
    return None


def marked_pixels(amplitude: Array, scale: float) -> npt.NDArray[np.bool_]:
    """Return the pixels (H, W) of kept marks in real amplitudes (n, H, W): the largest value, and those that repeat."""
    brightest = _brightest(amplitude)
    marked: npt.NDArray[np.bool_] = (brightest == brightest.max()) | _repeats(amplitude, brightest, scale)[0]
    return marked


def _brightest(stack: Array) -> Array:
    found: Array | None = None
    for rows in row_blocks(stack):
        peak = stack[rows].max(axis=0)
        found = peak if found is None else np.maximum(found, peak)
    assert found is not None  # callers have looked at the size
    return found


def _intensity(values: Array, scale: float | None) -> npt.NDArray[np.float64]:
    return values.astype(np.float64) if scale is None else (values.astype(np.float64) * scale) ** 2


def _repeats(
    stack: Array, brightest: Array, scale: float | None
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """Return which pixels (H, W) repeat their largest value as light does not, and how often they hold it."""
    bright = _intensity(brightest, scale) >= _MIN_REPEATED
    times = np.zeros(brightest.shape, np.int64)
    if len(stack) < _MIN_PATTERNS or not bright.any():
        return np.zeros(brightest.shape, np.bool_), times
    for rows in row_blocks(stack):
        times += (stack[rows] == brightest).sum(axis=0)
    enough = np.where(brightest == brightest.max(), 1, _MIN_REPEATS)
    return bright & (2 * times >= len(stack)) & (times >= enough), times


def _repeated(stack: Array, brightest: Array, scale: float | None) -> tuple[Any, tuple[int, str]] | None:
    """Return the largest value that a pixel repeats as light does not, with its intensity and the reason, or None."""
    repeats, times = _repeats(stack, brightest, scale)
    if not repeats.any():
        return None
    largest = brightest[repeats].max()
    often = int(times[repeats & (brightest == largest)].max())
    value = round(float(_intensity(np.asarray(largest), scale)))
    return largest, (value, f"which one pixel holds in {often} patterns, as light does not")
