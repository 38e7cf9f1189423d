"""Phase D: derive the overlap views of each dose; a view that the scan cannot give is rejected with its numbers.

The way of the data: Phase C's halves (their hashes checked) -> positions -> selection and groups -> statistics
and overlap metrics -> either the view's archives, or a record under `rejected_views`. Thresholds are never
lowered to make a view succeed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ptyproof.console import Console
from ptyproof.errors import DataError, InputError, RunError
from ptyproof.io.atomic import sweep, writable_folder
from ptyproof.io.dataset import Dataset, read_dataset, select_positions, write_dataset
from ptyproof.io.file_record import file_is_whole, file_record, relative
from ptyproof.io.hashing import combine_digests, sha256_json
from ptyproof.io.locking import lock
from ptyproof.phases.d_overlap.selection import ViewPlan, ViewSelection, select_view
from ptyproof.phases.doses import select_doses
from ptyproof.physics.probes import encircled_diameter_px
from ptyproof.provenance.environment import environment
from ptyproof.records.manifest import TOOL_LABEL, head, read_manifest, same_but_time, timed_head, write_manifest
from ptyproof.study.design import StudyDesign, design_from_dict
from ptyproof.study.layout import HALVES, OVERLAP_MANIFEST, RUN_MANIFEST, phase_d_file, view_folder
from ptyproof.study.views import Sampling, Spacing, View

_POWER_FRACTION = 0.9


@dataclass(frozen=True)
class OverlapOptions:
    """What a call may change against the study.

    Parameters
    ----------
    doses, views
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


@dataclass(frozen=True, eq=False)
class _Roots:
    phase_c: Path
    output: Path
    artifacts: Path


def overlap(
    phase_c_root: Path,
    output_root: Path,
    artifact_root: Path | None = None,
    options: OverlapOptions | None = None,
    design: StudyDesign | None = None,
    console: Console | None = None,
) -> dict[str, Any]:
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
    roots = _Roots(phase_c_root, output_root, artifact_root or output_root)
    run = _read_run_manifest(phase_c_root)
    study = _study_of(run, design, options)
    views = _select_views(study, options)
    entries = _select_entries(run, options)
    for entry in entries:
        _check_files(entry, phase_c_root)
    for folder, name in ((output_root, "--output-root"), (roots.artifacts, "--artifact-root")):
        writable_folder(folder, name)
    with lock(output_root / OVERLAP_MANIFEST):
        return _overlap(run, entries, study, views, options, roots, console)


def _overlap(
    run: dict[str, Any],
    entries: list[dict[str, Any]],
    study: StudyDesign,
    views: list[View],
    options: OverlapOptions,
    roots: _Roots,
    console: Console,
) -> dict[str, Any]:
    output_root = roots.output
    manifest = _new_manifest(run, study, roots)
    manifest_path = output_root / OVERLAP_MANIFEST
    earlier = _earlier_manifest(manifest_path, run)
    for folder in (output_root, roots.artifacts):
        sweep(folder)
    cells = {_key(cell): cell for cell in [*earlier["views"], *earlier["rejected_views"]]} if earlier else {}
    order = [(entry["dose"], view.name) for entry in run["datasets"] for view in study.views]
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


def _read_run_manifest(root: Path) -> dict[str, Any]:
    path = root / RUN_MANIFEST
    if not root.is_dir():
        raise InputError(f"--phase-c-root must be a folder with {RUN_MANIFEST}, but {root} is no folder")
    if not path.is_file():
        raise InputError(f"--phase-c-root must hold {RUN_MANIFEST}, but {root} has none; run `ptyproof generate`")
    return read_manifest(path, "run_manifest")


def _study_of(run: dict[str, Any], design: StudyDesign | None, options: OverlapOptions) -> StudyDesign:
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


def _select_entries(run: dict[str, Any], options: OverlapOptions) -> list[dict[str, Any]]:
    doses = select_doses(tuple(entry["dose"] for entry in run["datasets"]), options.doses)
    return [entry for entry in run["datasets"] if entry["dose"] in doses]


def _check_files(entry: dict[str, Any], root: Path) -> None:
    for half in HALVES:
        record = entry[half]["file"]
        path = root / record["path"]
        if not path.is_file():
            raise DataError(path, f"is missing, but {RUN_MANIFEST} names it; run `ptyproof generate` again")
        if not file_is_whole(record, root):
            raise DataError(path, f"is not the file that {RUN_MANIFEST} recorded (sha256 or size differ)")


