"""One view of one dose in Phase D: its archives, its metrics files and its entry in the manifest."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from ptyproof.errors import DataError
from ptyproof.io.dataset import Dataset, select_positions, write_dataset
from ptyproof.io.file_record import file_is_whole, file_record
from ptyproof.io.hashing import combine_digests
from ptyproof.phases.d_overlap.selection import Rejection, ViewPlan, ViewSelection, select_view
from ptyproof.records.manifest import head, write_manifest
from ptyproof.study.exposures import exposure_of
from ptyproof.study.layout import HALVES, Half, phase_d_file, view_folder
from ptyproof.study.views import Spacing

if TYPE_CHECKING:
    from ptyproof_schemas.types.common import File
    from ptyproof_schemas.types.metrics_bundle import MetricsBundle
    from ptyproof_schemas.types.overlap_manifest import Accepted, Rejected
    from ptyproof_schemas.types.overlap_manifest import Half as HalfEntry
    from ptyproof_schemas.types.overlap_metrics import OverlapMetrics

    Cell = Accepted | Rejected


@dataclass(frozen=True, eq=False)
class Roots:
    """The folders of Phase C's data, of the views, and of the metrics files."""

    phase_c: Path
    output: Path
    artifacts: Path


def is_reusable(cell: Cell, recipe: str, roots: Roots) -> bool:
    """Tell whether a view was made by a recipe, and all its files are whole."""
    records = [record for half in HALVES if (record := cell[half]["file"]) is not None]
    records += [cell[half]["metrics_file"] for half in HALVES] + [cell["metrics_bundle"]]
    return cell["recipe_digest"] == recipe and all(file_is_whole(record, roots.output) for record in records)


class _Written(NamedTuple):
    """The file of a half and the digest of its arrays; both None where the view has no file of its own."""

    file: File | None
    arrays_sha256: str | None


_NOTHING = _Written(None, None)


def make_cell(recipe: str, plan: ViewPlan, halves: dict[Half, Dataset], roots: Roots) -> Cell:
    """Write the archives and metrics files of a view of one exposure; return its entry for the manifest.

    Parameters
    ----------
    recipe
        Digest of all that decides the view.
    plan
        What is selected, and of which exposure.
    halves
        Phase C's datasets.
    roots
        Where files go.
    """
    view, (dose, replicate) = plan.view, plan.exposure
    chosen = {half: select_view(plan, half, halves[half].positions_px) for half in HALVES}
    rejections = [rejection for half in HALVES if (rejection := chosen[half].rejection) is not None]
    paths = {half: phase_d_file(roots.output, dose, view.name, half, replicate) for half in HALVES}
    files = dict.fromkeys(HALVES, _NOTHING)
    if not rejections and not view.reads_phase_c:
        for half, path in paths.items():
            files[half], rejected = _write_half(plan, half, halves[half], chosen[half], path, roots)
            rejections += rejected
    if rejections or view.reads_phase_c:
        files = dict.fromkeys(HALVES, _NOTHING)
        for path in paths.values():
            path.unlink(missing_ok=True)  # that of an earlier call, too
    entries, bundle = _write_metrics(plan, chosen, files, "rejected" if rejections else "accepted", roots)
    if not rejections:
        return {
            **plan.exposure.as_dict(),
            "view": view.name,
            "gridsize": view.gridsize,
            "status": "accepted",
            "reads_phase_c": view.reads_phase_c,
            "train": entries["train"],
            "test": entries["test"],
            "metrics_bundle": bundle,
            "recipe_digest": recipe,
        }
    return {
        **plan.exposure.as_dict(),
        "view": view.name,
        "gridsize": view.gridsize,
        "status": "rejected",
        "reads_phase_c": view.reads_phase_c,
        "code": rejections[0].code,
        "reason": _reason(plan, rejections),
        "train": entries["train"],
        "test": entries["test"],
        "metrics_bundle": bundle,
        "recipe_digest": recipe,
    }


