"""Whether each file of a hub is where it belongs: of the kind that its name has, named by a manifest, and there."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ptyproof.checking.judge import Checked
from ptyproof.checking.model.document import INDEX, Document, Findings, finding_about, mapping
from ptyproof.checking.model.hub_files import HubFiles
from ptyproof.checking.model.references import references
from ptyproof.hub.conformance import record_path
from ptyproof.hub.index import CONFORMANCE, DATASETS, is_passing
from ptyproof.hub.layout import (
    KINDS,
    OVERLAP,
    REAL_RUN,
    RECONSTRUCTION,
    RUN,
    SKIP_LINES,
    SKIPS,
    TRAINING,
)
from ptyproof.study.layout import RECONSTRUCTIONS, reconstruction_file, replicate_of

Manifests = Mapping[str, Mapping[str, Any]]
_EXPECTED = {**KINDS, INDEX: "hub_index"}
_WHY = {
    RUN: "is missing: it records the data of the hub's trainings",
    OVERLAP: "is missing: it records the data of the hub's trainings",
    SKIPS: "is missing: it must have the skips of the training manifest",
    SKIP_LINES: "is missing; `ptyproof report` writes it",
}
_SHOWN = 60


def is_of_the_hub(name: str) -> bool:
    """Tell whether a JSON file is in a place that has manifests alone, so that it must be one."""
    return name in _EXPECTED or name.startswith((f"{REAL_RUN}/", f"{DATASETS}/", f"{CONFORMANCE}/"))


def misplaced(name: str, checked: Checked, value: Any) -> Findings:
    """Yield that a manifest is of another kind than its place has, or was migrated from an earlier generation."""
    expected = _EXPECTED.get(name, CONFORMANCE if name.startswith(f"{CONFORMANCE}/") else None)
    if checked.kind is not None and expected is not None and checked.kind != expected:
        yield finding_about(name, "PM903", "$.kind", f"is of the kind {checked.kind}, but {expected} is expected here")
    if checked.kind == expected == CONFORMANCE and record_path(method := str(value.get("method"))) != name:
        yield finding_about(name, "PM903", "$.method", f"is the record of {method[:_SHOWN]}, which has another name")
    if checked.kind is not None and isinstance(value, dict) and "migrated" in value:
        generation = str(mapping(value, "migrated").get("generation"))[:_SHOWN]
        said = f"was migrated from generation {generation}: a record of an earlier tool, not evidence of this one"
        yield finding_about(name, "PM904", "$.migrated", said)


def missing(files: HubFiles, manifests: Manifests) -> Findings:
    """Yield records that are absent although there are trainings, which rest on them."""
    if TRAINING not in manifests:
        return
    for name, said in _WHY.items():
        if name not in files.paths and name not in files.faults:
            yield finding_about(name, "PM902", "$", said)


def strays(files: HubFiles, manifests: Manifests) -> Findings:
    """Yield datasets and reconstructions, and what lies beside them, that no manifest of their phase names."""
    of_data = {RUN, OVERLAP, *_named(manifests, (RUN, OVERLAP))}
    # what a damaged manifest names is not known
    damaged = {posixpath.dirname(name) for name in (RUN, OVERLAP) if name in files.paths and name not in manifests}
    reconstructions = f"{REAL_RUN}/{RECONSTRUCTIONS}/"
    of_methods = {*_named(manifests, (RECONSTRUCTION,)), *_of_lost_jobs(manifests)}
    for name in files.paths:
        if is_passing(posixpath.basename(name)):
            continue
        if name.startswith(f"{DATASETS}/") and name not in of_data and _folder(name) not in damaged:
            yield finding_about(name, "PM901", "$", "is not named by a manifest of its phase")
        if RECONSTRUCTION in manifests and name.startswith(reconstructions) and name not in of_methods:
            yield finding_about(name, "PM901", "$", f"is not named by a reconstruction of {RECONSTRUCTION}")


def _of_lost_jobs(manifests: Manifests) -> Iterator[str]:
    """Yield the archives and products of lost reconstructions: a job may be ended between its file and its record.

    The record says that the job was lost, and the next call replaces the file.
    """
    for job in manifests[RECONSTRUCTION]["jobs"] if RECONSTRUCTION in manifests else ():
        if job["result"]["status"] == "lost":
            place = job["dose"], job["view"], job["gridsize"], job["split"], job["method"]
            archive = reconstruction_file(Path(REAL_RUN), *place, replicate=replicate_of(job))
            yield from (archive.as_posix(), archive.with_name(f"{job['method']}.h5").as_posix())


def _folder(name: str) -> str:
    return posixpath.join(*name.split("/")[:2])


def _named(manifests: Manifests, names: Iterable[str]) -> Iterator[str]:
    """Yield the files that manifests name, by their names in the hub."""
    for name in names:
        if name not in manifests:
            continue
        doc = Document(manifests[name], name, KINDS[name], "1", folder=Path(), home=Path())
        for found in references(doc):
            if found.name is not None:
                yield posixpath.normpath(posixpath.join(posixpath.dirname(name), found.name))
