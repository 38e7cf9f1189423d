"""Canvases of groups of patterns: where each pattern's window lies, cutting windows out, and adding them up.

Three ways give the same: slices, on a processor without a gradient; indices, on a processor with one; and on a GPU
products with matrices of ones and zeros, as sums by index are in no fixed order there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ptyproof.training.scan import Margins


@dataclass(frozen=True, eq=False)
class Canvas:
    """The canvases of B groups, all of one shape.

    Parameters
    ----------
    corners_px
        int64 (B, C, 2), >= 0: (row, col) of each window's first pixel on its group's canvas.
    window
        (H, W) of a window, pixels.
    shape
        (h, w) of a canvas, pixels; every window lies inside.
    dark_px
        Rows and columns along each edge of every window, and so of the canvas, on which hardly any light falls.
    """

    corners_px: Tensor
    window: tuple[int, int]
    shape: tuple[int, int]
    dark_px: Margins = (0, 0, 0, 0)

    @classmethod
    def around(
        cls, corners_px: Tensor, window: tuple[int, int], multiple: int, dark_px: Margins = (0, 0, 0, 0)
    ) -> Canvas:
        """Return the smallest canvases that hold every window and whose sides are multiples of a number of pixels.

        `corners_px` is int64 (B, C, 2), as in `Canvas`.
        """
        height, width = (
            -(-(int(corners_px[..., axis].max()) + window[axis]) // multiple) * multiple for axis in (0, 1)
        )
        return cls(corners_px, window, (height, width), dark_px)

    def subset(self, members: slice) -> Canvas:
        """Return the same canvases with some of each group's windows."""
        return replace(self, corners_px=self.corners_px[:, members])

    def lit(self, multiple: int) -> tuple[slice, slice]:
        """Return the rows and columns of the canvas without its dark margins, in whole multiples of some pixels."""
        top, bottom, left, right = self.dark_px
        return _within(self.shape[0], top, bottom, multiple), _within(self.shape[1], left, right, multiple)

    def cut(self, images: Tensor) -> Tensor:
        """Return what is seen of images (B, h, w), real or complex, through the windows: (B, C, H, W)."""
        if _is_plain(images):
            return torch.from_numpy(self._cut_plain(images.numpy()))
        cut = self._cut_by_index if images.device.type == "cpu" else self._cut_by_product
        return torch.complex(cut(images.real), cut(images.imag)) if images.is_complex() else cut(images)

    def add_up(self, windows: Tensor) -> Tensor:
        """Return the sum (B, h, w) of windows (B, C, H, W) at their places: the adjoint of `cut`."""
        if _is_plain(windows):
            return torch.from_numpy(self._add_up_plain(windows.numpy()))
        add_up = self._add_up_by_index if windows.device.type == "cpu" else self._add_up_by_product
        return torch.complex(add_up(windows.real), add_up(windows.imag)) if windows.is_complex() else add_up(windows)

    def _cut_plain(self, images: npt.NDArray[Any]) -> npt.NDArray[Any]:
        seen = np.empty(self._windows, dtype=images.dtype)
        for group, member, place in self._places():
            seen[group, member] = images[group][place]
        return seen

    def _add_up_plain(self, windows: npt.NDArray[Any]) -> npt.NDArray[Any]:
        total = np.zeros((len(windows), *self.shape), dtype=windows.dtype)
        for group, member, place in self._places():
            total[group][place] += windows[group, member]
        return total

    def _places(self) -> Iterator[tuple[int, int, tuple[slice, slice]]]:
        height, width = self.window
        for group, corners in enumerate(self.corners_px.tolist()):
            for member, (row, col) in enumerate(corners):
                if not (0 <= row <= self.shape[0] - height and 0 <= col <= self.shape[1] - width):
                    raise IndexError(f"window {(height, width)} at {(row, col)} is out of bounds of {self.shape}")
                yield group, member, (slice(row, row + height), slice(col, col + width))

    def _cut_by_index(self, images: Tensor) -> Tensor:
        return images.flatten(1).gather(1, self._indices).view(self._windows)

    def _add_up_by_index(self, windows: Tensor) -> Tensor:
        empty = windows.new_zeros(len(windows), self.shape[0] * self.shape[1])
        return empty.scatter_add(1, self._indices, windows.flatten(1)).view(-1, *self.shape)

    def _cut_by_product(self, images: Tensor) -> Tensor:
        rows, cols = (matrix.to(images.dtype) for matrix in self._matrices)
        bands = rows.flatten(1, 2) @ images
        return bands.view(*rows.shape[:3], -1) @ cols.transpose(-1, -2)

    def _add_up_by_product(self, windows: Tensor) -> Tensor:
        rows, cols = (matrix.to(windows.dtype) for matrix in self._matrices)
        return rows.flatten(1, 2).transpose(-1, -2) @ (windows @ cols).flatten(1, 2)

    @cached_property
    def _indices(self) -> Tensor:
        """Where each pixel of each window lies on the flattened canvas: int64 (B, C H W)."""
        rows, cols = self._rows_and_cols
        return (rows[..., :, None] * self.shape[1] + cols[..., None, :]).flatten(1)

    @cached_property
    def _matrices(self) -> tuple[Tensor, Tensor]:
        """1 where a row of a window is one of the canvas, (B, C, H, h), and the same of columns, (B, C, W, w)."""
        found = []
        for places, size in zip(self._rows_and_cols, self.shape, strict=True):
            if places.numel() and (int(places.min()) < 0 or int(places.max()) >= size):
                raise IndexError(f"a window {self.window} is out of bounds of {self.shape}")
            found.append((places[..., None] == torch.arange(size, device=places.device)).float())
        return found[0], found[1]

    @property
    def _rows_and_cols(self) -> tuple[Tensor, Tensor]:
        """Where the rows and the columns of each window lie on the canvas: int64 (B, C, H) and (B, C, W)."""
        corners = self.corners_px
        rows, cols = (
            corners[..., axis, None] + torch.arange(size, device=corners.device)
            for axis, size in enumerate(self.window)
        )
        return rows, cols

    @property
    def _windows(self) -> tuple[int, int, int, int]:
        n_groups, members = self.corners_px.shape[:2]
        return n_groups, members, *self.window


def _is_plain(values: Tensor) -> bool:
    """Whether no gradient is asked for on a processor, where slices are some three times as fast as indices."""
    return values.device.type == "cpu" and not (torch.is_grad_enabled() and values.requires_grad)


def _within(size: int, before: int, after: int, multiple: int) -> slice:
    return slice(before // multiple * multiple, min(size, -(-(size - after) // multiple) * multiple))
