"""Windows of any size, square or not: engines, start, network and stitching agree with the forward model.

Counts without noise, positions on whole pixels and the true object leave an engine nothing to do: its first loss is
zero, and it stays at the truth. With a transform that is off by one pixel, such as fftshift in place of ifftshift where
a size is odd, it does not.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from ptyproof.assessment.half_scans import HalfScan, half_scan_agreement, half_scan_indices
from ptyproof.io.dataset import Dataset, new_metadata
from ptyproof.methods.network import Pinn, Start, ThenLsqml
from ptyproof.metrics.data_fit import data_fit_metrics
from ptyproof.metrics.protocol import Recipe
from ptyproof.physics.dose import scale_probe_to_dose
from ptyproof.physics.forward import expected_counts, object_patches
from ptyproof.physics.metrics import scaled_error
from ptyproof.reconstruction.iterative import ENGINES, PtyChi
from ptyproof.reconstruction.method import BlindScan, Budget, illumination
from ptyproof.reconstruction.stitching import stitch
from ptyproof.records.archive import ReconstructionArchive
from ptyproof.study.training import NetworkDesign
from ptyproof.training.bundle import write_bundle
from ptyproof.training.network import GroupNetwork
from ptyproof.training.prediction import predict_patches
from ptyproof.training.scan import NormalizedScan, normalized_scan
from tests.helpers.bundles import network, record
from tests.helpers.known import known

pytest.importorskip("ptychi", reason="pty-chi is not installed: pip install 'pytest-ptyproof[iterative]'")

SIZES = tuple(range(31, 36))
WINDOWS = [*((size, size) for size in SIZES), (33, 32), (32, 33), (31, 35), (34, 31)]
DOSE = 1e6


def window_id(window: tuple[int, int]) -> str:
    """Name a window."""
    return f"{window[0]}x{window[1]}"


def smooth(shape: tuple[int, ...], rng: np.random.Generator, width_px: float) -> Any:
    """A random real field without detail below `width_px`, of largest modulus 1."""
    rows, cols = (np.fft.fftfreq(size) for size in shape)
    low = np.exp(-2 * (np.pi * width_px) ** 2 * (rows[:, None] ** 2 + cols**2))
    field = np.fft.ifft2(np.fft.fft2(rng.standard_normal(shape)) * low).real
    return field / np.abs(field).max()


@cache
def scene(window: tuple[int, int], offset: float) -> Any:
    """Return (scan, object, lit): counts without noise of a probe that is off its middle and has no symmetry.

    All windows look at the same object, at the same places.
    """
    rng = np.random.default_rng(3)
    rows, cols = (np.arange(size) - size // 2 for size in window)
    rows = rows[:, None]
    probe = np.exp(
        -(((rows - 1) / 5) ** 2) - ((cols + 1.5) / 4) ** 2 + 1j * (rows**2 / 60 + rows * cols / 90 + cols / 9)
    )
    grid = np.stack(np.meshgrid(np.arange(8) * 4, np.arange(8) * 4, indexing="ij"), -1).reshape(-1, 2)
    places = grid + rng.integers(-1, 2, grid.shape) + offset + 1
    whole = ((1 - 0.2 * smooth((80, 80), rng, 1.5)) * np.exp(0.8j * smooth((80, 80), rng, 2.0))).astype(np.complex64)
    top, left = (20 - size // 2 for size in window)
    obj = whole[top : top + 35 + window[0], left : left + 35 + window[1]].copy()
    positions = places + np.array(window) // 2
    probe = scale_probe_to_dose(probe.astype(np.complex64), obj, positions, DOSE)
    counts = expected_counts(probe, object_patches(obj, positions, window))
    scan = BlindScan(np.sqrt(counts).astype(np.float32), probe, positions.astype(np.float64), obj.shape)
    covered = illumination(probe, scan.positions_px, obj.shape)
    return scan, obj, (covered >= 0.1 * covered.max()).astype(float)


def measured(scan: NormalizedScan) -> Dataset:
    """Return the scan as a dataset without an object."""
    metadata = new_metadata("measurement", "test", {}) | {"intensity_scale": 1.0}
    return Dataset(
        obj=None, probe=scan.probe, positions_px=scan.positions_px, metadata=metadata, diffraction=scan.amplitude
    )


def archive_of(
    scan: NormalizedScan, obj: npt.NDArray[Any], probe: npt.NDArray[Any], index: Any = slice(None)
) -> ReconstructionArchive:
    """Return a result as an archive holds it."""
    covered = illumination(probe, scan.positions_px[index], obj.shape)
    none: Any = np.empty(0)
    return ReconstructionArchive(obj, probe, covered, (covered > 0).astype(np.int32), none, none, none, {})


def r_factor(scan: NormalizedScan, obj: npt.NDArray[Any], probe: npt.NDArray[Any]) -> float:
    """Return the R-factor of an object and a probe on the scan's patterns, by the project's own forward model."""
    metrics = data_fit_metrics(archive_of(scan, obj, probe), measured(scan), Recipe())
    return known(next(found.value for found in metrics if found.metric == "r_factor"))


@pytest.mark.parametrize("window", WINDOWS, ids=window_id)
@pytest.mark.parametrize("name", ENGINES)
def test_an_engine_stays_at_the_truth(name: str, window: tuple[int, int]) -> None:
    scan, obj, lit = scene(window, 0.0)
    found = PtyChi(name).refine(scan, Budget(1), np.random.default_rng(1), obj)
    assert found.losses[0] < 1e-6 * np.square(scan.amplitude).mean()
    assert scaled_error(found.obj, obj, lit).nrmse < 1e-3
    assert r_factor(scan, found.obj, found.probe) < 1e-3


@pytest.mark.parametrize("window", WINDOWS, ids=window_id)
@pytest.mark.parametrize("name", ENGINES)
def test_an_engine_explains_odd_windows_as_well_as_even_ones(name: str, window: tuple[int, int]) -> None:
    assert of_an_engine(name, window) < 1.25 * of_an_engine(name, (32, 32))


@cache
def of_an_engine(name: str, window: tuple[int, int]) -> float:
    """Return the R-factor that an engine reaches; that of the even window is what all others are held against."""
    scan, _, _ = scene(window, 0.37)
    found = PtyChi(name).reconstruct(scan, Budget(5), np.random.default_rng(1))
    return r_factor(scan, found.obj, found.probe)


@pytest.mark.parametrize("window", WINDOWS, ids=window_id)
def test_an_estimated_probe_stays_where_it_is(window: tuple[int, int]) -> None:
    scan, obj, _ = scene(window, 0.0)
    estimated = BlindScan(scan.amplitude, scan.probe, scan.positions_px, scan.object_shape, "estimated")
    found = PtyChi("lsqml").refine(estimated, Budget(1), np.random.default_rng(1), obj)
    likeness = abs(np.vdot(found.probe, scan.probe)) / (np.linalg.norm(found.probe) * np.linalg.norm(scan.probe))
    assert likeness > 0.9999


@pytest.mark.parametrize("window", WINDOWS, ids=window_id)
@pytest.mark.parametrize("grouped", [True, False], ids=["together", "stitched"])
def test_the_start_explains_odd_windows_as_well_as_even_ones(window: tuple[int, int], grouped: bool) -> None:
    assert of_the_start(grouped, window) < 1.1 * of_the_start(grouped, (32, 32))


@cache
def of_the_start(grouped: bool, window: tuple[int, int]) -> float:
    """Return the R-factor of the start."""
    scan, _, _ = scene(window, 0.37)
    made = Start(NetworkDesign()).reconstruct(replace(scan, grouped=grouped), Budget(), np.random.default_rng(1))
    return r_factor(scan, made.obj, made.probe)


@pytest.mark.parametrize("window", WINDOWS, ids=window_id)
@pytest.mark.parametrize("gridsize", [1, 2])
def test_a_network_and_the_engine_after_it_explain_odd_windows_as_well_as_even_ones(
    window: tuple[int, int], gridsize: int
) -> None:
    found, even = of_networks(gridsize, window), of_networks(gridsize, (32, 32))
    for name in ("pinn", "pinn+lsqml"):
        assert found[name] < 1.1 * even[name]


@cache
def of_networks(gridsize: int, window: tuple[int, int]) -> Any:
    """Return the R-factors of a network of noise, and of the engine after it."""
    found, (scan, _, _) = {}, scene(window, 0.37)
    with TemporaryDirectory() as folder:
        scan = replace(scan, bundle_path=bundle_of_noise(Path(folder), window, gridsize))
        for method in (Pinn(), ThenLsqml(Pinn())):
            made = method.reconstruct(scan, Budget(3), np.random.default_rng(1))
            found[method.name] = r_factor(scan, made.obj, made.probe)
    return found


def bundle_of_noise(folder: Path, window: tuple[int, int], gridsize: int) -> Path:
    """Write a network of small random weights that fits a window."""
    made = network()
    for parameter in made.parameters():
        parameter.data *= 0.01
    return write_bundle(folder, made, record(gridsize=gridsize, pattern_shape_px=list(window)))


@pytest.mark.parametrize("window", WINDOWS, ids=window_id)
def test_a_network_of_single_patterns_looks_at_windows_that_are_lit_to_their_edges(window: tuple[int, int]) -> None:
    scan, _, _ = scene(window, 0.37)
    probe = np.full(window, 10 + 1j, np.complex64)
    lit = normalized_scan(scan.amplitude, probe, scan.positions_px, "")
    assert lit.dark_px == (0, 0, 0, 0)
    judge = GroupNetwork(NetworkDesign(n_stages=1, channels=4, n_blocks=1, shrink=4, start_iterations=1)).eval()
    patches = predict_patches(judge, lit)
    assert patches.shape == scan.amplitude.shape
    assert np.isfinite(patches).all()


@pytest.mark.parametrize("window", WINDOWS, ids=window_id)
def test_stitched_patches_of_the_truth_are_the_truth(window: tuple[int, int]) -> None:
    scan, obj, lit = scene(window, 0.0)
    patches = object_patches(obj, scan.positions_px, window)
    turned = patches * np.exp(1j * np.arange(len(patches)))[:, None, None]
    weights = np.broadcast_to(np.abs(scan.probe) ** 2, patches.shape)
    found = stitch(turned.astype(np.complex64), weights, scan.corners_px, scan.object_shape)
    assert scaled_error(found.obj, obj, lit).nrmse < 1e-4


@pytest.mark.parametrize("window", WINDOWS, ids=window_id)
def test_halves_of_a_scan_agree_where_both_are_the_truth(window: tuple[int, int]) -> None:
    scan, obj, _ = scene(window, 0.37)
    dataset = measured(scan)
    first, second = (
        HalfScan(archive_of(scan, obj, scan.probe, index), index) for index in half_scan_indices(len(scan))
    )
    found = half_scan_agreement(first, second, dataset).metrics
    assert known(found["held_out_r_factor"].value) < 0.02
    assert found["half_scan_complex_frc_halfbit_px"].value is not None
