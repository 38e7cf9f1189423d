"""The cells of a comparison: what Phase F knows of them, and what a compared one holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from ptyproof.metrics.against_truth import Scored
from ptyproof.phases.g_compare.tables import place_of
from ptyproof.physics.align import Aligned, Crop
from ptyproof.records.archive import ReconstructionArchive

if TYPE_CHECKING:
    from ptyproof_schemas.types.comparison_manifest import Compared, MethodSettings, Other, OtherStatus
    from ptyproof_schemas.types.reconstruction_manifest import (
        Dataset,
        Job,
        NotSelected,
        ReconstructionManifest,
        Skipped,
        Success,
    )


class Reconstructed(NamedTuple):
    """A job of Phase F that has a result."""

    job: Job
    dataset: Dataset
    result: Success


@dataclass(frozen=True, eq=False)
class ComparedCell:
    """A cell with a result: its entry in the manifest, and what pictures are drawn from.

    `aligned` is None without a truth; then `crop` and `result` are shown as they are.
    """

    entry: Compared
    result: ReconstructionArchive
    crop: Crop
    aligned: Aligned | None
    scored: Scored


def reconstructed_of(manifest: ReconstructionManifest) -> list[Reconstructed]:
    """Return the jobs of Phase F that have a result."""
    found = []
    for job in manifest["jobs"]:
        result, dataset = job["result"], job["dataset"]
        if result["status"] == "success":
            assert dataset is not None  # a job without a dataset has no result
            found.append(Reconstructed(job, dataset, result))
    return found


def settings_of(jobs: Sequence[Job], cell: Job) -> dict[str, MethodSettings]:
    """Return options and budget of each method as a table with `cell` has them.

    A method that was set alike in all of its `jobs` is in every table. One that was set in different ways is in the
    table with the setting of the cell's own dose, view and half, so rows of two settings cannot share a table.
    """
    place = place_of(cell)
    of_method: dict[str, list[tuple[bool, MethodSettings]]] = {}
    for job in jobs:
        settings: MethodSettings = {"options": job.get("options", {}), "budget": job["budget"]}
        if "tuning" in job:
            settings["tuning"] = job["tuning"]
        of_method.setdefault(job["method"], []).append((place_of(job) == place, settings))
    found = {}
    for method, known in sorted(of_method.items()):
        alike = all(settings == known[0][1] for _, settings in known)
        here = [settings for is_here, settings in known if is_here or alike]
        if here:
            found[method] = here[0]
    return found


def others_of(manifest: ReconstructionManifest) -> list[Other]:
    """Return the entries of the cells without a result, with the record of the phase that knows why."""
    found = []
    for job in manifest["jobs"]:
        result = job["result"]
        if result["status"] != "success":
            found.append(_other(job, result["status"], reason=result["error"]))
    found += [_other(skip, "skipped", skip) for skip in manifest["skipped"]]
    found += [_other(cell, "not_selected") for cell in manifest["not_selected"]]
    return found


def _other(
    record: Job | Skipped | NotSelected, status: OtherStatus, skip: Skipped | None = None, reason: str | None = None
) -> Other:
    return {
        **place_of(record).as_dict(),
        "method": record["method"],
        "status": status,
        "code": None if skip is None else skip["code"],
        "reason": reason if skip is None else skip["reason"],
        "selected": None if skip is None else skip["selected"],
        "measured": None if skip is None else skip["measured"],
    }
