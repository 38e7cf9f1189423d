"""Phase G: register, score and compare every method of a study with the truth.

Every cell that Phase F knows of stands in the comparison: compared, failed, lost, skipped with the record of the phase
that skipped it, or not selected.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ptyproof.console import Console
from ptyproof.errors import InputError
from ptyproof.extras import missing
from ptyproof.io.atomic import sweep, writable_folder, write_text
from ptyproof.io.file_record import file_is_whole, file_record
from ptyproof.metrics.experiments import experiment_rows
from ptyproof.metrics.protocol import recipe_of
from ptyproof.phases.g_compare import page
from ptyproof.phases.g_compare.cell import others_of
from ptyproof.phases.g_compare.comparison import ComparisonPhase
from ptyproof.phases.g_compare.tables import (
    COLUMNS,
    CURVE_COLUMNS,
    account,
    columns_for,
    csv_text,
    curve_rows,
    summary,
    tidy_rows,
)
from ptyproof.records.manifest import read_manifest, timed_head, write_manifest
from ptyproof.records.recorded import fold_recorded, read_recorded
from ptyproof.study.design import Align, design_from_dict
from ptyproof.study.layout import (
    COMPARISON_CSV,
    COMPARISON_FIGURES,
    COMPARISON_TABLES,
    FRC_CURVES,
    METRICS_SUMMARY,
    RECONSTRUCTION_MANIFEST,
)

if TYPE_CHECKING:
    from ptyproof_schemas.types.common import File
    from ptyproof_schemas.types.comparison_manifest import Cell, ComparisonManifest, Files
    from ptyproof_schemas.types.reconstruction_manifest import ReconstructionManifest


def open_comparison(
    artifact_root: Path,
    out: Path | None = None,
    *,
    phase_c_root: Path | None = None,
    phase_d_root: Path | None = None,
    crop_fraction: float | None = None,
    align: Align | None = None,
    figures: bool = True,
) -> ComparisonPhase:
    """Return Phase G for the reconstructions under an artifact root, after all of its input was checked.

    Without Matplotlib there are tables alone, whatever `figures` says.

    Raises
    ------
    InputError
        If a folder is missing, or the crop's fraction is impossible.
    DataError
        If there is no Phase F manifest, it is damaged, or a file is not the one that it has recorded.
    """
    for option, folder in (
        ("--artifact-root", artifact_root),
        ("--phase-c-root", phase_c_root),
        ("--phase-d-root", phase_d_root),
    ):
        if folder is not None and not folder.is_dir():
            raise InputError(f"{option} must be a folder, got {folder}")
    fold_recorded(artifact_root)  # a comparison names the sha256 of the manifest that it is about
    path = artifact_root / RECONSTRUCTION_MANIFEST
    if not path.is_file():
        raise InputError(
            f"--artifact-root {artifact_root} has no {RECONSTRUCTION_MANIFEST}; run `ptyproof reconstruct`"
        )
    record, manifest = _read(path, out or artifact_root)
    figures = figures and not missing(("matplotlib",))
    recipe = recipe_of(design_from_dict(manifest["design"]), crop_fraction, align)
    roots = phase_c_root, phase_d_root
    phase = ComparisonPhase(artifact_root, out or artifact_root, manifest, record, recipe, *roots, figures)
    phase.check()
    return phase


def run_comparison(phase: ComparisonPhase, console: Console | None = None) -> ComparisonManifest:
    """Compare every cell, write tables, figures and the manifest, and return the manifest.

    A comparison of the same results in the same way, whose files are whole, is kept.

    Raises
    ------
    InputError
        If the folder of the comparison takes no files.
    DataError
        If a dataset or a result is damaged; the manifest is not written then.
    """
    from ptyproof.phases.g_compare.plots import Pictures

    console = console or Console.silent()
    earlier = kept_comparison(phase)
    if earlier is not None:
        console.say("comparison reused: the same results were compared in the same way, and all files are whole")
        return earlier
    writable_folder(phase.out, "--out")
    sweep(phase.out)
    pictures = Pictures(phase.out, phase.out / COMPARISON_FIGURES, phase.recipe)
    compared: list[Cell] = []
    points = []
    for cell in phase.compare(console):
        compared.append(cell.entry)
        points += list(curve_rows(cell.entry, cell.scored.curves))
        if phase.figures:
            pictures.add(cell)
    cells = phase.in_order([*compared, *others_of(phase.reconstruction)])
    found = summary(
        phase.reconstruction["study"],
        phase.reconstruction["design_digest"],
        cells,
        phase.protocols(),
        phase.recipe,
        list(experiment_rows(phase.design, cells)),
    )
    tables = [f"# Comparison: study {phase.reconstruction['study']}", "", *page.tables(found)]
    write_manifest(phase.out / METRICS_SUMMARY, found)
    rows = map(vars, tidy_rows(cells, phase.recipe))
    files: Files = {
        "comparison": _written(phase.out / COMPARISON_CSV, csv_text(rows, columns_for(COLUMNS, cells))),
        "frc_curves": _written(phase.out / FRC_CURVES, csv_text(points, columns_for(CURVE_COLUMNS, cells))),
        "tables": _written(phase.out / COMPARISON_TABLES, "\n".join(tables) + "\n"),
        "metrics_summary": file_record(phase.out / METRICS_SUMMARY, phase.out),
    }
    manifest: ComparisonManifest = {
        **timed_head("comparison_manifest"),
        "study": phase.reconstruction["study"],
        "design": phase.reconstruction["design"],
        "design_digest": phase.reconstruction["design_digest"],
        "reconstruction_manifest": _record_of(phase),
        "inputs_sha256": phase.inputs_sha256(),
        "recipe": phase.recipe.as_dict(),
        "protocols": [{"sha256": digest, "parts": parts} for digest, parts in phase.protocols().items()],
        "cells": cells,
        "files": files,
        "figures": pictures.finish(),
        "account": account(cells),
    }
    write_manifest(phase.path, manifest)
    return manifest


def kept_comparison(phase: ComparisonPhase) -> ComparisonManifest | None:
    """Return an earlier comparison of the same results in the same way with whole files, None without one.

    A later call has written Phase F's manifest anew, and the comparison then names the new file.
    """
    earlier = _reusable(phase)
    return None if earlier is None else _of_this_manifest(phase, earlier)


def _reusable(phase: ComparisonPhase) -> ComparisonManifest | None:
    if not phase.path.is_file():
        return None
    manifest = read_manifest(phase.path, "comparison_manifest")
    if manifest["inputs_sha256"] != phase.inputs_sha256():
        return None
    own = manifest["files"]
    records = [own["comparison"], own["frc_curves"], own["tables"], own["metrics_summary"]]
    records += [figure["file"] for figure in manifest["figures"]]
    return manifest if all(file_is_whole(record, phase.out) for record in records) else None


def _of_this_manifest(phase: ComparisonPhase, manifest: ComparisonManifest) -> ComparisonManifest:
    """Return a comparison that is kept, with Phase F's manifest as it is now."""
    record = _record_of(phase)
    if record == manifest["reconstruction_manifest"]:
        return manifest
    renewed: ComparisonManifest = {**manifest, **timed_head("comparison_manifest"), "reconstruction_manifest": record}
    write_manifest(phase.path, renewed)
    return renewed


def _record_of(phase: ComparisonPhase) -> File:
    """Return the file of Phase F's manifest as it is now, or as it was read if it has other results by now.

    Another run may have written it meanwhile.
    """
    record, manifest = _read(phase.artifact_root / RECONSTRUCTION_MANIFEST, phase.out)
    now = replace(phase, reconstruction=manifest, record=record)
    return record if now.inputs_sha256() == phase.inputs_sha256() else phase.record


def _read(path: Path, out: Path) -> tuple[File, ReconstructionManifest]:
    """Return Phase F's manifest and its file, both of one moment."""
    while True:
        record = file_record(path, out)
        manifest = read_recorded(path, "reconstruction_manifest")
        if file_record(path, out) == record:
            return record, manifest


def _written(path: Path, text: str) -> File:
    write_text(path, text)
    return file_record(path, path.parent)
