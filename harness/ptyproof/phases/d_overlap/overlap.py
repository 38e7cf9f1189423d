"""Phase D: derive the overlap views of each dose; a view that the scan cannot give is rejected with its numbers.

The way of the data: Phase C's halves (their hashes checked) -> positions -> selection and groups -> statistics
and overlap metrics -> either the view's archives, or a record under `rejected_views`. Thresholds are never
lowered to make a view succeed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ptyproof.console import Console
from ptyproof.errors import DataError, InputError, RunError
from ptyproof.io.atomic import sweep, writable_folder
from ptyproof.io.dataset import Dataset, read_dataset
from ptyproof.io.file_record import file_is_whole, relative
from ptyproof.io.hashing import sha256_json
from ptyproof.io.locking import lock
from ptyproof.phases.d_overlap.cells import Roots, describe, is_reusable, make_cell
from ptyproof.phases.d_overlap.selection import ViewPlan
from ptyproof.physics.probes import encircled_diameter_px
from ptyproof.provenance.environment import environment
from ptyproof.records.manifest import TOOL_LABEL, read_manifest, same_but_time, timed_head, write_manifest
from ptyproof.study.design import StudyDesign, design_from_dict
from ptyproof.study.exposures import Exposure, check_no_fewer_replicates, exposure_of, select_exposures
from ptyproof.study.layout import HALVES, OVERLAP_MANIFEST, RUN_MANIFEST, Half, half_of, halves_of, replicate_of
from ptyproof.study.views import Sampling, View

if TYPE_CHECKING:
    from ptyproof.phases.d_overlap.cells import Cell
    from ptyproof_schemas.types.overlap_manifest import OverlapManifest
    from ptyproof_schemas.types.run_manifest import Dataset as DatasetEntry
    from ptyproof_schemas.types.run_manifest import RunManifest

    Cells = dict[tuple[Exposure, str], Cell]

_POWER_FRACTION = 0.9


@dataclass(frozen=True)
class OverlapOptions:
    """What a call may change against the study.

    Parameters
    ----------
    doses, replicates, views
        Which to make; None makes all. Views by name.
    sampling_view
        One sampling view to make instead of the study's views.
    probe_diameter_px
        Diameter of the discs of the overlap metrics; None measures it from the probe.
    subsampling_seed
        Replaces the study's seed for drawing positions.
    """

    doses: tuple[float, ...] | None = None
    views: tuple[str, ...] | None = None
    sampling_view: View | None = None
    probe_diameter_px: float | None = None
    subsampling_seed: int | None = None
    replicates: tuple[int, ...] | None = None


def overlap(
    phase_c_root: Path,
    output_root: Path,
    artifact_root: Path | None = None,
    options: OverlapOptions | None = None,
    design: StudyDesign | None = None,
    console: Console | None = None,
) -> OverlapManifest:
    """Write the overlap views of the datasets under `phase_c_root`; return the overlap manifest.

    Parameters
    ----------
    phase_c_root
        Folder with Phase C's `run_manifest.json`.
    output_root
        Folder for `dose_*/VIEW/VIEW_{train,test}.npz` and `overlap_manifest.json`.
    artifact_root
        Folder for the metrics files (`dose_*/VIEW/{train,test}_metrics.json`, `metrics_bundle.json`); None puts
        them under `output_root`.
    options
        Filters and replacements.
    design
        A study whose views are wanted; None takes the design that Phase C recorded.
    console
        Where progress is shown; None is silent.

    Raises
    ------
    InputError
        If Phase C's record or files are missing, damaged or changed, a filter names what is not there, or
        a folder takes no files; nothing is written then.
    RunError
        If writing fails while it is under way; what was complete stays complete.
    """
    console = console or Console.silent()
    options = options or OverlapOptions()
    roots = Roots(phase_c_root, output_root, artifact_root or output_root)
    run = _read_run_manifest(phase_c_root)
    study = _study_of(run, design, options)
    views = _select_views(study, options)
    entries = _select_entries(run, study, options)
    for entry in entries:
        _check_files(entry, phase_c_root)
    for folder, name in ((output_root, "--output-root"), (roots.artifacts, "--artifact-root")):
        writable_folder(folder, name)
    with lock(output_root / OVERLAP_MANIFEST):
        return _overlap(run, entries, study, views, options, roots, console)


def _overlap(
    run: RunManifest,
    entries: list[DatasetEntry],
    study: StudyDesign,
    views: list[View],
    options: OverlapOptions,
    roots: Roots,
    console: Console,
) -> OverlapManifest:
    output_root = roots.output
    manifest = _new_manifest(run, study, roots)
    manifest_path = output_root / OVERLAP_MANIFEST
    earlier = _earlier_manifest(manifest_path, run, study)
    for folder in (output_root, roots.artifacts):
        sweep(folder)
    known: list[Cell] = [*earlier["views"], *earlier["rejected_views"]] if earlier else []
    cells = {_key(cell): cell for cell in known}
    order = [(exposure_of(entry), view.name) for entry in run["datasets"] for view in study.views]
    try:
        for entry in entries:
            made = _make_dose(entry, views, study, options, roots, cells, console)
            cells.update({_key(cell): cell for cell in made})
            _file_cells(manifest, cells, order)
            if earlier is None or not same_but_time(earlier, manifest):
                write_manifest(manifest_path, manifest)
    except OSError as error:
        raise RunError(f"writing under {output_root} failed: {error.strerror or error}") from error
    console.say(f"{len(manifest['views'])} views accepted, {len(manifest['rejected_views'])} rejected: {manifest_path}")
    return manifest


def _read_run_manifest(root: Path) -> RunManifest:
    path = root / RUN_MANIFEST
    if not root.is_dir():
        raise InputError(f"--phase-c-root must be a folder with {RUN_MANIFEST}, but {root} is no folder")
    if not path.is_file():
        raise InputError(f"--phase-c-root must hold {RUN_MANIFEST}, but {root} has none; run `ptyproof generate`")
    return read_manifest(path, "run_manifest")


def _study_of(run: RunManifest, design: StudyDesign | None, options: OverlapOptions) -> StudyDesign:
    """Return the study whose views are made: the recorded one, or one given that Phase C's data can serve."""
    study = design_from_dict(run["design"])
    if design is not None:
        if design.pattern_size_px != study.pattern_size_px:
            raise InputError(
                f"--study {design.name} has pattern_size_px {design.pattern_size_px}, but Phase C was made with "
                f"{study.pattern_size_px}"
            )
        study = design
    if options.subsampling_seed is not None:
        study = replace(study, seeds=replace(study.seeds, subsampling=options.subsampling_seed))
    if options.sampling_view is not None:
        others = tuple(view for view in study.views if view.name != options.sampling_view.name)
        study = replace(study, views=(*others, options.sampling_view))
    return study


