"""Manifests of cells with what their journals have, for readers that know the folder and not the study."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from ptyproof.errors import ManifestError
from ptyproof.records.journal import Journal, Recorded, Version, version_of
from ptyproof.records.manifest import read_manifest
from ptyproof.study.layout import RECONSTRUCTION_MANIFEST, TRAINING_MANIFEST

if TYPE_CHECKING:
    from ptyproof.records.cell_ledger import CellLedger
    from ptyproof.study.cells import Cell
    from ptyproof_schemas.types.reconstruction_manifest import ReconstructionManifest
    from ptyproof_schemas.types.training_manifest import TrainingManifest

KINDS = {TRAINING_MANIFEST: "training_manifest", RECONSTRUCTION_MANIFEST: "reconstruction_manifest"}


@overload
def read_recorded(path: Path, kind: Literal["training_manifest"]) -> TrainingManifest: ...
@overload
def read_recorded(path: Path, kind: Literal["reconstruction_manifest"]) -> ReconstructionManifest: ...
@overload
def read_recorded(path: Path, kind: str) -> Any: ...
def read_recorded(path: Path, kind: str) -> Any:
    """Return a manifest with all that is newer: events of its journal, and entries that processes of jobs have left.

    A manifest of another kind, which has neither, is returned as it is.

    Raises
    ------
    ManifestError
        If the manifest, its journal or such an entry is damaged, or they do not belong together.
    """
    return recorded(path, kind).manifest


def recorded(path: Path, kind: str) -> Recorded[Any]:
    """Return a manifest as `read_recorded` does, and how much of it is newer than the file.

    Raises
    ------
    ManifestError
        As `read_recorded` does.
    """
    if kind not in KINDS.values():
        return Recorded(read_manifest(path, kind))
    before = seen_version(path)
    manifest = read_manifest(path, kind)
    # the journal and the version last: what is taken in meanwhile has no file any more
    has_more = bool(_left(path, kind, manifest)) or Journal(path).path.exists()
    if not has_more and (path.name not in KINDS or seen_version(path) == before):
        return Recorded(manifest)
    return _ledger(path, kind, manifest).recorded() or Recorded(manifest)


def seen_version(path: Path) -> Version | None:
    """Return the version of a file; None where it cannot be seen, which who reads it finds out."""
    with suppress(OSError, ValueError):  # ValueError: a name with a null character
        return version_of(path)
    return None


def fold_recorded(artifact_root: Path) -> None:
    """Write each manifest of an artifact root with all that is newer, and remove what the manifest then has.

    Raises
    ------
    ManifestError
        If a manifest with a journal, the journal or an entry of a job is damaged, or they do not belong together; they
        stay as they are.
    """
    for name, kind in KINDS.items():
        path = artifact_root / name
        has_journal = Journal(path).path.exists()
        try:
            manifest = read_manifest(path, kind)
        except ManifestError:
            if has_journal:
                raise
            continue  # it is missing, or its readers will say that it is damaged
        if has_journal or _left(path, kind, manifest):
            _ledger(path, kind, manifest).fold()


def _left(path: Path, kind: str, manifest: Mapping[str, Any]) -> list[Cell]:
    """Return the cells of a manifest whose jobs have left an entry."""
    return _ledgers()[kind].left_in(path.parent, manifest["jobs"]) if path.name in KINDS else []


def _ledgers() -> dict[str, type[CellLedger[Any, Any]]]:
    from ptyproof.records.reconstruction_ledger import ReconstructionLedger
    from ptyproof.records.training_ledger import TrainingLedger

    return {ledger.KIND: ledger for ledger in (TrainingLedger, ReconstructionLedger)}


def _ledger(path: Path, kind: str, manifest: Mapping[str, Any]) -> CellLedger[Any, Any]:
    from ptyproof.study.design import design_from_dict

    phase_c_root, phase_d_root = (path.parent / manifest[name] for name in ("phase_c_root", "phase_d_root"))
    ledger = _ledgers()[kind](design_from_dict(manifest["design"]), phase_c_root, phase_d_root, path.parent)
    if ledger.path != path:
        raise ManifestError(path, f"has a journal, but only {ledger.FILE} can have one")
    return ledger
