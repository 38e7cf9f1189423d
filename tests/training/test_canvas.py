"""Canvases of groups: windows by slicing, the adjoint of cutting, sizes, subsets, gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ptyproof.training.canvas import Canvas
from tests.helpers.position_groups import corners_on_canvas, windows_of
from tests.strategies.scans import complex_noise, windows


def noise(shape: tuple[int, ...], seed: int, real: bool = False) -> torch.Tensor:
    values = complex_noise(shape, seed).astype(np.complex128)
    return torch.from_numpy(values.real.copy() if real else values)


def canvas_of(
    n_groups: int, members: int, window: tuple[int, int], seed: int, margin: tuple[int, int] = (0, 0)
) -> Canvas:
    corners = corners_on_canvas(n_groups, members, seed)
    height, width = (int(corners[..., axis].max()) + window[axis] + margin[axis] for axis in (0, 1))
    return Canvas(torch.from_numpy(corners), window, (height, width))


sizes = given(
    window=windows(1, 6),
    members=st.integers(1, 5),
    seed=st.integers(0, 2**16),
    margin=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    real=st.booleans(),
)


@settings(max_examples=40)
@sizes
def test_cutting_is_slicing(
    window: tuple[int, int], members: int, seed: int, margin: tuple[int, int], real: bool
) -> None:
    canvas = canvas_of(2, members, window, seed, margin)
    images = noise((2, *canvas.shape), seed, real)
    expected = windows_of(images.numpy(), canvas.corners_px.numpy(), window)
    for seen in (canvas.cut(images), canvas.cut(images.clone().requires_grad_()).detach()):
        assert seen.dtype == images.dtype
        np.testing.assert_array_equal(seen.numpy(), expected)


@settings(max_examples=40)
@sizes
def test_adding_up_is_a_sum_over_slices(
    window: tuple[int, int], members: int, seed: int, margin: tuple[int, int], real: bool
) -> None:
    canvas = canvas_of(2, members, window, seed, margin)
    values = noise((2, members, *window), seed, real)
    expected = np.zeros((2, *canvas.shape), dtype=values.numpy().dtype)
    for group in range(2):
        for (row, col), one in zip(canvas.corners_px[group].tolist(), values[group].numpy(), strict=True):
            expected[group, row : row + window[0], col : col + window[1]] += one
    for found in (canvas.add_up(values), canvas.add_up(values.clone().requires_grad_()).detach()):
        assert found.dtype == values.dtype
        np.testing.assert_allclose(found.numpy(), expected, rtol=0, atol=1e-12)


@settings(max_examples=40)
@sizes
def test_adding_up_is_the_adjoint_of_cutting(
    window: tuple[int, int], members: int, seed: int, margin: tuple[int, int], real: bool
) -> None:
    canvas = canvas_of(2, members, window, seed, margin)
    images, values = noise((2, *canvas.shape), seed, real), noise((2, members, *window), seed + 1, real)
    left = torch.vdot(canvas.cut(images).flatten(), values.flatten())
    right = torch.vdot(images.flatten(), canvas.add_up(values).flatten())
    assert abs(left - right) <= 1e-12 * float(images.norm() * values.norm() * members)


@settings(max_examples=40)
@given(
    window=windows(1, 9), members=st.integers(1, 5), seed=st.integers(0, 2**16), multiple=st.sampled_from([1, 2, 3, 8])
)
def test_the_smallest_canvas_of_whole_multiples_is_taken(
    window: tuple[int, int], members: int, seed: int, multiple: int
) -> None:
    corners = torch.from_numpy(corners_on_canvas(3, members, seed))
    canvas = Canvas.around(corners, window, multiple)
    assert canvas.window == window
    for axis in (0, 1):
        needed = int(corners[..., axis].max()) + window[axis]
        assert canvas.shape[axis] % multiple == 0
        assert needed <= canvas.shape[axis] < needed + multiple


def test_a_subset_has_the_same_canvas_and_some_windows() -> None:
    canvas = canvas_of(2, 5, (3, 4), 1)
    images = noise((2, *canvas.shape), 2)
    part = canvas.subset(slice(1, 4))
    assert part.shape == canvas.shape
    assert torch.equal(part.cut(images), canvas.cut(images)[:, 1:4])


def test_the_parts_of_a_canvas_add_up_to_the_whole() -> None:
    canvas = canvas_of(2, 5, (3, 4), 3)
    values = noise((2, 5, 3, 4), 4)
    parts = [canvas.subset(slice(first, first + 2)).add_up(values[:, first : first + 2]) for first in (0, 2, 4)]
    torch.testing.assert_close(sum(parts), canvas.add_up(values), rtol=0, atol=1e-12)


@pytest.mark.parametrize("real", [True, False])
def test_gradients_are_those_of_finite_differences(real: bool) -> None:
    canvas = canvas_of(2, 3, (3, 2), 5)
    images, values = noise((2, *canvas.shape), 6, real), noise((2, 3, 3, 2), 7, real)
    assert torch.autograd.gradcheck(canvas.cut, (images.requires_grad_(),))
    assert torch.autograd.gradcheck(canvas.add_up, (values.requires_grad_(),))


def test_a_window_that_leaves_the_canvas_is_refused() -> None:
    canvas = Canvas(torch.tensor([[[0, 0], [9, 0]]]), (3, 4), (6, 8))
    for images in (torch.zeros(1, 6, 8), torch.zeros(1, 6, 8).requires_grad_()):
        with pytest.raises((IndexError, RuntimeError), match="out of bounds"):
            canvas.cut(images)


@pytest.mark.parametrize("corner", [[-1, 0], [0, -3], [4, 0], [0, 7]])
def test_no_part_of_a_window_is_taken_for_the_whole(corner: tuple[int, int]) -> None:
    canvas = Canvas(torch.tensor([[corner]]), (3, 4), (6, 8))
    with pytest.raises(IndexError, match="out of bounds"):
        canvas.cut(torch.zeros(1, 6, 8))
    with pytest.raises(IndexError, match="out of bounds"):
        canvas.add_up(torch.zeros(1, 1, 3, 4))


@given(
    size=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    multiple=st.sampled_from([1, 2, 4]),
    dark=st.tuples(*[st.integers(0, 12)] * 4),
)
def test_what_is_left_of_a_canvas_holds_all_that_is_lit_in_whole_multiples(size: Any, multiple: int, dark: Any) -> None:
    shape = (size[0] * multiple, size[1] * multiple)
    before, after = (min(dark[0], shape[0] - 1), min(dark[2], shape[1] - 1)), (dark[1], dark[3])
    after = tuple(min(after[axis], shape[axis] - 1 - before[axis]) for axis in (0, 1))
    canvas = Canvas(torch.zeros(1, 1, 2, dtype=torch.int64), shape, shape, (before[0], after[0], before[1], after[1]))
    for axis, part in enumerate(canvas.lit(multiple)):
        assert 0 <= part.start <= before[axis]
        assert shape[axis] - after[axis] <= part.stop <= shape[axis]
        assert part.start % multiple == part.stop % multiple == 0
        assert before[axis] - part.start < multiple
        assert part.stop - (shape[axis] - after[axis]) < multiple


def test_a_part_of_a_canvas_keeps_its_margins() -> None:
    canvas = Canvas(torch.zeros(1, 3, 2, dtype=torch.int64), (8, 8), (8, 8), (1, 2, 3, 4))
    assert canvas.subset(slice(1, 2)).dark_px == (1, 2, 3, 4)


def test_products_with_ones_and_zeros_give_what_indices_give() -> None:
    """A GPU takes products, in which sums have a fixed order."""
    canvas = Canvas(torch.tensor([[[0, 3], [2, 0], [5, 1]], [[5, 4], [0, 0], [1, 2]]]), (4, 6), (9, 10))
    images, seen = noise((2, 9, 10), 1, real=True), noise((2, 3, 4, 6), 2, real=True)
    assert torch.equal(canvas._cut_by_product(images), canvas._cut_by_index(images))
    torch.testing.assert_close(canvas._add_up_by_product(seen), canvas._add_up_by_index(seen))


def test_a_product_refuses_a_window_that_leaves_the_canvas() -> None:
    with pytest.raises(IndexError):
        Canvas(torch.tensor([[[6, 0]]]), (4, 6), (9, 10))._cut_by_product(torch.ones(1, 9, 10))