def _select_views(study: StudyDesign, options: OverlapOptions) -> list[View]:
    if options.sampling_view is not None:
        return [options.sampling_view]
    names = [view.name for view in study.views]
    for name in options.views or ():
        if name not in names:
            raise InputError(f"--view must be one of {', '.join(names)}, got {name!r}")
    return [view for view in study.views if options.views is None or view.name in options.views]


def _select_entries(run: RunManifest, study: StudyDesign, options: OverlapOptions) -> list[DatasetEntry]:
    made = {exposure_of(entry): entry for entry in run["datasets"]}
    of_study = [exposure for exposure in made if exposure.replicate <= study.replicates]
    return [made[exposure] for exposure in select_exposures(of_study, options.doses, options.replicates)]


def _check_files(entry: DatasetEntry, root: Path) -> None:
    for _, _, half in halves_of(entry):
        record = half["file"]
        path = root / record["path"]
        if not path.is_file():
            raise DataError(path, f"is missing, but {RUN_MANIFEST} names it; run `ptyproof generate` again")
        if not file_is_whole(record, root):
            raise DataError(path, f"is not the file that {RUN_MANIFEST} recorded (sha256 or size differ)")


def _new_manifest(run: RunManifest, study: StudyDesign, roots: Roots) -> OverlapManifest:
    return {
        **timed_head("overlap_manifest"),
        "study": study.name,
        "design": study.as_dict(),
        "design_digest": study.digest(),
        "phase_c_root": relative(roots.phase_c, roots.output),
        "phase_c_recipe_digest": run["recipe_digest"],
        "artifact_root": relative(roots.artifacts, roots.output),
        "environment": environment(),
        "views": [],
        "rejected_views": [],
        "account": {"n_cells": 0, "n_accepted": 0, "n_rejected": 0},
    }


