"""The tables of the quality log: seeds that are left out, medians, who is better by how much, hubs that are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks import quality
from tests.helpers.messages import names


def values(error: float, similarity: float = 0.5, time_s: float = 1.0) -> dict[str, float]:
    return {
        "complex_nrmse": error,
        "phase_ssim": similarity,
        "phase_mae": error,
        "amplitude_mae": error,
        "time_s": time_s,
    }


def table(**errors: float) -> quality.Table:
    return {(1e3, "all", 2): {name: values(error) for name, error in errors.items()}}


def test_the_median_of_three_is_the_middle_one() -> None:
    found = quality.medians([table(pinn=0.3), table(pinn=0.1), table(pinn=0.2)])
    assert found[1e3, "all", 2]["pinn"]["complex_nrmse"] == 0.2


def test_better_is_a_smaller_error_and_a_larger_similarity() -> None:
    ours, theirs = values(0.1, 0.9), values(0.2, 0.8)
    assert quality.advantage(ours, theirs, "complex_nrmse") == pytest.approx(0.5)
    assert quality.advantage(ours, theirs, "phase_ssim") == pytest.approx(0.5)
    assert quality.advantage(theirs, ours, "phase_ssim") == pytest.approx(-1)
    assert quality.behind(ours, theirs) == []
    assert quality.behind(values(0.1, 0.8), theirs) == ["phase SSIM"]


def test_the_best_cell_is_that_of_the_smallest_error_of_the_dose() -> None:
    cells = {(1e3, "a", 1): {"pinn": values(0.3)}, (1e3, "b", 2): {"pinn": values(0.2)}}
    cells[1e4, "a", 1] = {"pinn": values(0.1)}
    assert quality.best_cell(cells, 1e3, "pinn") == (1e3, "b", 2)


def test_designs_that_differ_in_seeds_alone_are_alike() -> None:
    one: dict[str, Any] = {"seeds": {"simulation": 1}, "training": {"seed": 1, "max_epochs": 3}, "base": {"seed": 7}}
    other = {"seeds": {"simulation": 2}, "training": {"seed": 5, "max_epochs": 3}, "base": {"seed": 7}}
    assert quality.without_seeds(one) == quality.without_seeds(other)
    assert quality.without_seeds(one) != quality.without_seeds({**other, "base": {"seed": 8}})
    assert one["training"]["seed"] == 1


def test_controls_that_are_not_beaten_are_named() -> None:
    cell = table(pinn=0.2, start=0.1, flat=0.4)
    lines = list(quality.lines_of_controls(cell))
    assert names(lines[0], "`start`", "complex NRMSE, phase SSIM, phase MAE / rad, amplitude MAE")
    assert "phase SSIM" in lines[1]
    assert names(lines[-1], 0, 2)


def test_a_folder_that_is_no_hub_is_refused_in_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert quality.main([str(tmp_path)]) == 2
    assert str(tmp_path) in capsys.readouterr().err
