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
from ptyproof.io.metadata import Role, with_transformation
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
        Probe (H, W) complex64.
    positions_px
        Scan positions (n, 2) float64 as (row, col), pixels of the object grid: where the window's index
        (H // 2, W // 2) lies.
    metadata
        The `_metadata` record (schema dataset_metadata 1).
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
        "probeGuess": dataset.probe,
        "xcoords": dataset.positions_px[:, 1],
        "ycoords": dataset.positions_px[:, 0],
        "Y": dataset.patches,
        "scan_index": dataset.scan_index,
        "filenames": dataset.filenames,
    }
    if dataset.positions_start_px is not None:
        arrays["xcoords_start"] = dataset.positions_start_px[:, 1]
        arrays["ycoords_start"] = dataset.positions_start_px[:, 0]
    return {name: array for name, array in arrays.items() if array is not None}


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


def _rows(array: Array | None, chosen: npt.NDArray[np.int64]) -> Array | None:
    return None if array is None else np.asarray(array[chosen])
