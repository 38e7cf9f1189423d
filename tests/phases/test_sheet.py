"""The sheet of truth and methods: which cell has it, and that its pixels are those of the results."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ptyproof.phases.g_compare.cell import ComparedCell
from ptyproof.phases.g_compare.object_images import object_images
from ptyproof.phases.g_compare.sheet import Telling, difference_of, sheet_of, telling
from ptyproof.physics.align import Aligned, Crop
from tests.helpers.known import known
from tests.strategies.scans import complex_noise

SHAPE = 12, 20
MASK = np.add.outer(np.arange(SHAPE[0]), np.arange(SHAPE[1])) > 4
Complex = NDArray[np.complex128]


def cells_of(
    results: Mapping[str, Complex], truth: Complex | None, mask: NDArray[np.bool_] = MASK
) -> list[ComparedCell]:
    """Return the cells of some methods; None as the truth is a measurement."""
    crop = Crop((0, SHAPE[0]), (0, SHAPE[1]), mask)
    found = []
    for method, result in results.items():
        aligned = None
        if truth is not None:
            aligned = Aligned(
                result=result,
                truth=truth,
                mask=mask,
                shift_px=(0.0, 0.0),
                ramp_cycles_per_px=(0.0, 0.0),
                scale=1.0,
                overlap=1.0,
                overlap_before=1.0,
                unaligned_error=0.0,
            )
        error = 1.0 if truth is None else float(np.linalg.norm(result - truth) / np.linalg.norm(truth))
        entry = cast("Any", {"method": method, "measures": [{"metric": "complex_nrmse", "value": error}]})
        found.append(ComparedCell(entry, cast("Any", None), crop, aligned, cast("Any", None)))
    return found


def noise(seed: int) -> Complex:
    return complex_noise(SHAPE, seed).astype(np.complex128)


TRUTH = 1 + 0.2 * noise(0)
RESULTS = {"start": 3 * noise(9), "lsqml": TRUTH + 0.1 * noise(1), "pinn": TRUTH + 0.3 * noise(2), "mine": TRUTH}


def test_the_difference_of_two_results_has_its_known_values_and_no_order() -> None:
    a, b = noise(1), noise(2)
    assert difference_of(a, a) == 0
    assert difference_of(a, -a) == pytest.approx(2)
    assert difference_of(a, 1j * a) == pytest.approx(np.sqrt(2))
    assert difference_of(a, b) == difference_of(b, a)
    assert difference_of(3 * a, 3 * b) == pytest.approx(difference_of(a, b))
    assert difference_of(0 * a, 0 * a) == 0


def test_a_cell_tells_how_much_its_methods_differ_from_each_other() -> None:
    found = known(telling(cells_of(RESULTS, TRUTH)))
    pairs = [("lsqml", "pinn"), ("lsqml", "mine"), ("pinn", "mine")]
    differences = [difference_of(RESULTS[one][MASK], RESULTS[other][MASK]) for one, other in pairs]
    assert found.n_methods == 3
    assert found.difference == pytest.approx(np.median(differences))


def test_the_truth_has_no_part_in_the_choice() -> None:
    wanted = telling(cells_of(RESULTS, TRUTH))
    for truth in (RESULTS["lsqml"], RESULTS["pinn"], noise(5)):
        assert telling(cells_of(RESULTS, truth)) == wanted


def test_controls_and_pixels_that_are_not_compared_have_no_part_either() -> None:
    wanted = telling(cells_of(RESULTS, TRUTH))
    changed = {name: np.where(MASK, result, 7) for name, result in RESULTS.items()}
    assert telling(cells_of(changed | {"start": noise(4), "flat": np.ones(SHAPE, complex)}, TRUTH)) == wanted


def test_nothing_is_told_by_one_method_or_without_a_truth() -> None:
    assert telling(cells_of({"start": noise(1), "flat": noise(2), "lsqml": noise(3)}, TRUTH)) is None
    assert telling(cells_of(RESULTS, None)) is None


def test_more_methods_tell_more_than_a_larger_difference() -> None:
    assert Telling(3, 0.1) > Telling(2, 0.9)
    assert Telling(3, 0.2) > Telling(3, 0.1)


def test_the_control_is_shown_where_a_method_is_worse() -> None:
    flat = np.ones(SHAPE, complex)
    for results, shown in (({"lsqml": noise(1)}, True), ({"lsqml": TRUTH}, False)):
        found = sheet_of(cells_of({"flat": flat, **results, "pinn": TRUTH}, TRUTH), Telling(2, 0.25)).record
        assert ("flat" in found["methods"]) is shown


def test_the_pixels_of_a_sheet_are_those_of_truth_and_methods() -> None:
    results = {"flat": 9 * np.ones(SHAPE, complex), **RESULTS}
    cells = cells_of(results, TRUTH)
    found = sheet_of(cells, Telling(3, 0.25))
    record = found.record
    assert record["methods"] == ["start", "lsqml", "pinn", "mine"]
    assert (record["n_compared"], record["difference"]) == (3, 0.25)
    with Image.open(io.BytesIO(found.png)) as opened:
        pixels = np.asarray(opened.convert("RGB")).astype(float)
    height, width = SHAPE
    assert pixels.shape == (2 * height, 5 * width, 3)
    panels = pixels.reshape(2, height, 5, width, 3).transpose(0, 2, 1, 3, 4)
    assert np.all(panels[:, :, ~MASK] == round(255 * 0.88))
    _, (amplitude, _, _, _) = object_images(cells[1:])
    assert record["amplitude"] == list(amplitude.limits)
    low, high = amplitude.limits
    for number, image in enumerate(amplitude.images):
        wanted = np.clip((known(image) - low) / (high - low), 0, 1)
        gray = panels[0, number, ..., 0] / 255
        assert np.max(np.abs(gray - wanted)[MASK]) < 1 / 63
    assert np.array_equal(panels[1, 0], panels[1, 4])  # "mine" is the truth
    assert not np.array_equal(panels[1, 0], panels[1, 3])
