"""Hubs of one design, made on several machines, as one hub.

The comparison, the report and the pictures are of one hub each, so they are left out: `ptyproof compare` and
`ptyproof report` make them again. A signed statement is about one index, so it is left out, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ptyproof.checking.hub import judge_hub
from ptyproof.errors import InputError, RunError
from ptyproof.exchange.cells import Conflicts, MergedCells, Prefer, merged_calls, merged_cells
from ptyproof.exchange.export import JudgedFiles, judged
from ptyproof.exchange.merged_data import merged_certificate, merged_data
from ptyproof.exchange.merged_design import PHASES, Manifests, merged_designs, newest, refuse_unlike
from ptyproof.exchange.merged_files import merged_files, owners_of
from ptyproof.exchange.merged_runs import merged_runs
from ptyproof.exchange.packing import new_output, write_folder
from ptyproof.hub.index import BUNDLE, INDEX, STATEMENT, Hub
from ptyproof.hub.layout import CERTIFICATE, COMPARISON, KINDS, OVERLAP, RECONSTRUCTION, RUN, TRAINING
from ptyproof.io.hashing import sha256_bytes
from ptyproof.records.cell_book import CellBook
from ptyproof.records.cell_ledger import CellLedger
from ptyproof.records.manifest import refuse_newer, write_manifest
from ptyproof.records.reconstruction_ledger import ReconstructionLedger
from ptyproof.records.recorded import read_recorded
from ptyproof.records.training_ledger import TrainingLedger
from ptyproof.report.summary import write_summary
from ptyproof.study.design import StudyDesign

_MERGED = (*PHASES, CERTIFICATE)
_LEDGERS: dict[str, type[CellLedger[Any, Any]]] = {TRAINING: TrainingLedger, RECONSTRUCTION: ReconstructionLedger}
_SHOWN = 5


@dataclass(frozen=True)
class Merged:
    """What a merge has made: the cells of each phase, the conflicts that a preference decided, and what is to do."""

    accounts: Mapping[str, Mapping[str, int]]
    decided: tuple[str, ...]
    lacks_comparison: bool
    lacks_signature: bool


def merge_hubs(out: Path, roots: Sequence[Path], prefer: Prefer | None = None) -> Merged:
    """Write the union of hubs of one design into a new folder.

    Parameters
    ----------
    out
        The new hub.
    roots
        Two hubs or more; they stay as they are.
    prefer
        The hub, by its place in `roots`, whose contents stand where hubs differ; None refuses those.

    Raises
    ------
    InputError
        If a hub is not sound, has another design or other data, a cell or a file differs and `prefer` is None, or `out`
        exists.
    RunError
        If the union is not a sound hub, as where a result that stands was made from a network that does not.
    """
    with new_output(out, *roots) as temporary:
        hubs = [judged(root) for root in roots]
        for root, one in zip(roots, hubs, strict=True):
            refuse_newer(root / INDEX, one.index)
        found = [{name: _read(root, name) for name in _MERGED if (root / name).is_file()} for root in roots]
        refuse_unlike(roots, found)
        conflicts = Conflicts(prefer)
        designs = merged_designs(found, conflicts)
        data = _data(found, designs) | merged_certificate(found)
        cells = {name: _cells(name, found, conflicts) for name in _LEDGERS}
        runs, of_runs = merged_runs(hubs)
        files, texts = merged_files(hubs, of_runs, owners_of(found, cells), conflicts)
        _refuse(conflicts)
        log = _log(hubs, conflicts)
        write_folder(temporary, files, texts | {f"cli/merge_{sha256_bytes(log)[:16]}.log": log})
        for name, manifest in data.items():
            write_manifest(temporary / name, manifest)
        accounts = {name: _write_cells(temporary, name, cells[name], found, designs) for name in _LEDGERS}
        hub = Hub(temporary)
        hub.begin_with(runs)
        hub.write(lambda: write_summary(temporary))
        _refuse_unsound(temporary)
    return Merged(
        {name: account for name, account in accounts.items() if account is not None},
        tuple(conflicts.named),
        any((root / COMPARISON).is_file() for root in roots),
        any((root / name).is_file() for root in roots for name in (STATEMENT, BUNDLE)),
    )


def _read(root: Path, name: str) -> Mapping[str, Any]:
    """Return a manifest with what its journal has, unless it has keys that this version does not know how to merge."""
    found: Mapping[str, Any] = read_recorded(root / name, KINDS[name])
    refuse_newer(root / name, found)
    return found


def _data(found: Sequence[Manifests], designs: Mapping[str, StudyDesign]) -> dict[str, dict[str, Any]]:
    """Return the manifests of Phases C and D; results that were made from other data cannot be in one hub."""
    conflicts = Conflicts(None)
    made = merged_data(found, designs, conflicts)
    if conflicts.named:
        raise InputError(
            f"the hubs have other data, and results from other data cannot be in one hub: {_listed(conflicts.named)}"
        )
    return made


def _cells(name: str, found: Sequence[Manifests], conflicts: Conflicts) -> MergedCells:
    ledger = _LEDGERS[name]
    books = [
        CellBook(dict(manifests[name]), ledger.SKIPS, ledger.CELL) if name in manifests else None for manifests in found
    ]
    return merged_cells(books, conflicts)


def _write_cells(
    root: Path, name: str, cells: MergedCells, found: Sequence[Manifests], designs: Mapping[str, StudyDesign]
) -> Mapping[str, int] | None:
    """Write the manifest of a phase of jobs; return its account, None where no hub has the phase."""
    manifests = [one[name] for one in found if name in one]
    if not manifests:
        return None
    phase_c, phase_d = ((root / place).parent for place in (RUN, OVERLAP))
    ledger = _LEDGERS[name](designs[name], phase_c, phase_d, (root / name).parent)
    ledger.artifact_root.mkdir(parents=True, exist_ok=True)
    with ledger.changing() as book:
        book.is_renewed = True
        book.jobs |= cells.jobs
        book.skips |= cells.skips
        book.not_selected |= cells.not_selected
        book.manifest |= {"calls": merged_calls(manifests), "filters": newest(manifests)["filters"]}
    ledger.fold()
    account: Mapping[str, int] = read_recorded(root / name, KINDS[name])["account"]
    return account


def _refuse(conflicts: Conflicts) -> None:
    if conflicts.named and conflicts.prefer is None:
        raise InputError(
            f"the hubs differ in {len(conflicts.named)} places, so nothing was written: {_listed(conflicts.named)}; "
            "--prefer first or --prefer last says which hub stands"
        )


def _refuse_unsound(root: Path) -> None:
    errors = judge_hub(root).errors
    if errors:
        raise RunError(
            f"the union of the hubs is not a sound hub, so nothing was written: {len(errors)} errors, the first is "
            f"{errors[0]}"
        )


def _log(hubs: Sequence[JudgedFiles], conflicts: Conflicts) -> bytes:
    lines = [f"ptyproof hub merge: {len(hubs)} hubs, prefer: {conflicts.prefer or 'nothing'}"]
    lines += [f"hub with {len(hub.index['runs'])} runs, {INDEX} sha256 {hub.files.digest(INDEX)}" for hub in hubs]
    lines += [f"differed, {conflicts.prefer} stands: {what}" for what in conflicts.named]
    return "".join(f"{line}\n" for line in lines).encode()


def _listed(names: Sequence[str]) -> str:
    return "; ".join(names[:_SHOWN]) + (f"; and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
