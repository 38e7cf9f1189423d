"""Pixels whose counts cannot be those of light are named, and others are not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ptyproof.cli import main
from ptyproof.io.dataset import Dataset, in_its_version
from ptyproof.io.importers import import_foreign
from ptyproof.io.odd_pixels import odd_pixels
from tests.strategies.datasets import make_dataset

STAR = Path(__file__).parents[3] / "shared" / "data" / "siemens-star" / "siemens-star-small.npz"


def scan(counts: np.ndarray) -> Dataset:
    made = make_dataset(role="measurement", extras=False, n=len(counts), window=counts.shape[1:])
    metadata = made.metadata | {"intensity_scale": 1.0, "photons_per_pattern_measured": float(counts[0].sum())}
    return replace(made, diffraction=np.sqrt(counts).astype(np.float32), metadata=metadata)


@pytest.fixture
def counts() -> np.ndarray:
    """Speckles that change from pattern to pattern."""
    rng = np.random.default_rng(0)
    return rng.poisson(rng.exponential(60.0, (40, 20, 24)))


def test_patterns_of_light_have_no_odd_pixels(counts: np.ndarray) -> None:
    assert list(odd_pixels(scan(counts))) == []
    assert list(odd_pixels(scan(np.zeros_like(counts)))) == []


def test_parts_of_wide_pixels_are_named(counts: np.ndarray) -> None:
    both = counts[:, 7] + counts[:, 8]
    counts[:, 7], counts[:, 8] = both - both // 2, both // 2
    three = counts[:, :, 3:6].sum(axis=2)
    counts[:, :, 3], counts[:, :, 4], counts[:, :, 5] = three - 2 * (three // 3), three // 3, three // 3
    (said,) = odd_pixels(scan(counts))
    assert "rows 7 to 8;" in said
    assert "columns 3 to 5 " in said
    valid = np.ones(counts.shape[1:], bool)
    valid[7:9] = valid[:, 3:6] = False
    assert list(odd_pixels(in_its_version(replace(scan(counts * valid), valid_pixels=valid)))) == []


def test_dead_and_hot_pixels_are_named(counts: np.ndarray) -> None:
    counts[:, 5, 6] = 0
    counts[:, 9, 10] = np.random.default_rng(1).poisson(900, len(counts))
    dead, hot = odd_pixels(scan(counts))
    assert "(5, 6)" in dead
    assert "(9, 10)" in hot
    # light is bright and not steady
    counts[:, 9, 10] = counts[:, 2, 2] * 15
    assert len(list(odd_pixels(scan(counts)))) == 1


def test_without_counts_nothing_is_known(counts: np.ndarray) -> None:
    counts[:, 5, 6] = 0
    known = scan(counts)
    metadata = known.metadata | {"intensity_scale": None, "photons_per_pattern_measured": None}
    assert list(odd_pixels(replace(known, metadata=metadata))) == []


@pytest.mark.skipif(not STAR.is_file(), reason="the measured Siemens star does not lie beside the project")
def test_the_detector_of_the_star_has_wide_pixels_and_a_hot_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import", str(STAR), "--out", str(tmp_path / "star.npz")]) == 0
    said = capsys.readouterr().out
    for words in ("rows 60 to 61, 62 to 63;", "columns 37 to 38, 39 to 40 ", "pixels (64, 65) "):
        assert words in said
    assert len(list(odd_pixels(import_foreign(STAR)[0]))) == 2
