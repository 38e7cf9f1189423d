"""Whether code and tests of two hubs are the same, differ, or cannot be known; and whether both are of one machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, cast

from ptyproof.hub.tree_changes import incomparable
from ptyproof.provenance.revision import digest_of_files

if TYPE_CHECKING:
    from ptyproof_schemas.types.hub_difference import Source

Runs = Sequence[Mapping[str, Any]]
_KEYS: dict[Literal["code", "tests"], str] = {"code": "code_sha256", "tests": "tests_sha256"}


def sources_of(old: Runs, new: Runs) -> list[Source]:
    """Return of code and tests whether they are the same in the runs of both sides, and why that is not known."""
    return [_source(what, key, old, new) for what, key in _KEYS.items()] if old and new else []


def same_host(old: Runs, new: Runs) -> bool | None:
    """Tell whether all runs of both sides were on one machine; None where one side has no run."""
    if not old or not new:
        return None
    hosts = {run["process"]["host_sha256"] for run in (*old, *new)}
    return len(hosts) == 1


def _source(what: Literal["code", "tests"], key: str, old: Runs, new: Runs) -> Source:
    noun = "code" if what == "code" else "a test"
    digests = [{digest_of_files(run["revision"][key]) for run in side} for side in (old, new)]
    for side, found in zip(("old", "new"), digests, strict=True):
        if None in found:
            return _found(what, "unknown", f"the {side} side recorded no file with {noun}")
    if digests[0] == digests[1]:
        return _found(what, "same", None)
    for after in new:
        for before in old:
            why = _why_not(before["revision"].get("tree"), after["revision"].get("tree"))
            if why is not None:
                return _found(what, "unknown", why)
    return _found(what, "other", None)


def _why_not(before: Any, after: Any) -> str | None:
    """Return why digests of two trees cannot be compared; records without trees are of one kind."""
    if before is None and after is None:
        return None
    if before is None or after is None or incomparable(before, after) is not None:
        return "the two sides looked at other kinds of folders"
    return None


def _found(what: str, state: str, why: str | None) -> Source:
    return {"what": cast("Any", what), "state": cast("Any", state), "reason": why}
