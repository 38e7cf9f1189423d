"""Beam and detector of a replicate as the study describes them: modes, mask, blur, factors, given positions, counts.

Every flaw that is drawn has a random stream of its own, so one is the same with and without the others and in each
experiment, and Poisson draws are those of a study without flaws.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ptyproof.errors import InputError
from ptyproof.io.keys import BACKGROUND, FACTORS, VALID
from ptyproof.io.metadata import of_version_2
from ptyproof.phases.c_simulate.parts import Part, scaled_probes
from ptyproof.physics.beam import hermite_modes, moved_along_columns, partly_coherent, strongest_modes
from ptyproof.physics.detector import Detector
from ptyproof.physics.flaws import dead_pixel_mask, gap_mask, intensity_factors, position_errors
from ptyproof.physics.forward import expected_peak_and_mean
from ptyproof.study.design import StudyDesign
from ptyproof.study.experiment import ExperimentDesign
from ptyproof.study.seeds import of_replicate, stream
from ptyproof_schemas.types.dataset_metadata import DatasetMetadata

Probe = npt.NDArray[np.complexfloating]


@dataclass(frozen=True, eq=False)
class Experiment:
    """What beam and detector make of the parts of a replicate.

    Parameters
    ----------
    own
        Whose beam and detector: the study's, or those of one of its experiments.
    seed
        Root of the random streams.
    replicate
        Number of the replicate.
    probe
        (H, W), or (P, H, W) of a base of several modes: that of the base.
    parts
        The halves, with their objects and true positions.
    """

    own: StudyDesign | ExperimentDesign
    seed: int
    replicate: int
    probe: Probe
    parts: tuple[Part, ...]

    @cached_property
    def illuminating(self) -> Probe:
        """The probe (H, W), or its modes (P, H, W) by falling power, not yet scaled to a dose.

        Raises
        ------
        InputError
            If the study has powers of modes, and the base several modes.
        """
        beam = self.own.beam
        if beam is None:
            return self.probe
        modes = self.probe if self.probe.ndim == 3 else self.probe[None]
        if beam.mode_powers:
            if len(modes) > 1:
                raise InputError(f"beam.mode_powers needs a base of one mode, but the base has {len(modes)}")
            modes = hermite_modes(modes[0], beam.mode_powers)
        spread = False
        if beam.fly_scan_blur_px is not None:
            modes, spread = moved_along_columns(modes, beam.fly_scan_blur_px), True
        if beam.coherence_length_px is not None:
            modes, spread = partly_coherent(modes, beam.coherence_length_px), True
        found = strongest_modes(modes) if spread else modes
        return found if len(found) > 1 else found[0]

    @property
    def window(self) -> tuple[int, int]:
        """(H, W) of a pattern."""
        return self.probe.shape[-2], self.probe.shape[-1]

    @cached_property
    def valid(self) -> npt.NDArray[np.bool_] | None:
        """The mask (H, W) of the detector, the same for all halves and doses; None where every pixel measures.

        Raises
        ------
        InputError
            If nothing is left of the detector.
        """
        detector = self.own.detector
        if detector is None or not (detector.gap_rows or detector.gap_cols or detector.dead_pixel_fraction):
            return None
        valid = gap_mask(self.window, detector.gap_rows, detector.gap_cols)
        if detector.dead_pixel_fraction is not None:
            valid &= dead_pixel_mask(self.window, detector.dead_pixel_fraction, self._stream("dead pixels"))
        if not valid.any():
            raise InputError("the table detector leaves no pixel that measures")
        return valid

    def given_px(self, part: Part) -> npt.NDArray[np.float64]:
        """Return the positions (n, 2) that a file of a part states: with their errors, if the study has some."""
        beam = self.own.beam
        if beam is None or beam.position_error_px is None:
            return part.positions_px
        rng = self._stream("positions", part)
        return part.positions_px + position_errors(len(part.positions_px), beam.position_error_px, rng)

    def factors(self, part: Part) -> npt.NDArray[np.float64] | None:
        """Return the factors (n,) of the beam's intensity in a part; None where it is constant."""
        beam = self.own.beam
        if beam is None or beam.intensity_error is None:
            return None
        return intensity_factors(len(part.positions_px), beam.intensity_error, self._stream("intensity", part))

    def detector(self, part: Part, dose: float) -> Detector:
        """Return the detector that records a part at a dose, photons per pattern."""
        design = self.own.detector
        light = self._light(part)
        if design is None:
            return light
        background, saturation = self.background_counts(dose), design.saturation_counts
        if design.saturation_of_peak is not None:
            saturation = max(1.0, float(np.floor(design.saturation_of_peak * self.peak(dose))))
        return replace(
            light,
            background=None if background is None else np.full(self.window, background, dtype=np.float32),
            saturation_counts=saturation,
            valid=self.valid,
        )

    def background_counts(self, dose: float) -> float | None:
        """Return the background in counts per pixel at a dose, photons per pattern."""
        design = self.own.detector
        if design is None:
            return None
        if design.background_fraction is not None:
            return design.background_fraction * dose / (self.window[0] * self.window[1])
        return design.background_counts

    def peak(self, dose: float) -> float:
        """Return the largest count that any pixel of any part expects at a dose, without saturation and mask."""
        return dose * max(peak for peak, _ in self.at_dose_1) + (self.background_counts(dose) or 0.0)

    @cached_property
    def at_dose_1(self) -> tuple[tuple[float, npt.NDArray[np.float64]], ...]:
        """For each part the largest expected count and the mean pattern (H, W) at dose 1, without background."""
        probes = scaled_probes(self.illuminating, self.parts, 1.0)
        return tuple(
            expected_peak_and_mean(part.obj, probe, part.positions_px, self._light(part))
            for part, probe in zip(self.parts, probes, strict=True)
        )

    def record(self, metadata: DatasetMetadata, detector: Detector) -> DatasetMetadata:
        """Return the record of a half with what version 2 of the contract says of its detector."""
        found = dict(metadata)
        if detector.saturation_counts is not None:
            found["saturation_counts"] = detector.saturation_counts
        if detector.psf_sigma_px is not None:
            found["detector_psf_sigma_px"] = detector.psf_sigma_px
        changed: Any = found
        knows = self.illuminating.ndim == 3 or self.own.detector is not None or self._varies
        return of_version_2(changed) if knows else metadata

    def arrays(self, part: Part, detector: Detector) -> dict[str, npt.NDArray[Any]]:
        """Return the arrays of version 2 of the contract that a half has, by their names in the archive.

        Masks are bool (H, W), backgrounds float32 (H, W), and what belongs to patterns is float64 (n,).
        """
        found: dict[str, npt.NDArray[Any] | None] = {
            VALID: detector.valid,
            BACKGROUND: detector.background,
            FACTORS: detector.factors,
        }
        if self.own.beam is not None and self.own.beam.position_error_px is not None:
            found["xcoords_true"] = part.positions_px[:, 1]
            found["ycoords_true"] = part.positions_px[:, 0]
        return {name: array for name, array in found.items() if array is not None}

    @property
    def flaws(self) -> dict[str, object]:
        """The flaws, for the record of a half: the name of the experiment if there is one, and its tables."""
        tables = {"detector": self.own.detector, "beam": self.own.beam}
        name: dict[str, object] = {} if self.name is None else {"experiment": self.name}
        return name | {key: table.as_dict() for key, table in tables.items() if table is not None}

    @property
    def name(self) -> str | None:
        """The name of the experiment; None for the study's own beam and detector."""
        return self.own.name if isinstance(self.own, ExperimentDesign) else None

    @property
    def _varies(self) -> bool:
        beam = self.own.beam
        return beam is not None and not (beam.intensity_error is None and beam.position_error_px is None)

    def _light(self, part: Part) -> Detector:
        """Return what a detector makes of the light alone: blur and factors."""
        design = self.own.detector
        return Detector(None if design is None else design.psf_sigma_px, self.factors(part))

    def _stream(self, flaw: str, part: Part | None = None) -> np.random.Generator:
        key = ["phase_c", flaw] if part is None else ["phase_c", flaw, part.half, part.object_name or ""]
        return stream(self.seed, *of_replicate(tuple(key), self.replicate))
