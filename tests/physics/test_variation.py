"""The penalty on variation: values that are known, the gradient by finite differences, what is refused."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from ptyproof.errors import InputError
from ptyproof.physics.variation import huber_variation
from tests.helpers.messages import naming


def image(shape: tuple[int, int] = (7, 5), seed: int = 0) -> npt.NDArray[np.complex128]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


def test_an_edge_costs_its_height_along_its_length_whatever_its_phase() -> None:
    for height in (2.0, 2j, 1.2 + 1.6j):
        step = np.ones((6, 9), complex)
        step[:, 4:] += height
        value, _ = huber_variation(step, 0.1)
        assert value == pytest.approx(6 * (2.0 - 0.05))
        assert huber_variation(step.T.copy(), 0.1)[0] == pytest.approx(value)


def test_below_epsilon_the_penalty_is_quadratic_and_a_constant_costs_nothing() -> None:
    ramp = np.broadcast_to(0.01j * np.arange(8), (3, 8)).copy()
    assert huber_variation(ramp, 0.5)[0] == pytest.approx(3 * 7 * 0.01**2 / (2 * 0.5))
    value, slope = huber_variation(np.full((3, 4), 2 - 1j), 0.5)
    assert value == 0
    assert not slope.any()


@pytest.mark.parametrize("epsilon", [0.05, 1.5])
@pytest.mark.parametrize("shape", [(7, 5), (1, 6), (4, 1)])
def test_the_gradient_is_the_slope_of_the_value(epsilon: float, shape: tuple[int, int]) -> None:
    at, way, step = image(shape), image(shape, seed=1), 1e-6
    _, slope = huber_variation(at, epsilon)
    rise = (huber_variation(at + step * way, epsilon)[0] - huber_variation(at - step * way, epsilon)[0]) / (2 * step)
    assert np.vdot(slope, way).real == pytest.approx(rise, rel=1e-6)


def test_the_gradient_has_the_precision_of_the_image() -> None:
    assert huber_variation(image().astype(np.complex64), 0.03)[1].dtype == np.complex64


@pytest.mark.parametrize(
    ("bad", "epsilon", "named"),
    [
        (np.ones((2, 3)), 0.1, ("complex", "float64")),
        (np.ones((2, 3, 4), complex), 0.1, ("(2, 3, 4)",)),
        (np.ones((2, 3), complex), 0.0, ("epsilon", 0.0)),
        (np.ones((2, 3), complex), float("nan"), ("epsilon", "nan")),
    ],
)
def test_impossible_input_is_refused(
    bad: npt.NDArray[np.complex128], epsilon: float, named: tuple[object, ...]
) -> None:
    with pytest.raises(InputError, match=naming(*named)):
        huber_variation(bad, epsilon)
