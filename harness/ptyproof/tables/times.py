"""The seconds of a method: its training, its initial estimate, and the rest of its reconstruction."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from ptyproof.study.layout import cell_of

if TYPE_CHECKING:
    from ptyproof.tables.hubs import HubResults
    from ptyproof_schemas.types.reconstruction_manifest import Step

_ESTIMATE = "initial estimate"  # a step of methods that make one
_STARTED = ("inference", "stitching")  # the steps of `start`, also where another method begins with it


class Times(NamedTuple):
    """Seconds; None where a method has no such part."""

    training_s: float | None
    start_s: float | None
    reconstruction_s: float | None


NO_TIMES = Times(None, None, None)


def times_of(hub: HubResults) -> dict[str, Times]:
    """Return the times of each reconstruction of a hub, by the name of its job."""
    trained = {} if hub.training is None else _trainings(hub)
    found = {}
    for job in hub.reconstruction["jobs"]:
        result = job["result"]
        if result["status"] != "success":
            continue
        timing = result["timing"]
        start_s = _start(job["method"], timing["steps"])
        rest = timing["total_s"] - (start_s or 0.0)
        found[job["job"]] = Times(
            trained.get(cell_of(job)) if job["needs_training"] else None,
            start_s,
            None if job["method"] == "start" else max(0.0, rest),
        )
    return found


def _start(method: str, steps: Iterable[Step]) -> float | None:
    names = (_ESTIMATE, *_STARTED) if method.partition("+")[0] == "start" else (_ESTIMATE,)
    found = [step["seconds"] for step in steps if step["step"] in names]
    return sum(found) if found else None


def _trainings(hub: HubResults) -> dict[str, float]:
    """Return the seconds of the trainings that ran at one go."""
    assert hub.training is not None
    found = {}
    for job in hub.training["jobs"]:
        result = job["result"]
        if result["status"] == "success" and not result["resumed_from_epoch"]:
            began, ended = (datetime.fromisoformat(text) for text in (result["started"], result["finished"]))
            found[cell_of(job)] = (ended - began).total_seconds()
    return found
