"""What was done in a phase of jobs: the phase, each call, each job, and each earlier attempt at it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ptyproof.description.action import (
    DISTRIBUTION,
    Action,
    NamedFile,
    Part,
    Record,
    counted,
    packages_of,
    recorded_files,
    settings_of,
    skip_of,
)
from ptyproof.hub.layout import RECONSTRUCTION


@dataclass(frozen=True)
class JobRecords:
    """A phase of jobs: its key, its name, its manifest by name and value, the key of its skips, and files beside."""

    key: str
    name: str
    place: str
    manifest: Record
    skips: str
    beside: tuple[str, ...] = ()

    def resolved(self, *names: str) -> str:
        return posixpath.normpath(posixpath.join(posixpath.dirname(self.place), *names))


def job_actions(phase: JobRecords) -> Iterator[Action]:
    """Yield an action for the phase, for each call, for each job, and for each earlier attempt at it."""
    manifest = phase.manifest
    skips = [skip_of(phase.key, entry) for entry in manifest[phase.skips]]
    written: list[Part] = [*(NamedFile(name) for name in (phase.place, *phase.beside)), *skips]
    name = f"{phase.name} of the study {manifest['study']}"
    yield _of_several(phase, phase.key, name, manifest["jobs"], tuple(written))
    for call in manifest["calls"]:
        own = [job for job in manifest["jobs"] if job.get("call") == call["id"]]
        name = f"{phase.name}: a call for {len(call['jobs'])} jobs of the study {manifest['study']}"
        yield _of_several(phase, f"{phase.key}/call/{call['id']}", name, own, (NamedFile(phase.place),), call)
    for job in manifest["jobs"]:
        for number, result in enumerate(job["earlier_results"], start=1):
            yield _attempt(phase, job, result, f"{job['job']}/attempt-{number}")
        yield _attempt(phase, job, job["result"], job["job"])


def _of_several(
    phase: JobRecords,
    key: str,
    name: str,
    jobs: Sequence[Record],
    written: tuple[Part, ...],
    call: Record | None = None,
) -> Action:
    """Return the action that several jobs are the parts of; of a call, those that it started last."""
    missed = [job["job"] for job in jobs if job["result"]["status"] != "success"]
    starts, ends = ([job["result"][key] for job in jobs if job["result"][key]] for key in ("started", "finished"))
    selected = "" if call is None else f"{len(call['jobs'])} jobs selected, {len(call['skipped'])} cells skipped; "
    return Action(
        key,
        name,
        f"{selected}as it stands: {counted(phase.manifest['account'])}",
        tuple(dict.fromkeys(found for job in jobs for found in _inputs(phase, job))),
        written,
        {DISTRIBUTION: phase.manifest["tool"]["version"]},
        started=min(starts, default=None) if call is None else call["timestamp"],
        ended=max(ends, default=None),
        error=f"{len(missed)} of {len(jobs)} jobs did not succeed: {', '.join(missed)}" if missed else None,
    )


def _attempt(phase: JobRecords, job: Record, result: Record, key: str) -> Action:
    is_newest = result is job["result"]
    environment = (job["environment"] or {}) if is_newest else {}
    provider = job.get("provider", {"name": DISTRIBUTION, "version": phase.manifest["tool"]["version"]})
    software = {DISTRIBUTION: phase.manifest["tool"]["version"]} | packages_of(environment)
    if provider["name"] != DISTRIBUTION:
        software |= {provider["name"]: provider["version"] or "unknown"}
    if phase.place == RECONSTRUCTION and not _is_by_pty_chi(job):
        software = {name: version for name, version in software.items() if name not in ("ptychi", "torchvision")}
    return Action(
        f"{phase.key}/{key}",
        f"{phase.name} of {job['job']}" + ("" if is_newest else ", an earlier attempt"),
        f"{result['status']}: {result['error']}" if result["error"] else _said(result),
        _inputs(phase, job),
        _outputs(phase, job, result) if is_newest else (),
        software,
        settings_of(environment),
        result["started"],
        result["finished"],
        result["error"] if result["status"] != "success" else None,
    )


def _is_by_pty_chi(job: Record) -> bool:
    from ptyproof.reconstruction.iterative import ENGINES

    return job["provider"]["name"] == DISTRIBUTION and job["method"].rpartition("+")[2] in ENGINES


def _said(result: Record) -> str:
    """Return what a success took over from another job, or what it has counted."""
    if result.get("reused_from"):
        return f"taken over from {result['reused_from']}"
    counts = {"epochs": result.get("epochs_completed"), "iterations": result.get("iterations")}
    return "success" + "".join(f", {number} {name}" for name, number in counts.items() if number is not None)


def _inputs(phase: JobRecords, job: Record) -> tuple[NamedFile, ...]:
    return recorded_files([job.get("datasets"), job.get("dataset"), job.get("bundle")], phase.place)


def _outputs(phase: JobRecords, job: Record, result: Record) -> tuple[NamedFile, ...]:
    found = list(recorded_files(result, phase.place))
    if "bundle_path" in result:
        folder = job["artifact_dir"]
        found.append(NamedFile(phase.resolved(job["log_path"])))
        paths = [result[key] for key in ("metrics_path", "loss_curve_path", "checkpoint_path") if result[key]]
        found += [NamedFile(phase.resolved(folder, path)) for path in paths]
    if result.get("bundle_path"):
        name = phase.resolved(job["artifact_dir"], result["bundle_path"])
        found.append(NamedFile(name, result["bundle_sha256"], result["bundle_size_bytes"]))
    return tuple(found)
