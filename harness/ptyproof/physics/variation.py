"""Total variation of a complex image, with Huber's rounding: the penalty of `map-tv`, and its gradient."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ptyproof.errors import InputError


def huber_variation(image: NDArray[np.complexfloating], epsilon: float) -> tuple[float, NDArray[np.complexfloating]]:
    """Sum of Huber's function of the magnitude of the complex gradient, and its derivative.

    sum h(t) with t = sqrt(|O[i+1, j] - O[i, j]|^2 + |O[i, j+1] - O[i, j]|^2), where a difference that would leave the
    image is zero, h(t) = t^2 / (2 epsilon) for t <= epsilon, and t - epsilon / 2 above (Rudin, Osher & Fatemi,
    Physica D 60, 259, 1992; Huber, Ann. Math. Stat. 35, 73, 1964). One magnitude for real and imaginary part, so that
    edges of amplitude and of phase cost alike wherever they lie in the complex plane.

    Parameters
    ----------
    image
        O, (M, M') complex.
    epsilon
        Magnitude below which the penalty is quadratic, > 0, in the unit of the image.

    Returns
    -------
    The sum in float64, and d/dRe(O) + i d/dIm(O), (M, M') in the image's dtype.

    Raises
    ------
    InputError
        If the image does not have two axes, or epsilon is not above zero.
    """
    if image.ndim != 2 or not np.iscomplexobj(image):
        raise InputError(f"image must be a complex array (M, M'), got shape {image.shape} of {image.dtype}")
    if not epsilon > 0:
        raise InputError(f"epsilon must be above zero, got {epsilon}")
    down, right = np.zeros_like(image), np.zeros_like(image)
    np.subtract(image[1:], image[:-1], out=down[:-1])
    np.subtract(image[:, 1:], image[:, :-1], out=right[:, :-1])
    squares = down.real**2 + down.imag**2 + right.real**2 + right.imag**2
    size = np.sqrt(squares)
    value = np.where(size <= epsilon, squares / (2 * epsilon), size - epsilon / 2).sum(dtype=np.float64)
    weight = 1 / np.maximum(size, epsilon)
    down *= weight
    right *= weight
    slope = -(down + right)
    slope[1:] += down[:-1]
    slope[:, 1:] += right[:, :-1]
    return float(value), slope
