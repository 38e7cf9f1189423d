"""The archive of a reconstruction, whose members docs/reconstructions.md describes: Phase F writes, others read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ptyproof.errors import DataError
from ptyproof.io import strict_json
from ptyproof.io.hashing import combine_digests, sha256_array
from ptyproof.io.npz import NpzArchive, NpzWriter
from ptyproof.methods.reconstruction_input import ReconstructionInput
from ptyproof.reconstruction.method import Reconstruction
from ptyproof.reconstruction.snapshots import Snapshots
from ptyproof.records.manifest import TOOL

if TYPE_CHECKING:
    from ptyproof_schemas.types.reconstruction_manifest import Positions as PositionsRecord

RECORD = "_reconstruction"
# name: dtype, axes
_MEMBERS = {
    "object": ("complex64", 2),
    "probe": ("complex64", 2),
    "illumination": ("float32", 2),
    "parts": ("int32", 2),
    "history_iteration": ("int32", 1),
    "history_loss": ("float64", 1),
    "history_seconds": ("float64", 1),
}


# of a method that refines positions
_POSITIONS = {"positions_px": ("float64", 2)}
# of a method that refines modes of the probe
_MODES = {"further_modes": ("complex64", 3)}
# members of an iterative method that shows its object after some epochs
_SNAPSHOTS = {
    "snapshot_epoch": ("int32", 1),
    "snapshot_object": ("float16", 4),
    "snapshot_corner": ("int32", 1),
    "snapshot_unit": ("float64", 1),
}


@dataclass(frozen=True)
class Origin:
    """Where a reconstruction comes from; without view and cell, because several may share a reconstruction."""

    method: str
    plan: dict[str, Any]
    scan_sha256: str
    bundle_sha256: str | None
    recipe_sha256: str


@dataclass(frozen=True, eq=False)
class ReconstructionArchive:
    """What an archive holds; see docs/reconstructions.md.

    Attributes
    ----------
    obj
        (M, M') complex64: the object.
    probe
        (H, W) complex64: the probe that belongs to it.
    illumination
        (M, M') float32: sum_k |P_k|^2 with that probe.
    parts
        (M, M') int32: the number of the connected component of the scan at each pixel.
    iterations
        (k,) int32: iterations with a row in the history, from 1.
    losses
        (k,) float64: the method's own loss after each of them, in the method's unit.
    seconds
        (k,) float64: time after each of them, from the start of the method.
    record
        The member `_reconstruction`.
    snapshots
        The object after some epochs; None where the method does not show it.
    positions_px
        (n, 2) float64: the refined positions (row, col), of the patterns that it was made from; None where the given
        ones were taken.
    further_modes
        (P - 1, H, W) complex64: modes of the probe that were refined beside it; None where there are none.
    """

    obj: npt.NDArray[np.complex64]
    probe: npt.NDArray[np.complex64]
    illumination: npt.NDArray[np.float32]
    parts: npt.NDArray[np.int32]
    iterations: npt.NDArray[np.int32]
    losses: npt.NDArray[np.float64]
    seconds: npt.NDArray[np.float64]
    record: dict[str, Any]
    snapshots: Snapshots | None = None
    positions_px: npt.NDArray[np.float64] | None = None
    further_modes: npt.NDArray[np.complex64] | None = None

    def origin(self) -> dict[str, str]:
        """Return the digest of the arrays, and the method that the record names, for records made from them."""
        method = self.record.get("method")
        named = method if isinstance(method, str) else "a method that its record does not name"
        return {"reconstruction": arrays_digest(self), "method": named}


def arrays_digest(found: Reconstruction | ReconstructionArchive) -> str:
    """Return the digest of object, probe, and refined positions and modes, if there are any.

    Equal reconstructions have equal digests.
    """
    arrays = {
        "object": found.obj,
        "probe": found.probe,
        "positions_px": found.positions_px,
        "further_modes": found.further_modes,
    }
    return combine_digests({name: sha256_array(array) for name, array in arrays.items() if array is not None})


def positions_record(given_px: npt.NDArray[np.float64], refined_px: npt.NDArray[np.float64]) -> PositionsRecord:
    """Return the record of how far a method has moved positions: rms along an axis, and the largest distance.

    `given_px` and `refined_px` are (n, 2) float64.
    """
    change = refined_px - given_px
    return {
        "rms_change_px": float(np.sqrt(np.square(change).mean())),
        "largest_change_px": float(np.hypot(change[:, 0], change[:, 1]).max()),
    }


def write_archive(
    path: Path,
    found: Reconstruction,
    dataset: ReconstructionInput,
    origin: Origin,
    snapshots: Snapshots | None = None,
) -> None:
    """Write a reconstruction, atomically, with the snapshots that were taken.

    Raises
    ------
    RunError
        If the system refuses to write; nothing is left behind.
    """
    record = {
        "tool": TOOL,
        "method": origin.method,
        **origin.plan,
        "scan_sha256": origin.scan_sha256,
        "bundle_sha256": origin.bundle_sha256,
        "recipe_sha256": origin.recipe_sha256,
        "arrays_sha256": arrays_digest(found),
        "n_parts": dataset.n_components,
        "loss_unit": found.loss_unit,
    }
    with NpzWriter(path) as archive:
        archive.add("object", found.obj)
        archive.add("probe", found.probe)
        archive.add("illumination", dataset.illumination)
        archive.add("parts", dataset.components)
        archive.add("history_iteration", np.arange(1, len(found.losses) + 1, dtype=np.int32))
        archive.add("history_loss", np.asarray(found.losses, dtype=np.float64))
        archive.add("history_seconds", np.asarray(found.seconds, dtype=np.float64))
        if found.positions_px is not None:
            archive.add("positions_px", found.positions_px)
        if found.further_modes is not None:
            archive.add("further_modes", found.further_modes)
        if snapshots is not None:
            archive.add("snapshot_epoch", np.asarray(snapshots.epochs, dtype=np.int32))
            archive.add("snapshot_object", snapshots.values)
            archive.add("snapshot_corner", np.asarray(snapshots.corner_px, dtype=np.int32))
            archive.add("snapshot_unit", np.array([snapshots.unit]))
        archive.add(RECORD, np.array(json.dumps(record, sort_keys=True, allow_nan=False)))


def read_archive(path: Path) -> ReconstructionArchive:
    """Read a reconstruction under the safety rules of DATA-001.

    Raises
    ------
    DataError
        If the file is damaged or is no archive of a reconstruction.
    """
    with NpzArchive(path) as archive:
        for name in (*_MEMBERS, RECORD):
            if name not in archive.members:
                raise DataError(path, "is missing; the archive is not a reconstruction", name)
        _check_members(path, archive, _MEMBERS)
        shape = archive.members["object"].shape
        for name in ("illumination", "parts"):
            if archive.members[name].shape != shape:
                raise DataError(path, f"must have the object's shape {shape}", name)
        text = archive.members[RECORD]
        if text.dtype.kind != "U" or text.shape != () or text.nbytes > 4 * strict_json.MAX_BYTES:
            raise DataError(path, f"must be text, got {text.dtype} of shape {text.shape}", RECORD)
        arrays = {name: archive.read(name) for name in _MEMBERS}
        record = strict_json.parse_json(str(archive.read(RECORD)), path, RECORD)
        snapshots = _snapshots(path, archive)
        positions_px = _positions(path, archive)
        further_modes = _further_modes(path, archive)
    if not isinstance(record, dict):
        raise DataError(path, f"must be a JSON object, got {type(record).__name__}", RECORD)
    return ReconstructionArchive(
        obj=arrays["object"],
        probe=arrays["probe"],
        illumination=arrays["illumination"],
        parts=arrays["parts"],
        iterations=arrays["history_iteration"],
        losses=arrays["history_loss"],
        seconds=arrays["history_seconds"],
        record=record,
        snapshots=snapshots,
        positions_px=positions_px,
        further_modes=further_modes,
    )


def _positions(path: Path, archive: NpzArchive) -> npt.NDArray[np.float64] | None:
    if "positions_px" not in archive.members:
        return None
    _check_members(path, archive, _POSITIONS)
    found = archive.read("positions_px")
    if found.shape[1] != 2 or not np.isfinite(found).all():
        raise DataError(path, f"must be (n, 2) finite numbers, got {found.shape}", "positions_px")
    return found


def _further_modes(path: Path, archive: NpzArchive) -> npt.NDArray[np.complex64] | None:
    if "further_modes" not in archive.members:
        return None
    _check_members(path, archive, _MODES)
    window, shape = archive.members["probe"].shape, archive.members["further_modes"].shape
    found = archive.read("further_modes")
    if shape[1:] != window or shape[0] == 0 or not np.isfinite(found).all():
        raise DataError(path, f"must be (P, {window[0]}, {window[1]}) finite numbers, got {shape}", "further_modes")
    return found


def _check_members(path: Path, archive: NpzArchive, wanted: Mapping[str, tuple[str, int]]) -> None:
    for name, (kind, axes) in wanted.items():
        member = archive.members[name]
        if member.dtype != np.dtype(kind) or len(member.shape) != axes:
            raise DataError(path, f"must be {kind} with {axes} axes, got {member.dtype} {member.shape}", name)


def _snapshots(path: Path, archive: NpzArchive) -> Snapshots | None:
    missing = [name for name in _SNAPSHOTS if name not in archive.members]
    if missing == list(_SNAPSHOTS):
        return None
    if missing:
        raise DataError(path, "is missing, but the archive has other members of snapshots", missing[0])
    _check_members(path, archive, _SNAPSHOTS)
    epochs, values, corner, unit = (archive.read(name) for name in _SNAPSHOTS)
    grid = archive.members["object"].shape
    if values.shape[0] != len(epochs) or values.shape[3] != 2:
        raise DataError(path, f"must be ({len(epochs)}, h, w, 2), got {values.shape}", "snapshot_object")
    if corner.shape != (2,) or any(
        not 0 <= low <= size - extent for low, extent, size in zip(corner, values.shape[1:3], grid, strict=True)
    ):
        raise DataError(
            path, f"must place {values.shape[1:3]} pixels on the grid {grid}, got {corner}", "snapshot_corner"
        )
    if len(epochs) == 0 or epochs[0] < 1 or np.any(np.diff(epochs) < 1):
        raise DataError(path, f"must ascend from 1 or more, got {epochs}", "snapshot_epoch")
    if unit.shape != (1,) or not 0 < unit[0] < np.inf or not np.isfinite(values).all():
        raise DataError(path, f"must be one number above 0, and the values finite, got {unit}", "snapshot_unit")
    return Snapshots(tuple(epochs.tolist()), values, (int(corner[0]), int(corner[1])), float(unit[0]))
