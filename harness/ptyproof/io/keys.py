"""The arrays of a DATA-001 archive: names, dtypes, which of them are the truth, and which began with version 2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

PATTERNS = ("diffraction", "Y")
VALID, BACKGROUND, FACTORS = "valid_pixels", "background", "intensity_factors"
TRUE_POSITIONS = ("xcoords_true", "ycoords_true")
TRUTH = ("objectGuess", "Y", *TRUE_POSITIONS)

POSITIONS = ("xcoords", "ycoords", "xcoords_start", "ycoords_start", *TRUE_POSITIONS)
OF_DETECTOR = (VALID, BACKGROUND)  # (H, W), or (n, H, W)
OF_PATTERNS = (*PATTERNS, *OF_DETECTOR, FACTORS, *TRUE_POSITIONS)  # what a base does not have
LEGACY_DIFFRACTION = "diff3d"
KNOWN = (
    "objectGuess",
    "probeGuess",
    "scan_index",
    "filenames",
    *PATTERNS,
    *POSITIONS,
    *OF_DETECTOR,
    FACTORS,
)
READ = (*KNOWN, LEGACY_DIFFRACTION)
DTYPES: Mapping[str, np.dtype[Any]] = {
    "diffraction": np.dtype(np.float32),
    "objectGuess": np.dtype(np.complex64),
    "probeGuess": np.dtype(np.complex64),
    "Y": np.dtype(np.complex64),
    "scan_index": np.dtype(np.int64),
    VALID: np.dtype(np.bool_),
    BACKGROUND: np.dtype(np.float32),
    FACTORS: np.dtype(np.float64),
    **{name: np.dtype(np.float64) for name in POSITIONS},
}

ARRAYS_SINCE_2 = (*OF_DETECTOR, FACTORS, *TRUE_POSITIONS)  # and probes of more than one mode
RECORD_SINCE_2 = ("saturation_counts", "detector_psf_sigma_px", "physical")
RECORD_OF_PATTERNS = ("saturation_counts", "detector_psf_sigma_px")  # what a base does not have
