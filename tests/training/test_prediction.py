"""Patches and objects of a scan by a network: those of its patterns together, in the unit of the file, of any size."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from ptyproof.console import Console
from ptyproof.study.training import NetworkDesign
from ptyproof.training.canvas import Canvas
from ptyproof.training.network import GroupNetwork
from ptyproof.training.prediction import predict_object, predict_patches
from ptyproof.training.projection import Patterns, start_estimate
from ptyproof.training.scan import NormalizedScan
from tests.helpers.position_groups import noisy, simulated, smooth_object, soft_probe
from tests.helpers.small_networks import SMALL, lively


def dark_scan(
    n: int = 20, window: tuple[int, int] = (8, 12), seed: int = 0, object_scale: float = 2.5, spread: float = 14.0
) -> NormalizedScan:
    """A scan of noise whose object lies somewhere on its grid."""
    patterns = noisy(1, n, window, seed)
    positions = np.random.default_rng(seed).uniform(10, 10 + spread, (n, 2)) + np.array([5, 9])
    amplitude = np.fft.fftshift(patterns.amplitude[0].numpy(), axes=(-2, -1))
    return NormalizedScan(amplitude, patterns.probes[0, 0].numpy(), object_scale, positions, "0" * 64)


def edged_scan(n: int) -> NormalizedScan:
    """The same with a probe that leaves the edges of its windows dark."""
    scan = dark_scan(n, window=(16, 20))
    rows, cols = np.arange(16.0)[:, None], np.arange(20.0)
    probe = 10 * np.exp(-((rows - 6) ** 2 + (cols - 12) ** 2) / 6 + 0.1j * rows * cols).astype(np.complex64)
    edged = replace(scan, probe=probe)
    assert edged.dark_px[1] >= 4 <= edged.dark_px[2]  # as many as one pixel of the coarser grid has
    return edged


def patterns_of(
    scan: NormalizedScan, index: npt.NDArray[np.int64], corners: npt.NDArray[Any], shape: tuple[int, int]
) -> Patterns:
    """The patterns of a scan as one group on a canvas."""
    amplitude = np.fft.ifftshift(scan.amplitude[index], axes=(-2, -1))
    canvas = Canvas(torch.from_numpy(corners)[None], scan.window, shape, scan.dark_px)
    probes = torch.from_numpy(scan.probes(index))[None]
    return Patterns(torch.from_numpy(amplitude)[None], probes, canvas, len(index))


# Patches and objects of a scan


@pytest.mark.parametrize("made", [dark_scan, edged_scan])
def test_predicted_patches_are_those_of_single_patterns_in_the_files_unit(made: Any) -> None:
    scan, network = made(70), lively()
    patches = predict_patches(network, scan)
    assert patches.dtype == np.complex64
    assert patches.shape == (70, *scan.window)
    for k in (0, 1, 63, 64, 69):
        own = patterns_of(scan, np.array([k]), np.zeros((1, 2), dtype=np.int64), scan.window)
        with torch.no_grad():
            alone = network(own)[0].numpy()
        np.testing.assert_allclose(patches[k], 2.5 * alone, rtol=0, atol=2e-3)


def test_the_starts_of_single_patterns_can_be_predicted() -> None:
    scan, network = dark_scan(5), lively()
    found = predict_patches(network, scan, start_only=True)
    for k in range(5):
        own = patterns_of(scan, np.array([k]), np.zeros((1, 2), dtype=np.int64), (8, 12))
        start = start_estimate(own, SMALL.start_iterations)[0].numpy()
        np.testing.assert_allclose(found[k], 2.5 * start, rtol=0, atol=1e-3)


@pytest.mark.parametrize("n", [4, 16, 40])
@pytest.mark.parametrize("start_only", [True, False])
@pytest.mark.parametrize("made", [dark_scan, edged_scan])
def test_a_predicted_object_is_that_of_all_patterns_together(n: int, start_only: bool, made: Any) -> None:
    scan, network = made(n), lively()
    found = predict_object(network, scan, (60, 70), start_only=start_only)
    assert found.dtype == np.complex64
    assert found.shape == (60, 70)
    origin = scan.corners_px.min(axis=0)
    shape = tuple((-(-(scan.corners_px.max(axis=0) - origin + scan.window) // 4) * 4).tolist())
    whole = patterns_of(scan, np.arange(n), scan.corners_px - origin, shape)
    with torch.no_grad():
        obj = network.start(whole) if start_only else network(whole)
    expected = np.zeros((60, 70), dtype=np.complex64)
    place = np.s_[origin[0] : origin[0] + shape[0], origin[1] : origin[1] + shape[1]]
    expected[place] = 2.5 * torch.where(whole.illumination > 1e-9 * whole.peak, obj, 0)[0].numpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=5e-3)


@pytest.mark.parametrize("start_only", [True, False])
@pytest.mark.parametrize("stacked", [False, True])
def test_a_scan_too_large_for_memory_gives_the_same_object(
    start_only: bool, stacked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    n, network, console = 150, lively(), Counted(None, None)
    rng = np.random.default_rng(5)
    valid = rng.random((n, 8, 12) if stacked else (8, 12)) > 0.1
    scan = replace(dark_scan(n), valid_pixels=valid, background=rng.random(valid.shape).astype(np.float32))
    held = predict_object(network, scan, (60, 70), start_only=start_only)
    monkeypatch.setattr("ptyproof.training.prediction.HELD_BYTES", 0)
    most = 0
    probes = NormalizedScan.probes

    def counted(self: NormalizedScan, index: npt.NDArray[np.int64]) -> npt.NDArray[np.complex64]:
        nonlocal most
        most = max(most, len(index))
        return probes(self, index)

    monkeypatch.setattr(NormalizedScan, "probes", counted)
    stored = predict_object(network, scan, (60, 70), start_only=start_only, console=console)
    assert most == 64  # of the 150 were in memory together
    assert console.total == console.done
    np.testing.assert_allclose(stored, held, rtol=0, atol=1e-4 * np.abs(held).max())


def test_where_no_light_falls_a_predicted_object_is_zero() -> None:
    scan = dark_scan(6)
    lit = np.zeros((50, 60), dtype=bool)
    for row, col in scan.corners_px:
        lit[row : row + 8, col : col + 12] = True
    for start_only in (True, False):
        found = predict_object(lively(), scan, (50, 60), start_only=start_only)
        np.testing.assert_array_equal(found != 0, lit)


def test_a_canvas_that_was_rounded_up_does_not_leave_the_objects_grid() -> None:
    scan = dark_scan(9)
    rows, cols = (scan.corners_px.max(axis=0) + scan.window).tolist()
    small = predict_object(lively(), scan, (rows, cols))
    large = predict_object(lively(), scan, (rows + 7, cols + 7))
    assert small.shape == (rows, cols)
    np.testing.assert_array_equal(large[:rows, :cols], small)
    assert (large[rows:] == 0).all()
    assert (large[:, cols:] == 0).all()


def test_the_start_of_a_scan_shows_its_object() -> None:
    window = (14, 12)
    grid = np.stack(np.meshgrid(*(3 * np.arange(4),) * 2, indexing="ij"), axis=-1).reshape(-1, 2)
    truth = smooth_object((40, 40))
    corners = grid + np.array([7, 11])
    patterns = simulated(corners[None], soft_probe(window, 1e6), truth[None])
    amplitude = np.fft.fftshift(patterns.amplitude[0].numpy(), axes=(-2, -1)).astype(np.float32)
    probe = soft_probe(window, 1e6).astype(np.complex64)
    scan = NormalizedScan(amplitude, probe, 0.5, (corners + np.array(window) // 2).astype(np.float64), "0" * 64)
    network = GroupNetwork(NetworkDesign(n_stages=1, channels=1, n_blocks=1, shrink=1, start_iterations=40))
    found = predict_object(network, scan, truth.shape, start_only=True)[10:26, 14:29]
    wanted = truth[10:26, 14:29]
    factor = np.vdot(found, wanted) / np.vdot(found, found)
    assert abs(factor) == pytest.approx(2, rel=0.1)
    assert np.linalg.norm(factor * found - wanted) < 0.2 * np.linalg.norm(wanted)


class Counted(Console):
    """A console that keeps what its bar was told."""

    @contextmanager
    def progress(self, label: str, total: int, unit: str, *args: Any, **kwargs: Any) -> Any:
        self.total, self.unit, self.label, self.done = total, unit, label, 0
        yield self

    def update(self, n: int) -> None:
        self.done += n


@pytest.mark.parametrize("n", [5, 65])
@pytest.mark.parametrize("start_only", [True, False])
def test_predicting_patches_shows_how_far_it_is(n: int, start_only: bool) -> None:
    console = Counted(None, None)
    predict_patches(lively(), dark_scan(n), start_only=start_only, console=console)
    assert (console.total, console.done, console.unit) == (n, n, "pattern")
    assert console.label


@pytest.mark.parametrize("n", [5, 16, 40])
@pytest.mark.parametrize("start_only", [True, False])
def test_predicting_an_object_shows_how_far_it_is_and_ends_at_its_end(n: int, start_only: bool) -> None:
    console = Counted(None, None)
    predict_object(lively(), dark_scan(n), (60, 70), start_only=start_only, console=console)
    assert console.total == console.done > 0
    assert (console.total % n, console.unit) == (0, "pattern")


def test_a_network_may_see_objects_of_any_size_without_being_told() -> None:
    network = lively()
    for n, spread in ((1, 0.0), (3, 5.0), (30, 25.0)):
        obj = predict_object(network, dark_scan(n, spread=spread), (60, 70))
        assert np.isfinite(obj).all()
        assert (obj != 0).any()
