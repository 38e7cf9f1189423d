"""What a difference says in a few words: its answer, what is equal, the runs of both sides, and their files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ptyproof import markdown
from ptyproof.differences.contents import RESULTS
from ptyproof.provenance.revision import NO_FILES

if TYPE_CHECKING:
    from ptyproof_schemas.types.hub_difference import HubDifference

_KINDS = {"bundle": "bundles", "arrays": "archives", "dataset": "datasets"}
_MOST_FILES = 10


def answer_of(found: HubDifference) -> str:
    """Return the answer: identical, equal results, or how much got worse."""
    n_worse = sum(entry["is_worse"] for entry in (*found["states"], *found["metrics"]))
    if n_worse:
        return f"{n_worse} worse"
    parts = found.get("differs")
    if parts is None or any(part in RESULTS for part in parts):
        return "Nothing got worse"
    return "The results are identical" if parts else "Identical"


def facts_of(found: HubDifference) -> Iterator[str]:
    """Yield in what the sides differ, and of which kinds all hashes are equal."""
    parts = found.get("differs")
    if parts is not None:
        yield f"Different: {', '.join(parts)}." if parts else "Nothing differs."
    counts: dict[str, list[int]] = {}
    for count in found.get("hashes", ()):
        kind = _KINDS[count["what"].rpartition("_")[2]]
        same, other = counts.setdefault(kind, [0, 0])
        counts[kind] = [same + count["n_same"], other + count["n_other"]]
    equal = [f"{kind} ({same} hashes)" for kind, (same, other) in counts.items() if not other]
    if equal:
        yield f"All equal: {', '.join(equal)}."


def runs_of(found: HubDifference) -> Iterator[list[str]]:
    """Yield the facts of each run that says what a side shows: command, dates, revision, environment."""
    for which, side in (("old", found["old"]), ("new", found["new"])):
        for run in side.get("runs", ()):
            commit = run["commit"] or "none (no git repository)"
            if run["commit"] is not None:
                commit += ", no uncommitted changes" if run["uncommitted_sha256"] is None else ", uncommitted changes"
            values = {
                "command": run["command"],
                "started": run["started"],
                "ended": run["ended"] or "no end is recorded",
                "commit": commit,
                "uncommitted changes": run["uncommitted_sha256"],
                "code": "no code file" if run["code_sha256"] == NO_FILES else run["code_sha256"],
                "tests": run["tests_sha256"],
                "environment": ", ".join(f"{key} {value}" for key, value in run["environment"].items()),
            }
            yield from ([which, run["id"], what, value] for what, value in values.items() if value is not None)


def files_in(found: HubDifference) -> list[list[str]]:
    """Return how many files two hubs share, and which are in one of them alone; nothing for manifests."""
    files = found.get("files")
    if files is None:
        return []
    return [
        ["both, equal", str(files["n_same"]), markdown.UNKNOWN],
        ["both, changed", str(len(files["changed"])), _first(files["changed"])],
        ["old alone", str(len(files["only_old"])), _first(files["only_old"])],
        ["new alone", str(len(files["only_new"])), _first(files["only_new"])],
    ]


def _first(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_FILES} more" if len(names) > _MOST_FILES else ""
    return ", ".join(names[:_MOST_FILES]) + more if names else markdown.UNKNOWN
