"""DATA-001 datasets: the arrays of a ptychographic scan, read from and written to .npz archives.

Inside the code positions are (row, col) in pixels of the object grid and mark where the window's index
(H // 2, W // 2) lies; `xcoords` (columns) and `ycoords` (rows) exist in the archive alone. The contract is
written down for users in docs/data-contract.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ptyproof.errors import DataError, InputError
from ptyproof.io.budget import check_scan
from ptyproof.io.hashing import combine_digests, sha256_array, sha256_file
from ptyproof.io.legacy import KNOWN, READ, Canonical, canonical_arrays
from ptyproof.io.metadata import (
    METADATA,
    ROLES,
    Role,
    encode_metadata,
    file_name,
    new_metadata,
    read_metadata,
    with_transformation,
)
from ptyproof.io.npz import Array, NpzArchive, NpzWriter
from ptyproof.io.patterns import row_blocks
from ptyproof.io.reading import AxisOrder, Reading, Saturated, ScanOrder, Values, ZeroFrequency
from ptyproof.io.saturation import KEPT, settled
from ptyproof.io.validation import validate_dataset

__all__ = [
    "ROLES",
    "TRUTH",
    "Dataset",
    "LoadedDataset",
    "Role",
    "content_digest",
    "dataset_arrays",
    "encode_metadata",
    "new_metadata",
    "read_dataset",
    "select_positions",
    "with_transformation",
    "write_dataset",
]


TRUTH = ("objectGuess", "Y")


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
    metadata: dict[str, Any]
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
        role: Role = self.metadata["role"]
        return role

    @property
    def intensity_scale(self) -> float | None:
        """The s in counts = (diffraction * s)^2, or None where it is unknown."""
        return self.metadata["intensity_scale"]  # type: ignore[no-any-return]

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


@dataclass(frozen=True, eq=False)
class LoadedDataset:
    """A dataset that was read, what was changed to make it canonical, the digest of each array, and what is odd."""

    dataset: Dataset
    changes: tuple[str, ...]
    digests: Mapping[str, str]
    remarks: tuple[str, ...] = ()

    @property
    def content_sha256(self) -> str:
        """The digest of all arrays together; `_metadata` is no part of it."""
        return combine_digests(self.digests)

    def tell(self, say: Callable[[str], object]) -> None:
        """Say each change and each remark in a line of its own."""
        for change in self.changes:
            say(f"changed on reading: {change}")
        for remark in self.remarks:
            say(f"note: {remark}")


def read_dataset(
    path: Path | str,
    *,
    mmap: bool = False,
    require: Iterable[str] = (),
    role: Role | None = None,
    axis_order: AxisOrder | None = None,
    values: Values | None = None,
    zero_frequency: ZeroFrequency = "auto",
    saturated: Saturated = "refuse",
    scan_order: ScanOrder | None = None,
    changes: list[str] | None = None,
    without_truth: bool = False,
) -> LoadedDataset:
    """Read a dataset archive, canonical or legacy, make it canonical, and validate it.

    Parameters
    ----------
    path
        The archive.
    mmap
        Map canonical pattern stacks from the file (read-only) instead of reading them into memory.
    require
        Names of optional arrays (`diffraction`, `objectGuess`, `Y`, ...) that must be there.
    role
        The role of a file that does not state one; or "base", to take only object, probe and positions from
        any dataset that has an object.
    axis_order, values
        For files without a record: "nhw" or "hwn"; "amplitude" or "intensity". Needed only where the
        arrays leave it open; of a file with a record they must agree with it.
    zero_frequency
        Where it lies: "center", "corner", "top" or "left", see `Reading`; "auto" expects the middle, as the contract
        has it, and refuses patterns that show another place.
    saturated
        "keep" reads pixels at the largest value of their type as light, and records it; "refuse" does not.
    scan_order
        For patterns (ny, nx, H, W) with positions (n,): "rows" or "columns", see `Reading`.
    changes
        List that gets the sentences of `LoadedDataset.changes` as they are made, so that a caller can show what was
        done before a file was refused.
    without_truth
        Leave `objectGuess` and `Y` unread, as a training must: their bytes are not looked at.

    Returns
    -------
    LoadedDataset
        Every change is also the last entry of the metadata's transformations.

    Raises
    ------
    DataError
        If the file is damaged, is no dataset, breaks the contract, or can be read in more than one way.
    InputError
        If an argument is unknown.
    """
    path = Path(path)
    wanted = _checked_names(require)
    reading = Reading(axis_order, values, zero_frequency, saturated, scan_order)
    if role is not None and role not in ROLES:
        raise InputError(f"role must be one of {', '.join(ROLES)}, got {role!r}")
    with NpzArchive(path) as archive:
        metadata = read_metadata(archive)
        left = {METADATA, *TRUTH} if without_truth else {METADATA}
        names = [name for name in archive.members if name not in left]
        for name in ("probeGuess", "xcoords", "ycoords"):
            if name not in names:
                raise _missing(path, name, names, "; `ptyproof import` reads other layouts")
        check_scan(path, archive.members)
        arrays = {name: _array(archive, name, mmap) for name in names}
    recorded = metadata is not None
    as_base = role == "base" or (metadata is not None and metadata["role"] == "base")
    state = canonical_arrays(arrays, path, reading, recorded=recorded, as_base=as_base, changes=changes)
    for name in wanted:
        if name not in state.arrays:
            raise _missing(path, name, arrays)
    if metadata is None:
        metadata = _legacy_metadata(state, role)
    metadata = _settled_metadata(metadata, state, role)
    dataset = _with_photons(_from_arrays(state, metadata), force=not recorded)
    if recorded:
        state.saturated = _saturated_measurement(dataset, path, saturated)
    dataset = _with_saturated(dataset, state)
    remarks = validate_dataset(dataset, path, without_truth=without_truth)
    digests = {name: sha256_array(array) for name, array in dataset_arrays(dataset).items()}
    return LoadedDataset(dataset, tuple(state.changes), digests, remarks)


def write_dataset(path: Path | str, dataset: Dataset) -> dict[str, str]:
    """Validate `dataset` and write it as a DATA-001 archive, atomically; return the digest of each array.

    Equal datasets give equal bytes. `combine_digests` of the result is `content_digest(dataset)`.

    Raises
    ------
    DataError
        If the dataset breaks the contract; nothing is written.
    RunError
        If the system refuses to write; nothing is left behind.
    """
    validate_dataset(dataset, path)
    with NpzWriter(path) as writer:
        for name, array in dataset_arrays(dataset).items():
            writer.add(name, array)
        digests = dict(writer.digests)
        writer.add(METADATA, encode_metadata(dataset.metadata))
    return digests


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
    return _with_photons(subset, force=True)


def _missing(path: Path, name: str, found: Iterable[str], hint: str = "") -> DataError:
    return DataError(path, f"is missing; the archive holds {', '.join(sorted(found)) or 'none'}{hint}", name)


def _array(archive: NpzArchive, name: str, mmap: bool) -> Array:
    """Return an array whose checksum is right; of one that the contract does not know, shape and dtype alone."""
    if name in READ and not mmap:
        return archive.read(name)
    archive.verify(name)
    if name in READ:
        return archive.memmap(name)
    member = archive.members[name]
    return np.broadcast_to(np.empty((), member.dtype), member.shape)


def _checked_names(names: Iterable[str]) -> list[str]:
    wanted = [names] if isinstance(names, str) else list(names)
    for name in wanted:
        if name not in KNOWN:
            raise InputError(f"require must name arrays of the contract ({', '.join(KNOWN)}), got {name!r}")
    return wanted


def _legacy_metadata(state: Canonical, role: Role | None) -> dict[str, Any]:
    if role is None:
        role = "measurement" if "diffraction" in state.arrays else "base"
        why = "there are" if role == "measurement" else "there are no"
        state.changes.append(f"role: taken as {role}, since {why} diffraction patterns and no record says more")
    source = {"name": file_name(state.path), "sha256": sha256_file(state.path), "of": "file"}
    return new_metadata(
        role,
        "record-created",
        "the file had no _metadata; photons, scale, seed and split are unknown unless a later step says so",
        intensity_scale=state.intensity_scale,
        source=source,
    )


def _settled_metadata(metadata: dict[str, Any], state: Canonical, role: Role | None) -> dict[str, Any]:
    if role is not None and role != metadata["role"]:
        if role != "base":
            reason = f"says that this is a {metadata['role']} dataset, but {role} was asked for"
            raise DataError(state.path, reason, METADATA)
        state.changes.append(f"role: {metadata['role']} taken as base")
    if not state.changes:
        return metadata
    metadata = with_transformation(metadata, "made-canonical", {"changes": list(state.changes)})
    metadata["role"] = role or metadata["role"]
    if metadata["role"] == "base":
        metadata |= {"photons_per_pattern_measured": None, "intensity_scale": None}
    return metadata


def _saturated_measurement(dataset: Dataset, path: Path, saturated: Saturated) -> str | None:
    """Look for pixels that are no light in a measurement with a record, unless the record says that they are kept."""
    kept = any(entry["step"] == KEPT for entry in dataset.metadata["transformations"])
    if dataset.diffraction is None or dataset.role != "measurement" or kept:
        return None
    scale = 1.0 if dataset.intensity_scale is None else dataset.intensity_scale
    return settled(dataset.diffraction, path, "diffraction", saturated, scale)


def _with_saturated(dataset: Dataset, state: Canonical) -> Dataset:
    """Record that saturated pixels were kept, so that later readers do not ask again."""
    if state.saturated is None or dataset.diffraction is None:
        return dataset
    state.changes.append(f"diffraction: {state.saturated}")
    return replace(dataset, metadata=with_transformation(dataset.metadata, KEPT, state.saturated))


def _from_arrays(state: Canonical, metadata: dict[str, Any]) -> Dataset:
    arrays = state.arrays
    return Dataset(
        obj=arrays.get("objectGuess"),
        probe=arrays["probeGuess"],
        positions_px=_paired(state, "ycoords", "xcoords"),
        metadata=metadata,
        diffraction=arrays.get("diffraction"),
        patches=arrays.get("Y"),
        scan_index=arrays.get("scan_index"),
        positions_start_px=_start_positions(state),
        filenames=arrays.get("filenames"),
    )


def _start_positions(state: Canonical) -> Array | None:
    names = [name for name in ("ycoords_start", "xcoords_start") if name in state.arrays]
    if len(names) == 1:
        raise state.fail(names[0], "stands alone; xcoords_start and ycoords_start belong together")
    return _paired(state, "ycoords_start", "xcoords_start") if names else None


def _paired(state: Canonical, rows: str, cols: str) -> Array:
    row, col = state.arrays[rows], state.arrays[cols]
    for name in (rows, cols):
        array = state.arrays[name]
        if array.ndim != 1 or array.dtype.kind != "f":
            raise state.fail(name, f"must be float64 of shape (n,), got {array.dtype} of shape {array.shape}")
    if len(row) != len(col):
        raise state.fail(rows, f"has the length {len(row)}, but {cols} has {len(col)}")
    return np.stack([row, col], axis=1)


def _with_photons(dataset: Dataset, *, force: bool) -> Dataset:
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
        raise InputError(f"index must lie in [0, {n}), got {chosen.min()} to {chosen.max()}")
    if len(np.unique(chosen)) < len(chosen):
        raise InputError("index must not name a position twice")
    return chosen.astype(np.int64)


def _rows(array: Array | None, chosen: npt.NDArray[np.int64]) -> Array | None:
    return None if array is None else np.asarray(array[chosen])
