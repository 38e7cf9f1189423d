"""The base of a study: object, probe and scan positions, built in or from a DATA-001 file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ptyproof.errors import DataError, DesignError, InputError
from ptyproof.io.dataset import (
    Dataset,
    content_digest,
    in_its_version,
    new_metadata,
    read_dataset,
    write_dataset,
)
from ptyproof.io.hashing import sha256_file
from ptyproof.io.importers import Imported
from ptyproof.io.metadata import file_name, source_of, with_transformation
from ptyproof.io.physical import check_far_field
from ptyproof.io.reading import UNSAID, Reading
from ptyproof.io.validation import validate_dataset
from ptyproof.physics.objects import make_object
from ptyproof.physics.probes import make_probe
from ptyproof.physics.scans import object_shape_for, raster_scan, scan_origin_px
from ptyproof.records.archive import read_archive
from ptyproof.study.design import StudyDesign
from ptyproof.study.seeds import of_replicate, stream
from ptyproof_schemas.types.common import Stream

BUILTIN = "builtin"
LIT_FRACTION = 0.02  # of the brightest pixel, from which on an object is taken from a reconstruction


@dataclass(frozen=True, eq=False)
class Base:
    """A base dataset, where it comes from, the digest of its arrays, and what reading it had to change."""

    dataset: Dataset
    name: str
    sha256: str
    changes: tuple[str, ...] = ()

    @property
    def is_builtin(self) -> bool:
        """Whether the base is that of the study, and of no file."""
        return self.name.startswith(f"{BUILTIN}:")


def make_base(design: StudyDesign, replicate: int = 1) -> Dataset:
    """Return the built-in base dataset of a study; the same design always gives the same arrays.

    Replicates differ in the draw of the object. The scan and the probe are those of the first one.

    Raises
    ------
    DesignError
        If the study has no built-in base.
    """
    plan = design.base
    if plan is None:
        raise DesignError(f"study {design.name} has no built-in base; give one with --base-npz FILE")
    window = (design.pattern_size_px, design.pattern_size_px)
    positions_px = raster_scan(
        (plan.scan_rows, plan.scan_cols),
        plan.step_px,
        plan.jitter_px,
        scan_origin_px(window, plan.jitter_px),
        stream(plan.seed, "base", "scan"),
    )
    shape = object_shape_for(positions_px, window)
    detail = {"study": design.name, **design.as_dict()["base"]}
    seed: Stream = {"root": plan.seed, "key": list(of_replicate(("base",), replicate))}
    metadata = new_metadata("base", "built-in base", detail, seed=seed)
    return Dataset(
        obj=make_object(plan.object, shape, stream(plan.seed, *of_replicate(("base", "object"), replicate))),
        probe=make_probe(plan.probe, window, diameter_px=plan.probe_diameter_px),
        positions_px=positions_px,
        metadata=metadata,
        scan_index=np.arange(len(positions_px), dtype=np.int64),
    )


def _with_probe_of(base: Dataset, path: Path, changes: list[str]) -> Dataset:
    """Return a base whose probe is that of the DATA-001 file at `path`, a measurement for example.

    `changes` gets what was done to the probe on reading, such as the order of its modes.

    Raises
    ------
    DataError
        If the file is damaged, or its probe has another size.
    """
    loaded = read_dataset(path, without_truth=True)
    probe = loaded.dataset.probe
    if probe.shape != base.probe.shape:
        (rows, cols), (wanted, _) = probe.shape, base.probe.shape
        raise DataError(path, f"has {rows} x {cols} px, but the study has N = {wanted}", "probeGuess")
    detail: dict[str, Any] = {"name": file_name(path), "sha256": sha256_file(path)}
    made = [change for change in loaded.changes if change.startswith("probeGuess")]
    if made:
        detail["changes"] = made
        changes += made
    metadata = with_transformation(base.metadata, "probe of a file", detail)
    found = replace(base, probe=probe, further_modes=loaded.dataset.further_modes, metadata=metadata)
    return in_its_version(found)


def write_base(
    design: StudyDesign, path: Path, probe_from: Path | None = None, changes: list[str] | None = None
) -> Dataset:
    """Write the built-in base dataset of a study to `path` (DATA-001, role base) and return it.

    Its probe is the built-in one, or that of the DATA-001 file `probe_from`; `changes` gets what was done to it.

    Raises
    ------
    InputError
        If the folder of `path` is missing, or `path` is a folder.
    DataError
        If `probe_from` is damaged, or its probe has another size.
    """
    dataset = make_base(design)
    if probe_from is not None:
        dataset = _with_probe_of(dataset, probe_from, [] if changes is None else changes)
    if path.is_dir() or not path.parent.is_dir():
        raise InputError(f"--out must be a file in an existing folder, got {path}")
    write_dataset(path, dataset)
    return dataset


def base_of_reconstruction(
    measured: Path, archive: Path, reading: Reading = UNSAID, changes: list[str] | None = None
) -> Imported:
    """Return a base to simulate from, object and probe found in a measurement, at its positions; and what was done.

    The object's mean modulus where it is lit becomes 1 and the probe takes the factor. Pixels that are hardly lit, of
    which a reconstruction says nothing, become 1.

    Parameters
    ----------
    measured
        DATA-001 file of the measurement.
    archive
        A reconstruction of it, such as `ptyproof assess` writes.
    reading
        What a measurement without a record leaves open.
    changes
        List that gets each change as it is made.

    Raises
    ------
    DataError
        If a file is damaged, or the reconstruction does not fit the measurement's probe or windows, holds no light, or
        has its probe at the window's edge.
    """
    changes = [] if changes is None else changes
    how = reading.as_keywords() | {"changes": changes}
    dataset = read_dataset(measured, without_truth=True, **how).dataset
    found = read_archive(archive)
    window = dataset.probe.shape
    corners = np.rint(dataset.positions_px).astype(np.int64) - np.array(window) // 2
    if found.probe.shape != window:
        raise DataError(archive, f"has shape {found.probe.shape}, but {measured.name} has {window}", "probe")
    if corners.min() < 0 or np.any(corners.max(axis=0) + np.array(window) > np.array(found.obj.shape)):
        raise DataError(archive, f"has shape {found.obj.shape}, too small for the windows of {measured.name}", "object")
    lit = found.illumination >= LIT_FRACTION * found.illumination.max()
    modulus = float(np.abs(found.obj[lit]).mean()) if found.illumination.any() else 0.0
    if not modulus > 0:
        raise DataError(archive, "holds no light", "object")
    obj = np.ones(object_shape_for(dataset.positions_px, (window[0], window[1])), dtype=np.complex64)
    rows, cols = (min(a, b) for a, b in zip(obj.shape, found.obj.shape, strict=True))
    obj[:rows, :cols] = np.where(lit, found.obj / np.float32(modulus), np.complex64(1))[:rows, :cols]
    origin = found.origin()
    detail = {**origin, "lit": LIT_FRACTION}
    changes += [
        f"objectGuess: that of a reconstruction by {origin['method']}, divided by its mean modulus {modulus:.6g}",
        f"objectGuess: 1 where the light is below {LIT_FRACTION:g} of the brightest pixel's",
        "probeGuess: that of the reconstruction, times the same factor",
    ]
    base = Dataset(
        obj=obj,
        probe=(found.probe * np.float32(modulus)).astype(np.complex64),
        positions_px=dataset.positions_px,
        metadata=new_metadata("base", "base of a reconstruction", detail, source=source_of(measured)),
        scan_index=np.arange(len(dataset), dtype=np.int64),
    )
    return Imported(base, tuple(changes), validate_dataset(base, archive))


def load_base(design: StudyDesign, base_npz: str) -> Base:
    """Return the base dataset that `base_npz` names (`builtin` or a file), checked against the design.

    Raises
    ------
    DataError
        If the file breaks DATA-001, holds no object, is of the near field, or its probe has not the study's pattern
        size.
    DesignError
        If `builtin` is asked for and the study has none.
    """
    if base_npz == BUILTIN:
        return _builtin(design, 1)
    path = Path(base_npz)
    loaded = read_dataset(path)
    dataset = loaded.dataset
    if dataset.obj is None:
        raise DataError(
            path,
            "is missing: a base needs an object to simulate from; a measurement gets one with "
            "`ptyproof import FILE --object NAME --out base.npz`",
            "objectGuess",
        )
    check_far_field(path, dataset.metadata)
    expected = (design.pattern_size_px, design.pattern_size_px)
    if dataset.probe.shape != expected:
        raise DataError(
            path, f"has shape {dataset.probe.shape}, but study {design.name} needs {expected}", "probeGuess"
        )
    return Base(dataset, file_name(path), content_digest(dataset), loaded.changes)


def base_of_replicate(design: StudyDesign, base: Base, replicate: int) -> Base:
    """Return the base of one replicate: the study's own, or one with another draw of the object.

    Raises
    ------
    InputError
        If replicates have objects of their own, and the base is that of a file.
    """
    if replicate == 1 or not design.replicate_objects:
        return base
    if not base.is_builtin:
        raise InputError(f"replicate_objects draws the built-in object again, but the base is the file {base.name}")
    return _builtin(design, replicate)


def _builtin(design: StudyDesign, replicate: int) -> Base:
    dataset = make_base(design, replicate)
    return Base(dataset, f"{BUILTIN}:{design.name}", content_digest(dataset))
