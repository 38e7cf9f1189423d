"""What a difference says in a few words: its answer, what is equal, the runs of both sides, and their files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ptyproof import markdown
from ptyproof.differences.contents import RESULTS
from ptyproof.provenance.revision import NO_CODE, digest_of_files
from ptyproof.study.layout import cell_key

if TYPE_CHECKING:
    from ptyproof_schemas.types.hub_difference import HubDifference, Score, Side

_KINDS = {"bundle": "bundles", "arrays": "archives", "dataset": "datasets"}
_MOST_FILES = 10
_SMALL = 5e-5
_OF_TIMES = ("cpu", "gpu", "n_cpus", "threads", "device")  # parts of the environment that times depend on


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
    """Yield the result of the metrics, in what the sides differ, what is equal, and what of it is not known."""
    yield from _result(found)
    parts = found.get("differs")
    if parts is not None:
        yield f"Different: {', '.join(parts)}." if parts else "Nothing differs."
    if not found["design"] and found["old"]["design_digest"] == found["new"]["design_digest"]:
        yield "The design is equal."
    for source in found.get("sources", ()):
        verb = "is" if source["what"] == "code" else "are"
        known = f"The {source['what']} {verb} {'the same' if source['state'] == 'same' else 'not the same'}."
        yield (
            f"Whether the {source['what']} changed cannot be known: {source['reason']}." if source["reason"] else known
        )
    yield from _tools(found)
    counts: dict[str, list[int]] = {}
    for count in found.get("hashes", ()):
        kind = _KINDS[count["what"].rpartition("_")[2]]
        same, other = counts.setdefault(kind, [0, 0])
        counts[kind] = [same + count["n_same"], other + count["n_other"]]
    equal = [f"{kind} ({same} hashes)" for kind, (same, other) in counts.items() if not other]
    if equal:
        yield f"All equal: {', '.join(equal)}."
    renewed: dict[str, list[str]] = {}
    for digest in found["digests"]:
        renewed.setdefault(_KINDS[digest["what"].rpartition("_")[2]], []).append(digest["cell"])
    for kind, cells in renewed.items():
        yield f"Not bit-identical: {len(cells)} {kind}: {_first(list(dict.fromkeys(cells)))}."
    yield from _times(found)
    yield from _signatures(found)


def _tools(found: HubDifference) -> Iterator[str]:
    """Yield in what the programs differ that wrote the records of both sides, as far as the records tell."""
    old, new = found["old"], found["new"]
    tools, schemas = [side.get("tool", "") for side in (old, new)], [side.get("schemas", {}) for side in (old, new)]
    differing = [
        f"{kind} {schemas[0][kind]} and {schemas[1][kind]}"
        for kind in schemas[0]
        if kind in schemas[1] and schemas[0][kind] != schemas[1][kind]
    ]
    if tools[0] != tools[1] or differing:
        named = f"{tools[0]} and {tools[1]}" if tools[0] != tools[1] else f"{tools[0]} in two states"
        forms = f"; records have the forms {', '.join(differing)}" if differing else ""
        yield f"Recorded by {named}{forms}."


def dated(side: Side) -> str:
    """Return the name of a side with the date of its newest run."""
    started = max((run["started"] for run in side.get("runs", ())), default=None)
    return side["name"] if started is None else f"{side['name']} ({started})"


def relative_of(score: Score) -> float:
    """Return by what part the new value of a metric is better than the old one; 0 where it was not judged."""
    judged = score["judged"]
    return 0.0 if judged is None or judged["relative"] is None else judged["relative"]


def percent(relative: float) -> str:
    """Return a relative change in percent, small ones with their power of ten."""
    return f"{100 * relative:+.2f} %" if relative == 0 or abs(relative) >= _SMALL else f"{100 * relative:+.1e} %"


def _result(found: HubDifference) -> Iterator[str]:
    """Yield how many metrics ended how, and the largest change."""
    judged = [score for score in found["metrics"] if score["judged"] is not None]
    if not judged:
        return
    most = max(judged, key=lambda score: abs(relative_of(score)))
    outcomes = Counter("worse" if score["is_worse"] else _outcome(score) for score in judged)
    counts = ", ".join(f"{outcomes[key]} {key}" for key in ("worse", "better", "level", "undecided", "equal"))
    left = [score for score in found["metrics"] if score["judged"] is None]
    labels = ", ".join(dict.fromkeys(score["label"] for score in left))
    unjudged = f"; {len(left)} not judged, as they rank no method or have another protocol ({labels})" if left else ""
    yield f"Metrics: {counts}{unjudged}."
    if relative_of(most):
        where = cell_key(most["dose"], most["view"], most["gridsize"])
        change = f"{percent(relative_of(most))} of the larger value (+ is better)"
        yield f"Largest change: {most['label']} of {most['method'] or 'training'}, {where}: {change}."


def _outcome(score: Score) -> str:
    judged = score["judged"]
    if score["old"] == score["new"]:
        return "equal"
    outcome = "undecided" if judged is None else judged["outcome"]
    return {"ahead": "better", "behind": "level"}.get(outcome, outcome)  # behind, within the tolerance


def _times(found: HubDifference) -> Iterator[str]:
    """Yield whether both sides are of one machine, and what else keeps their times from being compared."""
    if "times" not in found.get("differs", ()):
        return
    host = found.get("same_host")
    said = [] if host is None else ["the runs were on the same machine" if host else "the runs were on other machines"]
    at_once = [str(side.get("jobs_at_once") or "unknown") for side in (found["old"], found["new"])]
    if at_once[0] != at_once[1]:
        said.append(f"jobs at once: {at_once[0]} and {at_once[1]}")
    for entry in found["environment"]:
        if entry["key"] in _OF_TIMES and entry["record"] is None:
            said.append(f"{entry['key']}: {', '.join(entry['old'])} and {', '.join(entry['new'])}")
    if said:
        yield f"Times: {'; '.join(said)}."


def _signatures(found: HubDifference) -> Iterator[str]:
    """Yield which side has signed statements."""
    if found["old"]["what"] != "hub" or "signed" not in found["new"]:
        return
    said = [f"{side['name']} {', '.join(side.get('signed', ())) or 'none'}" for side in (found["old"], found["new"])]
    yield f"Signed statements: {'; '.join(said)}. Not verified here: ptyproof hub verify HUB --key PUBLIC."


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
                "code": digest_of_files(run["code_sha256"]) or NO_CODE,
                "tests": digest_of_files(run["tests_sha256"]) or "no test file was recorded",
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
