"""Stitching: perfect patches, unknown phases, noise, separate components, and what must not go wrong quietly."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptyproof.errors import InputError
from ptyproof.physics.metrics import patch_error, scaled_error
from ptyproof.reconstruction.stitching import cut, label_components, stitch
from tests.helpers.messages import naming
from tests.strategies.scans import complex_noise


def smooth_object(shape: tuple[int, ...], seed: int = 0) -> npt.NDArray[Any]:
    """A complex object with modulus around 1 and phases up to about 1 rad, not symmetric in any way."""
    rng = np.random.default_rng(seed)
    row, col = np.meshgrid(*(np.arange(length) for length in shape), indexing="ij")
    waves = [
        np.cos(2 * np.pi * (rng.uniform(-0.08, 0.08) * row + rng.uniform(-0.08, 0.08) * col) + rng.uniform(0, 6))
        for _ in range(12)
    ]
    return ((1 + 0.08 * sum(waves[:6])) * np.exp(0.25j * sum(waves[6:]))).astype(np.complex64)


def bell(window: tuple[int, int], width: float = 0.3) -> npt.NDArray[Any]:
    """A Gaussian weight in the middle of the window, of another width along each axis."""
    axes = [np.exp(-(((np.arange(s) - s // 2) / (f * width * s)) ** 2)) for s, f in zip(window, (1, 1.2), strict=True)]
    return np.outer(*axes).astype(np.float32)


def grid(counts: tuple[int, int], step: float, jitter: int = 0, seed: int = 0) -> npt.NDArray[Any]:
    """Integer corners of a raster scan with jitter, from (0, 0) on."""
    rows, cols = np.meshgrid(*(step * np.arange(n) for n in counts), indexing="ij")
    corners = np.stack([rows.ravel(), cols.ravel()], axis=1)
    corners += np.random.default_rng(seed).integers(-jitter, jitter + 1, corners.shape)
    return np.asarray(corners - corners.min(axis=0))


class Case:
    """Perfect patches of an object with random phases: a non-square window on a non-square canvas."""

    def __init__(
        self,
        counts: tuple[int, int] = (6, 9),
        step: int = 5,
        window: tuple[int, int] = (20, 26),
        jitter: int = 1,
        seed: int = 0,
    ) -> None:
        self.corners = grid(counts, step, jitter, seed)
        self.window = window
        self.shape = tuple((self.corners.max(axis=0) + np.array(window) + (3, 1)).tolist())
        self.obj = smooth_object(self.shape, seed)
        n = len(self.corners)
        self.weights = np.repeat(bell(window)[None], n, axis=0)
        self.truth = cut(self.obj, self.corners, window)
        self.phases = np.exp(2j * np.pi * np.random.default_rng(seed + 1).random(n)).astype(np.complex64)
        self.patches = self.truth * self.phases[:, None, None]

    def noisy(self, sigma: float, seed: int = 0) -> npt.NDArray[Any]:
        """Noise as of counted photons: its variance is inverse to the illumination."""
        noise = sigma * complex_noise(self.patches.shape, seed) / np.sqrt(np.maximum(self.weights, 1e-2))
        return np.asarray((self.patches + noise).astype(np.complex64))

    def stitch(
        self, patches: npt.NDArray[Any] | None = None, corners: npt.NDArray[Any] | None = None, **options: Any
    ) -> Any:
        patches = self.patches if patches is None else patches
        corners = self.corners if corners is None else corners
        return stitch(patches, self.weights, corners, self.shape, **options)

    def error(self, result: Any) -> float:
        return scaled_error(result.obj, self.obj, result.illumination).nrmse


def worst(result: npt.NDArray[Any], truth: npt.NDArray[Any], lit: npt.NDArray[Any]) -> float:
    """Largest deviation from the truth where `lit`, after one global phase."""
    phase = np.vdot(result[lit], truth[lit])
    return float(np.abs(phase / abs(phase) * result - truth)[lit].max())


def test_perfect_patches_give_the_object_up_to_one_phase() -> None:
    case = Case()
    result = case.stitch()
    assert result.n_components == 1
    assert result.obj.shape == result.illumination.shape == case.shape
    kinds = (result.obj.dtype, result.illumination.dtype, result.factors.dtype)
    assert kinds == (np.complex64, np.float32, np.complex64)
    lit = result.illumination > 0
    assert worst(result.obj, case.obj, lit) < 5e-5  # single precision: a rounding of the factors, machine by machine
    assert not result.obj[~lit].any()
    assert (~lit).sum() > 20
    np.testing.assert_allclose(np.abs(result.factors), 1, atol=1e-6)
    relative = result.factors * case.phases
    np.testing.assert_allclose(relative, relative[0], atol=5e-5)


def test_without_synchronisation_the_object_is_lost() -> None:
    case = Case()
    plain = case.stitch(synchronize=False)
    assert case.error(plain) > 0.7
    np.testing.assert_array_equal(plain.factors, 1)
    assert plain.n_components == 1


def test_the_plain_average_is_the_weighted_mean_of_the_definition() -> None:
    case = Case(counts=(3, 2), step=7)
    above = np.zeros(case.shape, dtype=np.complex128)
    below = np.zeros(case.shape)
    height, width = case.window
    for patch, weight, (row, col) in zip(case.patches, case.weights, case.corners, strict=True):
        for i in range(height):
            for j in range(width):
                above[row + i, col + j] += complex(patch[i, j]) * float(weight[i, j])
                below[row + i, col + j] += float(weight[i, j])
    plain = case.stitch(synchronize=False)
    np.testing.assert_allclose(plain.illumination, below, rtol=1e-6)
    np.testing.assert_allclose(plain.obj, np.divide(above, below, out=above, where=below > 0), atol=1e-6)


def test_the_result_is_the_weighted_mean_of_the_turned_patches() -> None:
    case = Case()
    patches = case.noisy(0.4)
    result = case.stitch(patches)
    again = case.stitch(patches * result.factors[:, None, None], synchronize=False)
    np.testing.assert_allclose(result.obj, again.obj, atol=1e-5)


def test_the_weighted_mean_is_real_and_positive() -> None:
    result = Case().stitch()
    mean = (result.obj * result.illumination).sum() / result.illumination.sum()
    assert abs(mean.imag) < 1e-6
    assert mean.real > 0.5


def test_the_factors_maximise_the_agreement() -> None:
    # Brute force: A written out, its leading eigenvector by a dense solver, then the power method to its end.
    case = Case(counts=(4, 5), step=7)
    patches = case.noisy(0.5)
    waves = np.zeros((len(patches), *case.shape), dtype=np.complex128)
    for wave, patch, weight, (row, col) in zip(waves, patches, case.weights, case.corners, strict=True):
        wave[row : row + case.window[0], col : col + case.window[1]] = weight * patch
    flat = waves.reshape(len(waves), -1)
    agreement = flat.conj() @ flat.T
    degrees = (np.abs(flat) @ np.abs(flat).T).sum(axis=1)
    _, vectors = np.linalg.eigh(agreement / np.sqrt(np.outer(degrees, degrees)))
    best = vectors[:, -1] / np.abs(vectors[:, -1])
    for _ in range(1000):
        best = agreement @ best / np.abs(agreement @ best)
    found = case.stitch(patches).factors
    relative = found * best.conj()
    np.testing.assert_allclose(relative, relative[0], atol=1e-3)


@pytest.mark.parametrize("sigma", [0.1, 0.3, 1.0])
def test_with_noise_synchronisation_is_as_good_as_known_phases(sigma: float) -> None:
    case = Case(counts=(10, 10), seed=2)
    patches = case.noisy(sigma)
    found, plain = case.stitch(patches), case.stitch(patches, synchronize=False)
    known = case.stitch(patches * case.phases.conj()[:, None, None], synchronize=False)
    assert case.error(found) < 0.7 * case.error(plain)
    assert case.error(found) < 1.05 * case.error(known)


def test_a_long_scan_holds_together() -> None:
    # Errors between neighbours add up along a chain unless the far patches are solved for together.
    case = Case(counts=(60, 2), step=5, seed=3)
    result = case.stitch(case.noisy(0.3))
    relative = result.factors * case.phases
    assert np.abs(np.angle(relative / relative.mean())).max() < 0.3


def test_wrong_positions_do_not_go_unseen() -> None:
    case = Case(counts=(6, 6), step=5)
    assert case.error(case.stitch()) < 1e-5
    last = case.corners.max(axis=0)
    side = int(last.max())
    wide = (side + case.window[0], side + case.window[1])
    for wrong in (last - case.corners, case.corners[:, ::-1]):
        result = stitch(case.patches, case.weights, wrong, wide)
        frame = np.zeros(wide, dtype=np.complex64)
        seen = tuple(slice(0, min(a, b)) for a, b in zip(wide, case.shape, strict=True))
        frame[seen] = case.obj[seen]
        assert scaled_error(result.obj, frame, result.illumination).nrmse > 0.1
        assert patch_error(cut(result.obj, wrong, case.window), case.truth, case.weights) > 0.1


def two_parts() -> Any:
    case = Case(counts=(4, 5), step=5)
    away = case.corners + np.array([0, 400 - 370 + case.shape[1]])
    corners = np.concatenate([case.corners, away])
    shape = (case.shape[0], int(away[:, 1].max()) + case.window[1])
    obj = smooth_object(shape, 5)
    phases = np.exp(2j * np.pi * np.random.default_rng(9).random(len(corners))).astype(np.complex64)
    patches = cut(obj, corners, case.window) * phases[:, None, None]
    weights = np.concatenate([case.weights, case.weights])
    return obj, patches, weights, corners


def test_two_separate_parts_are_each_right_up_to_a_phase() -> None:
    obj, patches, weights, corners = two_parts()
    mixed = np.random.default_rng(0).permutation(len(corners))
    result = stitch(patches[mixed], weights[mixed], corners[mixed], obj.shape)
    assert result.n_components == 2
    middle = corners[len(corners) // 2, 1] - 1
    left = (result.illumination > 0) & (np.arange(obj.shape[1]) < middle)
    right = (result.illumination > 0) & (np.arange(obj.shape[1]) >= middle)
    for lit in (left, right):
        assert worst(result.obj, obj, lit) < 1e-5
        mean = (result.obj * result.illumination)[lit].sum()
        assert abs(mean.imag) < 1e-5 * abs(mean)
        assert mean.real > 0


def test_windows_that_touch_only_in_the_dark_are_not_connected() -> None:
    # The windows overlap by six pixels, where the weights are below 1e-3 of their peak.
    weight = bell((20, 26), 0.1)
    patches = np.ones((2, 20, 26), dtype=np.complex64)
    weights = np.stack([weight, weight])
    assert stitch(patches, weights, np.array([[0, 0], [0, 20]]), (20, 46)).n_components == 2
    assert stitch(patches, weights, np.array([[0, 0], [0, 8]]), (20, 46)).n_components == 1
    # Each patch is measured by its own peak, so a weak one is connected as well.
    weak = weights * np.array([1, 1e-6])[:, None, None]
    assert stitch(patches, weak, np.array([[0, 0], [0, 8]]), (20, 46)).n_components == 1


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_patches(n: int) -> None:
    case = Case(counts=(1, n), step=6)
    result = case.stitch()
    assert result.n_components == 1
    assert worst(result.obj, case.obj, result.illumination > 0) < 1e-5


def test_patches_at_one_place() -> None:
    case = Case(counts=(1, 3), step=6)
    corners = np.zeros_like(case.corners)
    patches = cut(case.obj, corners, case.window) * case.phases[:, None, None]
    result = case.stitch(patches, corners)
    assert worst(result.obj, case.obj, result.illumination > 0) < 1e-5


def test_no_patches() -> None:
    result = stitch(np.empty((0, 4, 5), np.complex64), np.empty((0, 4, 5)), np.empty((0, 2), np.int64), (7, 9))
    assert result.n_components == 0
    assert result.factors.shape == (0,)
    assert not result.obj.any()
    assert not result.illumination.any()


def test_zero_patches_and_zero_weights_are_harmless() -> None:
    case = Case()
    patches, weights = case.patches.copy(), case.weights.copy()
    patches[7] = 0
    weights[11] = 0
    result = stitch(patches, weights, case.corners, case.shape)
    assert result.n_components == 1
    np.testing.assert_array_equal(result.factors[[7, 11]], 1)
    others = np.delete(result.factors * case.phases, [7, 11])
    np.testing.assert_allclose(others, others[0], atol=2e-4)
    for empty in (stitch(0 * patches, weights, case.corners, case.shape), case_of_no_weight(case)):
        assert empty.n_components == 0
        assert not empty.obj.any()
        np.testing.assert_array_equal(empty.factors, 1)


def case_of_no_weight(case: Any) -> Any:
    return stitch(case.patches, 0 * case.weights, case.corners, case.shape)


def test_a_patch_that_agrees_with_nothing_is_harmless() -> None:
    case = Case()
    patches = case.patches.copy()
    patches[7] = complex_noise(case.window, 1)
    relative = case.stitch(patches).factors * case.phases
    others = np.delete(relative, 7)
    assert np.abs(np.angle(others / others.mean())).max() < 0.2


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**16), st.sampled_from([0.0, 0.3, 1.0]), st.sampled_from([np.complex64, np.complex128]))
def test_phases_of_the_patches_do_not_matter(seed: int, sigma: float, dtype: Any) -> None:
    case = Case(counts=(3, 4), step=6)
    patches = case.noisy(sigma)
    turns = np.exp(2j * np.pi * np.random.default_rng(seed).random(len(patches))).astype(dtype)
    expected, result = case.stitch(patches), case.stitch(patches * turns[:, None, None])
    np.testing.assert_allclose(result.obj, expected.obj, atol=1e-4)
    np.testing.assert_allclose(result.factors * turns, expected.factors, atol=1e-4)


@settings(max_examples=25, deadline=None)
@given(st.floats(1e-6, 1e6), st.floats(1e-6, 1e6), st.integers(0, 2**16))
def test_units_and_order_do_not_matter(object_unit: float, weight_unit: float, seed: int) -> None:
    case = Case(counts=(3, 4), step=6)
    patches = case.noisy(0.3).astype(np.complex128)
    expected = case.stitch(patches)
    order = np.random.default_rng(seed).permutation(len(patches))
    result = stitch(patches[order] * object_unit, case.weights[order] * weight_unit, case.corners[order], case.shape)
    np.testing.assert_allclose(result.obj / object_unit, expected.obj, atol=1e-4)
    np.testing.assert_allclose(result.illumination / weight_unit, expected.illumination, rtol=1e-5)


def test_the_same_bytes_twice() -> None:
    case = Case()
    patches = case.noisy(0.5)
    before = patches.copy(), case.weights.copy()
    first, second = case.stitch(patches), case.stitch(patches)
    assert first.obj.tobytes() == second.obj.tobytes()
    assert first.factors.tobytes() == second.factors.tobytes()
    np.testing.assert_array_equal(patches, before[0])
    np.testing.assert_array_equal(case.weights, before[1])


def test_cut_is_the_inverse_of_stitching() -> None:
    case = Case()
    result = case.stitch(case.truth, synchronize=False)
    again = cut(result.obj, case.corners, case.window)
    assert again.dtype == np.complex64
    np.testing.assert_allclose(again, case.truth, atol=1e-6)
    np.testing.assert_array_equal(case.truth[3], case.obj[corner_slices(case.corners[3], case.window)])
    again[:] = 0
    assert result.obj.any()
    assert cut(case.obj, np.empty((0, 2), np.int64), (4, 5)).shape == (0, 4, 5)


def corner_slices(corner: npt.NDArray[Any], window: tuple[int, int]) -> tuple[slice, ...]:
    return tuple(slice(start, start + length) for start, length in zip(corner.tolist(), window, strict=True))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"patches": np.ones((2, 4, 5))}, naming("patches", "(n, H, W)", "float64")),
        ({"patches": np.ones((4, 5), np.complex64)}, naming("patches", "(n, H, W)", "(4, 5)")),
        ({"patches": np.full((2, 4, 5), np.nan + 0j)}, naming("patches", 40)),
        ({"weights": np.ones((4, 5))}, naming("weights", "(2, 4, 5)", "(4, 5)")),
        ({"weights": np.ones((2, 4, 5), np.complex64)}, naming("weights", "complex64")),
        ({"weights": -np.ones((2, 4, 5))}, naming("weights", 40)),
        ({"weights": np.full((2, 4, 5), np.inf)}, naming("weights", 40)),
        ({"corners_px": np.array([[0.0, 0.0], [1.0, 1.0]])}, naming("corners_px", "(n, 2)", "float64")),
        ({"corners_px": np.array([0, 1])}, naming("corners_px", "(n, 2)", "(2,)")),
        ({"corners_px": np.array([[0, 0]])}, naming("corners_px", 2, 1)),
        ({"corners_px": np.array([[0, 0], [-1, 0]])}, naming("(7, 9)", "[-1, 0]", "index 1")),
        ({"corners_px": np.array([[0, 0], [4, 0]])}, naming("(7, 9)", "[4, 0]", "index 1")),
        ({"corners_px": np.array([[0, 5], [0, 0]])}, naming("1 of 2", "[0, 5]", "index 0")),
        ({"shape": (3, 20)}, naming("(3, 20)", "2 of 2", "(4, 5)")),
        ({"shape": (0, 20)}, naming(1, "(0, 20)", "(4, 5)")),
    ],
)
def test_unusable_input(change: Any, message: str) -> None:
    arguments: dict[str, Any] = {
        "patches": np.ones((2, 4, 5), np.complex64),
        "weights": np.ones((2, 4, 5)),
        "corners_px": np.array([[0, 0], [3, 4]]),
        "shape": (7, 9),
    }
    assert stitch(**arguments).n_components == 1
    with pytest.raises(InputError, match=message):
        stitch(**(arguments | change))


def test_unusable_cuts() -> None:
    obj = np.ones((7, 9), dtype=np.complex64)
    with pytest.raises(InputError, match=naming("obj", "(7, 9)", "float32")):
        cut(cast("Any", obj.real), np.array([[0, 0]]), (4, 5))
    with pytest.raises(InputError, match=naming("(7, 9)", "[4, 0]", "index 0")):
        cut(obj, np.array([[4, 0]]), (4, 5))
    with pytest.raises(InputError, match=naming(1, "(7, 9)", "(0, 5)")):
        cut(obj, np.array([[4, 0]]), (0, 5))


def test_parts_are_numbered_where_they_share_no_light() -> None:
    window = (9, 7)
    corners = np.array([[0, 0], [3, 1], [20, 20], [20, 24], [2, 30]])
    weights = np.repeat(bell(window, 0.1)[None], len(corners), axis=0)
    labels, n_components = label_components(weights, corners, (40, 40))
    assert n_components == 3
    assert labels.dtype == np.int32
    middles = corners + np.array(window) // 2
    of_window = [labels[row, col] for row, col in middles]
    assert of_window == [1, 1, 2, 2, 3]
    assert set(np.unique(labels)) == {0, 1, 2, 3}
    lit = np.zeros((40, 40), dtype=bool)
    for weight, (row, col) in zip(weights, corners, strict=True):
        lit[row : row + 9, col : col + 7] |= weight > 1e-3 * weight.max()
    np.testing.assert_array_equal(labels > 0, lit)


def test_parts_of_windows_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match=naming("corners_px", 2, 1)):
        label_components(np.ones((2, 3, 3)), np.zeros((1, 2), int), (9, 9))
    with pytest.raises(InputError, match=naming("(9, 9)", "[7, 0]", "(3, 3)")):
        label_components(np.ones((1, 3, 3)), np.array([[7, 0]]), (9, 9))


@settings(max_examples=60)
@given(seed=st.integers(0, 2**16), n=st.integers(1, 12))
def test_labels_are_the_components_of_windows_that_share_a_lit_pixel(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    shape, window = (14, 16), (5, 4)
    corners = np.stack([rng.integers(0, m - w + 1, n) for m, w in zip(shape, window, strict=True)], axis=1)
    weights = np.where(rng.random((n, *window)) > 0.6, rng.random((n, *window)), 0).astype(np.float32)
    weights[rng.random(n) < 0.2] = 0
    lit = np.zeros((n, *shape), bool)
    for k, (row, col) in enumerate(corners.tolist()):
        lit[k, row : row + window[0], col : col + window[1]] = weights[k] > 1e-3 * weights[k].max()
    numbers = np.arange(n)
    for _ in range(n):  # independent: pairs, again and again
        for j in range(n):
            for k in range(n):
                if (lit[j] & lit[k]).any():
                    numbers[j] = numbers[k] = min(numbers[j], numbers[k])
    seen = [number for number in sorted(set(numbers.tolist())) if lit[number].any()]
    expected = np.zeros(shape, np.int32)
    for k in range(n):
        if lit[k].any():
            expected[lit[k]] = 1 + seen.index(int(numbers[k]))
    labels, n_components = label_components(weights, corners, shape)
    assert n_components == len(seen)
    np.testing.assert_array_equal(labels, expected)
    assert labels.dtype == np.int32
