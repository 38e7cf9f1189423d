"""What a dataset knows of beam and detector besides patterns, one probe and positions, and what methods may be told.

A method that is told less reconstructs as if the rest were perfect. Methods may also be told that positions are
uncertain, which no dataset says: then those that can refine them. The words stand in studies and manifests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:  # checks read the words, and load no numbers
    from ptyproof.io.dataset_arrays import Dataset

Knowledge = Literal["mask", "modes", "background", "psf", "intensity", "saturation"]
Tell = Knowledge | Literal["positions"]

KNOWLEDGE: tuple[Knowledge, ...] = ("mask", "modes", "background", "psf", "intensity", "saturation")
UNCERTAIN_POSITIONS: Final = "positions"
TELLS: tuple[Tell, ...] = (*KNOWLEDGE, UNCERTAIN_POSITIONS)


def knowledge_in(dataset: Dataset) -> tuple[Knowledge, ...]:
    """Return what a dataset knows, in the order of `KNOWLEDGE`; nothing for a perfect beam and detector."""
    found: dict[Knowledge, object] = {
        "mask": dataset.valid_pixels,
        "modes": dataset.further_modes,
        "background": dataset.background,
        "psf": dataset.detector_psf_sigma_px,
        "intensity": dataset.intensity_factors,
        "saturation": dataset.saturation_counts,
    }
    return tuple(word for word in KNOWLEDGE if found[word] is not None)
