"""The object of a scan from a trained network, and its initial estimate without the network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ptyproof import clock
from ptyproof.console import Console
from ptyproof.io.blocks import let_go
from ptyproof.training.canvas import Canvas
from ptyproof.training.forward import Detector
from ptyproof.training.network import GroupNetwork
from ptyproof.training.projection import Group, Patterns, StoredPatterns
from ptyproof.training.scan import NormalizedScan

_ALONE = 64  # patterns that are each a group of their own, at a time
_UNLIT = 1e-9  # of a probe's brightest pixel: what rounding leaves of no light
_BLOCK = 64  # patterns of one group at a time: measured, the fastest of 8 to all
_BLOCK_BYTES = 1 << 22  # of the waves in a block of stored patterns: larger ones leave the heap in pieces
HELD_BYTES = 1 << 30  # of patterns and probes of one group; more are made again for each pass
_PIXEL_BYTES = 12  # of an amplitude and a probe
_MODE_BYTES = 8  # of a further mode


@dataclass
class Clocked:
    """Seconds of a prediction's parts."""

    initial_estimate_s: float = 0.0


def predict_patches(
    network: GroupNetwork,
    scan: NormalizedScan,
    *,
    start_only: bool = False,
    console: Console | None = None,
    clocked: Clocked | None = None,
) -> npt.NDArray[np.complex64]:
    """Return the object patches of a scan, each from its own pattern alone, with a global phase of its own.

    Parameters
    ----------
    network
        The network; it is evaluated on its own device.
    scan
        n patterns (H, W).
    start_only
        Return the initial estimate that the network corrects.
    console
        Where progress is shown; None is silent.
    clocked
        Takes the seconds of the initial estimate.

    Returns
    -------
    complex64 (n, H, W), in the unit of the file's probe: the object on its pixel grid in the windows at
    `scan.corners_px`.
    """
    patches: npt.NDArray[np.complex64] = np.empty((len(scan), *scan.window), dtype=np.complex64)
    height, width = scan.window  # canvases are rounded up to a multiple of the coarser grid
    with (
        torch.inference_mode(),
        (console or Console.silent()).progress(_label(start_only), len(scan), "pattern") as bar,
    ):
        for first in range(0, len(scan), _ALONE):
            index = np.arange(first, min(first + _ALONE, len(scan)))
            corners = torch.zeros(len(index), 1, 2, dtype=torch.int64)
            canvas = Canvas.around(corners, scan.window, network.design.shrink, scan.dark_px)
            patterns = on_device(patterns_of(scan, index, canvas, 1, axis=1), _device(network))
            found = _estimate(network, patterns, start_only, clocked or Clocked())
            patches[index] = found[:, :height, :width].cpu().numpy()
            bar.update(len(index))
    patches *= np.float32(scan.object_scale)
    return patches


def predict_object(
    network: GroupNetwork,
    scan: NormalizedScan,
    shape: tuple[int, int],
    *,
    start: npt.NDArray[np.complex64] | None = None,
    start_only: bool = False,
    console: Console | None = None,
    clocked: Clocked | None = None,
) -> npt.NDArray[np.complex64]:
    """Return the object of a scan, all of its patterns looked at together.

    Parameters
    ----------
    network
        The network; it is evaluated on its own device.
    scan
        n patterns (H, W).
    shape
        (M, M') of the object's grid, pixels.
    start
        What the network corrects, complex64 (M, M') in the unit of the file's probe; None is the initial estimate.
    start_only, console, clocked
        As in `predict_patches`.

    Returns
    -------
    complex64 (M, M'), in the unit of the file's probe; zero where no light falls.
    """
    origin = scan.corners_px.min(axis=0)
    corners = torch.from_numpy(scan.corners_px - origin)[None]
    canvas = Canvas.around(corners, scan.window, network.design.shrink, scan.dark_px)
    design = network.design
    passes = 2 + (0 if start is not None else 2 * design.start_iterations) + (0 if start_only else design.n_stages)
    with (
        torch.inference_mode(),
        (console or Console.silent()).progress(_label(start_only), passes * len(scan), "pattern") as bar,
    ):
        patterns = _group(network, scan, canvas, bar.update)
        known = None if start is None else _on_canvas(start, scan, canvas, _device(network))
        found = (
            lit_part(patterns, _estimate(network, patterns, start_only, clocked or Clocked(), known))[0].cpu().numpy()
        )
    obj = np.zeros(shape, dtype=np.complex64)
    row, col = origin.tolist()
    inside = found[: shape[0] - row, : shape[1] - col]  # the canvas was rounded up to a multiple of the coarser grid
    obj[row : row + inside.shape[0], col : col + inside.shape[1]] = inside
    obj *= np.float32(scan.object_scale)
    return obj


