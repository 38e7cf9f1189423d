"""Where the light of a window gathers: in its middle, at a corner or at an edge, told by the light alone.

Along each axis of length N the power-weighted circular mean of the light I is

    z = sum_i I_i exp(2 pi i (i - N // 2) / N) / sum_i I_i

so Re z is 1 for light at the middle index N // 2, -1 for light at index 0 (the edge, where an FFT without a shift has
its zero frequency), and 0 for flat light (Mardia & Jupp, Directional Statistics, 2000, ch. 2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ptyproof.io.reading import ZeroFrequency, say_which

Array = npt.NDArray[Any]

CLEAR = 0.25  # of |Re z|, from which on the light tells middle from edge
_CLEAR_OF_FEW = 0.75  # the same for a window in which few pixels share the light
_MIN_LIT_PIXELS = 32
_AXES = ("rows", "columns")
# the axes, of a window, along which the zero frequency lies at index 0
SHIFTED: Mapping[ZeroFrequency, tuple[int, ...]] = {"center": (), "corner": (0, 1), "top": (0,), "left": (1,)}
_INDEX = {"center": "(H // 2, W // 2)", "corner": "(0, 0)", "top": "(0, W // 2)", "left": "(H // 2, 0)"}


@dataclass(frozen=True)
class LightCenter:
    """The circular mean of light in a window (H, W), for each axis.

    Parameters
    ----------
    towards_middle
        Re z along rows and columns, in [-1, 1].
    index
        Where the mean lies, (row, col) in pixels.
    clear
        Of |Re z|, from which on it tells middle from edge.
    enough
        Whether enough pixels are lit for a conclusion.
    """

    towards_middle: tuple[float, float]
    index: tuple[float, float]
    clear: float
    enough: bool

    @classmethod
    def of(cls, light: Array, clear: float = CLEAR) -> LightCenter:
        """Return the center of `light`, real (H, W), finite and >= 0."""
        total = float(light.sum())
        towards, index = [], []
        for axis in (0, 1):
            length = light.shape[axis]
            angle = 2 * np.pi * (np.arange(length) - length // 2) / length
            line = light.sum(axis=1 - axis, dtype=np.float64)
            mean = complex(np.sum(line * np.exp(1j * angle)) / total) if total > 0 else 0j
            towards.append(mean.real)
            index.append((length // 2 + float(np.angle(mean)) * length / (2 * np.pi)) % length)
        enough = int(np.count_nonzero(light)) >= _MIN_LIT_PIXELS
        return cls((towards[0], towards[1]), (index[0], index[1]), clear, enough)

    @property
    def open_axes(self) -> tuple[int, ...]:
        """The axes along which the light tells neither middle nor edge."""
        return tuple(axis for axis, value in enumerate(self.towards_middle) if not abs(value) >= self.clear)

    @property
    def edge_axes(self) -> tuple[int, ...]:
        """The axes along which the light gathers at index 0."""
        return tuple(axis for axis, value in enumerate(self.towards_middle) if value <= -self.clear)

    @property
    def place(self) -> ZeroFrequency | None:
        """The place in `SHIFTED` that the light shows; None where it leaves an axis open."""
        if self.open_axes:
            return None
        return _place_of(self.edge_axes)

    def described(self) -> str:
        """Return the numbers in words."""
        rows, cols = self.towards_middle
        return (
            f"the light gathers around index ({self.index[0]:.1f}, {self.index[1]:.1f}), {rows:+.2f} along rows and "
            f"{cols:+.2f} along columns (+1 middle, 0 flat, -1 edge)"
        )


def probe_center(power: Array) -> LightCenter:
    """Return the center of a probe |P|^2, real (H, W).

    A window is one draw: of n pixels of random power, the standard deviation of Re z is 1 / sqrt(2 n), with n the
    number of pixels that share the power, (sum p)^2 / sum p^2. Three of them are asked for.
    """
    squares = float(np.sum(np.square(power)))
    n = float(power.sum()) ** 2 / squares if squares > 0 else 1.0
    return LightCenter.of(power, max(CLEAR, min(_CLEAR_OF_FEW, 3 / np.sqrt(2 * n))))


def axes_in_words(axes: tuple[int, ...]) -> str:
    """Return the axes of a window in words: "rows", "columns", "rows and columns"."""
    return " and ".join(_AXES[axis] for axis in axes)


def place_in_words(place: str) -> str:
    """Return a place with its index, such as "corner, index (0, 0)"."""
    return f"{place}, index {_INDEX[place]}"


def moved_to_middle(stack: Array, place: ZeroFrequency) -> Array:
    """Return real patterns (..., H, W) whose zero frequency was at `place` with it at (H // 2, W // 2)."""
    axes = tuple(axis - 2 for axis in SHIFTED[place])
    return np.fft.fftshift(stack, axes=axes) if axes else stack


def pattern_problem(light: Array) -> str | None:
    """Return what is wrong with the place of the zero frequency in the mean pattern `light`, real (H, W), or None."""
    found = LightCenter.of(light)
    if not found.edge_axes or not found.enough:
        return None
    place = _place_of(found.edge_axes)
    return (
        f"has its zero frequency at the {place_in_words(place)}, but must have it in the middle: {found.described()}; "
        f"--zero-frequency {place} of `ptyproof import` moves it (numpy.fft.fftshift along the patterns' "
        f"{axes_in_words(found.edge_axes)})"
    )


def probe_problem(power: Array, name: str = "probeGuess") -> str | None:
    """Return what is wrong with the place of a probe |P|^2, real (H, W), in its window, or None; `name` is its name."""
    found = probe_center(power)
    if not found.edge_axes:
        return None
    place, axes = place_in_words(_place_of(found.edge_axes)), tuple(axis - 2 for axis in found.edge_axes)
    return (
        f"has its illumination at the {place} of the window, but must have it in the middle: "
        f"{found.described()}; numpy.fft.fftshift({name}, axes={axes}) moves it along "
        f"{axes_in_words(found.edge_axes)}"
    )


def open_remark(what: str, found: LightCenter) -> str | None:
    """Return a remark where the light of `what` does not tell where its center is, or None."""
    if not found.open_axes:
        return None
    return (
        f"{what}: taken to have its center in the middle; along {axes_in_words(found.open_axes)} the light does not "
        f"tell: {found.described()}"
    )


def unclear(found: LightCenter) -> str:
    """Return the sentence for patterns of a layout that does not say where the zero frequency is."""
    places = tuple(place for place, axes in SHIFTED.items() if set(axes) ^ set(found.edge_axes) <= set(found.open_axes))
    return (
        f"does not determine the zero frequency along {axes_in_words(found.open_axes)}: {found.described()}; "
        + say_which("zero_frequency", *places)
    )


def _place_of(axes: tuple[int, ...]) -> ZeroFrequency:
    return next(place for place, shifted in SHIFTED.items() if shifted == axes)
