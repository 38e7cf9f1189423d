"""Orientations are numpy's flips and turns; positions follow the pixels that they point at."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from ptyproof.errors import InputError
from ptyproof.physics.names import ORIENTATIONS
from ptyproof.physics.orientation import inverse, oriented, oriented_positions, rotated_positions

BY_NUMPY: dict[str, Callable[[npt.NDArray[np.int64]], npt.NDArray[np.int64]]] = {
    "as-is": lambda image: image,
    "flip-rows": np.flipud,
    "flip-cols": np.fliplr,
    "rotate-180": lambda image: np.rot90(image, 2),
    "transpose": np.transpose,
    "rotate-90": np.rot90,
    "rotate-270": lambda image: np.rot90(image, 3),
    "transpose-180": lambda image: np.rot90(image.T, 2),
}


def test_every_orientation_has_a_name() -> None:
    assert set(ORIENTATIONS) == set(BY_NUMPY)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_an_orientation_is_that_of_numpy(orientation: str) -> None:
    image = np.arange(12).reshape(3, 4)
    np.testing.assert_array_equal(oriented(image, orientation), BY_NUMPY[orientation](image))


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_orientation_and_inverse_give_the_image_back(orientation: str) -> None:
    images = np.arange(60).reshape(5, 3, 4)
    np.testing.assert_array_equal(oriented(oriented(images, orientation), inverse(orientation)), images)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_positions_follow_the_pixels(orientation: str) -> None:
    image = np.arange(12).reshape(3, 4)
    middle = (np.array(image.shape) - 1) / 2
    turned = oriented(image, orientation)
    new_middle = (np.array(turned.shape) - 1) / 2
    for row, col in np.ndindex(image.shape):
        position = np.array([[row, col]]) - middle
        new_row, new_col = (oriented_positions(position, orientation)[0] + new_middle).astype(int)
        assert turned[new_row, new_col] == image[row, col]


def test_a_quarter_turn_by_degrees_is_that_orientation() -> None:
    positions = np.array([[1.0, 2.0], [-3.0, 0.5]])
    np.testing.assert_allclose(rotated_positions(positions, 90), oriented_positions(positions, "rotate-90"), atol=1e-12)


def test_an_unknown_orientation_is_refused() -> None:
    with pytest.raises(InputError):
        oriented(np.zeros((2, 2)), "upside-down")
