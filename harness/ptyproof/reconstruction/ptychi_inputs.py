"""What pty-chi is given of a scan, in its conventions: patterns, mask, object, modes of the probe, positions.

pty-chi's Fourier transform has no factor, so that its probe is ours divided by sqrt(H W). Left to itself, it moves the
zero frequency of patterns to the first pixel by fftshift, which is one pixel off where a size is odd; so it is given
patterns that ifftshift has moved, and told to move nothing. It cuts the object at the rounded position and shifts the
probe by the rest, so positions are those of the windows' first pixels, whole for a window on whole pixels, and the
origin is the middle of the first window, (H - 1) / 2 for odd and even sizes.

What is told: pixels that were not measured constrain nothing; further modes stand beside the probe; patterns are
divided by the factors of the beam's intensity, as users divide by the counts of a monitor.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ptyproof.errors import RunError
from ptyproof.physics.beam import hermite_modes
from ptyproof.physics.fourier import PLANE_AXES
from ptyproof.reconstruction.method import BlindScan

_MARGIN_PX = 2  # pty-chi cuts windows of one pixel more on each side to shift them
_ROOM_PX = 8  # for positions that are refined
_POWER_OF_NEW_MODE = 0.02  # share of the light, as pty-chi's `orthogonalize_initial_probe` has it
_NO_COUNT = np.float32(1e-12)  # of a pixel that was measured and saw nothing: 0 is that of one that was not measured


@dataclass(frozen=True)
class Canvas:
    """The part of the object's grid that windows touch, with a margin: object (h, w), and where it lies on the grid.

    `inner` cuts the grid and `crop` the canvas to what they share.
    """

    shape: tuple[int, int]
    origin: tuple[int, int]
    inner: tuple[slice, slice]
    crop: tuple[slice, slice]

    @classmethod
    def of(cls, dataset: BlindScan) -> Canvas:
        """Return the canvas of a scan."""
        starts = dataset.positions_px - np.array(dataset.window) // 2
        margin_px = _MARGIN_PX + (_ROOM_PX if dataset.position_knowledge == "estimated" else 0)
        first = np.floor(starts.min(axis=0)).astype(int) - margin_px
        last = np.ceil(starts.max(axis=0)).astype(int) + np.array(dataset.window) + margin_px
        inner, crop = [], []
        for low, high, size in zip(first.tolist(), last.tolist(), dataset.object_shape, strict=True):
            top, bottom = max(low, 0), min(high, size)
            inner.append(slice(top, bottom))
            crop.append(slice(top - low, bottom - low))
        shape, origin = (last - first).tolist(), first.tolist()
        return cls((shape[0], shape[1]), (origin[0], origin[1]), (inner[0], inner[1]), (crop[0], crop[1]))

    def on_grid(
        self, obj: npt.NDArray[np.complex64], dataset: BlindScan, start: npt.NDArray[np.complex64] | None
    ) -> npt.NDArray[np.complex64]:
        """Return the engine's object (h, w) on the grid (M, M'), in the unit of the dataset's probe."""
        scale = np.float32(dataset.unit_scale)
        whole = np.full(dataset.object_shape, scale, np.complex64) if start is None else start.copy()
        whole[self.inner] = (obj * scale)[self.crop]
        return whole