def _new_manifest(run: dict[str, Any], study: StudyDesign, roots: _Roots) -> dict[str, Any]:
    return timed_head("overlap_manifest") | {
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


def _earlier_manifest(path: Path, run: dict[str, Any]) -> dict[str, Any] | None:
    if not path.exists():
        return None
    earlier = read_manifest(path, "overlap_manifest")
    if earlier["phase_c_recipe_digest"] != run["recipe_digest"]:
        raise InputError(
            f"{path} was made from other Phase C data (study {earlier['study']}); choose another --output-root"
        )
    return earlier


def _key(cell: dict[str, Any]) -> tuple[float, str]:
    return cell["dose"], cell["view"]


def _file_cells(
    manifest: dict[str, Any], cells: dict[tuple[float, str], dict[str, Any]], order: list[tuple[float, str]]
) -> None:
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
    entry: dict[str, Any],
    views: Sequence[View],
    study: StudyDesign,
    options: OverlapOptions,
    roots: _Roots,
    earlier: dict[tuple[float, str], dict[str, Any]],
    console: Console,
) -> list[dict[str, Any]]:
    halves: dict[str, Dataset] = {}
    made = []
    with console.progress(f"views of dose {entry['dose']:g}", len(views), "view") as progress:
        for view in views:
            recipe = _recipe_digest(entry, view, study, options)
            cell = earlier.get((entry["dose"], view.name))
            reused = cell is not None and _is_reusable(cell, recipe, roots)
            if cell is None or not reused:
                halves = halves or {
                    half: read_dataset(roots.phase_c / entry[half]["file"]["path"], mmap=True).dataset
                    for half in HALVES
                }
                plan = _plan(view, study, options, halves["train"])
                cell = _make_cell(entry, plan, halves, roots) | {"recipe_digest": recipe}
            _say(cell, reused, console)
            made.append(cell)
            progress.update(1)
    return made


def _plan(view: View, study: StudyDesign, options: OverlapOptions, dataset: Dataset) -> ViewPlan:
    diameter, source = options.probe_diameter_px, "given"
    if diameter is None:
        diameter = encircled_diameter_px(dataset.probe, _POWER_FRACTION)
        source = f"measured: circle about the centroid of |P|^2 that holds {100 * _POWER_FRACTION:.0f} % of it"
    return ViewPlan(
        view=view,
        pattern_size_px=study.pattern_size_px,
        neighbor_count=study.neighbors_of(view),
        min_acceptance_rate=study.min_acceptance_rate,
        seeds=study.seeds,
        probe_diameter_px=diameter,
        probe_diameter_source=source,
    )


def _recipe_digest(entry: dict[str, Any], view: View, study: StudyDesign, options: OverlapOptions) -> str:
    return sha256_json(
        {
            "sources": [entry[half]["arrays_sha256"] for half in HALVES],
            "view": view.as_dict(),
            "neighbor_count": study.neighbors_of(view),
            "min_acceptance_rate": study.min_acceptance_rate,
            "seeds": asdict(study.seeds),
            "probe_diameter_px": options.probe_diameter_px,
            "tool": TOOL_LABEL,
        }
    )


def _is_reusable(cell: dict[str, Any], recipe: str, roots: _Roots) -> bool:
    records = [cell[half]["file"] for half in HALVES if cell[half]["file"] is not None]
    records += [cell[half]["metrics_file"] for half in HALVES] + [cell["metrics_bundle"]]
    return cell["recipe_digest"] == recipe and all(file_is_whole(record, roots.output) for record in records)


