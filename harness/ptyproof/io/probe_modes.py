"""Probes of several modes: which axis counts them, told from shapes, and their order, which is that of power."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ptyproof.errors import DataError

Array = npt.NDArray[Any]


def mode_axis(shape: tuple[int, ...], windows: set[tuple[int, int]], path: Path, name: str) -> int:
    """Return the axis, 0 or 2, that counts the modes of a probe with three axes.

    The patterns' window decides where exactly one order fits it. Otherwise the modes are the axis that is shorter than
    both others: a probe has fewer modes than its window has rows or columns.

    Parameters
    ----------
    shape
        (modes, H, W) or (H, W, modes).
    windows
        Windows (H, W) that the patterns may have; empty where there are no patterns.
    path, name
        Serve the error message.

    Raises
    ------
    DataError
        If the shapes leave it open.
    """
    first, middle, last = shape
    fitting = [axis for axis, window in ((0, (middle, last)), (2, (first, middle))) if window in windows]
    if len(fitting) == 1:
        return fitting[0]
    if first < min(middle, last) or (first == 1 and last > 1):
        return 0
    if last < min(first, middle) or (last == 1 and first > 1):
        return 2
    raise DataError(
        path,
        f"has the shape {shape}, so its axes may be (modes, H, W) or (H, W, modes), and neither the patterns nor the "
        "shape determines which; save only the intended mode, with the axes (H, W)",
        name,
    )


def by_power(modes: Array, path: Path, name: str) -> tuple[Array, str]:
    """Return complex `modes` (n_modes, H, W) in the order of their power, the strongest first, and the sentence for it.

    Raises
    ------
    DataError
        If a value, or the power, is not finite.
    """
    power = powers(modes)
    total = float(power.sum())
    if not math.isfinite(total):
        raise DataError(path, "must be finite, and so must its power", name)
    if len(modes) == 1:
        return modes, "its one mode"
    order = np.argsort(-power, kind="stable")
    shares = ", ".join(f"{value / total if total > 0 else 0.0:.6g}" for value in power[order])
    numbers = ", ".join(map(str, order.tolist()))
    return modes[order], f"{len(modes)} modes kept by falling power, numbers {numbers}; shares of the power {shares}"


def powers(modes: Array) -> npt.NDArray[np.float64]:
    """Return sum |P|^2 of each of the complex modes (n_modes, H, W): (n_modes,), infinite where no number holds it."""
    with np.errstate(over="ignore", invalid="ignore"):
        wide = modes.astype(np.complex128)
        found: npt.NDArray[np.float64] = np.sum(wide.real**2 + wide.imag**2, axis=(1, 2))
    return found
