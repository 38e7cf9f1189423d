"""Orthogonal modes illuminate every object as the modes that they are made of."""

from __future__ import annotations

import numpy as np
import pytest

from ptyproof.errors import InputError
from ptyproof.physics.forward import expected_counts
from ptyproof.physics.modes import orthogonal_modes
from tests.helpers.messages import naming

RNG = np.random.default_rng(5)


def noise(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape) + 1j * RNG.normal(size=shape)


MODES = noise(4, 9, 12) * np.array([1.0, 0.6, 0.3, 0.1])[:, None, None]


def gram(modes: np.ndarray) -> np.ndarray:
    flat = modes.reshape(len(modes), -1)
    return np.asarray(flat.conj() @ flat.T)


def test_orthogonal_modes_give_the_same_patterns_of_any_object() -> None:
    found = orthogonal_modes(MODES)
    patches = noise(5, 9, 12)
    np.testing.assert_allclose(expected_counts(found, patches), expected_counts(MODES, patches), rtol=1e-12)
    matrix = gram(found)
    power = np.diag(matrix).real
    assert np.abs(matrix - np.diag(power)).max() < 1e-13 * power[0]
    assert (np.diff(power) < 0).all()
    assert power.sum() == pytest.approx(gram(MODES).trace().real, rel=1e-13)
    # the powers are the eigenvalues of the matrix of inner products, found another way
    singular = np.linalg.svd(MODES.reshape(4, -1), compute_uv=False)
    np.testing.assert_allclose(power, singular**2, rtol=1e-12)
    assert np.abs(gram(MODES) - np.diag(np.diag(gram(MODES)))).max() > 1  # they were not orthogonal before


def test_orthogonal_modes_come_back_as_they_are() -> None:
    once = orthogonal_modes(MODES)
    np.testing.assert_allclose(orthogonal_modes(once), once, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(orthogonal_modes(once[::-1]), once, rtol=1e-10, atol=1e-12)


def test_a_mixture_of_equal_modes_becomes_one_mode() -> None:
    one = noise(1, 8, 6).astype(np.complex64)
    found = orthogonal_modes(np.concatenate([one, 2j * one]))
    assert found.dtype == np.complex64
    assert np.abs(found[1]).max() < 1e-6 * np.abs(found[0]).max()
    np.testing.assert_allclose(np.abs(found[0]), np.sqrt(5) * np.abs(one[0]), rtol=1e-5)


@pytest.mark.parametrize("modes", [MODES[0], MODES[:0], MODES * np.nan])
def test_what_is_no_set_of_modes(modes: np.ndarray) -> None:
    with pytest.raises(InputError, match=naming("(P, H, W)", modes.shape)):
        orthogonal_modes(modes)
