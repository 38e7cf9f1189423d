"""The likelihood of an object: by the numpy forward model, by torch's own gradients, by finite differences."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from ptyproof.errors import InputError
from ptyproof.io.told import Told
from ptyproof.physics.detector import Detector
from ptyproof.physics.forward import expected_counts, object_patches
from ptyproof.physics.metrics import poisson_deviance
from ptyproof.reconstruction.likelihood import RATE_FLOOR, Likelihood
from ptyproof.reconstruction.map_fit import Penalty, fit
from ptyproof.reconstruction.method import BlindScan, Reconstruction, illumination
from ptyproof.reconstruction.thinned_scan import ThinnedScan
from tests.helpers.known import known
from tests.helpers.messages import naming

SHAPE = (40, 34)
WINDOW = (12, 15)
DOSE = 3e3


def random_object(seed: int = 3) -> npt.NDArray[np.complex64]:
    """An object of random phases and moduli near 1."""
    rng = np.random.default_rng(seed)
    obj = (0.8 + 0.2 * rng.random(SHAPE)) * np.exp(1j * rng.random(SHAPE))
    return np.asarray(obj, np.complex64)


def make_scan(n: int = 70, whole: bool = True, noisy: bool = True) -> tuple[BlindScan, npt.NDArray[np.complex64]]:
    """Return a scan of a non-square window with a complex probe, and its object; more patterns than one block holds."""
    rng = np.random.default_rng(0)
    positions = np.array(WINDOW) // 2 + rng.random((n, 2)) * (np.array(SHAPE) - WINDOW)
    positions = np.rint(positions) if whole else positions
    rows, cols = np.indices(WINDOW)
    spread = np.exp(-((rows - 6) ** 2 + (cols - 7) ** 2) / 18) * np.exp(0.03j * ((rows - 6) ** 2 - (cols - 7) ** 2))
    probe = (np.sqrt(DOSE) * spread / np.linalg.norm(spread)).astype(np.complex64)
    obj = random_object()
    expected = expected_counts(probe, object_patches(obj, positions, WINDOW))
    counts = rng.poisson(expected) if noisy else expected
    return BlindScan(np.sqrt(counts).astype(np.float32), probe, positions, SHAPE), obj


def canvas_of(scan: BlindScan, likelihood: Likelihood, obj: npt.NDArray[np.complex64]) -> npt.NDArray[np.complex64]:
    """Return the part of an object that the windows touch, with a modulus of about 1."""
    row, col = scan.corners_px.min(axis=0)
    part = obj[row : row + likelihood.shape[0], col : col + likelihood.shape[1]]
    return np.asarray(part / np.float32(scan.unit_scale))


def test_the_value_is_the_deviance_of_the_numpy_forward_model() -> None:
    scan, obj = make_scan()
    likelihood = Likelihood.of(scan)
    expected = expected_counts(scan.probe, object_patches(obj, scan.positions_px, WINDOW))
    deviance = poisson_deviance(expected, np.rint(np.square(scan.amplitude)), RATE_FLOOR)
    assert likelihood.loss(canvas_of(scan, likelihood, obj)) == pytest.approx(deviance, rel=1e-4)


def test_the_light_is_the_illumination_in_photons() -> None:
    scan, _ = make_scan(whole=False)
    likelihood = Likelihood.of(scan)
    light = illumination(scan.probe, scan.positions_px, SHAPE) * scan.unit_scale**2
    row, col = scan.corners_px.min(axis=0)
    assert light.sum() == pytest.approx(likelihood.illumination.sum(), rel=1e-4)
    part = light[row : row + likelihood.shape[0], col : col + likelihood.shape[1]]
    np.testing.assert_allclose(likelihood.illumination, part, rtol=1e-3, atol=1e-3)


def test_the_gradient_is_that_of_torch() -> None:
    torch = pytest.importorskip("torch")
    from ptyproof.training.forward import expected_counts as torch_counts
    from ptyproof.training.forward import poisson_loss

    scan, _ = make_scan(whole=False)
    likelihood = Likelihood.of(scan)
    at = random_object(seed=8)[: likelihood.shape[0], : likelihood.shape[1]]
    value, slope = likelihood(at)
    variable = torch.from_numpy(at).requires_grad_()
    patches = [variable[row : row + WINDOW[0], col : col + WINDOW[1]] for row, col in likelihood.corners_px.tolist()]
    rates = torch_counts(torch.from_numpy(likelihood.probes), torch.stack(patches))
    loss = poisson_loss(rates, torch.from_numpy(likelihood.counts), RATE_FLOOR) * likelihood.counts.size
    loss.backward()
    assert value == pytest.approx(float(loss.detach()), rel=1e-4)
    np.testing.assert_allclose(slope, variable.grad.numpy(), rtol=1e-3, atol=1e-3 * np.abs(slope).max())


def test_the_gradient_is_the_slope_of_the_value() -> None:
    scan, obj = make_scan(whole=False)
    likelihood = Likelihood.of(scan)
    at = canvas_of(scan, likelihood, obj) * np.complex64(0.9)
    way = random_object(seed=5)[: likelihood.shape[0], : likelihood.shape[1]]
    step = np.float32(1e-3)
    rise = (likelihood(at + step * way)[0] - likelihood(at - step * way)[0]) / (2 * step)
    assert np.vdot(likelihood(at)[1], way).real == pytest.approx(rise, rel=1e-3)


def test_a_fit_of_perfect_data_finds_the_object_and_stays_there() -> None:
    scan, obj = make_scan(noisy=False)
    likelihood = Likelihood.of(scan)
    truth = canvas_of(scan, likelihood, obj)
    lit = likelihood.illumination > 0.05 * likelihood.illumination.max()
    losses: list[float] = []

    def note(loss: float, _: object) -> bool:
        losses.append(loss)
        return False

    found = fit(likelihood, np.ones_like(truth), Penalty(), 150, note)
    assert len(losses) == 150
    assert losses == sorted(losses, reverse=True)
    turned = found * np.exp(-1j * np.angle(np.vdot(truth[lit], found[lit])))
    assert np.linalg.norm((turned - truth)[lit]) < 0.05 * np.linalg.norm(truth[lit])
    stayed = fit(likelihood, truth, Penalty(), 10, lambda *_: False)
    assert np.linalg.norm((stayed - truth)[lit]) < 0.01 * np.linalg.norm(truth[lit])


def test_a_heavier_penalty_leaves_less_variation_and_an_iteration_can_be_the_last() -> None:
    from ptyproof.physics.variation import huber_variation

    scan, obj = make_scan()
    likelihood = Likelihood.of(scan)
    start = canvas_of(scan, likelihood, obj)
    variations = [
        huber_variation(fit(likelihood, start, Penalty(weight), 20, lambda *_: False), 0.03)[0]
        for weight in (0.0, 3.0, 30.0)
    ]
    assert variations == sorted(variations, reverse=True)
    assert variations[-1] < 0.7 * variations[0]
    seen: list[float] = []

    def last(loss: float, _: object) -> bool:
        seen.append(loss)
        return len(seen) == 3

    fit(likelihood, start, Penalty(), None, last)
    assert len(seen) == 3


def test_hidden_photons_judge_an_object_by_what_it_predicts_of_them() -> None:
    scan, obj = make_scan()
    thinned = ThinnedScan.of(scan, np.random.default_rng(1), 0.8)
    shown = np.square(thinned.shown.amplitude, dtype=float)
    np.testing.assert_allclose(shown + thinned.hidden, np.rint(np.square(scan.amplitude, dtype=float)), atol=1e-3)
    expected = 0.2 * expected_counts(scan.probe, object_patches(obj, scan.positions_px, WINDOW))
    deviance = poisson_deviance(expected, thinned.hidden, RATE_FLOOR)
    assert thinned.loss(Reconstruction(obj, thinned.shown.probe)) == pytest.approx(deviance, rel=1e-3)
    assert thinned.loss(Reconstruction(random_object(seed=9), thinned.shown.probe)) > 1.2 * deviance


def told_scan(seed: int = 2) -> tuple[BlindScan, npt.NDArray[np.complex64]]:
    """A scan of everything that a method can be told, with exact expected counts, whole positions, and its object."""
    rng = np.random.default_rng(seed)
    clean, obj = make_scan(noisy=False)
    n = len(clean)
    further = (0.5 * clean.probe * np.exp(0.4j * np.arange(WINDOW[1]))).astype(np.complex64)[None]
    factors, background = rng.uniform(0.6, 1.6, n), rng.uniform(0.1, 2, WINDOW).astype(np.float32)
    modes = np.concatenate([clean.probe[None], further])
    detector = Detector(0.6, factors, background)
    expected = detector.expected(expected_counts(modes, object_patches(obj, clean.positions_px, WINDOW)))
    limit = float(np.quantile(expected, 0.97))
    valid = rng.uniform(size=(n, *WINDOW)) > 0.15
    counts = np.where(valid, np.minimum(expected, limit), 0)
    told = Told(valid, further, background, 0.6, factors, limit)
    return replace(clean, amplitude=np.sqrt(counts).astype(np.float32), told=told), obj


def test_a_model_of_all_that_is_told_fits_its_data() -> None:
    scan, obj = told_scan()
    likelihood = Likelihood.of(scan)
    truth = canvas_of(scan, likelihood, obj)
    value, slope = likelihood(truth)
    assert value / likelihood.n_measured < 1e-4
    assert likelihood.n_measured == np.count_nonzero(known(scan.told.valid_pixels))
    wrong = likelihood(np.ones_like(truth))
    assert np.linalg.norm(slope) < 1e-2 * np.linalg.norm(wrong[1])
    # without any one of them the data do not fit
    for word in scan.told.words:
        rest = [other for other in scan.told.words if other != word]
        deaf = Likelihood.of(replace(scan, told=scan.told.only(rest)))
        less = canvas_of(replace(scan, told=scan.told.only(rest)), deaf, obj)
        assert deaf(less)[0] / deaf.n_measured > 100 * value / likelihood.n_measured, word


def test_the_gradient_of_what_is_told_is_the_slope_of_the_value() -> None:
    scan, obj = told_scan()
    scan = replace(scan, positions_px=scan.positions_px + 0.3)
    likelihood = Likelihood.of(scan)
    at = canvas_of(scan, likelihood, obj) * np.complex64(0.9)
    way = random_object(seed=5)[: likelihood.shape[0], : likelihood.shape[1]]
    step = np.float32(1e-3)
    rise = (likelihood(at + step * way)[0] - likelihood(at - step * way)[0]) / (2 * step)
    assert np.vdot(likelihood(at)[1], way).real == pytest.approx(rise, rel=2e-3)


def test_what_a_mask_excludes_has_no_say() -> None:
    scan, obj = told_scan()
    likelihood = Likelihood.of(scan)
    at = canvas_of(scan, likelihood, obj) * np.complex64(0.9)
    marked = np.where(known(scan.told.valid_pixels), scan.amplitude, 7).astype(np.float32)
    other = replace(likelihood, counts=np.square(np.fft.ifftshift(marked, axes=(1, 2))))
    assert other(at)[0] == likelihood(at)[0]
    np.testing.assert_array_equal(other(at)[1], likelihood(at)[1])


def test_told_of_shown_photons_is_that_of_a_dimmer_beam() -> None:
    scan, _ = told_scan()
    whole = np.rint(np.square(scan.amplitude))
    told = scan.told.shown(np.sqrt(whole), 0.25)
    assert told.saturation_counts is None
    np.testing.assert_allclose(known(told.further_modes), 0.5 * known(scan.told.further_modes), rtol=1e-6)
    np.testing.assert_allclose(known(told.background), 0.25 * known(scan.told.background), rtol=1e-6)
    free = whole < known(scan.told.saturation_counts) - 0.5
    np.testing.assert_array_equal(told.valid_pixels, known(scan.told.valid_pixels) & free)


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("valid_pixels", np.ones((3, 3), bool)),
        ("background", -np.ones(WINDOW, np.float32)),
        ("background", np.full(WINDOW, np.nan, np.float32)),
        ("intensity_factors", np.ones(2)),
        ("further_modes", np.ones((1, 2, 2), np.complex64)),
    ],
)
def test_what_cannot_be_told(name: str, array: Any) -> None:
    scan, _ = make_scan()
    wrong: Any = {name: array}
    with pytest.raises(InputError, match=naming(name)):
        Told(**wrong).check(len(scan), WINDOW)
