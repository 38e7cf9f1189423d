"""Phase G: register, score and compare every method of a study with the truth.

Phase F's methods were given patterns, probe and positions; docs/architecture.md lists who reads the truth. Every cell
that Phase F knows of stands in the comparison: compared, failed, lost, skipped with the record of the phase that
skipped it, or not selected.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ptyproof.console import Console
from ptyproof.errors import DataError, InputError
from ptyproof.extras import missing
from ptyproof.io.atomic import sweep, writable_folder, write_text
from ptyproof.io.dataset import Dataset, read_dataset
from ptyproof.io.file_record import file_is_whole, file_record
from ptyproof.io.hashing import sha256_file, sha256_json
from ptyproof.io.metadata import METADATA, read_metadata
from ptyproof.io.npz import NpzArchive
from ptyproof.metrics.against_truth import Measure, Scored, measure, score, undefined
from ptyproof.metrics.data_fit import fit_measures
from ptyproof.metrics.definitions import needs_truth, of_comparison
from ptyproof.metrics.protocol import Recipe, protocol, protocol_sha256, recipe_of
from ptyproof.phases.g_compare import page
from ptyproof.phases.g_compare.cell import ComparedCell
from ptyproof.phases.g_compare.tables import (
    CURVE_COLUMNS,
    account,
    csv_text,
    curve_rows,
    summary,
    tidy_rows,
)
from ptyproof.physics.align import Aligned, Crop, align, illumination_crop
from ptyproof.records.archive import ReconstructionArchive, read_archive
from ptyproof.records.manifest import TOOL, read_manifest, timed_head, write_manifest
from ptyproof.study.design import StudyDesign, design_from_dict
from ptyproof.study.layout import (
    COMPARISON_CSV,
    COMPARISON_FIGURES,
    COMPARISON_MANIFEST,
    COMPARISON_TABLES,
    FRC_CURVES,
    METRICS_SUMMARY,
    RECONSTRUCTION_MANIFEST,
    phase_c_file,
    phase_d_file,
)

_FITTED = "of the patterns that the result was made from"
_KEY = ("dose", "view", "gridsize", "split", "method")


@dataclass(frozen=True, eq=False)
class ComparisonPhase:
    """Phase G of a study: what is compared, how, and where it is recorded.

    Parameters
    ----------
    artifact_root
        Folder of Phase F's manifest.
    out
        Folder of the comparison.
    reconstruction
        Phase F's manifest.
    recipe
        How results are compared.
    phase_c_root, phase_d_root
        Where the datasets lie; None takes the places that Phase F has recorded.
    figures
        Whether pictures are drawn.
    """

    artifact_root: Path
    out: Path
    reconstruction: dict[str, Any]
    recipe: Recipe
    phase_c_root: Path | None = None
    phase_d_root: Path | None = None
    figures: bool = True

    @cached_property
    def design(self) -> StudyDesign:
        """The study."""
        return design_from_dict(self.reconstruction["design"])

    @property
    def path(self) -> Path:
        """The comparison manifest."""
        return self.out / COMPARISON_MANIFEST

    @property
    def reconstructed(self) -> list[dict[str, Any]]:
        """Phase F's jobs that have a result."""
        return [job for job in self.reconstruction["jobs"] if job["result"]["status"] == "success"]

    def dataset_path(self, job: Mapping[str, Any]) -> Path:
        """Return where the dataset of a job lies."""
        views = {view.name: view for view in self.design.views}
        view = views.get(job["view"])
        if view is not None and view.reads_phase_c and self.phase_c_root is not None:
            return phase_c_file(self.phase_c_root, job["dose"], job["split"])
        if view is not None and not view.reads_phase_c and self.phase_d_root is not None:
            return phase_d_file(self.phase_d_root, job["dose"], job["view"], job["split"])
        return self.artifact_root.joinpath(job["dataset"]["path"])

    def check(self) -> None:
        """Make sure that every dataset and result is the one that Phase F has recorded.

        Raises
        ------
        DataError
            If a file is missing or was changed, or a dataset is another half, or another kind, than the recorded one.
        """
        digests: dict[Path, str] = {}
        for job in self.reconstructed:
            path = self.dataset_path(job)
            for file, record, option in (
                (path, job["dataset"], "; give --phase-c-root and --phase-d-root"),
                (self.artifact_root / job["result"]["reconstruction"]["path"], job["result"]["reconstruction"], ""),
            ):
                if not file.is_file():
                    raise DataError(file, f"is missing, but {job['job']} was reconstructed with it{option}")
                if file not in digests:
                    digests[file] = sha256_file(file)
                if digests[file] != record["sha256"]:
                    raise DataError(
                        file,
                        f"is not the file that {RECONSTRUCTION_MANIFEST} has recorded for {job['job']}: its sha256 is "
                        f"{digests[file][:16]}..., recorded is {record['sha256'][:16]}...",
                    )
            _check_role(path, job)

    def compare(self, console: Console) -> Iterator[ComparedCell]:
        """Yield every cell with a result, compared; each dataset is read once for the cells that share it in a row."""
        read: tuple[Path, Dataset] | None = None
        for job in self.reconstructed:
            path = self.dataset_path(job)
            if read is None or read[0] != path:
                read = (path, read_dataset(path).dataset)
            cell = self._cell(job, read[1])
            console.say(describe_cell(cell.entry))
            yield cell

    def _cell(self, job: Mapping[str, Any], dataset: Dataset) -> ComparedCell:
        record = job["result"]["reconstruction"]
        path = self.artifact_root / record["path"]
        result = read_archive(path)
        crop = illumination_crop(result.illumination, self.recipe.crop_fraction)
        aligned, scored = self._scored(path, result, crop, dataset)
        timing = job["result"]["timing"]
        parts = protocol(self.recipe, job["split"], job["probe"], timing["scope"])
        measures = [
            *scored.measures,
            *_noted(fit_measures(result, dataset, self.recipe), _FITTED),
            measure(self.recipe, "time_s", timing["total_s"], note=_reused(job)),
        ]
        dataset_file = file_record(self.dataset_path(job), self.out)
        entry = {key: job[key] for key in ("job", *_KEY)} | {
            "status": "success",
            "protocol": protocol_sha256(parts),
            "dataset": dataset_file | {"role": dataset.role, "has_truth": dataset.obj is not None},
            "reconstruction": file_record(path, self.out),
            "arrays_sha256": job["result"]["arrays_sha256"],
            "crop": {
                "rows": list(crop.rows),
                "cols": list(crop.cols),
                "n_px": crop.n_px,
                "n_parts": job["result"]["n_parts"],
            },
            "alignment": None if aligned is None else _alignment(aligned),
            "measures": [found.as_dict() for found in measures],
        }
        return ComparedCell(entry, result, crop, aligned, scored)

    def _scored(
        self, path: Path, result: ReconstructionArchive, crop: Crop, dataset: Dataset
    ) -> tuple[Aligned | None, Scored]:
        of_truth = [metric for metric in of_comparison(self.recipe) if needs_truth(metric)]
        if dataset.obj is None:
            return None, Scored(tuple(undefined(self.recipe, of_truth, "the dataset has no objectGuess")))
        if dataset.obj.shape != result.obj.shape:
            reason = f"has the shape {result.obj.shape}, but the dataset's objectGuess has {dataset.obj.shape}"
            raise DataError(path, reason, "object")
        recipe = self.recipe
        try:
            aligned = align(
                result.obj,
                dataset.obj,
                crop,
                parts=result.parts,
                max_shift_px=recipe.max_shift_px,
                edge_px=recipe.edge_px,
            )
        except InputError as error:
            return None, Scored(tuple(undefined(recipe, of_truth, str(error))))
        return aligned, score(aligned, recipe)

    def protocols(self) -> dict[str, dict[str, Any]]:
        """Return the protocols of the cells with a result, by their hash."""
        found = {}
        for job in self.reconstructed:
            parts = protocol(self.recipe, job["split"], job["probe"], job["result"]["timing"]["scope"])
            found[protocol_sha256(parts)] = parts
        return found

    def others(self) -> list[dict[str, Any]]:
        """Return the entries of the cells without a result, with the record of the phase that knows why."""
        found = []
        for job in self.reconstruction["jobs"]:
            if job["result"]["status"] != "success":
                found.append(_other(job, job["result"]["status"], reason=job["result"]["error"]))
        for skip in self.reconstruction["skipped"]:
            known = {key: skip[key] for key in ("code", "reason", "selected", "measured")}
            found.append(_other(skip, "skipped", **known))
        found += [_other(cell, "not_selected") for cell in self.reconstruction["not_selected"]]
        return found

    def in_order(self, entries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return entries in the study's order: dose, view, split, method; methods that it does not name come last."""
        design = self.design
        doses = list(design.doses_photons_per_pattern)
        views = [view.name for view in design.views]
        methods = [method.name for method in design.reconstruction.methods]

        def place(entry: Mapping[str, Any]) -> tuple[Any, ...]:
            method = entry["method"]
            known = methods.index(method) if method in methods else len(methods)
            return doses.index(entry["dose"]), views.index(entry["view"]), entry["split"], known, method

        return sorted(entries, key=place)

    def inputs_sha256(self) -> str:
        """Return the digest of all that decides the comparison: cells, results, datasets, recipe, tool."""
        jobs = [[job["job"], job["probe"], job["dataset"]["sha256"], job["result"]] for job in self.reconstructed]
        value = {"jobs": jobs, "others": self.others(), "recipe": self.recipe.as_dict(), "figures": self.figures}
        value["tool"] = TOOL
        return sha256_json(json.loads(json.dumps(value)))


def open_comparison(
    artifact_root: Path,
    out: Path | None = None,
    *,
    phase_c_root: Path | None = None,
    phase_d_root: Path | None = None,
    crop_fraction: float | None = None,
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
    path = artifact_root / RECONSTRUCTION_MANIFEST
    if not path.is_file():
        raise InputError(
            f"--artifact-root {artifact_root} has no {RECONSTRUCTION_MANIFEST}; run `ptyproof reconstruct`"
        )
    manifest: dict[str, Any] = dict(read_manifest(path, "reconstruction_manifest"))
    figures = figures and not missing(("matplotlib",))
    recipe = recipe_of(design_from_dict(manifest["design"]), crop_fraction)
    phase = ComparisonPhase(artifact_root, out or artifact_root, manifest, recipe, phase_c_root, phase_d_root, figures)
    phase.check()
    return phase


def run_comparison(phase: ComparisonPhase, console: Console | None = None) -> dict[str, Any]:
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
    earlier = _reusable(phase)
    if earlier is not None:
        console.say("comparison reused: the same results were compared in the same way, and all files are whole")
        return _of_this_manifest(phase, earlier)
    writable_folder(phase.out, "--out")
    sweep(phase.out)
    pictures = Pictures(phase.out, phase.out / COMPARISON_FIGURES, phase.recipe)
    compared, points = [], []
    for cell in phase.compare(console):
        compared.append(cell.entry)
        points += list(curve_rows(cell.entry, cell.scored.curves))
        if phase.figures:
            pictures.add(cell)
    cells = phase.in_order([*compared, *phase.others()])
    found = summary(
        phase.reconstruction["study"], phase.reconstruction["design_digest"], cells, phase.protocols(), phase.recipe
    )
    tables = [f"# Comparison: study {phase.reconstruction['study']}", "", *page.tables(found)]
    files = {
        "comparison": _write(phase.out / COMPARISON_CSV, csv_text(tidy_rows(cells, phase.recipe))),
        "frc_curves": _write(phase.out / FRC_CURVES, csv_text(points, CURVE_COLUMNS)),
        "tables": _write(phase.out / COMPARISON_TABLES, "\n".join(tables) + "\n"),
    }
    write_manifest(phase.out / METRICS_SUMMARY, found)
    files["metrics_summary"] = phase.out / METRICS_SUMMARY
    manifest = timed_head("comparison_manifest") | {
        "study": phase.reconstruction["study"],
        "design": phase.reconstruction["design"],
        "design_digest": phase.reconstruction["design_digest"],
        "reconstruction_manifest": file_record(phase.artifact_root / RECONSTRUCTION_MANIFEST, phase.out),
        "inputs_sha256": phase.inputs_sha256(),
        "recipe": phase.recipe.as_dict(),
        "protocols": [{"sha256": digest, "parts": parts} for digest, parts in phase.protocols().items()],
        "cells": cells,
        "files": {name: file_record(path, phase.out) for name, path in files.items()},
        "figures": pictures.finish(),
        "account": account(cells),
    }
    write_manifest(phase.path, manifest)
    return manifest


def describe_cell(entry: Mapping[str, Any]) -> str:
    """Return the line about a compared cell."""
    shown = {found["metric"]: found["value"] for found in entry["measures"]}
    words = [
        f"{label} {shown[metric]:.4g}"
        for metric, label in (
            ("complex_nrmse", "complex NRMSE"),
            ("phase_mae", "phase MAE (rad)"),
            ("phase_ssim", "phase SSIM"),
            ("amplitude_mae", "amplitude MAE"),
            ("r_factor", "R-factor"),
        )
        if shown[metric] is not None
    ]
    return f"{entry['job']}: {', '.join(words)}"


def _check_role(path: Path, job: Mapping[str, Any]) -> None:
    """Refuse a dataset that is another half, or another kind, than the one that was to be compared on."""
    with NpzArchive(path) as archive:
        metadata = read_metadata(archive) or {"role": "measurement", "split": "all"}
    role, recorded, split = metadata["role"], job["dataset"]["role"], metadata["split"]
    if role != recorded:
        raise DataError(path, f"is a {role}, but {job['job']} was reconstructed from a {recorded}", METADATA)
    if split != job["split"] and not (role == "measurement" and split == "all"):
        raise DataError(path, f"is the half {split}, but {job['job']} is to be compared on {job['split']}", METADATA)


def _reusable(phase: ComparisonPhase) -> dict[str, Any] | None:
    if not phase.path.is_file():
        return None
    manifest: dict[str, Any] = dict(read_manifest(phase.path, "comparison_manifest"))
    if manifest["inputs_sha256"] != phase.inputs_sha256():
        return None
    records = [*manifest["files"].values(), *(figure["file"] for figure in manifest["figures"])]
    return manifest if all(file_is_whole(record, phase.out) for record in records) else None


def _of_this_manifest(phase: ComparisonPhase, manifest: dict[str, Any]) -> dict[str, Any]:
    """Return a comparison that is kept, with Phase F's manifest as it is now: a later call has written it anew."""
    record = file_record(phase.artifact_root / RECONSTRUCTION_MANIFEST, phase.out)
    if record == manifest["reconstruction_manifest"]:
        return manifest
    manifest |= timed_head("comparison_manifest") | {"reconstruction_manifest": record}
    write_manifest(phase.path, manifest)
    return manifest


def _alignment(aligned: Aligned) -> dict[str, Any]:
    return {
        "shift_px": list(aligned.shift_px),
        "ramp_cycles_per_px": list(aligned.ramp_cycles_per_px),
        "scale": [aligned.scale.real, aligned.scale.imag],
        "overlap": aligned.overlap,
        "overlap_before": aligned.overlap_before,
    }


def _noted(measures: Sequence[Measure], note: str) -> list[Measure]:
    return [replace(found, note=note) if found.value is not None else found for found in measures]


def _reused(job: Mapping[str, Any]) -> str | None:
    source = job["result"]["reused_from"]
    return None if source is None else f"taken over from {source}, which has the same data and method"


def _other(record: Mapping[str, Any], status: str, **known: Any) -> dict[str, Any]:
    nothing = {"code": None, "reason": None, "selected": None, "measured": None}
    return {key: record[key] for key in _KEY} | {"status": status} | nothing | known


def _write(path: Path, text: str) -> Path:
    write_text(path, text)
    return path
