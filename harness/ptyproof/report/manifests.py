"""The manifests of a hub, as the summary and the report page read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ptyproof.errors import DataError
from ptyproof.hub.layout import CERTIFICATE, COMPARISON, KINDS, METRICS, OVERLAP, RECONSTRUCTION, RUN, TRAINING
from ptyproof.records.recorded import read_recorded

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Manifests:
    """The manifests of a hub; None stands for one that is missing or cannot be read.

    `damaged` has the reason for each manifest that cannot be read, by its path in the hub.
    """

    training: Record | None
    simulation: Record | None
    overlap: Record | None
    reconstruction: Record | None
    comparison: Record | None
    metrics: Record | None
    certificate: Record | None
    damaged: Mapping[str, str]


def read_manifests(hub: Path) -> Manifests:
    """Read the manifests of a hub."""
    damaged: dict[str, str] = {}
    return Manifests(
        training=_read(hub, TRAINING, damaged),
        simulation=_read(hub, RUN, damaged),
        overlap=_read(hub, OVERLAP, damaged),
        reconstruction=_read(hub, RECONSTRUCTION, damaged),
        comparison=_read(hub, COMPARISON, damaged),
        metrics=_read(hub, METRICS, damaged),
        certificate=_read(hub, CERTIFICATE, damaged),
        damaged=damaged,
    )


def counts(training: Mapping[str, Any]) -> str:
    """Return how many cells a study has, and how many are in each state."""
    account = training["account"]
    return (
        f"{account['n_enumerated']} cells: {account['n_success']} trained, {account['n_failed']} failed, "
        f"{account['n_lost']} lost, {account['n_skipped']} skipped, {account['n_not_selected']} not selected."
    )


def _read(hub: Path, name: str, damaged: dict[str, str]) -> Record | None:
    if not (hub / name).exists():
        return None
    try:
        found: Record = read_recorded(hub / name, KINDS[name])
    except DataError as error:
        damaged[name] = error.reason
        return None
    return found
