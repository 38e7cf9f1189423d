"""What Phase F reads of a dataset: all but the truth."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ptyproof.errors import DataError
from ptyproof.io.blocks import row_blocks
from ptyproof.io.dataset import read_dataset
from ptyproof.io.file_record import relative
from ptyproof.io.hashing import sha256_file, sha256_json
from ptyproof.io.knowledge import TELLS, UNCERTAIN_POSITIONS, Tell
from ptyproof.io.npz import NpzArchive
from ptyproof.io.physical import check_far_field
from ptyproof.io.told import Told
from ptyproof.physics.probes import defocused
from ptyproof.reconstruction.method import NOTHING_TOLD, BlindScan, Illuminations, illumination
from ptyproof.reconstruction.stitching import label_components
from ptyproof.training.scan import scan_digest

if TYPE_CHECKING:
    from ptyproof_schemas.types.dataset_metadata import Physical
    from ptyproof_schemas.types.reconstruction_manifest import Dataset as DatasetRecord


@dataclass(frozen=True, eq=False)
class ReconstructionInput:
    """A dataset without its truth.

    Attributes
    ----------
    amplitude
        (n, H, W) float32: sqrt(counts), zero frequency in the middle; mapped from the file where it has no other scale.
    probe
        (H, W) complex64: the dataset's own.
    positions_px
        (n, 2) float64: (row, col) in pixels of the object grid.
    object_shape
        (M, M') of the object grid, pixels.
    counts_known
        Whether amplitudes are the square roots of counts.
    simulated
        Whether the probe is the true one.
    illumination
        (M, M') float32: sum_k |P_k|^2 with the dataset's own probe.
    components
        (M, M') int32: the number of the connected component of the scan at each pixel.
    n_components
        Number of connected components.
    record
        What the manifest says of the dataset.
    known
        What the dataset knows of beam and detector.
    telling
        What a method is told of it, and whether that positions are uncertain.
    physical
        What the dataset's record says of the experiment in physical units.
    """

    amplitude: npt.NDArray[np.float32]
    probe: npt.NDArray[np.complex64]
    positions_px: npt.NDArray[np.float64]
    object_shape: tuple[int, int]
    counts_known: bool
    simulated: bool
    illumination: npt.NDArray[np.float32]
    components: npt.NDArray[np.int32]
    n_components: int
    record: DatasetRecord
    known: Told = NOTHING_TOLD
    telling: tuple[Tell, ...] = ()
    physical: Physical | None = None

    def to_be_told(self, tells: Iterable[Tell], uses: Iterable[Tell] = TELLS) -> ReconstructionInput:
        """Return the dataset for a method that is told what `tells` name, as far as the dataset knows and it uses it.

        That positions are uncertain is no knowledge of the dataset: it is told where `tells` name it. The record says
        what the method is told and what it is not, and its digest is of what the method is given.
        """
        wanted = set(tells)
        known = (*self.known.words, *wanted.intersection([UNCERTAIN_POSITIONS]))
        if not known:
            return self
        telling = tuple(word for word in known if word in wanted.intersection(uses))
        record: DatasetRecord = {
            **self.record,
            "told": list(telling),
            "not_told": [word for word in known if word not in telling],
        }
        told = self.known.only(telling)
        if told.words:
            parts = {"scan_sha256": self.record["scan_sha256"], "told": told.digest()}
            record["scan_sha256"] = sha256_json(parts)
        return replace(self, record=record, telling=telling)

    def scan(
        self,
        estimated: bool,
        defocus_rad: float,
        batch_size: int,
        bundle_path: Path | None,
        grouped: bool = True,
    ) -> BlindScan:
        """Return what a method is given; an estimated probe is a start that is not the truth.

        Of a simulation the dataset's probe is the truth, so its start is defocused, and so are further modes that are
        told. Of a measurement it is an estimate itself, and the start. Positions are refined by a method that is told
        that they are uncertain.
        """
        probe, told = self.probe.copy(), self.known.only(self.telling)
        if estimated and self.simulated:
            probe = defocused(self.probe, defocus_rad)
            if told.further_modes is not None:
                modes = np.stack([defocused(mode, defocus_rad) for mode in told.further_modes])
                told = replace(told, further_modes=modes)
        return BlindScan(
            amplitude=self.amplitude,
            probe=probe,
            positions_px=self.positions_px,
            object_shape=self.object_shape,
            probe_knowledge="estimated" if estimated else "true",
            batch_size=batch_size,
            scan_sha256=self.record["scan_sha256"],
            counts_known=self.counts_known,
            bundle_path=bundle_path,
            grouped=grouped,
            told=told,
            position_knowledge="estimated" if UNCERTAIN_POSITIONS in self.telling else "given",
        )


def read_reconstruction_input(path: Path, split: str, folder: Path) -> ReconstructionInput:
    """Read a half of a study without its truth: `objectGuess` gives the shape of the grid alone.

    Parameters
    ----------
    path, split
        The DATA-001 file, and the half that it has to be.
    folder
        Folder that the recorded path is relative to.

    Raises
    ------
    DataError
        If the file is damaged, breaks the contract, has no patterns or no light, is of the near field or another half,
        or a window does not lie inside the object's grid.
    """
    with NpzArchive(path) as archive:
        truth = archive.members.get("objectGuess")
        shape = None if truth is None else truth.shape
    dataset = read_dataset(path, mmap=True, without_truth=True, require=("diffraction",)).dataset
    assert dataset.diffraction is not None  # it was required
    check_far_field(path, dataset.metadata)
    if dataset.metadata["split"] not in (None, split):
        raise DataError(path, f"is the {dataset.metadata['split']} half, but the {split} half is needed", "_metadata")
    corners = np.rint(dataset.positions_px).astype(np.int64) - np.array(dataset.probe.shape) // 2
    needed = (corners.max(axis=0) + np.array(dataset.probe.shape)).tolist()
    if shape is None:
        shape = (needed[0], needed[1])
    elif len(shape) != 2:
        raise DataError(path, f"must have two axes, got shape {shape}", "objectGuess")
    if corners.min() < 0 or any(high > size for high, size in zip(needed, shape, strict=True)):
        raise DataError(path, f"has windows outside the object's grid of {shape[0]} x {shape[1]} px", "xcoords")
    if not any(dataset.diffraction[rows].any() for rows in row_blocks(dataset.diffraction)):
        raise DataError(path, "has no photons in any pattern", "diffraction")
    scale = dataset.intensity_scale
    components, n_components = label_components(Illuminations(dataset.probe, dataset.positions_px), corners, shape)
    role = dataset.role
    assert role != "base"  # it has patterns
    record: DatasetRecord = {
        "path": relative(path, folder),
        "sha256": sha256_file(path),
        "size_bytes": path.stat().st_size,
        "role": role,
        "n_patterns": len(dataset),
        "scan_sha256": scan_digest(dataset),
    }
    known = Told.of(dataset)
    if known.words:
        record |= {"told": [], "not_told": list(known.words)}
    return ReconstructionInput(
        amplitude=_scaled(dataset.diffraction, scale),
        probe=dataset.probe,
        positions_px=dataset.positions_px,
        object_shape=shape,
        counts_known=scale is not None,
        simulated=dataset.role == "simulation",
        illumination=illumination(dataset.probe, dataset.positions_px, shape),
        components=components,
        n_components=n_components,
        record=record,
        known=known,
        physical=dataset.metadata.get("physical"),
    )


def _scaled(diffraction: npt.NDArray[np.float32], scale: float | None) -> npt.NDArray[np.float32]:
    """Return amplitudes in sqrt(counts); they stay in the file that they are mapped from, if nothing is changed."""
    if scale is None or scale == 1:
        return np.asarray(diffraction)
    scaled: npt.NDArray[np.float32] = diffraction * np.float32(scale)
    return np.asarray(scaled)


def subset(dataset: ReconstructionInput, index: npt.NDArray[np.int64]) -> ReconstructionInput:
    """Return the scan of the positions that `index` (m,) numbers, on the same grid; its record has a digest of them."""
    positions_px = dataset.positions_px[index]
    corners = np.rint(positions_px).astype(np.int64) - np.array(dataset.probe.shape) // 2
    lights = Illuminations(dataset.probe, positions_px)
    components, n_components = label_components(lights, corners, dataset.object_shape)
    digest = sha256_json({"scan_sha256": dataset.record["scan_sha256"], "positions": index.tolist()})
    return replace(
        dataset,
        amplitude=dataset.amplitude[index],
        positions_px=positions_px,
        illumination=illumination(dataset.probe, positions_px, dataset.object_shape),
        components=components,
        n_components=n_components,
        record={**dataset.record, "n_patterns": len(index), "scan_sha256": digest},
        known=dataset.known.at(index),
    )
