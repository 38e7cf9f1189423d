"""What was done in a hub, as its manifests and its index have it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping

from ptyproof.description.action import (
    DISTRIBUTION,
    Action,
    NamedFile,
    Part,
    Record,
    Remark,
    counted,
    packages_of,
    recorded_files,
    settings_of,
    skip_of,
)
from ptyproof.description.job_actions import JobRecords, job_actions
from ptyproof.hub.layout import COMPARISON, OVERLAP, RECONSTRUCTION, RUN, SKIPS, TRAINING
from ptyproof.provenance.revision import NO_CODE, digest_of_files


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
        yield from job_actions(
            JobRecords("train", "Training", TRAINING, manifests[TRAINING], "skipped_views", (SKIPS,))
        )
    if RECONSTRUCTION in manifests:
        yield from job_actions(
            JobRecords("reconstruct", "Reconstruction", RECONSTRUCTION, manifests[RECONSTRUCTION], "skipped")
        )
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
            software=packages_of(run["environment"]) | _tested(run["revision"]),
            settings=settings_of(run["environment"]),
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
    commit, digest = revision["commit"], digest_of_files(revision["code_sha256"])
    if commit is None:
        return {"code of the run": NO_CODE if digest is None else f"sha256 {digest}"}
    changed = "" if revision["uncommitted_sha256"] is None else f", uncommitted {revision['uncommitted_sha256'][:16]}"
    return {"code of the run": f"commit {commit}{changed}"}


def _simulation(manifest: Record) -> Action:
    base = manifest["base"]
    source = Remark("base", "object, probe and positions", f"{base['name']}, arrays {base['arrays_sha256']}")
    return _phase("simulate", "Simulation (Phase C)", RUN, manifest, (source,), recorded_files(manifest, RUN))


def _overlap(manifest: Record) -> Action:
    folder = posixpath.join(posixpath.dirname(OVERLAP), manifest["phase_c_root"])
    outputs: list[Part] = [
        *recorded_files(manifest, OVERLAP),
        *(skip_of("overlap", entry) for entry in manifest["rejected_views"]),
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
        {DISTRIBUTION: manifest["tool"]["version"]} | packages_of(environment),
        settings_of(environment),
        ended=manifest["timestamp"],
    )
