"""Merging the patches of a group: brute force, perfect patches of any phase, darkness, gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ptyproof.physics import forward as numpy_forward
from ptyproof.training.forward import canvas_indices, expected_counts, merge_groups, poisson_loss
from tests.strategies.scans import complex_noise, windows

UNLIT = 1e-6  # weight, relative to a group's largest, that stands for no light


def noise(shape, seed, dtype=np.complex128):
    """Complex noise as a tensor: nothing in it is symmetric or real."""
    return torch.from_numpy(complex_noise(shape, seed).astype(dtype))


def corners_on_canvas(n_groups, members, seed, reach=5):
    """Random corners (B, C, 2) with a zero in each axis of each group."""
    corners = np.random.default_rng(seed).integers(0, reach + 1, (n_groups, members, 2))
    return corners - corners.min(axis=1, keepdims=True)


def weights_of(shape, seed):
    return np.random.default_rng(seed).uniform(0.1, 2.0, shape)


def brute_merge(patches, weights, corners):
    """Merge group by group and pixel by pixel, in numpy."""
    height, width = patches.shape[2:]
    out = np.zeros_like(patches)
    for group, (members, lights, starts) in enumerate(zip(patches, weights, corners, strict=True)):
        factors = synchronising(members, lights, starts)
        top, floor = {}, UNLIT * lights.max()
        for patch, light, start, factor in zip(members, lights, starts, factors, strict=True):
            for i in range(height):
                for j in range(width):
                    value, total = top.get((start[0] + i, start[1] + j), (0, 0))
                    top[start[0] + i, start[1] + j] = value + factor * light[i, j] * patch[i, j], total + light[i, j]
        for member, start in enumerate(starts):
            for i in range(height):
                for j in range(width):
                    value, total = top[start[0] + i, start[1] + j]
                    out[group, member, i, j] = value / (total + floor)
    return out


def synchronising(members, lights, starts):
    """Unit factors from the leading eigenvector of the overlaps, each an explicit sum over shared pixels."""
    placed = []
    for patch, light, start in zip(members, lights, starts, strict=True):
        pixels = np.argwhere(np.ones(patch.shape, dtype=bool))
        placed.append({tuple(pixel + start): light[tuple(pixel)] * patch[tuple(pixel)] for pixel in pixels})
    overlaps = np.array([[sum(np.conj(a[p]) * b[p] for p in a.keys() & b.keys()) for b in placed] for a in placed])
    leading = np.linalg.eigh(overlaps)[1][:, -1]
    return np.where(np.abs(leading) > 0, leading / np.maximum(np.abs(leading), 1e-300), 1)


def aligned(values, reference):
    """`values` times the one unit factor that brings them closest to `reference`."""
    overlap = np.vdot(values, reference)
    return values * overlap / abs(overlap)


@settings(max_examples=40)
@given(window=windows(1, 6), seed=st.integers(0, 2**16), margin=st.tuples(st.integers(0, 3), st.integers(0, 3)))
def test_canvas_indices_name_the_pixels_of_every_window(window, seed, margin):
    corners = corners_on_canvas(2, 3, seed)
    canvas = tuple(int(corners[..., axis].max()) + window[axis] + margin[axis] for axis in (0, 1))
    indices = canvas_indices(torch.from_numpy(corners), window, canvas)
    assert indices.dtype == torch.int64
    numbered = np.arange(canvas[0] * canvas[1]).reshape(canvas)
    for group in range(2):
        for member, (row, col) in enumerate(corners[group]):
            cut = numbered[row : row + window[0], col : col + window[1]]
            np.testing.assert_array_equal(indices[group, member].numpy(), cut.ravel())


@settings(max_examples=25)
@given(window=windows(2, 6), members=st.integers(1, 5), seed=st.integers(0, 2**16))
def test_merging_is_what_brute_force_does(window, members, seed):
    corners = corners_on_canvas(2, members, seed, reach=3)
    weights = weights_of((2, members, *window), seed)
    truth = complex_noise((2, 12, 12), seed + 1).astype(np.complex128)
    phases = np.exp(2j * np.pi * np.random.default_rng(seed).random((2, members, 1, 1)))
    patches = cut(truth, corners, window) * phases + 0.1 * complex_noise((2, members, *window), seed + 2)
    found = merge_groups(*(torch.from_numpy(array) for array in (patches, weights, corners))).numpy()
    reference = brute_merge(patches, weights, corners)
    for group in range(2):
        np.testing.assert_allclose(aligned(found[group], reference[group]), reference[group], rtol=0, atol=1e-8)


def cut(truth, corners, window):
    """The windows (B, C, H, W) of each group's own object at its corners."""
    return np.array(
        [
            [obj[row : row + window[0], col : col + window[1]] for row, col in starts]
            for obj, starts in zip(truth, corners, strict=True)
        ]
    )


