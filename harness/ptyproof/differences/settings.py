"""What two sides were set to: keys of the design, and versions, processors, threads and devices of the environment."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ptyproof.differences.sides import REVISION
from ptyproof.provenance.revision import digest_of_files

if TYPE_CHECKING:
    from ptyproof.differences.sides import Record, Side
    from ptyproof_schemas.types.hub_difference import Design, Environment


def design_keys(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Design]:
    """Yield the keys of two designs that differ, with both values as JSON; views and methods go by their names."""
    before, after = dict(_flat(old)), dict(_flat(new))
    for key in {**after, **before}:
        if before.get(key) != after.get(key):
            yield {"key": key, "old": before.get(key), "new": after.get(key)}


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield path and JSON text of every value that is no table."""
    if isinstance(value, list) and value and all(isinstance(part, dict) and "name" in part for part in value):
        named = {part["name"]: {key: inner for key, inner in part.items() if key != "name"} or True for part in value}
        yield f"{path} in order", json.dumps(list(named))
        value = named
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _flat(inner, f"{path}.{key}" if path else str(key))
    else:
        yield path, json.dumps(_whole(value), ensure_ascii=False)


def _whole(value: Any) -> Any:
    """Return a value in which a whole number is the same whether JSON has it as 1 or as 1.0."""
    if isinstance(value, list):
        return [_whole(part) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def environments(old: Side, new: Side) -> Iterator[Environment]:
    """Yield the parts of the environments that differ: those of all jobs, and those of the runs of a hub."""
    for record in new.manifests:
        if record in old.manifests:
            yield from _differing(record, *(_of_manifest(side.manifests[record]) for side in (old, new)))
    yield from _differing(None, *(_of_runs(side.runs) for side in (old, new)))


def _differing(
    record: Record | None, old: Mapping[str, set[str]], new: Mapping[str, set[str]]
) -> Iterator[Environment]:
    for key in {**new, **old}:
        before, after = sorted(old.get(key, ())), sorted(new.get(key, ()))
        if before != after:
            yield {"record": record, "key": key, "old": before, "new": after}


def _of_manifest(manifest: Mapping[str, Any]) -> dict[str, set[str]]:
    found = {manifest["tool"]["name"]: {manifest["tool"]["version"]}}
    for job in manifest.get("jobs", ()):
        for key, value in (job.get("environment") or {}).items():
            found.setdefault(key, set()).add(str(value))
        provider = job.get("provider")
        if provider is not None:
            said = f"{provider['name']} {provider['version'] or ''}".strip()
            found.setdefault(f"code of {job['method']}", set()).add(said)
    return found


def _of_runs(runs: Sequence[Mapping[str, Any]]) -> dict[str, set[str]]:
    """Return the values of all runs, which are those of all parts of a merged hub."""
    found: dict[str, set[str]] = {}
    for run in runs:
        known = {key: digest_of_files(run["revision"][key]) for key in REVISION}
        revision = {key: value for key, value in known.items() if value is not None}
        for key, value in (*revision.items(), *run["environment"].items()):
            found.setdefault(key, set()).add(str(value))
    return found
