"""Whether a hub whose runs were killed is the hub of a run that was left alone: records, files, and no leftovers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ptyproof.hub.index import DATASETS, is_passing
from ptyproof.runs.folder import RunFolder

# times, which differ between two runs of the same, and what counts the runs
VOLATILE = frozenset({"timestamp", "started", "finished", "call", "calls", "resumed_from_epoch", "timing"})
TIMES = frozenset(
    {
        *("time_s", "seconds", "total_s", "duration_s", "training_s", "initial_estimate_s", "reconstruction_s"),
        *("settling_s", "nrmse_settled_s"),
    }
)
# what has the sha256 of files that hold times: archives of iterative methods, tables, pictures of times
OF_FILES_WITH_TIMES = {
    "reconstruction_manifest": frozenset({"reconstruction"}),
    "comparison_manifest": frozenset(
        {"reconstruction", "figures", "files", "inputs_sha256", "reconstruction_manifest"}
    ),
}
SAME_BYTES = ("model.safetensors", "model.json", "metrics.csv", "loss_curve.png", "checkpoint.ckpt")


def differences(hub: Path, alone: Path) -> list[str]:
    """Return where a hub differs from one whose run was left alone, in more than times; an empty list where nowhere."""
    names, wanted = (set(_names(root)) for root in (hub, alone))
    found = [f"{name} is missing" for name in sorted(wanted - names)]
    found += [f"{name} is a leftover" for name in sorted(names - wanted)]
    for name in sorted(names & wanted):
        if name.endswith(".json"):
            ours, theirs = (stable(json.loads((root / name).read_text(encoding="utf-8"))) for root in (hub, alone))
            found += [f"{name}: {place}" for place in _differing(ours, theirs, "$")]
        elif name.endswith(SAME_BYTES) and (hub / name).read_bytes() != (alone / name).read_bytes():
            found.append(f"{name} has other bytes")
    stays = RunFolder(hub).datasets_stay()  # holds datasets, bundles and reconstructions against their records
    return found if stays is None else [*found, stays]


def stable(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record without what differs between two runs of the same."""
    left_out = VOLATILE | TIMES | OF_FILES_WITH_TIMES.get(record["kind"], frozenset())
    found: dict[str, Any] = _without(record, left_out)
    return found


def leftovers(hub: Path) -> list[str]:
    """Return temporary files, locks, states and entries of jobs, and journals that are in a hub."""
    return sorted(path.relative_to(hub).as_posix() for path in hub.rglob("*") if is_passing(path.name))


def _names(hub: Path) -> Iterator[str]:
    for part in ("real_run", DATASETS):
        for path in (hub / part).rglob("*"):
            if path.is_file() and not (part == DATASETS and path.suffix == ".npz"):  # they may have been removed
                yield path.relative_to(hub).as_posix()
    yield from leftovers(hub)


def _without(value: Any, left_out: frozenset[str]) -> Any:
    if isinstance(value, dict):
        if value.get("metric") in TIMES:
            return None
        return {key: _without(part, left_out) for key, part in value.items() if key not in left_out}
    return [_without(part, left_out) for part in value] if isinstance(value, list) else value


def _differing(ours: Any, theirs: Any, place: str) -> Iterator[str]:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted(ours.keys() | theirs.keys()):
            yield from _differing(ours.get(key), theirs.get(key), f"{place}.{key}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for number, (left, right) in enumerate(zip(ours, theirs, strict=True)):
            yield from _differing(left, right, f"{place}[{number}]")
    elif ours != theirs:
        yield f"{place} is {str(ours)[:80]}, alone {str(theirs)[:80]}"
