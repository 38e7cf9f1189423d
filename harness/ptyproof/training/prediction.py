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
from ptyproof.training.network import GroupNetwork
from ptyproof.training.projection import Group, Patterns, StoredPatterns
from ptyproof.training.scan import NormalizedScan

_ALONE = 64  # patterns that are each a group of their own, at a time
_UNLIT = 1e-9  # of a probe's brightest pixel: what rounding leaves of no light
_BLOCK = 64  # patterns of one group at a time: measured, the fastest of 8 to all
HELD_BYTES = 1 << 30  # of patterns and probes of one group; more are made again for each pass
_PIXEL_BYTES = 12  # of an amplitude and a probe


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
            amplitude, probes = _tensors(scan, index)
            canvas = Canvas.around(corners, scan.window, network.design.shrink, scan.dark_px)
            valid, background = (_told(array, index, 1) for array in (scan.valid_pixels, scan.background))
            alone = Patterns(amplitude[:, None], probes[:, None], canvas, 1, valid=valid, background=background)
            patterns = _on_device(network, alone)
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
    passes = 2 + 2 * design.start_iterations + (0 if start_only else design.n_stages)
    with (
        torch.inference_mode(),
        (console or Console.silent()).progress(_label(start_only), passes * len(scan), "pattern") as bar,
    ):
        patterns = _group(network, scan, canvas, bar.update)
        estimate = _estimate(network, patterns, start_only, clocked or Clocked())
        found = torch.where(patterns.illumination > _UNLIT * patterns.peak, estimate, 0)[0].cpu().numpy()
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
        amplitude, probes = _tensors(scan, index)
        let_go(scan.amplitude)
        valid, background = (_told(array, index, 0) for array in (scan.valid_pixels, scan.background))
        part = Patterns(amplitude[None], probes[None], canvas.subset(members), _BLOCK, None, valid, background)
        return _on_device(network, part)

    n = len(scan)
    is_large = n * scan.probe.size * _PIXEL_BYTES > HELD_BYTES
    if is_large and next(network.parameters()).device.type == "cpu":
        return StoredPatterns(n, load, canvas, _BLOCK, on_block)
    return replace(load(slice(0, n)), on_block=on_block)


def _estimate(network: GroupNetwork, patterns: Group, start_only: bool, clocked: Clocked) -> torch.Tensor:
    """Return the object, or its initial estimate, complex (B, h, w), and add the seconds of the estimate."""
    began = clock.seconds()
    start = network.start(patterns)
    if start.is_cuda:
        torch.cuda.synchronize(start.device)  # kernels run on after the call
    clocked.initial_estimate_s += clock.seconds() - began
    found: torch.Tensor = start if start_only else network(patterns, start)
    return found


def _tensors(scan: NormalizedScan, index: npt.NDArray[np.int64]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return amplitudes with their zero frequency first, and probes, of some patterns: (m, H, W) both."""
    amplitude = np.fft.ifftshift(scan.amplitude[index], axes=(-2, -1))
    return torch.from_numpy(amplitude), torch.from_numpy(scan.probes(index))


def _on_device(network: GroupNetwork, patterns: Patterns) -> Patterns:
    device = next(network.parameters()).device
    canvas = patterns.canvas
    moved = replace(canvas, corners_px=canvas.corners_px.to(device))
    valid, background = (None if each is None else each.to(device) for each in (patterns.valid, patterns.background))
    amplitude, probes = patterns.amplitude.to(device), patterns.probes.to(device)
    return Patterns(amplitude, probes, moved, patterns.block, patterns.on_block, valid, background)


def _told(array: npt.NDArray[Any] | None, index: npt.NDArray[np.int64], axis: int) -> torch.Tensor | None:
    """Return an array (H, W) or (n, H, W) for some patterns, which lie on an axis of a group, zero frequency first."""
    if array is None:
        return None
    shifted = np.fft.ifftshift(array, axes=(-2, -1))
    return torch.from_numpy(shifted[None, None] if array.ndim == 2 else np.expand_dims(shifted[index], axis))


def _label(start_only: bool) -> str:
    return "initial estimate" if start_only else "predict"
