"""Convergence: errors against epochs, and the remark on results that still changed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from ptyproof.metrics.convergence import Convergence, convergence_of
from ptyproof.metrics.protocol import describe_settings
from ptyproof.physics.align import align, illumination_crop
from ptyproof.reconstruction.snapshots import Snapshots
from ptyproof.records.archive import ReconstructionArchive
from tests.helpers.known import known
from tests.strategies.scans import complex_noise

SHAPE = (60, 50)
TOTAL_S = 25.0  # of a reconstruction whose epochs take 2 s each


def truth() -> npt.NDArray[np.complex64]:
    rows, cols = np.mgrid[: SHAPE[0], : SHAPE[1]]
    return np.asarray(0.8 * np.exp(0.5j * np.sin(rows / 3) * np.cos(cols / 4)), dtype=np.complex64)


def result(level: float, tilt: float = 0.0) -> npt.NDArray[np.complex64]:
    """The truth with noise and a slow error of the phase, in another unit and turned."""
    slow = tilt * np.sin(2 * np.pi * np.arange(SHAPE[0]) / SHAPE[0])[:, None]
    return np.asarray(0.3j * (truth() * np.exp(1j * slow) + level * complex_noise(SHAPE, 1)), dtype=np.complex64)


def archive(objects: dict[int, npt.NDArray[np.complex64]], losses: list[float]) -> ReconstructionArchive:
    """An archive with snapshots of all but the last object."""
    *earlier, last = sorted(objects)
    parts = [np.stack([objects[n].real, objects[n].imag], -1) / 0.3 for n in earlier]
    values = np.array(parts, dtype=np.float16)
    return ReconstructionArchive(
        obj=objects[last],
        probe=np.ones((4, 4), np.complex64),
        illumination=np.ones(SHAPE, np.float32),
        parts=np.ones(SHAPE, np.int32),
        iterations=np.arange(1, len(losses) + 1, dtype=np.int32),
        losses=np.array(losses),
        seconds=2.0 * np.arange(1, len(losses) + 1, dtype=np.float64),
        record={},
        snapshots=Snapshots(tuple(earlier), values, (0, 0), 0.3) if earlier else None,
    )


def found_of(objects: dict[int, npt.NDArray[np.complex64]], losses: list[float]) -> Convergence:
    held = archive(objects, losses)
    crop = illumination_crop(held.illumination, 0.05)
    return known(convergence_of(held, truth(), crop, align(held.obj, truth(), crop), TOTAL_S))


def test_errors_are_those_of_the_objects_of_each_epoch() -> None:
    found = found_of({1: result(0.4, 0.6), 8: result(0.1, 0.3), 10: result(0.1, 0.05)}, [1.0] * 10)
    assert found.epochs == (1, 8, 10)
    expected = np.sqrt(2) * np.array([0.4, 0.1, 0.1]) / 0.8
    np.testing.assert_allclose(np.array(found.complex_nrmse)[[0, 2]], expected[[0, 2]], rtol=0.25)
    # a wave of that length passes the Gaussian of 8 px by exp(-(2 pi 8 / 60)^2 / 2) = 0.70
    np.testing.assert_allclose(found.slow_phase_rad[:2], 0.70 * np.array([0.6, 0.3]) / np.sqrt(2), rtol=0.3)
    assert found.slow_phase_rad[2] < 0.03


@pytest.mark.parametrize(
    ("objects", "losses", "converged"),
    [
        ({8: result(0.1), 10: result(0.1)}, [1.0] * 10, True),
        ({8: result(0.104), 10: result(0.1)}, [1.0] * 10, False),
        ({8: result(0.1), 10: result(0.104)}, [1.0] * 10, False),  # it gets worse
        ({7: result(0.2), 10: result(0.1)}, [1.0] * 10, False),  # the latest that is not in the last fifth
        ({9: result(0.2), 10: result(0.1)}, [1.0] * 10, True),  # in the last fifth: nothing is known
        ({8: result(0.1), 10: result(0.1)}, [2.0] * 7 + [1.03, 1.01, 1.0], False),
        ({8: result(0.1), 10: result(0.1)}, [2.0] * 7 + [1.015, 1.01, 1.0], True),
        ({10: result(0.1)}, [1.5] * 8 + [1.0, 1.0], False),
        ({10: result(0.1)}, [0.0] * 10, True),
    ],
)
def test_a_result_that_the_last_fifth_changed_has_not_converged(
    objects: dict[int, npt.NDArray[np.complex64]], losses: list[float], converged: bool
) -> None:
    assert found_of(objects, losses).converged == converged


@pytest.mark.parametrize(
    ("levels", "seconds"),
    [
        ({1: 0.3, 5: 0.1, 8: 0.101, 10: 0.1}, 15.0),
        ({1: 0.3, 5: 0.1, 8: 0.104, 10: 0.1}, 25.0),  # it left the value once more
        ({1: 0.1, 5: 0.1, 10: 0.1}, 7.0),
        ({10: 0.1}, None),
    ],
)
def test_the_time_to_the_last_error_is_that_of_the_first_object_that_stays_near(
    levels: dict[int, float], seconds: float | None
) -> None:
    found = found_of({epoch: result(level) for epoch, level in levels.items()}, [1.0] * 10)
    assert found.nrmse_settled_s == seconds
    assert found.seconds == (() if len(levels) < 2 else tuple(5.0 + 2 * epoch for epoch in levels))


def test_without_a_truth_the_loss_tells() -> None:
    held = archive({8: result(0.2), 10: result(0.1)}, [3.0] * 8 + [1.0, 1.0])
    found = known(convergence_of(held, None, illumination_crop(held.illumination, 0.05), None, TOTAL_S))
    assert (found.epochs, found.nrmse_change, found.converged) == ((), None, False)
    assert found.loss_change == pytest.approx(2 / 3)


@pytest.mark.parametrize("n", [0, 1])
def test_a_method_without_epochs_has_no_convergence(n: int) -> None:
    held = replace(archive({10: result(0.1)}, [1.0] * n))
    assert convergence_of(held, None, illumination_crop(held.illumination, 0.05), None, TOTAL_S) is None


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"options": {}, "budget": {"epochs": None, "seconds": None}}, "no iterations"),
        ({"options": {}, "budget": {"epochs": 1, "seconds": None}}, "1 epoch"),
        ({"options": {"b": True, "a": 0.5}, "budget": {"epochs": 40, "seconds": None}}, "40 epochs; a 0.5, b true"),
        ({"options": {"a": 0.5}, "budget": {"epochs": None, "seconds": 30.0}}, "30 s; a 0.5"),
        (
            {"options": {"a": 0.5, "b": 1}, "tuning": {"a": [0.5, 1.0]}, "budget": {"epochs": 2, "seconds": None}},
            "2 epochs; b 1, a chosen of 0.5, 1",
        ),
    ],
)
def test_settings_are_told_in_one_line(settings: dict[str, object], text: str) -> None:
    assert describe_settings(settings) == text
