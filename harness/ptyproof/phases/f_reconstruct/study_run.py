"""Phase F as a whole: opened for a study, run job after job, and told in lines."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ptyproof.console import Console
from ptyproof.errors import InputError
from ptyproof.io.atomic import sweep, writable_folder
from ptyproof.jobs.process import OF_RECONSTRUCTIONS, start_server
from ptyproof.methods.reconstruction_jobs import FoundReconstructions, ReconstructionFilters, Skip
from ptyproof.methods.registry import Provider, registry
from ptyproof.phases.f_reconstruct.reconstruct import ReconstructedJob, ReconstructionPhase
from ptyproof.records.manifest import read_manifest
from ptyproof.records.reconstruction_ledger import Call, ReconstructionLedger
from ptyproof.study.design import StudyDesign, design_from_dict
from ptyproof.study.layout import RUN_MANIFEST
from ptyproof.training.device import RunOptions


def open_phase(
    phase_c_root: Path,
    phase_d_root: Path,
    artifact_root: Path,
    options: RunOptions,
    design: StudyDesign | None = None,
    others: Iterable[tuple[object, Provider]] = (),
    **how: Any,
) -> ReconstructionPhase:
    """Return Phase F of the study that Phase C recorded, or of `design`; `others` are methods beside the known ones.

    Raises
    ------
    InputError
        If Phase C left no record and no design is given, or a method is unusable.
    ManifestError
        If Phase C's record is damaged.
    """
    if how.get("processes") is not None:
        start_server(OF_RECONSTRUCTIONS)
    path = phase_c_root / RUN_MANIFEST
    if design is None:
        if not path.is_file():
            raise InputError(
                f"--phase-c-root {phase_c_root} has no {RUN_MANIFEST}; run `ptyproof generate`, or give --study"
            )
        design = design_from_dict(read_manifest(path, "run_manifest")["design"])
    ledger = ReconstructionLedger(design, phase_c_root, phase_d_root, artifact_root)
    return ReconstructionPhase(ledger, registry(design, others), options, **how)


def run_reconstructions(
    phase: ReconstructionPhase,
    found: FoundReconstructions,
    filters: ReconstructionFilters,
    allow_missing_phase_d: bool,
    console: Console,
) -> list[ReconstructedJob]:
    """Run the jobs of an enumeration one after the other; return them as they ended.

    Every job is a line on the console; a job that fails does not keep the others from running.

    Raises
    ------
    InputError
        If the artifact root takes no files, or belongs to another study; nothing is reconstructed then.
    """
    ledger = phase.ledger
    ledger.read()
    writable_folder(ledger.artifact_root, "--artifact-root")
    sweep(ledger.artifact_root)
    budget = None if phase.budget is None else phase.budget.as_dict()
    phase.open_call(found, Call(uuid.uuid4().hex, filters, budget, allow_missing_phase_d))
    ended = []
    with console.progress("reconstructions", len(found.jobs), "job") as progress:
        for number, job in enumerate(found.jobs, start=1):
            done = phase.run_job(job, console)
            if done.status == "success":
                console.say(f"[{number}/{len(found.jobs)}] {describe_job(done)}")
            ended.append(done)
            progress.update(1)
    return ended


def describe_enumeration(found: FoundReconstructions) -> list[str]:
    """Return a line with the numbers, and one for each skip with its reason; methods that share it stand together."""
    lines = [
        f"{found.n_enumerated} cells: {len(found.jobs)} jobs to reconstruct, {len(found.skipped)} skipped, "
        f"{len(found.not_selected)} not selected"
    ]
    alike: dict[tuple[str, str, bool], list[str]] = {}
    for skip in found.skipped:
        cell = f"{skip.cell.training_key}-{skip.cell.split}"
        alike.setdefault((cell, skip.reason, skip.selected), []).append(skip.cell.method)
    for (cell, reason, selected), methods in alike.items():
        lines.append(f"skipped {cell}, {', '.join(methods)}{'' if selected else ' (not selected)'}: {reason}")
    return lines


def describe_skip(skip: Skip) -> str:
    """Return the line about a skip."""
    wanted = "" if skip.selected else " (not selected)"
    return f"skipped {skip.key}{wanted}: {skip.reason}"


def describe_job(done: ReconstructedJob) -> str:
    """Return the line about a reconstruction: epochs, time, and where it lies."""
    result = done.entry["result"]
    epochs = "" if result["iterations"] is None else f"{result['iterations']} epochs, "
    again = "" if result["reused_from"] is None else f" (made for {result['reused_from']})"
    parts = "" if result["n_parts"] == 1 else f"{result['n_parts']} parts whose phases do not compare, "
    return (
        f"{done.job.key}: success, {epochs}{parts}{result['timing']['total_s']:.2f} s{again}; "
        f"{result['reconstruction']['path']}, arrays {result['arrays_sha256'][:16]}..."
    )
