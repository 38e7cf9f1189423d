"""A DATA-001 dataset in memory: its arrays, what follows from them, and the dataset at some of its positions.

Inside the code positions are (row, col) in pixels of the object grid and mark where the window's index
(H // 2, W // 2) lies; `xcoords` (columns) and `ycoords` (rows) exist in the archive alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ptyproof.errors import InputError
from ptyproof.io.blocks import row_blocks
from ptyproof.io.hashing import combine_digests, sha256_array
from ptyproof.io.keys import BACKGROUND, FACTORS, RECORD_SINCE_2, VALID
from ptyproof.io.metadata import Role, major_of, of_version_2, with_transformation
from ptyproof.io.npz import Array

if TYPE_CHECKING:
    from ptyproof_schemas.types.dataset_metadata import DatasetMetadata


@dataclass(frozen=True, eq=False)
class Dataset:
    """A scan: what was illuminated, with what, where, and what the detector recorded.

    Parameters
    ----------
    obj
        Object (M, M') complex64, or None where it is unknown.
    probe
        Probe (H, W) complex64: of several incoherent modes the one with the most power.
    positions_px
        Scan positions (n, 2) float64 as (row, col), pixels of the object grid: where the window's index
        (H // 2, W // 2) lies.
    metadata
        The `_metadata` record (schema dataset_metadata 1, or 2 where something of version 2 is in the dataset).
    diffraction
        Amplitude (n, H, W) float32 >= 0, zero frequency in the middle; None in a base dataset.
    patches
        Object seen through each window at its sub-pixel position, (n, H, W) complex64, or None.
    scan_index
        Index of each position in the scan that the file was made from, (n,) int64, or None.
    positions_start_px
        Positions as they were before a correction, (n, 2) float64 as (row, col), or None.
    filenames
        Name of the raw file of each pattern, (n,) unicode, or None.
    further_modes
        The other modes of the probe by falling power, (P - 1, H, W) complex64, or None for a coherent beam.
    valid_pixels
        True in pixels that were measured, bool (H, W) for all patterns or (n, H, W); None where all were.
    background
        Expected counts that do not come from the object, float32 (H, W) or (n, H, W), or None.
    intensity_factors
        Factor of the beam's intensity in each pattern, float64 (n,), or None where all are 1.
    positions_true_px
        Positions that a simulation used, where `positions_px` carry errors, (n, 2) float64 as (row, col): the truth.

    Nothing is checked here, so that `validation.dataset_problems` can describe what is wrong.
    """

    obj: npt.NDArray[np.complex64] | None
    probe: npt.NDArray[np.complex64]
    positions_px: npt.NDArray[np.float64]
    metadata: DatasetMetadata
    diffraction: npt.NDArray[np.float32] | None = None
    patches: npt.NDArray[np.complex64] | None = None
    scan_index: npt.NDArray[np.int64] | None = None
    positions_start_px: npt.NDArray[np.float64] | None = None
    filenames: npt.NDArray[np.str_] | None = None
    further_modes: npt.NDArray[np.complex64] | None = None
    valid_pixels: npt.NDArray[np.bool_] | None = None
    background: npt.NDArray[np.float32] | None = None
    intensity_factors: npt.NDArray[np.float64] | None = None
    positions_true_px: npt.NDArray[np.float64] | None = None

    def __len__(self) -> int:
        """Return the number of scan positions."""
        return len(self.positions_px)

    @property
    def role(self) -> Role:
        """What the dataset is: base, simulation or measurement."""
        return self.metadata["role"]

    @property
    def intensity_scale(self) -> float | None:
        """The s in counts = (diffraction * s)^2, or None where it is unknown."""
        return self.metadata["intensity_scale"]

    @property
    def modes(self) -> npt.NDArray[np.complex64]:
        """All modes of the probe by falling power, (P, H, W)."""
        first = self.probe[None]
        return first if self.further_modes is None else np.concatenate([first, self.further_modes])

    @property
    def illuminating(self) -> npt.NDArray[np.complex64]:
        """The probe (H, W), or all of its modes (P, H, W) where it has several: what physics takes."""
        return self.probe if self.further_modes is None else self.modes

    @property
    def saturation_counts(self) -> float | None:
        """The largest count that a pixel records, or None."""
        return self.metadata.get("saturation_counts")

    @property
    def detector_psf_sigma_px(self) -> float | None:
        """Standard deviation of the detector's Gaussian blur in pixels, or None."""
        return self.metadata.get("detector_psf_sigma_px")

    def counts(self, index: slice | npt.NDArray[Any] = slice(None)) -> npt.NDArray[np.int64]:
        """Return the photon counts of all patterns, or of those that `index` selects, (m, H, W) int64.

        counts = (diffraction * intensity_scale)^2, rounded to the whole numbers that it is within the
        precision of float32.

        Raises
        ------
        InputError
            If there is no diffraction, or its scale is unknown.
        """
        if self.diffraction is None or self.intensity_scale is None:
            missing = "diffraction" if self.diffraction is None else "known intensity_scale"
            raise InputError(f"counts need diffraction and its intensity_scale; this dataset has no {missing}")
        amplitude = self.diffraction[index].astype(np.float64)
        return np.rint((amplitude * self.intensity_scale) ** 2).astype(np.int64)

    def photons_per_pattern(self) -> float | None:
        """Return the mean over the patterns of the summed counts, or None where counts are unknown."""
        if self.diffraction is None or self.intensity_scale is None or not len(self):
            return None
        scale = self.intensity_scale
        squares = (
            np.rint((self.diffraction[rows].astype(np.float64) * scale) ** 2) for rows in row_blocks(self.diffraction)
        )
        return sum(float(counts.sum()) for counts in squares) / len(self)


def content_digest(dataset: Dataset) -> str:
    """Return the sha256 of the dataset's arrays (names, dtypes, shapes, contents), without `_metadata`."""
    return combine_digests({name: sha256_array(array) for name, array in dataset_arrays(dataset).items()})


def dataset_arrays(dataset: Dataset) -> dict[str, Array]:
    """Return the dataset's arrays under the names and in the order of the archive, without `_metadata`."""
    arrays: dict[str, Array | None] = {
        "diffraction": dataset.diffraction,
        "objectGuess": dataset.obj,
        "probeGuess": dataset.illuminating,
        "xcoords": dataset.positions_px[:, 1],
        "ycoords": dataset.positions_px[:, 0],
        "Y": dataset.patches,
        "scan_index": dataset.scan_index,
        "filenames": dataset.filenames,
    }
    if dataset.positions_start_px is not None:
        arrays["xcoords_start"] = dataset.positions_start_px[:, 1]
        arrays["ycoords_start"] = dataset.positions_start_px[:, 0]
    arrays[VALID] = dataset.valid_pixels
    arrays[BACKGROUND] = dataset.background
    arrays[FACTORS] = dataset.intensity_factors
    if dataset.positions_true_px is not None:
        arrays["xcoords_true"] = dataset.positions_true_px[:, 1]
        arrays["ycoords_true"] = dataset.positions_true_px[:, 0]
    return {name: array for name, array in arrays.items() if array is not None}


def since_2(dataset: Dataset) -> list[str]:
    """Return the names of what a dataset has of version 2 of the contract: arrays and keys of the record."""
    arrays: dict[str, Array | None] = {
        "probeGuess of several modes": dataset.further_modes,
        VALID: dataset.valid_pixels,
        BACKGROUND: dataset.background,
        FACTORS: dataset.intensity_factors,
        "xcoords_true": dataset.positions_true_px,
    }
    found = [name for name, array in arrays.items() if array is not None]
    return found + [key for key in RECORD_SINCE_2 if key in dataset.metadata]


def with_modes(dataset: Dataset, probe: npt.NDArray[np.complex64]) -> Dataset:
    """Return a dataset with another probe, (H, W), or (P, H, W) of several modes by falling power."""
    modes = probe if probe.ndim == 3 else probe[None]
    return replace(dataset, probe=modes[0], further_modes=modes[1:] if len(modes) > 1 else None)


def in_its_version(dataset: Dataset) -> Dataset:
    """Return a dataset whose record states version 2 where something of it is in the dataset; others are unchanged."""
    if major_of(dataset.metadata) == 2 or not since_2(dataset):
        return dataset
    return replace(dataset, metadata=of_version_2(dataset.metadata))


def select_positions(
    dataset: Dataset,
    index: npt.ArrayLike | slice,
    *,
    step: str = "select-positions",
    detail: Mapping[str, Any] | None = None,
) -> Dataset:
    """Return the dataset at some of its scan positions; object and probe are shared, not copied.

    Parameters
    ----------
    dataset
        Its pattern stacks may be memory-mapped; only the selected patterns are read.
    index
        Whole numbers in [0, n) without repeats, in the order wanted; a boolean mask (n,); or a slice.
    step, detail
        Name and particulars of the transformation that is appended to the metadata; the numbers of positions
        before and after are added to it.

    Returns
    -------
    Dataset
        `scan_index` keeps what it was; where there was none it becomes the index into `dataset`. The measured
        photons per pattern are those of the selection.

    Raises
    ------
    InputError
        If the index is empty, out of range or has repeats.
    """
    chosen = _checked_index(index, len(dataset))
    scan_index = np.arange(len(dataset)) if dataset.scan_index is None else dataset.scan_index
    record = {"positions_before": len(dataset), "positions_after": len(chosen), **(detail or {})}
    subset = replace(
        dataset,
        positions_px=dataset.positions_px[chosen],
        metadata=with_transformation(dataset.metadata, step, record),
        diffraction=_rows(dataset.diffraction, chosen),
        patches=_rows(dataset.patches, chosen),
        scan_index=scan_index[chosen].astype(np.int64, copy=False),
        positions_start_px=_rows(dataset.positions_start_px, chosen),
        filenames=_rows(dataset.filenames, chosen),
        valid_pixels=_rows_of_stack(dataset.valid_pixels, chosen),
        background=_rows_of_stack(dataset.background, chosen),
        intensity_factors=_rows(dataset.intensity_factors, chosen),
        positions_true_px=_rows(dataset.positions_true_px, chosen),
    )
    return with_measured_photons(subset, force=True)


def with_measured_photons(dataset: Dataset, *, force: bool) -> Dataset:
    """Set the measured photons per pattern from the counts, where they are known and `force` asks for it."""
    diffraction = dataset.diffraction
    if not force or diffraction is None:
        return dataset
    if diffraction.ndim != 3 or diffraction.dtype.kind != "f" or not len(diffraction):
        return dataset  # validation says what is wrong
    if not all(np.isfinite(diffraction[rows]).all() for rows in row_blocks(diffraction)):
        return dataset
    return replace(
        dataset, metadata={**dataset.metadata, "photons_per_pattern_measured": dataset.photons_per_pattern()}
    )


def _checked_index(index: npt.ArrayLike | slice, n: int) -> npt.NDArray[np.int64]:
    chosen = np.arange(n)[index] if isinstance(index, slice) else np.asarray(index)
    if chosen.dtype.kind == "b":
        if chosen.shape != (n,):
            raise InputError(f"index must be a mask of shape ({n},), got shape {chosen.shape}")
        chosen = np.flatnonzero(chosen)
    if chosen.ndim != 1 or chosen.size == 0 or chosen.dtype.kind not in "iu":
        found = f"{chosen.dtype} of shape {chosen.shape}"
        raise InputError(f"index must be a non-empty list of whole numbers, a mask or a slice, got {found}")
    if chosen.min() < 0 or chosen.max() >= n:
        raise InputError(f"index must be in [0, {n}), got {chosen.min()} to {chosen.max()}")
    if len(np.unique(chosen)) < len(chosen):
        raise InputError("index must name each position at most once")
    return chosen.astype(np.int64)


def _rows_of_stack(array: Array | None, chosen: npt.NDArray[np.int64]) -> Array | None:
    return array if array is None or array.ndim == 2 else np.asarray(array[chosen])


def _rows(array: Array | None, chosen: npt.NDArray[np.int64]) -> Array | None:
    return None if array is None else np.asarray(array[chosen])
