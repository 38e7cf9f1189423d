"""Objects from images: which part of an image is taken, and how its gray values become amplitude and phase.

An object of an image has the range and the contrast of the drawn object `grains`: amplitude 0.76 - 0.24 tanh(a), phase
1.2 tanh(d) rad, with standard deviations of about 0.09 and 0.5 rad. Both fields have mean 0. a is proportional to the
gray values. d adds the gray values turned by 180 degrees to the detail of the image that is finer than 16 px. So
amplitude and phase share edges but not values, and the phase has a slow part.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from ptyproof.errors import InputError
from ptyproof.physics.objects import transmission

ABSORPTION_STD = 0.42
DELAY_STD = 0.47
DETAIL_SIGMA_PX = 16.0


def part_of_image(image: NDArray[np.generic], shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.generic]:
    """Return a part of an image in one of eight orientations, without resampling.

    Parameters
    ----------
    image
        (rows, cols), real or complex.
    shape
        (rows, cols) of the part. An image that is smaller is continued by its mirror images.
    rng
        Decides orientation and place.
    """
    turns = int(rng.integers(8))
    turned = np.rot90(image if turns < 4 else image.T, turns % 4)
    before_after = [(0, max(0, wanted - side)) for wanted, side in zip(shape, turned.shape, strict=True)]
    turned = np.pad(turned, before_after, mode="symmetric")
    row, col = (int(rng.integers(side - wanted + 1)) for side, wanted in zip(turned.shape, shape, strict=True))
    return turned[row : row + shape[0], col : col + shape[1]]


def object_of_image(
    image: NDArray[np.number], shape: tuple[int, int], rng: np.random.Generator
) -> NDArray[np.complex64]:
    """Return the object that a gray image shows.

    Parameters
    ----------
    image
        (rows, cols) gray values of any unit.
    shape
        (rows, cols) of the object, pixels.
    rng
        Decides which part of the image is taken, and its orientation.

    Returns
    -------
    (rows, cols) complex64 transmission, without unit.

    Raises
    ------
    InputError
        If the part has one gray value only.
    """
    gray = _standardized(np.asarray(part_of_image(image, shape, rng), dtype=np.float64))
    detail = _standardized(gray - gaussian_filter(gray, DETAIL_SIGMA_PX, mode="nearest"))
    return transmission(ABSORPTION_STD * gray, DELAY_STD * _standardized(gray[::-1, ::-1] + detail))


def _standardized(field: NDArray[np.float64]) -> NDArray[np.float64]:
    spread = float(field.std())
    if not spread > 0:
        raise InputError("an image with one gray value only shows no object")
    return np.asarray((field - field.mean()) / spread)
