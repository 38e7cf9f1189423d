"""In what two sides differ at all: the parts of a difference that are not empty, and the files of two hubs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ptyproof.differences.sides import REVISION
from ptyproof.metrics.definitions import TIME, family

if TYPE_CHECKING:
    from ptyproof.differences import sides
    from ptyproof_schemas.types.hub_difference import Files, HubDifference, Part, Side

RESULTS = ("manifests", "cells", "metrics", "hashes", "design", "revision", "environment")


def files_of(old: sides.Side, new: sides.Side) -> Files | None:
    """Return the files that two hubs have, and those of one alone; None for manifests."""
    if old.files is None or new.files is None:
        return None
    both = sorted(old.files.keys() & new.files.keys())
    changed = [name for name in both if old.files[name] != new.files[name]]
    return {
        "n_same": len(both) - len(changed),
        "changed": changed,
        "only_old": sorted(old.files.keys() - new.files.keys()),
        "only_new": sorted(new.files.keys() - old.files.keys()),
    }


def differing(found: HubDifference, manifests_differ: bool) -> Iterator[Part]:
    """Yield the parts in which the sides of a difference differ; none of two sides that are identical.

    Parameters
    ----------
    found
        The difference.
    manifests_differ
        Whether one side has a manifest that the other lacks.
    """
    is_time = [family(score["metric"]) == TIME for score in found["metrics"]]
    other = [score["old"] != score["new"] for score in found["metrics"]]
    files = found.get("files")
    revision = [entry["record"] is None and entry["key"] in REVISION for entry in found["environment"]]
    parts: dict[Part, bool] = {
        "manifests": manifests_differ,
        "cells": bool(found["states"]),
        "metrics": any(o and not t for o, t in zip(other, is_time, strict=True)),
        "hashes": bool(found["digests"]),
        "design": bool(found["design"]),
        "revision": any(revision),
        "environment": not all(revision),
        "times": any(o and t for o, t in zip(other, is_time, strict=True)),
        "runs": _said(found["old"]) != _said(found["new"]),
        "files": bool(files and (files["changed"] or files["only_old"] or files["only_new"])),
    }
    yield from (part for part, is_other in parts.items() if is_other)


def _said(side: Side) -> list[tuple[str, str, str | None]]:
    return sorted((run["started"], run["command"], run["ended"]) for run in side.get("runs", ()))
