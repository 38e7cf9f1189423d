"""Two reconstructions of disjoint halves of a scan: what they agree on, and what they say of patterns never seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.ndimage import gaussian_filter

from ptyproof.assessment.half_scans import HalfScan, half_scan_agreement, half_scan_indices
from ptyproof.errors import InputError
from ptyproof.io.dataset import Dataset, read_dataset
from ptyproof.metrics.data_fit import data_fit_metrics
from ptyproof.metrics.protocol import Recipe
from ptyproof.records.archive import ReconstructionArchive, read_archive
from tests.helpers.known import known
from tests.helpers.messages import naming
from tests.helpers.phases import Phase
from tests.strategies.reconstructions import noisy, write_result
from tests.strategies.scans import complex_noise

Halves = Callable[[npt.NDArray[Any] | None, npt.NDArray[Any] | None], tuple[HalfScan, HalfScan]]


@pytest.fixture(scope="module")
def dataset(smoke_c: Phase) -> Dataset:
    """A simulated scan with many photons."""
    return read_dataset(smoke_c.root / "dose_100000" / "patched_test.npz").dataset


@pytest.fixture
def halves(dataset: Dataset, tmp_path: Path) -> Halves:
    """A function that makes two half-scans from objects."""

    def make(one: npt.NDArray[Any] | None, two: npt.NDArray[Any] | None) -> tuple[HalfScan, HalfScan]:
        made = []
        for number, (obj, index) in enumerate(zip((one, two), half_scan_indices(len(dataset)), strict=True)):
            path = tmp_path / f"half{number}.npz"
            write_result(path, dataset, known(obj))
            made.append(HalfScan(read_archive(path), index))
        return made[0], made[1]

    return make


def blurred(obj: npt.NDArray[Any], sigma: float, seed: int, level: float = 0.02) -> npt.NDArray[Any]:
    """The object with its fine structure replaced by noise."""
    smooth = gaussian_filter(obj.real, sigma) + 1j * gaussian_filter(obj.imag, sigma)
    return smooth + level * complex_noise(obj.shape, seed)


def test_the_resolution_is_where_the_halves_part(dataset: Dataset, halves: Halves) -> None:
    found = {}
    for sigma in (1.0, 2.5):
        one, two = (blurred(known(dataset.obj), sigma, seed) for seed in (1, 2))
        agreement = half_scan_agreement(*halves(one, two), dataset)
        found[sigma] = known(agreement.metrics["half_scan_phase_frc_halfbit_px"].value)
        assert set(agreement.curves) == {"phase", "amplitude", "complex"}
        assert agreement.metrics["half_scan_complex_frc50_nyquist"].direction == "higher"
    assert 2 < found[1.0] < found[2.5] < 20


def test_a_shift_a_turn_and_a_unit_between_the_halves_are_no_disagreement(dataset: Dataset, halves: Halves) -> None:
    one, two = (blurred(known(dataset.obj), 1.0, seed) for seed in (1, 2))
    plain = half_scan_agreement(*halves(one, two), dataset).metrics
    moved = half_scan_agreement(*halves(one, 3j * np.roll(two, (1, -2), (0, 1))), dataset).metrics
    for name in ("half_scan_phase_frc50_nyquist", "half_scan_complex_frc_halfbit_nyquist"):
        assert moved[name].value == pytest.approx(plain[name].value, rel=0.05)


def test_held_out_patterns_tell_good_from_bad(dataset: Dataset, halves: Halves) -> None:
    good = half_scan_agreement(*halves(noisy(0.01, 1)(dataset), noisy(0.01, 2)(dataset)), dataset).metrics
    bad = half_scan_agreement(*halves(noisy(0.3, 1)(dataset), noisy(0.3, 2)(dataset)), dataset).metrics
    for name in ("held_out_r_factor", "held_out_poisson_deviance"):
        assert known(good[name].value) < 0.7 * known(bad[name].value)
        assert good[name].note
    truth = half_scan_agreement(*halves(dataset.obj, 2 * known(dataset.obj)), dataset).metrics
    # Where the model is true, the deviance is the one half of every lit pixel's noise, or less where counts are few.
    assert known(truth["held_out_poisson_deviance"].value) < 0.5
    assert truth["half_scan_phase_frc50_px"].value == 2


def test_the_fit_is_that_of_the_definition(dataset: Dataset, halves: Halves) -> None:
    """The definition of the R-factor, with positions that move the object instead of the probe."""
    from ptyproof.physics.forward import expected_counts, object_patches

    half = halves(dataset.obj, dataset.obj)[0]
    metrics = {m.metric: m.value for m in data_fit_metrics(half.result, dataset, Recipe(), half.index)}
    counts = dataset.counts(half.index)
    patches = object_patches(known(dataset.obj), dataset.positions_px[half.index], dataset.probe.shape)
    rates = expected_counts(dataset.probe, patches).astype(float)
    rates *= counts.sum() / rates.sum()
    expected = np.abs(np.sqrt(counts) - np.sqrt(rates)).sum() / np.sqrt(counts).sum()
    assert metrics["r_factor"] == pytest.approx(expected, rel=0.02)


def test_unknown_counts_leave_the_deviance_undefined(dataset: Dataset, halves: Halves) -> None:
    unknown = replace(dataset, metadata=dataset.metadata | {"intensity_scale": None})
    found = half_scan_agreement(*halves(dataset.obj, dataset.obj), unknown).metrics
    assert found["held_out_poisson_deviance"].value is None
    assert found["held_out_poisson_deviance"].reason
    assert known(found["held_out_r_factor"].value) > 0


def test_the_indices_are_every_second_position() -> None:
    first, second = half_scan_indices(7)
    assert (first.tolist(), second.tolist()) == ([0, 2, 4, 6], [1, 3, 5])
    with pytest.raises(InputError, match=naming(1)):
        half_scan_indices(1)


def test_halves_that_are_none_are_refused(dataset: Dataset, halves: Halves) -> None:
    first, second = halves(dataset.obj, dataset.obj)
    with pytest.raises(InputError, match=naming(62, "[0, 2, 4")):
        half_scan_agreement(first, replace(second, index=first.index), dataset)
    with pytest.raises(InputError, match=naming(123)):
        half_scan_agreement(first, replace(second, index=np.array([500])), dataset)
    small: ReconstructionArchive = replace(second.result, obj=second.result.obj[1:])
    with pytest.raises(InputError, match=naming(known(dataset.obj).shape, small.obj.shape)):
        half_scan_agreement(first, replace(second, result=small), dataset)


def test_each_half_is_judged_on_patterns_of_the_other(dataset: Dataset, halves: Halves) -> None:
    first, second = halves(noisy(0.05, 1)(dataset), noisy(0.3, 2)(dataset))
    found = half_scan_agreement(first, second, dataset).metrics["held_out_r_factor"].value

    def r_factor(half: HalfScan, other: HalfScan) -> float:
        return known(data_fit_metrics(half.result, dataset, Recipe(), other.index)[0].value)

    assert found == pytest.approx((r_factor(first, second) + r_factor(second, first)) / 2, rel=1e-12)
    assert found != pytest.approx((r_factor(first, first) + r_factor(second, second)) / 2, rel=1e-6)
