"""The design of a merged hub: that of all its parts in what decides data and trainings, with the most replicates."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ptyproof.errors import InputError
from ptyproof.exchange.cells import Conflicts
from ptyproof.hub.layout import OVERLAP, RECONSTRUCTION, RUN, TRAINING
from ptyproof.study.design import StudyDesign, design_from_dict

PHASES = (RUN, OVERLAP, TRAINING, RECONSTRUCTION)
Manifests = Mapping[str, Mapping[str, Any]]


def refuse_unlike(roots: Sequence[Path], found: Sequence[Manifests]) -> None:
    """Refuse hubs that are not several hubs of one design.

    Raises
    ------
    InputError
        If there are fewer than two, one is named twice, has no manifest of a phase, or another design.
    """
    if len(roots) < 2:
        raise InputError(f"a merge needs two hubs or more, got {len(roots)}")
    for number, root in enumerate(roots):
        same = next((other for other in roots[:number] if other.resolve() == root.resolve()), None)
        if same is not None:
            raise InputError(f"a merge needs different hubs, but {root} is {same} again")
    first: Mapping[str, Any] | None = None
    for root, manifests in zip(roots, found, strict=True):
        own = next((manifests[name] for name in PHASES if name in manifests), None)
        if own is None:
            raise InputError(f"{root} has no manifest of a phase, so there is nothing to merge")
        first = first or own
        if own["design_digest"] != first["design_digest"]:
            theirs, wanted = (f"{one['design_digest'][:16]}... of {one['study']}" for one in (own, first))
            raise InputError(f"{root} has the design {theirs}, but {roots[0]} has {wanted}; merge hubs of one design")


def merged_designs(found: Sequence[Manifests], conflicts: Conflicts) -> dict[str, StudyDesign]:
    """Return the design of each phase, by the name of its manifest: the newest, with the replicates of all hubs.

    Methods are no part of the digest of a design. Reconstructions of hubs with other methods are a conflict.
    """
    designs = {
        name: {n: design_from_dict(one[name]["design"]) for n, one in enumerate(found) if name in one}
        for name in PHASES
    }
    n_replicates = max(design.replicates for own in designs.values() for design in own.values())
    merged = {}
    for name, own in designs.items():
        alike = {number: replace(design, replicates=n_replicates) for number, design in own.items()}
        if name == RECONSTRUCTION and len({json.dumps(one.as_dict()) for one in alike.values()}) > 1:
            said = f"the methods of the study, in the table reconstruction of {name}"
            merged[name] = alike[conflicts.decide(said, [*alike])]
        elif alike:
            merged[name] = alike[max(alike, key=lambda number: age(found[number][name]))]
    return merged


def newest(manifests: Iterable[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return the newest manifest, whatever the order of the hubs."""
    return max(manifests, key=age)


def age(manifest: Mapping[str, Any]) -> tuple[str, str]:
    """Return what manifests of one phase are put in order by."""
    return manifest["timestamp"], json.dumps(manifest, sort_keys=True)
