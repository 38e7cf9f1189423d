"""What Phase G compares: every result of Phase F with its dataset, in one way for all methods.

Phase F's methods were given patterns, probe and positions; docs/architecture.md lists who reads the truth.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ptyproof.console import Console
from ptyproof.errors import DataError, InputError
from ptyproof.io.dataset import Dataset, read_dataset
from ptyproof.io.file_digests import FileDigests
from ptyproof.io.file_record import file_record
from ptyproof.io.hashing import sha256_json
from ptyproof.io.metadata import METADATA, read_metadata
from ptyproof.io.npz import NpzArchive
from ptyproof.metrics.against_truth import MetricValue, Scored, aligned_by, score, undefined
from ptyproof.metrics.convergence import convergence_of
from ptyproof.metrics.data_fit import data_fit_metrics
from ptyproof.metrics.definitions import needs_truth, of_comparison
from ptyproof.metrics.paired import RULE
from ptyproof.metrics.protocol import Recipe, protocol, protocol_sha256
from ptyproof.metrics.times import times, training_time
from ptyproof.phases.g_compare.cell import (
    ComparedCell,
    Reconstructed,
    others_of,
    reconstructed_of,
    settings_of,
)
from ptyproof.physics.align import Aligned, Crop, illumination_crop
from ptyproof.physics.positions import rms_error
from ptyproof.records.archive import ReconstructionArchive, read_archive
from ptyproof.records.manifest import TOOL
from ptyproof.records.recorded import read_recorded
from ptyproof.study.design import StudyDesign, design_from_dict
from ptyproof.study.exposures import exposure_of
from ptyproof.study.layout import (
    COMPARISON_MANIFEST,
    RECONSTRUCTION_MANIFEST,
    TRAINING_MANIFEST,
    phase_c_file,
    phase_d_file,
    replicate_of,
)

if TYPE_CHECKING:
    from ptyproof_schemas.types.common import File
    from ptyproof_schemas.types.comparison_manifest import Alignment, Cell, Compared, ProtocolParts
    from ptyproof_schemas.types.reconstruction_manifest import ReconstructionManifest
    from ptyproof_schemas.types.training_manifest import Success as TrainingSuccess

_FITTED = "of the patterns that the result was made from"


@dataclass(frozen=True, eq=False)
class ComparisonPhase:
    """Phase G of a study: what is compared, how, and where it is recorded.

    Parameters
    ----------
    artifact_root
        Folder of Phase F's manifest.
    out
        Folder of the comparison.
    reconstruction, record
        Phase F's manifest, and its file.
    recipe
        How results are compared.
    phase_c_root, phase_d_root
        Where the datasets lie; None takes the places that Phase F has recorded.
    figures
        Whether pictures are drawn.
    """

    artifact_root: Path
    out: Path
    reconstruction: ReconstructionManifest
    record: File
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

    @cached_property
    def reconstructed(self) -> list[Reconstructed]:
        """Phase F's jobs that have a result."""
        return reconstructed_of(self.reconstruction)

    def dataset_path(self, found: Reconstructed) -> Path:
        """Return where the dataset of a job lies."""
        job = found.job
        views = {view.name: view for view in self.design.views}
        view = views.get(job["view"])
        if view is not None and view.reads_phase_c and self.phase_c_root is not None:
            return phase_c_file(self.phase_c_root, job["dose"], job["split"], replicate_of(job), view.test_half)
        if view is not None and not view.reads_phase_c and self.phase_d_root is not None:
            return phase_d_file(self.phase_d_root, job["dose"], job["view"], job["split"], replicate_of(job))
        return self.artifact_root.joinpath(found.dataset["path"])

    def check(self) -> None:
        """Make sure that every dataset and result is the one that Phase F has recorded.

        Raises
        ------
        DataError
            If a file is missing or was changed, or a dataset is another half, or another kind, than the recorded one.
        """
        digests = FileDigests()
        for found in self.reconstructed:
            path, name, archive = self.dataset_path(found), found.job["job"], found.result["reconstruction"]
            for file, sha256, option in (
                (path, found.dataset["sha256"], "; give --phase-c-root and --phase-d-root"),
                (self.artifact_root / archive["path"], archive["sha256"], ""),
            ):
                if not file.is_file():
                    raise DataError(file, f"is missing, but {name} was reconstructed with it{option}")
                found_sha256 = digests.of(file)
                if found_sha256 != sha256:
                    raise DataError(
                        file,
                        f"is not the file that {RECONSTRUCTION_MANIFEST} has recorded for {name}: its sha256 is "
                        f"{found_sha256[:16]}..., recorded is {sha256[:16]}...",
                    )
            _check_role(path, found)

    def compare(self, console: Console) -> Iterator[ComparedCell]:
        """Yield every cell with a result, compared; each dataset is read once for the cells that share it in a row."""
        read: tuple[Path, Dataset] | None = None
        for found in self.reconstructed:
            path = self.dataset_path(found)
            if read is None or read[0] != path:
                read = (path, read_dataset(path).dataset)
            cell = self._cell(found, read[1])
            console.say(describe_cell(cell.entry))
            yield cell

    def _cell(self, reconstructed: Reconstructed, dataset: Dataset) -> ComparedCell:
        job, recorded, outcome = reconstructed
        path = self.artifact_root / outcome["reconstruction"]["path"]
        result = read_archive(path)
        if (result.positions_px is None) != ("positions" not in job):
            refined = "has refined positions" if "positions" not in job else "has no refined positions"
            raise DataError(path, f"{refined}, but the record of {job['job']} says otherwise", "positions_px")
        crop = illumination_crop(result.illumination, self.recipe.crop_fraction)
        aligned, scored = self._scored(path, result, crop, dataset)
        parts = self._protocol(reconstructed)
        metrics = [
            *scored.metrics,
            *_noted(data_fit_metrics(result, dataset, self.recipe), _FITTED),
            *self._times(reconstructed, result),
        ]
        convergence = convergence_of(result, dataset.obj, crop, aligned, outcome["timing"]["total_s"])
        dataset_file = file_record(self.dataset_path(reconstructed), self.out)
        entry: Compared = {
            "job": job["job"],
            "dose": job["dose"],
            "view": job["view"],
            "gridsize": job["gridsize"],
            "split": job["split"],
            "method": job["method"],
            "status": "success",
            "protocol": protocol_sha256(parts),
            "dataset": {
                "path": dataset_file["path"],
                "sha256": dataset_file["sha256"],
                "size_bytes": dataset_file["size_bytes"],
                "role": recorded["role"],
                "has_truth": dataset.obj is not None,
            },
            "reconstruction": file_record(path, self.out),
            "arrays_sha256": outcome["arrays_sha256"],
            "crop": {
                "rows": list(crop.rows),
                "cols": list(crop.cols),
                "n_px": crop.n_px,
                "n_parts": outcome["n_parts"],
            },
            "alignment": None if aligned is None else _alignment(aligned),
            "measures": [found.as_dict() for found in metrics],
        }
        if "told" in recorded and "not_told" in recorded:
            entry["dataset"]["told"] = recorded["told"]
            entry["dataset"]["not_told"] = recorded["not_told"]
        if convergence is not None:
            entry["convergence"] = convergence.as_dict()
        if dataset.positions_true_px is not None:
            given_px, true_px = dataset.positions_px, dataset.positions_true_px
            refined_px = given_px if result.positions_px is None else result.positions_px
            entry["positions"] = {
                "rms_error_given_px": rms_error(given_px, true_px),
                "rms_error_px": rms_error(refined_px, true_px),
            }
        if replicate_of(job) > 1:
            entry["replicate"] = replicate_of(job)
        environment = job["environment"]
        if environment is not None:
            entry |= {"device": environment["device"], "threads": environment["threads"]}
        return ComparedCell(entry, result, crop, aligned, scored)

    def _times(self, reconstructed: Reconstructed, result: ReconstructionArchive) -> list[MetricValue]:
        timing = reconstructed.result["timing"]
        steps_s: dict[str, float] = {}
        for step in timing["steps"]:
            steps_s[step["step"]] = steps_s.get(step["step"], 0.0) + step["seconds"]
        training = training_time(self.training_of(reconstructed))
        found = times(self.recipe, timing["total_s"], steps_s, training, result.losses, result.seconds)
        return _noted(found, _reused(reconstructed.result["reused_from"]))

    @cached_property
    def trainings(self) -> dict[str, TrainingSuccess]:
        """Results of the trainings by the sha256 of their bundles, from the training manifest beside Phase F's."""
        path = self.artifact_root / TRAINING_MANIFEST
        jobs = read_recorded(path, "training_manifest")["jobs"] if path.is_file() else []
        results = [job["result"] for job in jobs]
        return {result["bundle_sha256"]: result for result in results if result["status"] == "success"}

    def training_of(self, found: Reconstructed) -> Mapping[str, object] | None:
        """Return the result of the training of a job's network; None for a method without one."""
        bundle = found.job["bundle"]
        return None if bundle is None else self.trainings.get(bundle["sha256"], {})

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
            aligned = aligned_by(recipe, result.obj, dataset.obj, crop, result.parts)
        except InputError as error:
            return None, Scored(tuple(undefined(recipe, of_truth, str(error))))
        return aligned, score(aligned, recipe)

    def protocols(self) -> dict[str, ProtocolParts]:
        """Return the protocols of the cells with a result, by their hash."""
        found = {}
        for reconstructed in self.reconstructed:
            parts = self._protocol(reconstructed)
            found[protocol_sha256(parts)] = parts
        return found

    def _protocol(self, found: Reconstructed) -> ProtocolParts:
        job, scope = found.job, found.result["timing"]["scope"]
        methods = settings_of(self.reconstruction["jobs"], job)
        tells = self.design.tells_in(job["view"])
        return protocol(self.recipe, job["split"], job["probe"], scope, methods, tells)

    def in_order(self, entries: Sequence[Cell]) -> list[Cell]:
        """Return entries in the study's order: dose, replicate, view, split, method; other methods come last."""
        design = self.design
        views = [view.name for view in design.views]
        methods = [method.name for method in design.reconstruction.methods]

        def place(entry: Cell) -> tuple[int, int, str, int, str]:
            exposure = design.exposures.index(exposure_of(entry))
            method = entry["method"]
            known = methods.index(method) if method in methods else len(methods)
            return exposure, views.index(entry["view"]), entry["split"], known, method

        return sorted(entries, key=place)

    def inputs_sha256(self) -> str:
        """Return the digest of all that decides the comparison: cells, results, datasets, recipe, tool."""
        jobs = [[job["job"], job["probe"], dataset["sha256"], result] for job, dataset, result in self.reconstructed]
        value = {
            "jobs": jobs,
            "trainings": [self.training_of(found) for found in self.reconstructed],
            "environments": [job["environment"] for job, _, _ in self.reconstructed],
            "protocols": sorted(self.protocols()),
            "others": others_of(self.reconstruction),
            "recipe": self.recipe.as_dict(),
            "rule": RULE.as_dict(),
            "figures": self.figures,
            "tool": TOOL,
        }
        return sha256_json(json.loads(json.dumps(value)))


