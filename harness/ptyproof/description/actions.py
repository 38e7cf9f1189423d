"""What was done in a hub, as its manifests have it: what was read and written, with which software, when, and the end.

Nothing here knows the format that it is written in.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ptyproof.hub.layout import COMPARISON, OVERLAP, RECONSTRUCTION, RUN, SKIPS, TRAINING
from ptyproof.study.layout import name_of

Record = Mapping[str, Any]
DISTRIBUTION = "pytest-ptyproof"
# keys of recorded environments that are no packages
_SETTINGS = frozenset(
    {"python", "system", "machine", "cpu", "cpu_capability", "threads", "device", "deterministic", "num_workers"}
) | {"n_cpus"}
_ABSENT = "not installed"


@dataclass(frozen=True)
class NamedFile:
    """A file by its name in the hub, with the digest and size that a record has for it; it may have been removed."""

    name: str
    sha256: str | None = None
    size_bytes: int | None = None


@dataclass(frozen=True)
class Remark:
    """A value that is no file: a skip with its reason, or what data were made from."""

    key: str
    name: str
    value: str
    code: str | None = None


Part = NamedFile | Remark


@dataclass(frozen=True)
class Action:
    """A step that was carried out.

    Parameters
    ----------
    key
        Unique in the hub: `train/dose1000-baseline-gs1`.
    name, description
        What it is, for people.
    inputs, outputs
        Files and remarks.
    software
        Versions of the packages that took part, by name.
    settings
        Machine and settings that were recorded, by name.
    started, ended
        As recorded, UTC; None where the record has no time.
    error
        Why it failed, or None.
    """

    key: str
    name: str
    description: str
    inputs: tuple[Part, ...] = ()
    outputs: tuple[Part, ...] = ()
    software: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    started: str | None = None
    ended: str | None = None
    error: str | None = None


def phase_actions(manifests: Mapping[str, Record]) -> Iterator[Action]:
    """Yield the actions of Phases C, D and G, and of each call of Phases E and F, with its jobs.

    Parameters
    ----------
    manifests
        The manifests of the hub by their names in it (`hub.layout`); phases without one are left out.
    """
    if RUN in manifests:
        yield _simulation(manifests[RUN])
    if OVERLAP in manifests:
        yield _overlap(manifests[OVERLAP])
    if TRAINING in manifests:
        yield from _jobs(_Jobs("train", "Training", TRAINING, manifests[TRAINING], "skipped_views", (SKIPS,)))
    if RECONSTRUCTION in manifests:
        yield from _jobs(_Jobs("reconstruct", "Reconstruction", RECONSTRUCTION, manifests[RECONSTRUCTION], "skipped"))
    if COMPARISON in manifests:
        yield _comparison(manifests[COMPARISON])


def run_actions(index: Record) -> Iterator[Action]:
    """Yield the runs that the index of a hub has."""
    for run in index["runs"]:
        outputs = [run[key] for key in ("log_path", "reports_path", "files_path", "blocked_path") if run.get(key)]
        said = ", ".join(f"{n} {outcome}" for outcome, n in run["outcomes"].items())
        yield Action(
            f"run/{run['id']}",
            f"{run['id']}: {run['command'].split()[0] if run['command'].split() else 'a command'}",
            f"{run['command']}{f'; {said}' if said else ''}",
            outputs=tuple(map(NamedFile, outputs)),
            software=_packages(run["environment"]) | _tested(run["revision"]),
            settings=_settings(run["environment"]),
            started=run["started"],
            ended=run["ended"],
            error=_error_of_run(run),
        )


def _error_of_run(run: Record) -> str | None:
    if run["status"] != "ended":
        return "no end was recorded"
    if run["exit_status"] == 0:
        return None
    return run["reason"] or f"exit status {run['exit_status']}"


def _tested(revision: Record) -> dict[str, str]:
    """Return the code that the run was of, as a piece of software."""
    commit = revision["commit"]
    changed = "" if revision["uncommitted_sha256"] is None else f", uncommitted {revision['uncommitted_sha256'][:16]}"
    return {"code of the run": f"sha256 {revision['code_sha256']}" if commit is None else f"commit {commit}{changed}"}


def _simulation(manifest: Record) -> Action:
    base = manifest["base"]
    source = Remark("base", "object, probe and positions", f"{base['name']}, arrays {base['arrays_sha256']}")
    return _phase("simulate", "Simulation (Phase C)", RUN, manifest, (source,), recorded_files(manifest, RUN))


def _overlap(manifest: Record) -> Action:
    folder = posixpath.join(posixpath.dirname(OVERLAP), manifest["phase_c_root"])
    outputs: list[Part] = [
        *recorded_files(manifest, OVERLAP),
        *(_skip("overlap", entry) for entry in manifest["rejected_views"]),
    ]
    read = NamedFile(posixpath.normpath(posixpath.join(folder, posixpath.basename(RUN))))
    return _phase("overlap", "Views (Phase D)", OVERLAP, manifest, (read,), tuple(outputs))


def _comparison(manifest: Record) -> Action:
    read = [manifest["reconstruction_manifest"]]
    for cell in manifest["cells"]:
        read += [cell[key] for key in ("reconstruction", "dataset") if key in cell]
    written = [*manifest["files"].values(), *(figure["file"] for figure in manifest["figures"])]
    inputs, outputs = (recorded_files(found, COMPARISON) for found in (read, written))
    return _phase("compare", "Comparison with the truth (Phase G)", COMPARISON, manifest, inputs, outputs)


def _phase(
    key: str,
    name: str,
    place: str,
    manifest: Record,
    inputs: tuple[Part, ...],
    outputs: tuple[Part, ...],
) -> Action:
    environment = manifest.get("environment", {})
    account = manifest.get("account")
    return Action(
        key,
        f"{name} of the study {manifest['study']}",
        f"design {manifest['design_digest']}" + ("" if account is None else f"; {counted(account)}"),
        inputs,
        (*outputs, NamedFile(place)),
        {DISTRIBUTION: manifest["tool"]["version"]} | _packages(environment),
        _settings(environment),
        ended=manifest["timestamp"],
    )


@dataclass(frozen=True)
class _Jobs:
    """A phase of jobs: its key, its name, its manifest by name and value, the key of its skips, and files beside."""

    key: str
    name: str
    place: str
    manifest: Record
    skips: str
    beside: tuple[str, ...] = ()

    def resolved(self, *names: str) -> str:
        return posixpath.normpath(posixpath.join(posixpath.dirname(self.place), *names))


def _jobs(phase: _Jobs) -> Iterator[Action]:
    """Yield an action for the phase, for each call, for each job, and for each earlier attempt at it."""
    manifest = phase.manifest
    skips = [_skip(phase.key, entry) for entry in manifest[phase.skips]]
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
    phase: _Jobs,
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


def _attempt(phase: _Jobs, job: Record, result: Record, key: str) -> Action:
    is_newest = result is job["result"]
    environment = (job["environment"] or {}) if is_newest else {}
    provider = job.get("provider", {"name": DISTRIBUTION, "version": phase.manifest["tool"]["version"]})
    software = {DISTRIBUTION: phase.manifest["tool"]["version"]} | _packages(environment)
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
        _settings(environment),
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


def _inputs(phase: _Jobs, job: Record) -> tuple[NamedFile, ...]:
    return recorded_files([job.get("datasets"), job.get("dataset"), job.get("bundle")], phase.place)


def _outputs(phase: _Jobs, job: Record, result: Record) -> tuple[NamedFile, ...]:
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


def recorded_files(value: object, place: str) -> tuple[NamedFile, ...]:
    """Return the files that a value of a manifest records with path and digest, each once."""
    folder = posixpath.dirname(place)
    found: dict[str, NamedFile] = {}

    def look(inside: object) -> None:
        if isinstance(inside, Mapping):
            if "path" in inside and "sha256" in inside:
                name = posixpath.normpath(posixpath.join(folder, inside["path"]))
                found[name] = NamedFile(name, inside["sha256"], inside["size_bytes"])
            else:
                for part in inside.values():
                    look(part)
        elif isinstance(inside, Sequence) and not isinstance(inside, str):
            for part in inside:
                look(part)

    look(value)
    return tuple(found.values())


def _skip(phase: str, entry: Record) -> Remark:
    name = name_of(entry)
    return Remark(f"skip/{phase}/{name}", f"skipped: {name}", entry["reason"], entry["code"])


def counted(account: Record) -> str:
    """Return an account of cells in one line."""
    return ", ".join(f"{n} {key.removeprefix('n_').replace('_', ' ')}" for key, n in account.items())


def _packages(environment: Mapping[str, Any]) -> dict[str, str]:
    return {key: str(value) for key, value in environment.items() if key not in _SETTINGS and value != _ABSENT}


def _settings(environment: Mapping[str, Any]) -> dict[str, str]:
    return {key: str(value) for key, value in environment.items() if key in _SETTINGS}
