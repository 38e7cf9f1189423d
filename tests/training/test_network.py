"""The network and its network-free start: against numpy, symmetries, sizes; patches predicted from a scan."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ptyproof.console import Console
from ptyproof.physics.fourier import fft2c, ifft2c
from ptyproof.study.training import NetworkDesign
from ptyproof.training.data import Scan
from ptyproof.training.network import PatchNetwork, start_estimate
from ptyproof.training.prediction import predict_patches
from tests.strategies.scans import complex_noise, windows

SMALL = NetworkDesign(channels=8, n_blocks=1, shrink=4, start_iterations=3)


def patterns(n=3, window=(8, 12), seed=0, photons=400.0):
    """Poisson amplitudes (n, H, W) and complex probes of that many photons, as tensors."""
    rng = np.random.default_rng(seed)
    probes = complex_noise((n, *window), seed + 1)
    probes *= np.sqrt(photons / np.square(np.abs(probes)).sum(axis=(1, 2), keepdims=True))
    counts = rng.poisson(np.square(np.abs(fft2c(probes * np.exp(0.5j * rng.normal(size=probes.shape))))))
    return torch.from_numpy(np.sqrt(counts).astype(np.float32)), torch.from_numpy(probes.astype(np.complex64))


def doubled(pair):
    """Amplitude and probes in double precision."""
    return pair[0].to(torch.float64), pair[1].to(torch.complex128)


def lively(design=SMALL, seed=0):
    """A network whose last layer is not zero, as after some training."""
    torch.manual_seed(seed)
    network = PatchNetwork(design)
    with torch.no_grad():
        for parameter in network.head.parameters():
            parameter.normal_(0, 0.05)
    return network.eval()


def scan_of(n=70, window=(8, 12), seed=0, object_scale=2.5):
    amplitude, probes = patterns(n, window, seed)
    positions = np.random.default_rng(seed).uniform(10, 60, (n, 2))
    return Scan(amplitude.numpy(), probes[0].numpy(), object_scale, positions, "0" * 64)


def numpy_start(amplitude, probe, iterations):
    """Error reduction of one pattern, as the equations stand."""
    patch = np.ones_like(probe)
    for _ in range(iterations):
        wave = probe * patch
        spectrum = fft2c(wave)
        corrected = ifft2c(amplitude * np.exp(1j * np.angle(spectrum)))
        patch = patch + np.conj(probe) / np.max(np.abs(probe) ** 2) * (corrected - wave)
    return patch


@settings(max_examples=25)
@given(window=windows(3, 10), iterations=st.integers(1, 8), seed=st.integers(0, 2**16))
def test_the_start_is_error_reduction_of_every_pattern_by_itself(window, iterations, seed):
    amplitude = np.random.default_rng(seed).uniform(0.1, 9.0, (2, *window))
    probes = complex_noise((2, *window), seed).astype(np.complex128)
    found = start_estimate(torch.from_numpy(amplitude), torch.from_numpy(probes), iterations).numpy()
    for patch, one, probe in zip(found, amplitude, probes, strict=True):
        np.testing.assert_allclose(patch, numpy_start(one, probe, iterations), rtol=0, atol=1e-8)


def test_the_start_of_an_empty_object_stays_empty():
    probes = torch.from_numpy(complex_noise((2, 6, 9), 1).astype(np.complex128))
    amplitude = torch.from_numpy(np.abs(fft2c(probes.numpy())))
    torch.testing.assert_close(start_estimate(amplitude, probes, 7), torch.ones_like(probes), rtol=0, atol=1e-12)


def test_the_start_comes_closer_to_the_counts_with_every_iteration():
    # Error reduction never increases the misfit of amplitudes (Fienup 1982) with a step of at most 1 / max |P|^2.
    amplitude, probes = doubled(patterns())
    misfits = []
    for iterations in (1, 2, 4, 8, 16):
        model = np.abs(fft2c((probes * start_estimate(amplitude, probes, iterations)).numpy()))
        misfits.append(np.square(model - amplitude.numpy()).sum(axis=(1, 2)))
    assert (np.diff(misfits, axis=0) < 0).all()


@given(seed=st.integers(0, 2**16), angle=st.floats(0, 6.28), scale=st.floats(0.1, 10))
@settings(max_examples=20)
def test_the_start_does_not_depend_on_the_probes_phase_nor_on_the_unit(seed, angle, scale):
    amplitude, probes = patterns(2, (6, 9), seed)
    start = start_estimate(amplitude, probes, 4)
    turned = start_estimate(amplitude, probes * np.exp(1j * angle), 4)
    scaled = start_estimate(amplitude * scale, probes * scale, 4)
    torch.testing.assert_close(turned, start, rtol=0, atol=2e-3)
    torch.testing.assert_close(scaled, start, rtol=0, atol=2e-3)


def test_the_start_follows_the_probe_and_stays_where_the_pattern_moves_with_its_tilt():
    amplitude, probes = doubled(patterns())
    start = start_estimate(amplitude, probes, 5)
    moved = start_estimate(amplitude, probes.roll((2, -3), (1, 2)), 5)
    torch.testing.assert_close(moved, start.roll((2, -3), (1, 2)), rtol=0, atol=1e-9)
    rows, cols = np.meshgrid(np.arange(8) / 8, np.arange(12) / 12, indexing="ij")
    tilt = torch.from_numpy(np.exp(2j * np.pi * (2 * rows - 3 * cols)))
    tilted = start_estimate(amplitude.roll((2, -3), (1, 2)), probes * tilt, 5)
    torch.testing.assert_close(tilted, start, rtol=0, atol=1e-9)


@pytest.mark.parametrize("design", [SMALL, NetworkDesign(channels=16, n_blocks=2, shrink=2, start_iterations=6)])
@pytest.mark.parametrize("window", [(8, 12), (16, 4), (12, 20)])
def test_before_its_training_the_network_is_its_start(design, window):
    amplitude, probes = patterns(3, window)
    torch.manual_seed(3)
    network = PatchNetwork(design)
    found = network(amplitude, probes)
    assert found.dtype == torch.complex64
    assert found.shape == (3, *window)
    assert torch.equal(found, start_estimate(amplitude, probes, design.start_iterations))
    assert torch.equal(found, network.start(amplitude, probes))


def test_the_first_step_can_leave_the_start():
    amplitude, probes = patterns()
    network = PatchNetwork(SMALL)
    network(amplitude, probes).abs().sum().backward()
    assert float(network.head.weight.grad.abs().max()) > 0
    assert float(network.head.bias.grad.abs().max()) > 0


@pytest.mark.parametrize("part", [0, 1])
def test_the_correction_has_a_real_and_an_imaginary_part(part):
    amplitude, probes = patterns()
    network = PatchNetwork(SMALL).eval()
    area = SMALL.shrink**2
    with torch.no_grad():
        network.head.bias[part * area : (part + 1) * area] = 0.25
        correction = network(amplitude, probes) - network.start(amplitude, probes)
    expected = torch.full_like(correction, (0.25, 0.25j)[part])
    torch.testing.assert_close(correction, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("window", [(8, 12), (16, 4), (4, 8), (20, 12)])
def test_a_pattern_is_treated_by_itself(window):
    amplitude, probes = patterns(4, window)
    network = lively()
    with torch.no_grad():
        together = network(amplitude, probes)
        reordered = network(amplitude.flip(0), probes.flip(0))
        alone = torch.cat([network(amplitude[k : k + 1], probes[k : k + 1]) for k in range(4)])
        start = network.start(amplitude, probes)
    assert float((together - start).abs().max()) > 1e-2
    torch.testing.assert_close(alone, together, rtol=0, atol=1e-4)
    torch.testing.assert_close(reordered.flip(0), together, rtol=0, atol=1e-4)


@pytest.mark.parametrize("what", ["amplitude", "probe"])
def test_the_correction_looks_at_amplitude_and_probe(what):
    amplitude, probes = patterns(1)
    network = lively()
    with torch.no_grad():
        before = network(amplitude, probes) - network.start(amplitude, probes)
        if what == "amplitude":
            amplitude = amplitude.flip(1)
        else:
            probes = probes.flip(1)
        after = network(amplitude, probes) - network.start(amplitude, probes)
    assert float((after - before).abs().max()) > 1e-3


def test_a_pattern_without_a_photon_gives_numbers():
    amplitude, probes = patterns(2)
    amplitude[1] = 0
    patches = lively()(amplitude, probes)
    assert torch.isfinite(torch.view_as_real(patches)).all()
    patches.abs().sum().backward()


@pytest.mark.parametrize(
    ("channels", "n_blocks", "shrink"),
    [(8, 1, 4), (16, 3, 2), (24, 2, 1), (8, 2, 8)],
)
def test_the_state_has_the_designs_sizes(channels, n_blocks, shrink):
    network = PatchNetwork(NetworkDesign(channels=channels, n_blocks=n_blocks, shrink=shrink))
    area, features = shrink**2, 8
    shapes = {
        "stem.weight": (channels, features * area, 3, 3),
        "stem.bias": (channels,),
        "norm.weight": (channels,),
        "norm.bias": (channels,),
        "head.weight": (2 * area, channels, 3, 3),
        "head.bias": (2 * area,),
    }
    for block in range(n_blocks):
        for layer in ("first", "second"):
            shapes[f"blocks.{block}.{layer}.weight"] = (channels, channels, 3, 3)
            shapes[f"blocks.{block}.{layer}.bias"] = (channels,)
        shapes[f"blocks.{block}.norm.weight"] = shapes[f"blocks.{block}.norm.bias"] = (channels,)
    state = network.state_dict()
    assert {name: tuple(value.shape) for name, value in state.items()} == shapes
    assert {value.dtype for value in state.values()} == {torch.float32}


def test_equal_seeds_give_equal_weights():
    states = []
    for seed in (5, 5, 6):
        torch.manual_seed(seed)
        states.append(PatchNetwork(SMALL).state_dict())
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())
    assert not torch.equal(states[0]["stem.weight"], states[2]["stem.weight"])


def test_a_window_that_shrink_does_not_divide_is_refused():
    with pytest.raises(RuntimeError, match="divisible"):
        lively()(*patterns(1, (8, 10)))


def test_predicted_patches_are_the_networks_in_the_files_unit():
    scan, network = scan_of(), lively()
    patches = predict_patches(network, scan)
    assert patches.dtype == np.complex64
    assert patches.shape == (70, 8, 12)
    for k in (0, 1, 63, 64, 69):
        probe = torch.from_numpy(scan.probes(np.array([k])))
        with torch.no_grad():
            alone = network(torch.from_numpy(scan.amplitude[k : k + 1]), probe)[0].numpy()
        np.testing.assert_allclose(patches[k], 2.5 * alone, rtol=0, atol=1e-3)


def test_the_start_alone_can_be_predicted():
    scan, network = scan_of(5), lively()
    probes = torch.from_numpy(scan.probes(np.arange(5)))
    start = start_estimate(torch.from_numpy(scan.amplitude), probes, SMALL.start_iterations).numpy()
    np.testing.assert_allclose(predict_patches(network, scan, start_only=True), 2.5 * start, rtol=0, atol=1e-4)


def test_predicting_shows_how_far_it_is():
    bars = io.StringIO()
    predict_patches(lively(), scan_of(65), console=Console(None, bars))
    assert "/65" in bars.getvalue()
    assert "pattern" in bars.getvalue()
