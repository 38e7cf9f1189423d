"""A cell's section: scores, pictures, training, and the positions and overlap of its view."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ptyproof.hub.layout import REAL_RUN
from ptyproof.report.labels import LOWER, OVERLAPS, probe_overlap
from ptyproof.report.page.cells import CellRecord
from ptyproof.report.page.scores import scores_table
from ptyproof.report.page.tables import PngFigure, Table, number, sentence_case, table
from ptyproof.report.pictures import SUBJECTS, Album
from ptyproof.study.layout import HALVES

_NEITHER = "no direction"
_SPACINGS = {
    "spacing_before_selection": "median spacing before the selection",
    "spacing_after_selection": "median spacing after the selection",
}


@dataclass(frozen=True)
class CellSection:
    """What the section of a cell shows; `missing` has the pictures that are not shown, by the reason."""

    cell: CellRecord
    sentence: str
    scores: Table | None
    pictures: Sequence[PngFigure]
    missing: Mapping[str, Sequence[str]]
    training: Table | None
    bundle: str | None
    selection: Table | None


def cell_section(cell: CellRecord, album: Album, images: Mapping[str, bytes]) -> CellSection:
    """Return the section of a cell; `images` has the PNG of each picture by its file name."""
    missing: dict[str, list[str]] = {}
    for subject, name in SUBJECTS.items():
        if (cell.key, subject) in album.missing:
            missing.setdefault(album.missing[cell.key, subject], []).append(name)
    pictures = [album.pictures[cell.key, subject] for subject in SUBJECTS if (cell.key, subject) in album.pictures]
    found = cell.selection or (cell.record["measured"] if cell.state == "skipped" else None)
    return CellSection(
        cell=cell,
        sentence=sentence_case(cell.sentence),
        scores=None if cell.scores is None else scores_table(cell.scores),
        pictures=[
            PngFigure(
                one.alt,
                one.caption,
                [(source.path, source.sha256) for source in one.sources],
                images[one.file],
                album.same_as(one),
            )
            for one in pictures
        ],
        missing=missing,
        training=_training(cell.record) if cell.record.get("training") is not None else None,
        bundle=bundle_path(cell.record) if "result" in cell.record else None,
        selection=None if found is None else _selection(found),
    )


def bundle_path(job: Mapping[str, Any]) -> str | None:
    """Return the path in the hub of a job's bundle; None where it has none."""
    if job["result"]["bundle_sha256"] is None:
        return None
    return posixpath.normpath(posixpath.join(REAL_RUN, job["artifact_dir"], job["result"]["bundle_path"]))


def _training(job: Mapping[str, Any]) -> Table:
    """Return the table of a training's losses and budget."""
    result, plan = job["result"], job["training"]
    lines: list[tuple[str, Any, str, str]] = []
    if result["status"] == "success":
        lines += [
            ("training loss (binomial thinning), last epoch", result["final_loss"], "nats per pixel", LOWER),
            ("validation loss (binomial thinning), last epoch", result["validation_loss"], "nats per pixel", LOWER),
            ("epochs completed", result["epochs_completed"], "epochs", _NEITHER),
            ("epoch of the bundle", result["bundle_epoch"], "number", _NEITHER),
            ("size of the bundle", result["bundle_size_bytes"] / 1e6, "MB", _NEITHER),
        ]
    lines += [
        ("largest number of epochs", plan["max_epochs"], "epochs", _NEITHER),
        ("steps per epoch", plan["steps_per_epoch"], "steps", _NEITHER),
        ("patterns per step", plan["patterns_per_step"], "patterns", _NEITHER),
        ("largest learning rate", plan["learning_rate"], "no unit", _NEITHER),
        ("neighbors of a position, K", job["neighbor_count"], "positions", _NEITHER),
    ]
    rows = [[name, number(value), unit, direction] for name, value, unit, direction in lines]
    return table("Training and its budget", ["quantity", "value", "unit", "direction"], rows)


def _selection(found: Mapping[str, Any]) -> Table:
    """Return the table of the positions and the overlap of a view, accepted or not."""
    halves = [found[half] for half in HALVES]
    lines: list[tuple[str, list[Any], str]] = [
        ("positions before the selection", [half["n_images_total"] for half in halves], "positions"),
        ("positions kept", [half["n_images_selected"] for half in halves], "positions"),
        ("acceptance rate", [half["acceptance_rate"] for half in halves], "fraction"),
        ("overlap fraction f of the view", [half["selection"].get("overlap_fraction") for half in halves], "fraction"),
        ("linear overlap of the probe, 1 - median spacing / diameter", list(map(probe_overlap, halves)), "fraction"),
        ("spacing that the view needs", [half["selection"].get("threshold_px") for half in halves], "px"),
    ]
    for key, name in _SPACINGS.items():
        lines.append((name, [(half.get(key) or {}).get("median_px") for half in halves], "px"))
    for key, (name, unit) in {"probe_diameter_px": ("probe diameter", "px"), **OVERLAPS}.items():
        lines.append((name, [(half.get("overlap") or {}).get(key) for half in halves], unit))
    rows = [
        [name, *map(number, values), unit, _NEITHER]
        for name, values, unit in lines
        if any(value is not None for value in values)
    ]
    head = ["quantity", "training half", "held-out half", "unit", "direction"]
    return table("Positions and overlap of the view, from Phase D", head, rows)
