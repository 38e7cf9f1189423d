"""Would what Phase C is about to write keep the contract DATA-001? Asked of every half and dose before the first byte.

What a reader refuses in a simulation follows from the base, the split and the dose, but for the Poisson draws: how
many positions a half has, the range of the scaled probe, where the light falls on the detector, and how much of it
there is. So it is known from the expected patterns.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ptyproof.errors import InputError
from ptyproof.io.dataset import Dataset, in_its_version, with_modes
from ptyproof.io.patterns import PatternStatistics, pattern_problems
from ptyproof.io.validation import dataset_problems
from ptyproof.phases.base import Base
from ptyproof.phases.c_simulate.experiment import Experiment
from ptyproof.phases.c_simulate.parts import scaled_probes
from ptyproof.physics.forward import MAX_EXPECTED_COUNTS
from ptyproof_schemas.types.dataset_metadata import DatasetMetadata

MIN_PHOTONS = 25.0  # expected in a half: none of them comes once in 7e10 draws


def check_simulation(base: Base, experiment: Experiment, doses: tuple[float, ...]) -> None:
    """Refuse what would be written but not be read again.

    Parameters
    ----------
    base
        Its probe, and its name in errors.
    experiment
        The halves with their objects and positions, the beam and the detector.
    doses
        Doses that are wanted, photons per pattern.

    Raises
    ------
    InputError
        Names the half, the dose and the number at fault.
    """
    parts, dataset = experiment.parts, with_modes(base.dataset, experiment.illuminating)
    halves = [replace(dataset, obj=part.obj, positions_px=experiment.given_px(part), scan_index=None) for part in parts]
    halves = [in_its_version(half) for half in halves]
    for part, half in zip(parts, halves, strict=True):
        _check_form(base, part.label, half)
    probes = scaled_probes(experiment.illuminating, parts, 1.0)
    for dose in doses:
        for half, probe in zip(halves, probes, strict=True):
            with np.errstate(over="ignore"):  # what is too large is infinite, and refused as such
                scaled = (probe * np.sqrt(dose)).astype(np.complex64)
            _check_form(base, f"dose {dose:g}", with_modes(half, scaled))
    metadata = base.dataset.metadata | {"photons_per_pattern_measured": None, "intensity_scale": 1.0}
    for dose in doses:
        _check_peak(dose, experiment.peak(dose))
    for part, (_, mean) in zip(parts, experiment.at_dose_1, strict=True):
        for dose in doses:
            detector = experiment.detector(part, dose)
            light = dose * mean + (experiment.background_counts(dose) or 0.0)
            record = experiment.record(metadata | {"photons_per_pattern_requested": dose}, detector)
            _check_patterns(part.label, len(part.positions_px), record, detector.mean_recorded(light[None])[0])


def _check_form(base: Base, what: str, dataset: Dataset) -> None:
    problems = dataset_problems(dataset)
    if problems:
        raise InputError(
            f"base {base.name} gives no dataset that can be read again: {what}: {problems[0].member} "
            f"{problems[0].reason}"
        )


def _check_peak(dose: float, peak: float) -> None:
    """Refuse a dose whose counts a float32 amplitude could not give back."""
    if not peak <= MAX_EXPECTED_COUNTS:
        raise InputError(
            f"dose {dose:g} photons per pattern puts {peak:.3g} photons on one pixel, more than the "
            f"{MAX_EXPECTED_COUNTS:.0f} whose count a float32 amplitude gives back; the largest dose for this base is "
            f"{MAX_EXPECTED_COUNTS * dose / peak:.3g}"
        )


def _check_patterns(half: str, n: int, record: DatasetMetadata, mean: npt.NDArray[np.float64]) -> None:
    photons, dose = float(mean.sum()), record["photons_per_pattern_requested"]
    assert dose is not None  # it is that of the call
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
    for reason in pattern_problems(statistics, record):
        raise InputError(f"dose {dose:g}: the {half} half would not be read again: diffraction {reason}")