@settings(max_examples=40)
@given(window=windows(4, 9), members=st.integers(2, 9), seed=st.integers(0, 2**16))
def test_perfect_patches_of_any_phase_merge_to_the_truth_of_one_phase(window, members, seed):
    corners = corners_on_canvas(3, members, seed, reach=3)  # windows of 4 pixels and more: all overlap
    weights = weights_of((3, members, *window), seed)
    truth = cut(complex_noise((3, 16, 16), seed + 1).astype(np.complex128), corners, window)
    phases = np.exp(2j * np.pi * np.random.default_rng(seed).random((3, members, 1, 1)))
    merged = merge_groups(
        torch.from_numpy(truth * phases), torch.from_numpy(weights), torch.from_numpy(corners)
    ).numpy()
    for group in range(3):
        relative = merged[group] / truth[group]
        np.testing.assert_allclose(relative, relative[0, 0, 0], rtol=0, atol=3e-5)
        assert abs(relative[0, 0, 0]) == pytest.approx(1, abs=3e-5)


def test_merging_agreeing_patches_in_single_precision_keeps_them():
    window, corners = (24, 17), corners_on_canvas(4, 4, 8)
    truth = cut(complex_noise((4, 40, 40), 9), corners, window)
    weights = weights_of((4, 4, *window), 10).astype(np.float32)
    merged = merge_groups(torch.from_numpy(truth), torch.from_numpy(weights), torch.from_numpy(corners)).numpy()
    assert merged.dtype == np.complex64
    for group in range(4):
        np.testing.assert_allclose(aligned(merged[group], truth[group]), truth[group], rtol=0, atol=1e-4)


def test_the_better_lit_patch_decides():
    patches = torch.stack([torch.full((1, 4, 6), value, dtype=torch.complex128) for value in (1.0, 3.0)], dim=1)
    weights = torch.stack([torch.full((1, 4, 6), light, dtype=torch.float64) for light in (3.0, 1.0)], dim=1)
    merged = merge_groups(patches, weights, torch.zeros(1, 2, 2, dtype=torch.int64))
    torch.testing.assert_close(merged.abs(), torch.full_like(weights, 1.5), rtol=1e-5, atol=0)


def test_groups_do_not_see_each_other():
    corners = corners_on_canvas(3, 4, 11)
    patches, weights = complex_noise((3, 4, 5, 7), 12), weights_of((3, 4, 5, 7), 13).astype(np.float32)
    together = merge_groups(*(torch.from_numpy(array) for array in (patches, weights, corners))).numpy()
    for group in range(3):
        arrays = (array[group : group + 1] for array in (patches, weights, corners))
        alone = merge_groups(*(torch.from_numpy(array) for array in arrays)).numpy()
        np.testing.assert_allclose(aligned(together[group], alone[0]), alone[0], rtol=0, atol=1e-5)


def test_what_no_probe_lights_is_zero_and_has_a_gradient():
    window, corners = (6, 8), torch.tensor([[[0, 0], [2, 3], [4, 1], [1, 5]]])
    weights = torch.zeros(1, 4, *window)
    weights[:, :3, 2:4, 3:6] = 1.0
    patches = noise((1, 4, *window), 14, np.complex64).requires_grad_()
    merged = merge_groups(patches, weights, corners)
    lit = torch.zeros(20, 20, dtype=torch.bool)
    for row, col in corners[0, :3].tolist():
        lit[row + 2 : row + 4, col + 3 : col + 6] = True
    for member, (row, col) in enumerate(corners[0].tolist()):
        seen = lit[row : row + 6, col : col + 8]
        assert (merged[0, member][~seen] == 0).all()
        assert (merged[0, member][seen].abs() > 0).all()
    expected_counts(torch.ones(1, 4, *window, dtype=torch.complex64), merged).sum().backward()
    assert torch.isfinite(torch.view_as_real(patches.grad)).all()