def _write_metrics(
    plan: ViewPlan,
    chosen: dict[Half, ViewSelection],
    files: dict[Half, _Written],
    status: Literal["accepted", "rejected"],
    roots: Roots,
) -> tuple[dict[Half, HalfEntry], File]:
    """Write the metrics of a view; return the entries of its halves for the manifest, and the record of the bundle."""
    view, (dose, replicate) = plan.view, plan.exposure
    folder = view_folder(roots.artifacts, dose, view.name, replicate)
    folder.mkdir(parents=True, exist_ok=True)
    entries: dict[Half, HalfEntry] = {}
    for half in HALVES:
        found, path = chosen[half].record, folder / f"{half}_metrics.json"
        own: OverlapMetrics = {
            **head("overlap_metrics"),
            **plan.exposure.as_dict(),
            "view": view.name,
            "split": half,
            "status": status,
            **found,
        }
        write_manifest(path, own)
        file, digest = files[half]
        entries[half] = {
            **found,
            "file": file,
            "arrays_sha256": digest,
            "metrics_file": file_record(path, roots.output),
        }
    bundle: MetricsBundle = {
        **head("metrics_bundle"),
        **plan.exposure.as_dict(),
        "view": view.name,
        "gridsize": view.gridsize,
        "status": status,
        "train": chosen["train"].record,
        "test": chosen["test"].record,
    }
    path = folder / "metrics_bundle.json"
    write_manifest(path, bundle)
    return entries, file_record(path, roots.output)


def _reason(plan: ViewPlan, rejections: list[Rejection]) -> str:
    selection = plan.view.selection
    if isinstance(selection, Spacing):
        threshold = selection.spacing_px(plan.pattern_size_px, plan.probe_diameter_px)
        wanted = (
            f"{plan.view.name} (f = {selection.overlap_fraction:g}) needs {threshold:.1f} px between positions and "
            f"at least {100 * plan.min_acceptance_rate:g} % of them"
        )
    else:
        wanted = f"{plan.view.name} has groups of {plan.view.group_size}"
    return f"{wanted}; " + ", ".join(rejection.sentence for rejection in rejections)


def _write_half(
    plan: ViewPlan, half: Half, source: Dataset, chosen: ViewSelection, path: Path, roots: Roots
) -> tuple[_Written, list[Rejection]]:
    """Write what a view selects of a half, unless it is no dataset by the contract: that rejects the view."""
    path.parent.mkdir(parents=True, exist_ok=True)
    detail: dict[str, object] = {"view": plan.view.name, "half": half, **chosen.record["selection"]}
    subset = select_positions(source, chosen.index, step="overlap-view", detail=detail)
    try:
        digests = write_dataset(path, subset)
    except DataError as error:
        reason = f"the {len(subset)} positions that {half} keeps are no dataset: {error.member} {error.reason}"
        return _NOTHING, [Rejection("selection_breaks_contract", reason)]
    return _Written(file_record(path, roots.output), combine_digests(digests)), []


def describe(cell: Cell, reused: bool) -> str:
    """Return the line about a view: how many positions it keeps, or why it is rejected."""
    numbers = []
    for half in HALVES:
        record = cell[half]
        rate = 100 * record["acceptance_rate"]
        numbers.append(f"{half} {record['n_images_selected']} of {record['n_images_total']} ({rate:.1f} %)")
    selection = cell["train"]["selection"]
    if selection["kind"] == "spacing":
        numbers.append(f"S = {selection['threshold_px']:.1f} px, {selection['method']}")
    label = f"{exposure_of(cell)}, {cell['view']}"
    note = " (reused)" if reused else ""
    if cell["status"] == "rejected":
        return f"{label}: REJECTED{note}: {cell['reason']}"
    source = "; reads Phase C data" if cell["reads_phase_c"] else ""
    return f"{label}: accepted{note}, {', '.join(numbers)}{source}"