def _group(network: GroupNetwork, scan: NormalizedScan, canvas: Canvas, on_block: Callable[[int], object]) -> Group:
    """Return all patterns of a scan as one group; a large one on a processor stays where its patterns are stored."""

    def load(members: slice) -> Patterns:
        index = np.arange(members.start, members.stop)
        part = patterns_of(scan, index, canvas.subset(members), _BLOCK, axis=0)
        let_go(scan.amplitude)
        return on_device(part, _device(network))

    n = len(scan)
    modes = 0 if scan.further_modes is None else len(scan.further_modes)
    is_large = n * scan.probe.size * (_PIXEL_BYTES + modes * _MODE_BYTES) > HELD_BYTES
    if is_large and _device(network).type == "cpu":
        block = min(_BLOCK, max(1, _BLOCK_BYTES // (scan.probe.size * _MODE_BYTES)))
        return StoredPatterns(n, load, canvas, block, on_block)
    return replace(load(slice(0, n)), on_block=on_block)


def _on_canvas(
    obj: npt.NDArray[np.complex64], scan: NormalizedScan, canvas: Canvas, device: torch.device
) -> torch.Tensor:
    """Return an object on a canvas, complex (1, h, w) in the network's unit: transparent outside the object's grid."""
    row, col = scan.corners_px.min(axis=0).tolist()
    height, width = canvas.shape
    part = obj[row : row + height, col : col + width] / np.float32(scan.object_scale)
    found = np.ones((1, height, width), dtype=np.complex64)
    found[0, : part.shape[0], : part.shape[1]] = part
    return torch.from_numpy(found).to(device)


def _estimate(
    network: GroupNetwork,
    patterns: Group,
    start_only: bool,
    clocked: Clocked,
    start: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return the object, or its initial estimate, complex (B, h, w), and add the seconds of the estimate."""
    began = clock.seconds()
    start = network.start(patterns) if start is None else start
    if start.is_cuda:
        torch.cuda.synchronize(start.device)  # kernels run on after the call
    clocked.initial_estimate_s += clock.seconds() - began
    found: torch.Tensor = start if start_only else network(patterns, start)
    return found


def lit_part(patterns: Group, obj: torch.Tensor) -> torch.Tensor:
    """Return an object, complex (B, h, w), with zeros where no light falls."""
    return torch.where(patterns.illumination > _UNLIT * patterns.peak, obj, 0)


def patterns_of(scan: NormalizedScan, index: npt.NDArray[np.int64], canvas: Canvas, block: int, axis: int) -> Patterns:
    """Return the patterns `index` (m,) of a scan: each a group of its own (axis 1), or all of them one (axis 0)."""
    amplitude = np.fft.ifftshift(scan.amplitude[index], axes=(-2, -1))
    limit = scan.saturation_counts
    saturated = None if limit is None else np.square(amplitude) >= limit - 0.5
    blur = Detector.of(scan.window, scan.psf_sigma_px, None, torch.float32)

    def placed(array: npt.NDArray[Any]) -> torch.Tensor:
        return torch.from_numpy(np.expand_dims(array, axis))

    return Patterns(
        placed(amplitude),
        placed(scan.probes(index)),
        canvas,
        block,
        valid=_told(scan.valid_pixels, index, axis),
        background=_told(scan.background, index, axis),
        further=tuple(placed(mode) for mode in scan.further_probes(index)),
        saturated=None if saturated is None else placed(saturated),
        blur=None if blur.rows is None else blur,
    )


def on_device(patterns: Patterns, device: torch.device) -> Patterns:
    """Return patterns whose arrays are on a device."""

    def moved(array: torch.Tensor | None) -> torch.Tensor | None:
        return None if array is None else array.to(device)

    canvas, blur = patterns.canvas, patterns.blur
    return replace(
        patterns,
        amplitude=patterns.amplitude.to(device),
        probes=patterns.probes.to(device),
        canvas=replace(canvas, corners_px=canvas.corners_px.to(device)),
        valid=moved(patterns.valid),
        background=moved(patterns.background),
        further=tuple(mode.to(device) for mode in patterns.further),
        saturated=moved(patterns.saturated),
        blur=None if blur is None else replace(blur, rows=moved(blur.rows), cols=moved(blur.cols)),
    )


def _device(network: GroupNetwork) -> torch.device:
    return next(network.parameters()).device


def _told(array: npt.NDArray[Any] | None, index: npt.NDArray[np.int64], axis: int) -> torch.Tensor | None:
    """Return an array (H, W) or (n, H, W) for some patterns, which lie on an axis of a group, zero frequency first."""
    if array is None:
        return None
    shifted = np.fft.ifftshift(array, axes=(-2, -1))
    return torch.from_numpy(shifted[None, None] if array.ndim == 2 else np.expand_dims(shifted[index], axis))


def _label(start_only: bool) -> str:
    return "initial estimate" if start_only else "predict"