def _earlier_manifest(path: Path, run: RunManifest, study: StudyDesign) -> OverlapManifest | None:
    if not path.exists():
        return None
    earlier = read_manifest(path, "overlap_manifest")
    if earlier["phase_c_recipe_digest"] != run["recipe_digest"]:
        raise InputError(
            f"{path} was made from other Phase C data (study {earlier['study']}); choose another --output-root"
        )
    check_no_fewer_replicates(path, earlier["design"], study.replicates)
    return earlier


def _key(cell: Cell) -> tuple[Exposure, str]:
    return exposure_of(cell), cell["view"]


def _file_cells(manifest: OverlapManifest, cells: Cells, order: list[tuple[Exposure, str]]) -> None:
    """Put the cells into the manifest: the study's in its order, then those of earlier calls that it does not name."""
    keys = [key for key in order if key in cells] + sorted(key for key in cells if key not in order)
    listed = [cells[key] for key in keys]
    manifest["views"] = [cell for cell in listed if cell["status"] == "accepted"]
    manifest["rejected_views"] = [cell for cell in listed if cell["status"] == "rejected"]
    manifest["account"] = {
        "n_cells": len(listed),
        "n_accepted": len(manifest["views"]),
        "n_rejected": len(manifest["rejected_views"]),
    }


def _make_dose(
    entry: DatasetEntry,
    views: Sequence[View],
    study: StudyDesign,
    options: OverlapOptions,
    roots: Roots,
    earlier: Cells,
    console: Console,
) -> list[Cell]:
    made = []
    exposure = exposure_of(entry)

    @cache
    def read(half: Half, test_half: str | None) -> Dataset:
        return read_dataset(roots.phase_c / half_of(entry, half, test_half)["file"]["path"], mmap=True).dataset

    with console.progress(f"views of {exposure}", len(views), "view") as progress:
        for view in views:
            recipe = _recipe_digest(entry, view, study, options)
            cell = earlier.get((exposure, view.name))
            reused = cell is not None and is_reusable(cell, recipe, roots)
            if cell is None or not reused:
                halves = {half: read(half, view.test_half if half == "test" else None) for half in HALVES}
                plan = _plan(view, exposure, study, options, halves["train"])
                cell = make_cell(recipe, plan, halves, roots)
            console.say(describe(cell, reused))
            made.append(cell)
            progress.update(1)
    return made


def _plan(view: View, exposure: Exposure, study: StudyDesign, options: OverlapOptions, dataset: Dataset) -> ViewPlan:
    diameter, source = options.probe_diameter_px, "given"
    if diameter is None:
        diameter = encircled_diameter_px(dataset.illuminating, _POWER_FRACTION)
        source = f"measured: circle about the centroid of |P|^2 that holds {100 * _POWER_FRACTION:.0f} % of it"
    return ViewPlan(
        exposure=exposure,
        view=view,
        pattern_size_px=study.pattern_size_px,
        neighbor_count=study.neighbors_of(view),
        min_acceptance_rate=study.min_acceptance_rate,
        seeds=study.seeds,
        probe_diameter_px=diameter,
        probe_diameter_source=source,
    )


def _recipe_digest(entry: DatasetEntry, view: View, study: StudyDesign, options: OverlapOptions) -> str:
    parts = {
        "sources": [half_of(entry, half, view.test_half)["arrays_sha256"] for half in HALVES],
        "view": view.as_dict(),
        "neighbor_count": study.neighbors_of(view),
        "min_acceptance_rate": study.min_acceptance_rate,
        "seeds": study.seeds.as_dict(),
        "probe_diameter_px": options.probe_diameter_px,
        "tool": TOOL_LABEL,
    }
    replicate = replicate_of(entry)
    return sha256_json(parts | ({"replicate": replicate} if replicate > 1 else {}))


def sampling_view(gridsize: int, neighbor_count: int | None, s_img: float, n_groups: int) -> View:
    """Return the view that the sampling options of the command line describe, named after its numbers.

    Raises
    ------
    DesignError
        If a number is impossible.
    """
    return View(f"sampled-s{s_img:g}-g{n_groups}", gridsize, Sampling(s_img, n_groups), neighbor_count)
