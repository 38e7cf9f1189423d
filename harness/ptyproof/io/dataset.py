"""DATA-001 datasets: the arrays of a ptychographic scan, read from and written to .npz archives.

The contract is written down for users in docs/data-contract.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ptyproof.errors import DataError, InputError
from ptyproof.io.budget import check_scan
from ptyproof.io.dataset_arrays import (
    Dataset,
    content_digest,
    dataset_arrays,
    in_its_version,
    select_positions,
    with_measured_photons,
    with_modes,
)
from ptyproof.io.hashing import combine_digests, sha256_array
from ptyproof.io.keys import (
    ARRAYS_SINCE_2,
    BACKGROUND,
    FACTORS,
    KNOWN,
    READ,
    TRUTH,
    VALID,
)
from ptyproof.io.legacy import Canonical, canonical_arrays
from ptyproof.io.metadata import (
    METADATA,
    ROLES,
    Role,
    encode_metadata,
    major_of,
    new_metadata,
    read_metadata,
    source_of,
    with_transformation,
    without_detector,
)
from ptyproof.io.npz import Array, NpzArchive, NpzWriter
from ptyproof.io.reading import AxisOrder, Reading, Saturated, ScanOrder, Values, ZeroFrequency
from ptyproof.io.saturation import KEPT, settled
from ptyproof.io.validation import validate_dataset

if TYPE_CHECKING:
    from ptyproof_schemas.types.dataset_metadata import DatasetMetadata

__all__ = [
    "ROLES",
    "TRUTH",
    "Dataset",
    "LoadedDataset",
    "Role",
    "content_digest",
    "dataset_arrays",
    "encode_metadata",
    "in_its_version",
    "new_metadata",
    "read_dataset",
    "select_positions",
    "with_modes",
    "with_transformation",
    "write_dataset",
]


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
        Leave `objectGuess`, `Y` and the true positions unread, as a training must: their bytes are not looked at.

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
        version = None if metadata is None else major_of(metadata)
        _agree_with_version(archive, version)
        left = {METADATA, *TRUTH} if without_truth else {METADATA}
        names = [name for name in archive.members if name not in left]
        for name in ("probeGuess", "xcoords", "ycoords"):
            if name not in names:
                raise _missing(path, name, names, "; `ptyproof import` reads other layouts")
        check_scan(path, archive.members)
        arrays = {name: _array(archive, name, mmap) for name in names}
    recorded = version is not None
    as_base = role == "base" or (metadata is not None and metadata["role"] == "base")
    state = canonical_arrays(arrays, path, reading, version=version, as_base=as_base, changes=changes)
    for name in wanted:
        if name not in state.arrays:
            raise _missing(path, name, arrays)
    if metadata is None:
        metadata = _legacy_metadata(state, role)
    metadata = _settled_metadata(metadata, state, role)
    dataset = in_its_version(_from_arrays(state, metadata))
    dataset = with_measured_photons(dataset, force=not recorded)
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


def _agree_with_version(archive: NpzArchive, version: int | None) -> None:
    """Refuse an archive whose record states version 1 beside arrays of version 2, which its readers pass over."""
    found = [name for name in ARRAYS_SINCE_2 if name in archive.members]
    if version == 1 and found:
        raise DataError(
            archive.path,
            "is an array of version 2 of DATA-001, but the record states version 1; write schema_version 2.0.0 into "
            "_metadata, or leave the array out",
            found[0],
        )


def _missing(path: Path, name: str, found: Iterable[str], hint: str = "") -> DataError:
    return DataError(path, f"is missing; the archive contains {', '.join(sorted(found)) or 'no arrays'}{hint}", name)


def _array(archive: NpzArchive, name: str, mmap: bool) -> Array:
    """Return an array whose checksum is right; of one that the contract does not know, shape and dtype alone."""
    stacked = len(archive.members[name].shape) == 3 and name != "probeGuess"
    if name in READ and not (mmap and stacked):
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


def _legacy_metadata(state: Canonical, role: Role | None) -> DatasetMetadata:
    if role is None:
        role = "measurement" if "diffraction" in state.arrays else "base"
        why = "there are" if role == "measurement" else "there are no"
        state.changes.append(f"role: taken as {role}, since {why} diffraction patterns and no record says more")
    return new_metadata(
        role,
        "record-created",
        "the file had no _metadata; photons, scale, seed and split are unknown unless a later step says so",
        intensity_scale=state.intensity_scale,
        source=source_of(state.path),
    )


def _settled_metadata(metadata: DatasetMetadata, state: Canonical, role: Role | None) -> DatasetMetadata:
    if role is not None and role != metadata["role"]:
        if role != "base":
            reason = f"the record says {metadata['role']}, but the role {role} was requested"
            raise DataError(state.path, reason, METADATA)
        state.changes.append(f"role: {metadata['role']} taken as base")
    if not state.changes:
        return metadata
    metadata = with_transformation(metadata, "made-canonical", {"changes": list(state.changes)})
    metadata["role"] = role or metadata["role"]
    if metadata["role"] == "base":
        metadata |= {"photons_per_pattern_measured": None, "intensity_scale": None}
        metadata = without_detector(metadata)
    return metadata


def _saturated_measurement(dataset: Dataset, path: Path, saturated: Saturated) -> str | None:
    """Look for pixels that are no light in a measurement with a record, unless the record says that they are kept."""
    kept = any(entry["step"] == KEPT for entry in dataset.metadata["transformations"])
    kept = kept or dataset.saturation_counts is not None  # the record says what the largest value is
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


def _from_arrays(state: Canonical, metadata: DatasetMetadata) -> Dataset:
    arrays = state.arrays
    probe = arrays["probeGuess"]
    modes = probe if probe.ndim == 3 and len(probe) > 1 else None
    return Dataset(
        obj=arrays.get("objectGuess"),
        probe=probe if modes is None else modes[0],
        positions_px=_paired(state, "ycoords", "xcoords"),
        metadata=metadata,
        diffraction=arrays.get("diffraction"),
        patches=arrays.get("Y"),
        scan_index=arrays.get("scan_index"),
        positions_start_px=_both_or_none(state, "ycoords_start", "xcoords_start"),
        filenames=arrays.get("filenames"),
        further_modes=None if modes is None else modes[1:],
        valid_pixels=arrays.get(VALID),
        background=arrays.get(BACKGROUND),
        intensity_factors=arrays.get(FACTORS),
        positions_true_px=_both_or_none(state, "ycoords_true", "xcoords_true"),
    )


def _both_or_none(state: Canonical, rows: str, cols: str) -> Array | None:
    names = [name for name in (rows, cols) if name in state.arrays]
    if len(names) == 1:
        raise state.fail(names[0], f"has no counterpart; {cols} and {rows} belong together")
    return _paired(state, rows, cols) if names else None


def _paired(state: Canonical, rows: str, cols: str) -> Array:
    row, col = state.arrays[rows], state.arrays[cols]
    for name in (rows, cols):
        array = state.arrays[name]
        if array.ndim != 1 or array.dtype.kind != "f":
            raise state.fail(name, f"must be float64 of shape (n,), got {array.dtype} of shape {array.shape}")
    if len(row) != len(col):
        raise state.fail(rows, f"has the length {len(row)}, but {cols} has {len(col)}")
    return np.stack([row, col], axis=1)
