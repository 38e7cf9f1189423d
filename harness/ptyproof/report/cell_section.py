"""A cell's section: scores, pictures, training, and what Phase D measured of its view."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

from ptyproof.report.cells import CellRecord, anchor_of, badge
from ptyproof.report.markup import (
    PngFigure,
    details,
    figure,
    number,
    row_of,
    safe,
    safe_lines,
    sentence_case,
    short_digest,
    table,
)
from ptyproof.report.pictures import SUBJECTS, Album, Picture
from ptyproof.report.scores import LOWER, scores_table
from ptyproof.study.layout import HALVES

_NEITHER = "no direction"
_OVERLAPS = {
    "probe_diameter_px": ("probe diameter", "px"),
    "metric_1_group_based_avg": ("overlap within groups (metric 1)", "fraction"),
    "metric_2_image_based_avg": ("overlap of patterns (metric 2)", "fraction"),
    "metric_3_group_to_group_avg": ("overlap between groups (metric 3)", "fraction"),
}


def cell_section(cell: CellRecord, album: Album, images: Mapping[str, bytes]) -> str:
    anchor = anchor_of(cell.key)
    parts = [
        f'<section class="job" aria-labelledby="{anchor}"><h3 id="{anchor}" tabindex="-1">{safe(cell.key)} '
        f"{badge(cell.state)}</h3>",
        f"<p>{cell.dose:,g} photons per pattern, view {safe(cell.view['name'])}, gridsize {cell.view['gridsize']}.</p>",
    ]
    if cell.state == "failed":
        error = safe_lines(cell.record["result"]["error"])
        parts.append(f'<p><strong>It failed:</strong></p><pre class="problem" tabindex="0">{error}</pre>')
    else:
        parts.append(f"<p>{safe(sentence_case(cell.sentence))}</p>")
    if cell.scores is not None:
        parts.append("<h4>Scores</h4>" + scores_table(cell.scores))
    parts += _figures(cell, album, images)
    if cell.record.get("training") is not None:
        parts.append(_training_facts(cell.record))
    if cell.selection is not None:
        parts.append(_selection(cell.selection))
    elif cell.state == "skipped" and cell.record["measured"] is not None:
        parts.append(_selection(cell.record["measured"]))
    parts.append('<p class="back"><a href="#matrix">Back to the matrix</a></p></section>\n')
    return "".join(parts)


def _figures(cell: CellRecord, album: Album, images: Mapping[str, bytes]) -> Iterator[str]:
    shown = [album.pictures[cell.key, subject] for subject in SUBJECTS if (cell.key, subject) in album.pictures]
    absent = {subject: album.missing.get((cell.key, subject)) for subject in SUBJECTS}
    reasons: dict[str, list[str]] = {}
    for subject, reason in absent.items():
        if reason is not None:
            reasons.setdefault(reason, []).append(SUBJECTS[subject])
    if not shown and not reasons:
        return
    yield "<h4>Pictures</h4>"
    if shown:
        yield f'<div class="figures">{"".join(_figure(picture, images[picture.file]) for picture in shown)}</div>'
    for reason, subjects in reasons.items():
        yield f'<p class="missing"><strong>Not shown: {safe(", ".join(subjects))}.</strong> {safe(reason)}.</p>'


def _figure(picture: Picture, png: bytes) -> str:
    sources = tuple((source.path, source.sha256) for source in picture.sources)
    return figure(PngFigure(picture.alt, picture.caption, sources, png))


def _training_facts(job: Mapping[str, Any]) -> str:
    result, plan, head = job["result"], job["training"], ["quantity", "value", "unit", "direction"]
    lines: list[tuple[str, Any, str, str]] = []
    if result["status"] == "success":
        lines += [
            ("training loss of hidden photons, last epoch", result["final_loss"], "nats per pixel", LOWER),
            ("validation loss of hidden photons, last epoch", result["validation_loss"], "nats per pixel", LOWER),
            ("epochs completed", result["epochs_completed"], "epochs", _NEITHER),
            ("epoch of the bundle", result["bundle_epoch"], "number", _NEITHER),
            ("size of the bundle", result["bundle_size_bytes"] / 1e6, "MB", _NEITHER),
        ]
    lines += [
        ("epochs, at most", plan["max_epochs"], "epochs", _NEITHER),
        ("steps per epoch", plan["steps_per_epoch"], "steps", _NEITHER),
        ("patterns per step", plan["patterns_per_step"], "patterns", _NEITHER),
        ("learning rate, highest", plan["learning_rate"], "no unit", _NEITHER),
        ("neighbours of a position, K", job["neighbor_count"], "positions", _NEITHER),
    ]
    rows = [row_of(head, [safe(name), number(value), unit, way]) for name, value, unit, way in lines]
    parts = [table("Training and its budget", head, rows)]
    if result["bundle_sha256"] is not None:
        path = posixpath.normpath(posixpath.join("real_run", job["artifact_dir"], result["bundle_path"]))
        parts.append(f"<p>Bundle: {safe(path)} {short_digest(result['bundle_sha256'])}</p>")
    if job["environment"] is not None:
        listed = ", ".join(f"{name} {value}" for name, value in job["environment"].items())
        parts.append(f"<p>Machine: {safe(listed)}</p>")
    return details("Training: losses, budget, bundle and machine", "".join(parts))


def _selection(found: Mapping[str, Any]) -> str:
    """Return the table of what Phase D measured of a view, accepted or not."""
    head = ["quantity", "training half", "held-out half", "unit", "direction"]
    halves = [found[half] for half in HALVES]
    lines: list[tuple[str, list[Any], str]] = [
        ("positions before the selection", [half["n_images_total"] for half in halves], "positions"),
        ("positions kept", [half["n_images_selected"] for half in halves], "positions"),
        ("acceptance rate", [half["acceptance_rate"] for half in halves], "fraction"),
        ("distance that the view needs", [half["selection"].get("threshold_px") for half in halves], "px"),
    ]
    for key, name in (
        ("spacing_before_selection", "median spacing before the selection"),
        ("spacing_after_selection", "median spacing after the selection"),
    ):
        lines.append((name, [(half.get(key) or {}).get("median_px") for half in halves], "px"))
    for key, (name, unit) in _OVERLAPS.items():
        lines.append((name, [(half.get("overlap") or {}).get(key) for half in halves], unit))
    rows = [
        row_of(head, [safe(name), *(number(value) for value in values), unit, _NEITHER])
        for name, values, unit in lines
        if any(value is not None for value in values)
    ]
    return details("View: positions and overlap", table("What Phase D measured of the view", head, rows))
