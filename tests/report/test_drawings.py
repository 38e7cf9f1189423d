"""Drawings of arrays: what is drawn, what is left out, and the texts that say it in numbers."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from ptyproof.report.pictures import draw_diffraction, draw_reconstruction, draw_scan, draw_training
from tests.helpers.messages import numbers


def disc(shape: tuple[int, int]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return an illumination: one within a disc, zero around it."""
    rows, cols = np.indices(shape)
    return (((rows - shape[0] / 2) ** 2 + (cols - shape[1] / 2) ** 2) < (min(shape) / 2.5) ** 2).astype(float)


def random_object(shape: tuple[int, int]) -> np.ndarray[Any, np.dtype[np.complex128]]:
    rng = np.random.default_rng(5)
    made: np.ndarray[Any, np.dtype[np.complex128]] = rng.uniform(0.5, 1.0, shape) * np.exp(
        1j * rng.uniform(-1, 1, shape)
    )
    return made


def test_a_result_that_differs_by_a_factor_looks_like_the_truth() -> None:
    truth, illuminated = random_object((20, 14)), disc((20, 14))
    alt = draw_reconstruction({"network": truth * (0.3 - 2j)}, truth, illuminated).alt
    truths, networks = re.findall(r"amplitude [^;]+ rad", alt)
    assert truths == networks
    assert "0.0000" in alt
    assert int(illuminated.sum()) in numbers(alt)


def test_unlit_pixels_are_not_drawn() -> None:
    truth, illuminated = random_object((20, 14)), disc((20, 14))
    rows, cols = np.nonzero(illuminated)
    corner = rows.min(), cols.min()  # within the picture, as it has the rows and columns that hold illumination
    assert illuminated[corner] == 0
    dark, lit = truth.copy(), truth.copy()
    dark[corner] = -truth[corner]
    lit[10, 7] *= -1
    plain = draw_reconstruction({"network": truth}, truth, illuminated).png
    assert draw_reconstruction({"network": dark}, truth, illuminated).png == plain
    assert draw_reconstruction({"network": lit}, truth, illuminated).png != plain


def test_without_truth_the_result_is_drawn_as_it_is() -> None:
    result = random_object((12, 17)) * 3j
    drawing = draw_reconstruction({"network": result}, None, disc((12, 17)))
    assert "error" not in drawing.alt
    lit = result[disc((12, 17)) > 0]
    assert f"amplitude {np.abs(lit).min():.3f} to {np.abs(lit).max():.3f}" in drawing.alt


def test_the_text_of_patterns_has_their_photons() -> None:
    counts, expected = np.zeros((1, 4, 6)), np.full((1, 4, 6), 0.5)
    counts[0, 1, 2] = 7
    alt = draw_diffraction(counts, expected, [0.25], ["best: pattern 3"]).alt
    assert re.findall(r"\d[\d.]*(?<!\.)", alt) == ["3", "7", "12", "7", "0.5", "0.25"]


@pytest.mark.parametrize("obj", [None, np.ones((30, 40), dtype=np.complex64)])
def test_the_text_of_a_scan_has_its_positions(obj: Any) -> None:
    positions = {"train": np.array([[8.5, 9.0], [10.0, 20.25]]), "test": np.array([[20.0, 30.0]])}
    alt = draw_scan(obj, positions, (6, 8)).alt
    found = re.findall(r"\d[\d.]*(?<!\.)", alt)
    assert "2 8.5 10.0 9.0 20.2 1 20.0 20.0 30.0 30.0" in " ".join(found)


def test_the_text_of_a_training_has_its_losses() -> None:
    history = [
        {"epoch": 1, "train_loss": 3.0, "learning_rate": 0.1},
        {"epoch": 2, "train_loss": 1.0, "learning_rate": 0.05},
        {"epoch": 3, "train_loss": 2.0, "learning_rate": 0.01},
    ]
    alt = draw_training(history, 2).alt
    assert re.findall(r"\d[\d.]*(?<!\.)", alt) == ["3", "3", "2", "1", "2", "0.1", "0.01"]


def test_labels_of_losses_are_no_longer_than_their_axes(monkeypatch: pytest.MonkeyPatch) -> None:
    figures: list[Figure] = []
    written = Figure.savefig

    def noted(figure: Figure, *args: Any, **options: Any) -> None:
        figures.append(figure)
        written(figure, *args, **options)

    monkeypatch.setattr(Figure, "savefig", noted)
    rows = [{"epoch": n, "train_loss": 1.0 / n, "validation_loss": 2.0 / n, "learning_rate": 1e-3} for n in (1, 2, 3)]
    draw_training(rows, 2)
    assert len(figures[0].axes) == 2
    for axes in figures[0].axes:
        assert axes.yaxis.label.get_window_extent().height < axes.get_window_extent().height