def describe_cell(entry: Compared) -> str:
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
    if not entry.get("convergence", {"converged": True})["converged"]:
        words.append("not converged")
    return f"{entry['job']}: {', '.join(words)}"


def _check_role(path: Path, found: Reconstructed) -> None:
    """Refuse a dataset that is another half, or another kind, than the one that was to be compared on."""
    with NpzArchive(path) as archive:
        metadata = read_metadata(archive)
    role, split = ("measurement", "all") if metadata is None else (metadata["role"], metadata["split"])
    job, recorded = found.job, found.dataset["role"]
    if role != recorded:
        raise DataError(path, f"is a {role}, but {job['job']} was reconstructed from a {recorded}", METADATA)
    if split != job["split"] and not (role == "measurement" and split == "all"):
        raise DataError(path, f"is the half {split}, but {job['job']} is to be compared on {job['split']}", METADATA)


def _alignment(aligned: Aligned) -> Alignment:
    return {
        "shift_px": list(aligned.shift_px),
        "ramp_cycles_per_px": list(aligned.ramp_cycles_per_px),
        "scale": [aligned.scale.real, aligned.scale.imag],
        "overlap": aligned.overlap,
        "overlap_before": aligned.overlap_before,
    }


def _noted(metrics: Sequence[MetricValue], note: str | None) -> list[MetricValue]:
    return [replace(found, note=note) if found.value is not None else found for found in metrics]


def _reused(source: str | None) -> str | None:
    return None if source is None else f"taken over from {source}, which has the same data and method"
