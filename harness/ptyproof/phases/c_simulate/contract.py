"""Would what Phase C is about to write keep the contract DATA-001? Asked of every half and dose before the first byte.

What a reader refuses in a simulation follows from the base, the split and the dose, but for the Poisson draws: how
many positions a half has, the range of the scaled probe, where the light falls on the detector, and how much of it
there is. So it is known from the expected patterns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ptyproof.errors import InputError
from ptyproof.io.dataset import Dataset, with_modes
from ptyproof.io.patterns import PatternStatistics, pattern_problems
from ptyproof.io.validation import dataset_problems
from ptyproof.phases.base import Base
from ptyproof.phases.c_simulate.parts import Part, scaled_probes
from ptyproof.physics.forward import MAX_EXPECTED_COUNTS, expected_peak_and_mean

MIN_PHOTONS = 25.0  # expected in a half: none of them comes once in 7e10 draws


def check_simulation(base: Base, parts: Sequence[Part], doses: tuple[float, ...]) -> None:
    """Refuse what would be written but not be read again.

    Parameters
    ----------
    base
        Its probe, and its name in errors.
    parts
        The halves with their objects and positions.
    doses
        Doses that are wanted, photons per pattern.

    Raises
    ------
    InputError
        Names the half, the dose and the number at fault.
    """
    halves = [replace(base.dataset, obj=part.obj, positions_px=part.positions_px, scan_index=None) for part in parts]
    for part, half in zip(parts, halves, strict=True):
        _check_form(base, part.label, half)
    probes = scaled_probes(base.dataset.illuminating, parts, 1.0)
    for dose in doses:
        for half, probe in zip(halves, probes, strict=True):
            with np.errstate(over="ignore"):  # what is too large is infinite, and refused as such
                scaled = (probe * np.sqrt(dose)).astype(np.complex64)
            _check_form(base, f"dose {dose:g}", with_modes(half, scaled))
    expected = [
        expected_peak_and_mean(part.obj, probe, part.positions_px) for part, probe in zip(parts, probes, strict=True)
    ]
    _check_peak(max(peak for peak, _ in expected), doses)
    for part, (_, mean) in zip(parts, expected, strict=True):
        for dose in doses:
            _check_patterns(part.label, len(part.positions_px), dose, dose * mean)


def _check_form(base: Base, what: str, dataset: Dataset) -> None:
    problems = dataset_problems(dataset)
    if problems:
        raise InputError(
            f"base {base.name} gives no dataset that can be read again: {what}: {problems[0].member} "
            f"{problems[0].reason}"
        )


def _check_peak(peak_at_dose_1: float, doses: tuple[float, ...]) -> None:
    """Refuse a dose whose counts a float32 amplitude could not give back."""
    for dose in doses:
        if not dose * peak_at_dose_1 <= MAX_EXPECTED_COUNTS:
            raise InputError(
                f"dose {dose:g} photons per pattern puts {dose * peak_at_dose_1:.3g} photons on one pixel, more than "
                f"the {MAX_EXPECTED_COUNTS:.0f} whose count a float32 amplitude gives back; the largest dose for this "
                f"base is {MAX_EXPECTED_COUNTS / peak_at_dose_1:.3g}"
            )


def _check_patterns(half: str, n: int, dose: float, mean: npt.NDArray[np.float64]) -> None:
    photons = float(mean.sum())
    if not n * photons >= MIN_PHOTONS:
        raise InputError(
            f"dose {dose:g} gives {n * photons:.3g} photons in all of the {n} {half} patterns together; choose a dose "
            f"of {dose * MIN_PHOTONS / (n * photons):.3g} or more"
            if photons > 0
            else f"no light comes through the object at the {n} {half} positions"
        )
    statistics = PatternStatistics(
        scale_known=True,
        not_finite=0,
        negative=0,
        not_whole=0,
        largest_deviation=0.0,
        photons_per_pattern=photons,
        all_whole=False,
        above_one=0,
        largest=float(np.sqrt(mean.max())),
        mean_intensity=mean,
    )
    record = {"photons_per_pattern_measured": None, "photons_per_pattern_requested": dose, "intensity_scale": 1.0}
    for reason in pattern_problems(statistics, record):
        raise InputError(f"dose {dose:g}: the {half} half would not be read again: diffraction {reason}")
