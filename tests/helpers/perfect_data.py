"""A small scan without noise: the expected counts themselves, at whole pixels or between them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import numpy.typing as npt

from ptyproof.phases.base import make_base
from ptyproof.physics.dose import scale_probe_to_dose
from ptyproof.physics.forward import expected_counts, object_patches
from ptyproof.reconstruction.method import BlindScan, illumination
from ptyproof.study.builtin import builtin_study
from tests.helpers.known import known

DOSE = 1e5


@dataclass(frozen=True, eq=False)
class PerfectData:
    """A scan, its object (M, M') complex64, and 1 where at least a tenth of the brightest light falls, else 0."""

    scan: BlindScan
    obj: npt.NDArray[np.complex64]
    lit: npt.NDArray[np.float64]


@cache
def perfect_data(offset_px: float = 0.0) -> PerfectData:
    """Return the data of whole-pixel positions, all moved by one fraction of a pixel.

    The object has half the phase of the smoke study's: engines need many epochs for the slow waves of a strong one.
    """
    study = builtin_study("fly64-smoke")
    design = replace(known(study.base), scan_rows=8, scan_cols=8, step_px=3.0, jitter_px=1.5, probe_diameter_px=14.0)
    base = make_base(replace(study, base=design))
    obj = (np.abs(known(base.obj)) * np.exp(0.5j * np.angle(known(base.obj)))).astype(np.complex64)
    positions = np.rint(base.positions_px) + offset_px
    half = np.array(base.probe.shape) // 2
    inside = ((positions >= half) & (positions <= np.array(obj.shape) - base.probe.shape + half)).all(axis=1)
    positions = positions[inside]
    probe = scale_probe_to_dose(base.probe, obj, positions, DOSE)
    counts = expected_counts(probe, object_patches(obj, positions, base.probe.shape))
    light = illumination(probe, positions, obj.shape)
    scan = BlindScan(np.sqrt(counts).astype(np.float32), probe, positions, obj.shape)
    return PerfectData(scan, obj, (light >= 0.1 * light.max()).astype(float))
