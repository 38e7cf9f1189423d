"""The difference of two sides as a record: `hub_difference`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ptyproof.differences.cells import cells_of, digests, states
from ptyproof.differences.contents import differing, files_of
from ptyproof.differences.scores import scores
from ptyproof.differences.settings import design_keys, environments
from ptyproof.differences.sources import same_host, sources_of
from ptyproof.errors import InputError
from ptyproof.metrics.paired import RULE
from ptyproof.records.manifest import head

if TYPE_CHECKING:
    from ptyproof.differences.sides import Side
    from ptyproof_schemas.types.hub_difference import Digest, HashCount, HubDifference, Score, State

TOLERANCE = RULE.least_relative


def difference_of(old: Side, new: Side, tolerance: float = TOLERANCE) -> HubDifference:
    """Return the difference of sides that `read_sides` has accepted.

    Parameters
    ----------
    old, new
        The sides.
    tolerance
        Relative difference in [0, 1) beyond which a metric that is behind is worse.

    Raises
    ------
    InputError
        If the tolerance is not in [0, 1).
    """
    checked_tolerance(tolerance)
    both = [record for record in new.manifests if record in old.manifests]
    changed: list[State] = []
    measured: list[Score] = []
    other: list[Digest] = []
    hashes: list[HashCount] = []
    n_states = 0
    for record in both:
        manifests = old.manifests[record], new.manifests[record]
        measured += scores(record, *manifests, tolerance)
        if record == "comparison" and "reconstruction" in both:
            continue  # its cells are those of the reconstructions
        cells = cells_of(record, manifests[0]), cells_of(record, manifests[1])
        changed += states(record, *cells)
        n_states += sum(name in cells[1] and cells[1][name].status == cell.status for name, cell in cells[0].items())
        changed_digests, counts = digests(record, *cells)
        other += changed_digests
        hashes += counts
    found: HubDifference = {
        **head("hub_difference"),
        "old": old.as_dict(),
        "new": new.as_dict(),
        "tolerance": tolerance,
        "rule": RULE.as_dict(),
        "is_worse": any(entry["is_worse"] for entry in (*changed, *measured)),
        "states": changed,
        "n_states_same": n_states,
        "metrics": measured,
        "digests": other,
        "n_digests_same": sum(count["n_same"] for count in hashes),
        "differs": [],
        "hashes": hashes,
        "files": files_of(old, new),
        "environment": list(environments(old, new)),
        "design": list(design_keys(old.first["design"], new.first["design"])),
        "sources": sources_of(old.runs, new.runs),
        "same_host": same_host(old.runs, new.runs),
        "remarks": list(_remarks(old, new, measured)),
    }
    found["differs"] = list(differing(found, old.manifests.keys() != new.manifests.keys()))
    return found


def checked_tolerance(tolerance: float) -> float:
    """Return a tolerance.

    Raises
    ------
    InputError
        If it is not in [0, 1).
    """
    if not 0 <= tolerance < 1:
        raise InputError(f"--tolerance must be in [0, 1), got {tolerance:g}")
    return tolerance


def _remarks(old: Side, new: Side, measured: list[Score]) -> Iterator[str]:
    """Yield what readers of the difference must know."""
    before, after = old.as_dict(), new.as_dict()
    first, last = (max((run["started"] for run in side.runs), default="") for side in (old, new))
    if last and first > last:
        yield (
            f"The new side, {after['name']} of {last}, is older than the old one, {before['name']} of {first}: "
            "are OLD and NEW exchanged?"
        )
    if before["study"] != after["study"]:
        yield f"The studies have other names: {before['study']} and {after['study']}."
    if before["design_digest"] != after["design_digest"]:
        yield "The studies have other design digests, so a difference of metrics may come from the design."
    for one, two, which in ((old, new, "new"), (new, old, "old")):
        for record in one.manifests:
            if record not in two.manifests:
                yield f"The {which} side has no {record} manifest, so nothing of it is compared."
    if any(score["data"] == "other" for score in measured):
        yield "Some metrics were measured on other patterns, so the noise of the patterns is part of their differences."
    others = dict.fromkeys(str(score["method"] or "training") for score in measured if score["protocol"] == "other")
    if others:
        yield f"Other protocol: the metrics of {', '.join(others)} are not compared, as they were measured otherwise."
