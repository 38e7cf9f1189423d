"""Objects from images, and the chart of Siemens stars: values, contrast, seeds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from ptyproof.errors import InputError
from ptyproof.physics.images import object_of_image, part_of_image
from ptyproof.physics.objects import make_object, transmission
from ptyproof.study.seeds import stream
from tests.helpers.messages import naming

RAMP = np.arange(12.0 * 9).reshape(12, 9)


def image(seed: int = 0, side: int = 200) -> npt.NDArray[np.uint8]:
    """Return gray values with structure at many scales."""
    rng = np.random.default_rng(seed)
    blocks = [np.kron(rng.normal(size=(side // n, side // n)), np.ones((n, n))) for n in (4, 10, 40)]
    return np.asarray(np.clip(128 + 30 * sum(blocks), 0, 255), dtype=np.uint8)


def test_a_transmission_has_these_values() -> None:
    found = transmission(np.full((16, 16), 0.5), np.full((16, 16), -0.25))
    assert np.abs(found) == pytest.approx(0.76 - 0.24 * np.tanh(0.5), abs=1e-6)
    assert np.angle(found) == pytest.approx(-1.2 * np.tanh(0.25), abs=1e-6)


def test_a_part_of_an_image_is_one_of_its_eight_orientations() -> None:
    seen = set()
    for seed in range(60):
        part = part_of_image(RAMP, (4, 3), np.random.default_rng(seed))
        assert part.shape == (4, 3)
        down, right = part[1, 0] - part[0, 0], part[0, 1] - part[0, 0]
        assert {abs(down), abs(right)} == {1.0, 9.0}
        assert np.isin(part, RAMP).all()
        seen.add((down, right))
    assert len(seen) == 8


def test_a_small_image_is_continued_by_its_mirror_image() -> None:
    part = part_of_image(RAMP, (24, 24), np.random.default_rng(1))
    assert part.shape == (24, 24)
    assert np.isin(RAMP, part).all()


def test_an_image_has_the_contrast_of_grains() -> None:
    wanted = make_object("grains", (256, 200), np.random.default_rng(1))
    for seed in range(3):
        found = object_of_image(image(seed, 400), (256, 200), np.random.default_rng(seed))
        assert found.shape == (256, 200)
        assert found.dtype == np.complex64
        assert np.abs(found).mean() == pytest.approx(np.abs(wanted).mean(), abs=0.04)
        assert np.abs(found).std() == pytest.approx(np.abs(wanted).std(), rel=0.2)
        assert np.angle(found).std() == pytest.approx(np.angle(wanted).std(), rel=0.2)
        assert abs(np.angle(found).mean()) < 0.1


def test_amplitude_and_phase_of_an_image_are_not_copies_of_each_other() -> None:
    found = object_of_image(image(side=400), (256, 200), np.random.default_rng(0))
    assert abs(np.corrcoef(np.abs(found).ravel(), np.angle(found).ravel())[0, 1]) < 0.9


def test_seeds_give_other_parts_of_an_image() -> None:
    made = [object_of_image(image(), (64, 48), np.random.default_rng(seed)) for seed in range(5)]
    assert len({one.tobytes() for one in made}) == 5


def test_an_image_without_contrast_is_refused() -> None:
    with pytest.raises(InputError, match=naming("one gray value")):
        object_of_image(np.full((64, 64), 7), (32, 32), np.random.default_rng(0))


@pytest.mark.parametrize("seed", [7, 8])
def test_a_siemens_star_has_its_spokes_where_they_are_computed(seed: int) -> None:
    found = make_object("siemens", (256, 256), stream(seed, "star"))
    angle = stream(seed, "star").uniform(0.0, 2.0 * np.pi, (2, 2))[0, 0]
    delay = np.arctanh(np.angle(found).astype(np.float64) / 1.2)
    theta = np.linspace(0, 2 * np.pi, 720, endpoint=False)
    for radius in (38.0, 45.0, 52.0):
        rows = np.rint(64 + radius * np.sin(theta)).astype(int)
        cols = np.rint(64 + radius * np.cos(theta)).astype(int)
        spokes = 2 * np.mean(delay[rows, cols] * np.exp(-24j * theta))
        # sin(24 theta + angle), clipped with the slope 2 r / 24, times 0.7, and blurred by 0.7 px
        wave = np.sin(24 * theta + angle)
        clipped = np.clip(wave * radius / 24 * 2, -1, 1)
        wanted = 0.7 * 2 * np.mean(clipped * np.exp(-24j * theta)) * np.exp(-0.5 * (0.7 * 24 / radius) ** 2)
        assert abs(spokes) == pytest.approx(abs(wanted), rel=0.15)
        assert abs(np.angle(spokes / wanted)) < 0.15