def test_patches_that_share_no_pixel_stay_what_they_are():
    corners = torch.tensor([[[0, 0], [0, 9], [8, 4]]])
    patches, weights = noise((1, 3, 5, 7), 15), torch.from_numpy(weights_of((1, 3, 5, 7), 16))
    merged = merge_groups(patches, weights, corners)
    for member in range(3):
        found = aligned(merged[0, member].numpy(), patches[0, member].numpy())
        np.testing.assert_allclose(found, patches[0, member].numpy(), rtol=1e-4)


def test_all_patches_zero_merge_to_zero():
    weights = torch.ones(2, 4, 5, 7)
    merged = merge_groups(torch.zeros(2, 4, 5, 7, dtype=torch.complex64), weights, torch.zeros(2, 4, 2).long())
    assert (merged == 0).all()


def test_the_gradient_through_merging_is_that_with_its_phases_held():
    window, corners = (4, 5), corners_on_canvas(2, 3, 17, reach=2)
    truth = cut(complex_noise((2, 9, 9), 18).astype(np.complex128), corners, window)
    phases = np.exp(2j * np.pi * np.random.default_rng(19).random((2, 3, 1, 1)))
    start = truth * phases + 0.3 * complex_noise(truth.shape, 20)
    weights = weights_of(truth.shape, 21)
    probes = complex_noise(truth.shape, 22).astype(np.complex128)
    counts = np.random.default_rng(23).poisson(5.0, truth.shape).astype(np.float64)
    patches = torch.from_numpy(start).requires_grad_()
    merged = merge_groups(patches, torch.from_numpy(weights), torch.from_numpy(corners))
    poisson_loss(expected_counts(torch.from_numpy(probes), merged), torch.from_numpy(counts), 1e-2).backward()
    factors = np.array([synchronising(*group) for group in zip(start, weights, corners, strict=True)])

    def loss(values):
        seen = held_merge(values, weights, corners, factors)
        pairs = zip(probes.reshape(-1, *window), seen.reshape(-1, 1, *window), strict=True)
        rate = np.concatenate([numpy_forward.expected_counts(probe, patch) for probe, patch in pairs]) + 1e-2
        n = counts.reshape(rate.shape)
        return (rate - n * np.log(rate)).mean()

    step = 1e-6
    for index in np.random.default_rng(24).choice(start.size, 25, replace=False):
        where = np.unravel_index(index, start.shape)
        slopes = []
        for direction in (1, 1j):
            change = np.zeros_like(start)
            change[where] = step * direction
            slopes.append((loss(start + change) - loss(start - change)) / (2 * step))
        assert complex(patches.grad[where]) == pytest.approx(complex(*slopes), rel=1e-5, abs=1e-8)


def held_merge(patches, weights, corners, factors):
    """The merged windows for given unit factors."""
    height, width = patches.shape[2:]
    out = np.empty_like(patches)
    for group, starts in enumerate(corners):
        value, total = np.zeros((30, 30), dtype=complex), np.zeros((30, 30))
        places = [np.s_[row : row + height, col : col + width] for row, col in starts]
        for member, place in enumerate(places):
            value[place] += factors[group, member] * weights[group, member] * patches[group, member]
            total[place] += weights[group, member]
        merged = value / (total + UNLIT * weights[group].max())
        out[group] = [merged[place] for place in places]
    return out


def test_autograd_agrees_with_finite_differences_where_the_phases_cannot_change():
    corners = torch.tensor([[[0, 0], [3, 4]]])  # windows that share no pixel leave every phase as it is
    probes = noise((1, 2, 3, 4), 25)
    weights = probes.abs().square()
    patches = noise((1, 2, 3, 4), 26)
    patches[:, 1] *= 3  # the leading eigenvector is then that of the second patch, well apart
    counts = torch.from_numpy(np.random.default_rng(27).poisson(4.0, (1, 2, 3, 4)).astype(np.float64))

    def loss(values):
        return poisson_loss(expected_counts(probes, merge_groups(values, weights, corners)), counts, 1e-2)

    assert torch.autograd.gradcheck(loss, (patches.requires_grad_(),))
