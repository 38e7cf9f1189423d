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
    """Return a manifest with all events of its journal, and that of a kind without journals as it is.

    Raises
    ------
    ManifestError
        If the manifest or its journal is damaged, or they do not belong together.
    """
    if kind not in KINDS.values() or not Journal(path).path.exists():
        return read_manifest(path, kind)
    return _ledger(path, kind).read()


def fold_recorded(artifact_root: Path) -> None:
    """Write each manifest of an artifact root that has a journal with what the journal has, and remove the journal.

    Raises
    ------
    ManifestError
        If a manifest or its journal is damaged, or they do not belong together; they stay as they are.
    """
    for name, kind in KINDS.items():
        if Journal(artifact_root / name).path.exists():
            _ledger(artifact_root / name, kind).fold()


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
