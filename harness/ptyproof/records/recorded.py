"""Manifests of cells with what their journals have, for readers that know the folder and not the study."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from ptyproof.errors import ManifestError
from ptyproof.records.journal import Journal
from ptyproof.records.manifest import read_manifest
from ptyproof.study.layout import RECONSTRUCTION_MANIFEST, TRAINING_MANIFEST

if TYPE_CHECKING:
    from ptyproof.records.cell_ledger import CellLedger
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
    if kind not in KINDS.values():
        return read_manifest(path, kind)
    if path.name not in KINDS and not Journal(path).path.exists():
        return read_manifest(path, kind)
    return _ledger(path, kind).read()


def n_left(path: Path, kind: str) -> int:
    """Return how many jobs of a manifest have left an entry that neither the manifest nor its journal has.

    Raises
    ------
    ManifestError
        As `read_recorded` does.
    """
    return _ledger(path, kind).n_newer() if path.name in KINDS else 0


def fold_recorded(artifact_root: Path) -> None:
    """Write each manifest of an artifact root with all that is newer, and remove what the manifest then has.

    A damaged manifest without a journal stays as it is.

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
            ledger = _ledger(path, kind) if has_journal or path.exists() else None
        except ManifestError:
            if has_journal:
                raise
            continue
        if ledger is not None:
            ledger.fold()


def _ledger(path: Path, kind: str) -> CellLedger[Any, Any]:
    from ptyproof.records.reconstruction_ledger import ReconstructionLedger
    from ptyproof.records.training_ledger import TrainingLedger
    from ptyproof.study.design import design_from_dict

    ledgers: dict[str, type[CellLedger[Any, Any]]] = {
        ledger.KIND: ledger for ledger in (TrainingLedger, ReconstructionLedger)
    }
    manifest = read_manifest(path, kind)
    phase_c_root, phase_d_root = (path.parent / manifest[name] for name in ("phase_c_root", "phase_d_root"))
    ledger = ledgers[kind](design_from_dict(manifest["design"]), phase_c_root, phase_d_root, path.parent)
    if ledger.path != path:
        raise ManifestError(path, f"has a journal, but only {ledger.FILE} can have one")
    return ledger