@dataclass(frozen=True, eq=False)
class Patterns:
    """Patterns as pty-chi is given them.

    Attributes
    ----------
    intensity
        (n, H, W) float32, zero frequency first.
    valid
        bool (H, W), zero frequency first: where pixels were measured; None is everywhere.
    by_pattern
        Whether pixels that were not measured differ from pattern to pattern: they have the intensity 0 then, and all
        others one above 0.
    saturated
        bool (n, H, W), zero frequency first: pixels that had as much light or more; None where nothing is told.
    """

    intensity: npt.NDArray[np.float32]
    valid: npt.NDArray[np.bool_] | None
    by_pattern: bool
    saturated: npt.NDArray[np.bool_] | None

    @classmethod
    def of(cls, dataset: BlindScan) -> Patterns:
        """Return the patterns of a scan, with what is told of mask, saturation and factors of the intensity."""
        intensity = np.square(dataset.amplitude)
        told = dataset.told
        valid, factors, limit = told.valid_pixels, told.intensity_factors, told.saturation_counts
        saturated = None if limit is None else np.fft.ifftshift(intensity >= limit - 0.5, axes=PLANE_AXES)
        if factors is not None:
            lit = factors > 0
            intensity = intensity / np.where(lit, factors, 1).astype(np.float32)[:, None, None]
            if not lit.all():  # no light says nothing
                valid = lit[:, None, None] & (np.ones(dataset.window, np.bool_) if valid is None else valid)
        of_all = None
        if valid is not None and valid.ndim == 3:
            intensity = np.where(valid, np.maximum(intensity, _NO_COUNT), np.float32(0))
        elif valid is not None:
            of_all = np.fft.ifftshift(valid, axes=PLANE_AXES)
        by_pattern = valid is not None and of_all is None
        return cls(np.fft.ifftshift(intensity, axes=PLANE_AXES), of_all, by_pattern, saturated)


def modes_of(dataset: BlindScan, n_modes: int) -> npt.NDArray[np.complex64]:
    """Return the modes (P, H, W) that an engine begins with, in the unit of the dataset's probe.

    They are those that are told. `n_modes` limits their number, or adds modes to a probe that is refined: each has 2 %
    of the light and the shape of a Hermite polynomial on the probe. 0 takes those that are told.

    Raises
    ------
    RunError
        If modes would have to be added to a probe that is held fixed.
    """
    modes = dataset.modes
    missing = n_modes - len(modes)
    if missing <= 0:
        return modes if n_modes == 0 else modes[:n_modes]
    if dataset.probe_knowledge != "estimated":
        raise RunError(
            f'{n_modes} modes need a probe that is refined (probe_knowledge = "estimated"), got a probe that is held '
            f"fixed and has {len(modes)}"
        )
    weak = [_POWER_OF_NEW_MODE] * (n_modes - 1)
    added = hermite_modes(dataset.probe, [1 - sum(weak), *weak])[len(modes) :]
    return np.concatenate([modes, added]).astype(np.complex64)


def inputs(
    dataset: BlindScan,
    patterns: Patterns,
    canvas: Canvas,
    modes: npt.NDArray[np.complex64],
    start: npt.NDArray[np.complex64] | None,
) -> dict[str, Any]:
    """Return the arguments of a task of pty-chi; objects have a modulus of about 1 there.

    `modes` are (P, H, W) in the unit of the dataset's probe, and `start` is the object (M, M') to begin with, or None.
    """
    scale = dataset.unit_scale
    obj = np.ones(canvas.shape, dtype=np.complex64)
    if start is not None:
        obj[canvas.crop] = start[canvas.inner] / np.float32(scale)
    starts = dataset.positions_px - np.array(dataset.window) // 2 - np.array(canvas.origin)
    positions = starts.astype(np.float32)
    factor = scale / np.sqrt(dataset.probe.size)
    return {
        "diffraction_data": patterns.intensity,
        "valid_pixel_mask": patterns.valid,
        "object_data": obj[None],
        "probe_data": (modes * factor).astype(np.complex64)[None],
        "probe_position_x_px": positions[:, 1],
        "probe_position_y_px": positions[:, 0],
    }


def variable_probe(probe: npt.NDArray[np.complex64], n: int, n_opr_modes: int, seed: int) -> dict[str, Any]:
    """Return the arguments for a probe (1, P, H, W) that varies over n patterns, with modes as pty-chi begins them."""
    import torch
    from ptychi.utils import add_additional_opr_probe_modes_to_probe, generate_initial_opr_mode_weights

    torch.manual_seed(seed)
    modes = add_additional_opr_probe_modes_to_probe(torch.as_tensor(probe), n_opr_modes)
    return {"probe_data": modes, "opr_mode_weights_data": generate_initial_opr_mode_weights(n, 1 + n_opr_modes)}
