"""What a method is told of beam and detector besides patterns, one probe and positions.

A method declares what it uses (`Needs.uses`), and a study says what methods are told (`tells`): a scan has what is in
both, and what its dataset knows. `Told()` is nothing: a coherent beam of constant intensity, and a perfect detector.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ptyproof.errors import InputError
from ptyproof.io.dataset import Dataset
from ptyproof.io.hashing import sha256_array, sha256_json
from ptyproof.io.knowledge import KNOWLEDGE, Knowledge, Tell

_FIELDS: Mapping[Knowledge, str] = {
    "mask": "valid_pixels",
    "modes": "further_modes",
    "background": "background",
    "psf": "psf_sigma_px",
    "intensity": "intensity_factors",
    "saturation": "saturation_counts",
}
_OF_STACKS = ("valid_pixels", "background")


@dataclass(frozen=True, eq=False)
class Told:
    """What is known of beam and detector; None is not known, or perfect. Arrays are read-only.

    Parameters
    ----------
    valid_pixels
        bool (H, W), or (n, H, W): True where a pixel was measured. Amplitudes are 0 elsewhere, and say nothing.
    further_modes
        (P - 1, H, W) complex64: modes whose intensities add to that of the scan's probe, in its unit, by falling power.
    background
        float32 (H, W), or (n, H, W): expected squares of amplitudes that do not come from the object.
    psf_sigma_px
        Standard deviation of the detector's Gaussian blur of the intensity, pixels.
    intensity_factors
        (n,) float64: factor of the beam's intensity in each pattern.
    saturation_counts
        A pixel with as many counts had these or more.
    """

    valid_pixels: npt.NDArray[np.bool_] | None = None
    further_modes: npt.NDArray[np.complex64] | None = None
    background: npt.NDArray[np.float32] | None = None
    psf_sigma_px: float | None = None
    intensity_factors: npt.NDArray[np.float64] | None = None
    saturation_counts: float | None = None

    def __post_init__(self) -> None:
        for array in self._arrays().values():
            array.flags.writeable = False

    @classmethod
    def of(cls, dataset: Dataset) -> Told:
        """Return all that a dataset knows."""
        return cls(
            valid_pixels=dataset.valid_pixels,
            further_modes=dataset.further_modes,
            background=dataset.background,
            psf_sigma_px=dataset.detector_psf_sigma_px,
            intensity_factors=dataset.intensity_factors,
            saturation_counts=dataset.saturation_counts,
        )

    @property
    def words(self) -> tuple[Knowledge, ...]:
        """What is known, in the order of `KNOWLEDGE`."""
        return tuple(word for word in KNOWLEDGE if getattr(self, _FIELDS[word]) is not None)

    def only(self, words: Iterable[Tell]) -> Told:
        """Return that part of it which `words` name."""
        kept = set(words)
        return replace(self, **{name: None for word, name in _FIELDS.items() if word not in kept})

    def at(self, index: npt.NDArray[np.int64]) -> Told:
        """Return what belongs to the patterns that `index` (m,) numbers."""
        changed: dict[str, Any] = {
            name: array[index]
            for name, array in self._arrays().items()
            if name == "intensity_factors" or (name in _OF_STACKS and array.ndim == 3)
        }
        return replace(self, **changed)

    def shown(self, amplitude: npt.NDArray[np.floating], fraction: float) -> Told:
        """Return what is known when each photon of the amplitudes (n, H, W) is shown with a probability.

        Modes and background become as much dimmer. Saturated pixels become pixels that were not measured, as what is
        shown of them has no limit of its own.
        """
        valid = self.valid_pixels
        if self.saturation_counts is not None:
            free = np.square(amplitude, dtype=np.float64) < self.saturation_counts - 0.5
            valid = free if valid is None else free & valid
        return replace(self.dimmed(fraction), valid_pixels=valid, saturation_counts=None)

    def dimmed(self, fraction: float) -> Told:
        """Return what is known when a fraction of the light arrives: modes and background are as much dimmer."""
        modes, background = self.further_modes, self.background
        return replace(
            self,
            further_modes=None if modes is None else (modes * np.float32(np.sqrt(fraction))).astype(np.complex64),
            background=None if background is None else (background * np.float32(fraction)).astype(np.float32),
        )

    def digest(self) -> str:
        """Return the sha256 of all that is known."""
        arrays = {name: sha256_array(array) for name, array in self._arrays().items()}
        return sha256_json({**arrays, "psf_sigma_px": self.psf_sigma_px, "saturation_counts": self.saturation_counts})

    def check(self, n: int, window: tuple[int, int]) -> None:
        """Accept what is known of n patterns (H, W), or refuse it.

        Raises
        ------
        InputError
            If a shape does not fit, a number is not finite, or one that must not be negative is.
        """
        allowed: dict[str, tuple[tuple[int, ...], ...]] = {
            "valid_pixels": (window, (n, *window)),
            "background": (window, (n, *window)),
            "intensity_factors": ((n,),),
        }
        for name, array in self._arrays().items():
            shapes = allowed.get(name, ((len(array), *window),))
            if array.shape not in shapes:
                raise InputError(f"{name} must have the shape {' or '.join(map(str, shapes))}, got {array.shape}")
            if not np.all(np.isfinite(array)):
                raise InputError(f"{name} must be finite")
            if name in ("background", "intensity_factors") and array.min(initial=0.0) < 0:
                raise InputError(f"{name} must not be negative, got {array.min():g}")

    def _arrays(self) -> dict[str, npt.NDArray[Any]]:
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
