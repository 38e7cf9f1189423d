"""The base of a study: object, probe and scan positions, built in or from a DATA-001 file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ptyproof.errors import DataError, DesignError, InputError
from ptyproof.io.dataset import Dataset, content_digest, new_metadata, read_dataset, write_dataset
from ptyproof.physics.objects import make_object
from ptyproof.physics.probes import make_probe
from ptyproof.physics.scans import object_shape_for, raster_scan, scan_origin_px
from ptyproof.study.design import StudyDesign
from ptyproof.study.seeds import stream

BUILTIN = "builtin"


@dataclass(frozen=True, eq=False)
class Base:
    """A base dataset, where it comes from, the digest of its arrays, and what reading it had to change."""

    dataset: Dataset
    name: str
    sha256: str
    changes: tuple[str, ...] = ()


def make_base(design: StudyDesign) -> Dataset:
    """Return the built-in base dataset of a study; the same design always gives the same arrays.

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
    metadata = new_metadata("base", "built-in base", detail, seed={"root": plan.seed, "key": ["base"]})
    return Dataset(
        obj=make_object(plan.object, shape, stream(plan.seed, "base", "object")),
        probe=make_probe(plan.probe, window, diameter_px=plan.probe_diameter_px),
        positions_px=positions_px,
        metadata=metadata,
        scan_index=np.arange(len(positions_px), dtype=np.int64),
    )


def write_base(design: StudyDesign, path: Path) -> Dataset:
    """Write the built-in base dataset of a study to `path` (DATA-001, role base) and return it.

    Raises
    ------
    InputError
        If the folder of `path` is missing, or `path` is a folder.
    """
    dataset = make_base(design)
    if path.is_dir() or not path.parent.is_dir():
        raise InputError(f"--out must be a file in an existing folder, got {path}")
    write_dataset(path, dataset)
    return dataset


def load_base(design: StudyDesign, base_npz: str) -> Base:
    """Return the base dataset that `base_npz` names (`builtin` or a file), checked against the design.

    Raises
    ------
    DataError
        If the file breaks DATA-001, holds no object, or its probe has not the study's pattern size.
    DesignError
        If `builtin` is asked for and the study has none.
    """
    if base_npz == BUILTIN:
        dataset = make_base(design)
        return Base(dataset, f"{BUILTIN}:{design.name}", content_digest(dataset))
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
    expected = (design.pattern_size_px, design.pattern_size_px)
    if dataset.probe.shape != expected:
        raise DataError(
            path, f"has shape {dataset.probe.shape}, but study {design.name} needs {expected}", "probeGuess"
        )
    return Base(dataset, path.name, content_digest(dataset), loaded.changes)
