"""The hubs of a table: sound, of one study, and replicates of each other."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ptyproof.checking.hub import refuse_unsound
from ptyproof.errors import InputError
from ptyproof.hub.index import INDEX
from ptyproof.hub.layout import COMPARISON, RECONSTRUCTION, TRAINING
from ptyproof.io.hashing import sha256_file
from ptyproof.io.unpacking import is_packed, unpacked
from ptyproof.metrics.protocol import difference
from ptyproof.records.manifest import read_manifest
from ptyproof.records.recorded import read_recorded
from ptyproof.study.layout import cell_of, replicate_of

if TYPE_CHECKING:
    from ptyproof_schemas.types.comparison_manifest import ComparisonManifest
    from ptyproof_schemas.types.reconstruction_manifest import ReconstructionManifest
    from ptyproof_schemas.types.training_manifest import TrainingManifest

_SEEDS = (("seeds",), ("replicates",), ("base", "seed"), ("training", "seed"), ("reconstruction", "seed"))
_SHOWN = 600


@dataclass(frozen=True, eq=False)
class HubResults:
    """What a table takes from a hub, a folder or a zip file; `training` is None where no network was trained."""

    path: Path
    index_sha256: str
    comparison_sha256: str
    comparison: ComparisonManifest
    reconstruction: ReconstructionManifest
    training: TrainingManifest | None


def read_hubs(roots: Sequence[Path]) -> list[HubResults]:
    """Return what sound hubs of one study hold.

    Raises
    ------
    InputError
        If a hub is unsound or has no comparison, two hubs hold the same patterns, or their studies or protocols differ
        beyond seeds.
    """
    found = [_read(root) for root in roots]
    for other in found[1:]:
        check_alike(found[0], other)
    _check_distinct(found)
    return found


def _read(path: Path) -> HubResults:
    if is_packed(path):
        with unpacked(path, INDEX) as root:
            return _results(root, path)
    return _results(path, path)


def _results(root: Path, path: Path) -> HubResults:
    refuse_unsound(root, "a table is only made of sound hubs", path)
    for name in (COMPARISON, RECONSTRUCTION):
        if not (root / name).is_file():
            raise InputError(f"{path} has no {name}; a table needs a real run whose methods were compared")
    training = root / TRAINING
    return HubResults(
        path,
        sha256_file(root / INDEX),
        sha256_file(root / COMPARISON),
        read_manifest(root / COMPARISON, "comparison_manifest"),
        read_recorded(root / RECONSTRUCTION, "reconstruction_manifest"),
        read_recorded(training, "training_manifest") if training.is_file() else None,
    )


def without_seeds(design: Any) -> dict[str, Any]:
    """Return a design without its seeds and its number of replicates."""
    left: dict[str, Any] = copy.deepcopy(dict(design))
    for *parents, key in _SEEDS:
        holder: Any = left
        for parent in parents:
            holder = holder.get(parent) or {}
        holder.pop(key, None)
    return left


def check_alike(first: HubResults, other: HubResults) -> None:
    """Make sure that two hubs are of one study and one protocol.

    Raises
    ------
    InputError
        If they are not; the message names what differs, with both values.
    """
    for what, one, two in (
        ("studies", without_seeds(first.comparison["design"]), without_seeds(other.comparison["design"])),
        ("recipes", first.comparison["recipe"], other.comparison["recipe"]),
        ("protocols", _protocols(first), _protocols(other)),
    ):
        differing = "; ".join(difference(one, two))
        if differing:
            shown = differing if len(differing) <= _SHOWN else f"{differing[:_SHOWN]}..."
            raise InputError(
                f"{first.path} and {other.path} cannot share a table, because their {what} differ: {shown}"
            )


def _protocols(hub: HubResults) -> dict[str, Any]:
    """Return the protocols of a hub by the half and the knowledge of the probe, the n-th of a kind under its number."""
    found: dict[str, Any] = {}
    for entry in hub.comparison["protocols"]:
        parts = entry["parts"]
        name = f"{parts['split']} half, probe {parts['probe']}"
        number = sum(known.startswith(name) for known in found)
        found[f"{name}, {number + 1}" if number else name] = parts
    return found


def _check_distinct(hubs: Sequence[HubResults]) -> None:
    """Refuse two replicates that hold the same patterns: what is counted twice proves nothing."""
    seen: dict[tuple[str, str], tuple[int, int]] = {}
    for index, hub in enumerate(hubs):
        for cell in hub.comparison["cells"]:
            if cell["status"] != "success":
                continue
            name = cell_of({**cell, "replicate": 1})
            known = seen.setdefault((name, cell["dataset"]["sha256"]), (index, replicate_of(cell)))
            if known != (index, replicate_of(cell)):
                raise InputError(
                    f"replicate {known[1]} of {hubs[known[0]].path} and replicate {replicate_of(cell)} of {hub.path} "
                    f"have the same patterns at {name}: they are one replicate, not two"
                )