def _make_cell(entry: dict[str, Any], plan: ViewPlan, halves: dict[str, Dataset], roots: _Roots) -> dict[str, Any]:
    dose, view = entry["dose"], plan.view
    chosen = {half: select_view(plan, half, halves[half].positions_px) for half in HALVES}
    rejections = [rejection for half in HALVES if (rejection := chosen[half].rejection) is not None]
    paths = {half: phase_d_file(roots.output, dose, view.name, half) for half in HALVES}
    files: dict[str, dict[str, Any]] = {half: {"file": None, "arrays_sha256": None} for half in HALVES}
    if not rejections and not view.reads_phase_c:
        for half, path in paths.items():
            files[half], rejected = _write_half(plan, half, halves[half], chosen[half], path, roots)
            rejections += rejected
    if rejections or view.reads_phase_c:
        files = {half: {"file": None, "arrays_sha256": None} for half in HALVES}
        for path in paths.values():
            path.unlink(missing_ok=True)  # that of an earlier call, too
    cell: dict[str, Any] = {
        "dose": dose,
        "view": view.name,
        "gridsize": view.gridsize,
        "status": "rejected" if rejections else "accepted",
        "reads_phase_c": view.reads_phase_c,
    }
    if rejections:
        cell |= {"code": rejections[0][0], "reason": _reason(plan, [sentence for _, sentence in rejections])}
    metrics_folder = view_folder(roots.artifacts, dose, view.name)
    metrics_folder.mkdir(parents=True, exist_ok=True)
    for half in HALVES:
        record = {"dose": dose, "view": view.name, "split": half, "status": cell["status"]} | chosen[half].record
        metrics_path = metrics_folder / f"{half}_metrics.json"
        write_manifest(metrics_path, head("overlap_metrics") | record)
        cell[half] = chosen[half].record | files[half] | {"metrics_file": file_record(metrics_path, roots.output)}
    bundle_path = metrics_folder / "metrics_bundle.json"
    bundle = {"dose": dose, "view": view.name, "gridsize": view.gridsize, "status": cell["status"]}
    bundle |= {half: chosen[half].record for half in HALVES}
    write_manifest(bundle_path, head("metrics_bundle") | bundle)
    return cell | {"metrics_bundle": file_record(bundle_path, roots.output)}


def _reason(plan: ViewPlan, sentences: list[str]) -> str:
    selection = plan.view.selection
    if isinstance(selection, Spacing):
        threshold = selection.spacing_px(plan.pattern_size_px)
        wanted = (
            f"{plan.view.name} (f = {selection.overlap_fraction:g}) needs {threshold:.1f} px between positions and "
            f"at least {100 * plan.min_acceptance_rate:g} % of them"
        )
    else:
        wanted = f"{plan.view.name} has groups of {plan.view.group_size}"
    return f"{wanted}; " + ", ".join(sentences)


def _write_half(
    plan: ViewPlan, half: str, source: Dataset, chosen: ViewSelection, path: Path, roots: _Roots
) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Write what a view selects of a half, unless it is no dataset by the contract: that rejects the view."""
    path.parent.mkdir(parents=True, exist_ok=True)
    detail = {"view": plan.view.name, "half": half} | chosen.record["selection"]
    subset = select_positions(source, chosen.index, step="overlap-view", detail=detail)
    try:
        digests = write_dataset(path, subset)
    except DataError as error:
        reason = f"the {len(subset)} positions that {half} keeps are no dataset: {error.member} {error.reason}"
        return {}, [("selection_breaks_contract", reason)]
    return {"file": file_record(path, roots.output), "arrays_sha256": combine_digests(digests)}, []


def _say(cell: dict[str, Any], reused: bool, console: Console) -> None:
    numbers = []
    for half in HALVES:
        record = cell[half]
        rate = 100 * record["acceptance_rate"]
        numbers.append(f"{half} {record['n_images_selected']} of {record['n_images_total']} ({rate:.1f} %)")
    selection = cell["train"]["selection"]
    if selection["kind"] == "spacing":
        numbers.append(f"S = {selection['threshold_px']:.1f} px, {selection['method']}")
    label = f"dose {cell['dose']:g}, {cell['view']}"
    note = " (reused)" if reused else ""
    if cell["status"] == "rejected":
        console.say(f"{label}: REJECTED{note}: {cell['reason']}")
    else:
        source = "; reads Phase C data" if cell["reads_phase_c"] else ""
        console.say(f"{label}: accepted{note}, {', '.join(numbers)}{source}")


def sampling_view(gridsize: int, neighbor_count: int | None, s_img: float, n_groups: int) -> View:
    """Return the view that the sampling options of the command line describe, named after its numbers.

    Raises
    ------
    DesignError
        If a number is impossible.
    """
    return View(f"sampled-s{s_img:g}-g{n_groups}", gridsize, Sampling(s_img, n_groups), neighbor_count)
