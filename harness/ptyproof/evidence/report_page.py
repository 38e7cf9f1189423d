"""The report of an artifact hub: `docs/report.html`, one file that needs no network, no script and no other file.

The page is text made of records: the training manifest, Phase D's manifest, and the pictures that `pictures.collect`
drew. Every text from a record is escaped. Equal hubs give equal bytes.
"""

from __future__ import annotations

import base64
import posixpath
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ptyproof.console import Console
from ptyproof.errors import InputError, ManifestError
from ptyproof.evidence.manifest import TOOL_LABEL, read_manifest
from ptyproof.evidence.pictures import FIGURES, SOURCES, SUBJECTS, Album, Picture, collect
from ptyproof.evidence.verdict import by_how_much, verdict
from ptyproof.evidence.verify import OVERLAP, RUN, SKIPS, TRAINING, printable
from ptyproof.io.atomic import write_text
from ptyproof.io.hashing import sha256_file
from ptyproof.study.jobs import cell_key
from ptyproof.study.layout import HALVES

REPORT = "docs/report.html"
_STATES = {
    "success": ("trained", "✓"),
    "failed": ("failed", "✗"),
    "lost": ("lost", "?"),
    "not_selected": ("not selected", "–"),
    "skipped": ("skipped", "»"),
    "not_recorded": ("not recorded", "·"),
}
_MEANINGS = {
    "success": "trained to its end; the bundle, losses and scores are in the hub",
    "failed": "ended by an error, which its section shows",
    "lost": "selected, but no end was recorded: killed, not started, or under way",
    "not_selected": "left out by the filters of the calls",
    "skipped": "cannot be trained; the reason stands in the cell",
    "not_recorded": "of the study, but no call looked at it",
}
_LOWER, _NEITHER = "lower is better", "no direction"
_MEASURES = {
    "poisson_loss": ("Poisson loss of the stitched object", "nats per pixel"),
    "complex_error": ("complex error of the stitched object", "no unit"),
    "patch_poisson_loss": ("Poisson loss of single patches", "nats per pixel"),
    "patch_complex_error": ("complex error of single patches", "no unit"),
}
_OVERLAPS = {
    "probe_diameter_px": ("probe diameter", "px"),
    "metric_1_group_based_avg": ("overlap within groups (metric 1)", "fraction"),
    "metric_2_image_based_avg": ("overlap of patterns (metric 2)", "fraction"),
    "metric_3_group_to_group_avg": ("overlap between groups (metric 3)", "fraction"),
}


def write_report(hub: Path, console: Console | None = None) -> list[Path]:
    """Write `docs/report.html` of a hub, and the pictures in it under `docs/figures/`; return their paths.

    A record that cannot be read is named at the head of the page. A picture that cannot be made, because its datasets
    are gone or its job failed, is named in its cell with the reason; one that was made from the same files before
    stays.

    Parameters
    ----------
    hub
        Folder of the hub.
    console
        Where progress is shown; None is silent.

    Raises
    ------
    InputError
        If the hub is no folder.
    """
    if not hub.is_dir():
        raise InputError(f"the hub must be a folder, got {hub}")
    damaged: dict[str, str] = {}
    training = _manifest(hub, TRAINING, "training_manifest", damaged)
    overlap = _manifest(hub, OVERLAP, "overlap_manifest", damaged)
    album = collect(hub, training, console)
    files = {name: sha256_file(hub / name) for name in (TRAINING, SKIPS, RUN, OVERLAP) if (hub / name).is_file()}
    images = {picture.file: (hub / FIGURES / picture.file).read_bytes() for picture in album.pictures.values()}
    write_text(hub / REPORT, report_page(training, overlap, album, images, files, damaged))
    return [hub / REPORT, hub / SOURCES, *(hub / FIGURES / name for name in images)]


def report_page(
    training: Mapping[str, Any] | None,
    overlap: Mapping[str, Any] | None,
    album: Album,
    images: Mapping[str, bytes],
    files: Mapping[str, str],
    damaged: Mapping[str, str],
) -> str:
    """Return the page.

    Parameters
    ----------
    training, overlap
        The manifests, None where there are none or they cannot be read.
    album
        The pictures, and why others are missing.
    images
        The PNG of each picture by its file name.
    files
        sha256 of the manifests by their paths in the hub.
    damaged
        What is wrong with the manifests that cannot be read.
    """
    cells = _cells(training, overlap)
    title = "Artifact hub" if training is None else f"Study {training['study']}"
    sections = [
        ("matrix", "Matrix", _matrix(training, cells)),
        ("scores", "Scores of all trainings", _all_scores(cells)),
        ("cells", "Cells", "".join(_cell_section(cell, album, images) for cell in cells)),
        ("sources", "What this page was made from", _sources(training, album, files)),
    ]
    sections = [section for section in sections if section[2]]
    links = "".join(f'<li><a href="#{anchor}">{escape(name)}</a></li>' for anchor, name, _ in sections)
    body = "".join(
        f'<section aria-labelledby="{anchor}"><h2 id="{anchor}" tabindex="-1">{escape(name)}</h2>{content}</section>\n'
        for anchor, name, content in sections
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f'<link rel="icon" href="data:,">\n<title>{_text(title)}: report</title>\n<style>\n{_STYLE}</style>\n</head>\n'
        '<body>\n<a class="skip" href="#main">Skip to the content</a>\n'
        f"<header><h1>{_text(title)}: report</h1>{_answer(training, damaged)}</header>\n"
        f'<nav aria-label="Sections"><ul>{links}</ul></nav>\n<main id="main" tabindex="-1">\n{body}</main>\n'
        f"<footer><p>Written by {_text(TOOL_LABEL)}. Every number and picture comes from the files named beside "
        "it.</p></footer>\n</body>\n</html>\n"
    )


@dataclass(frozen=True)
class _CellRecord:
    """A cell of the study's matrix: its name and state, and what the manifests say of it."""

    key: str
    dose: float
    view: Mapping[str, Any]
    state: str
    record: Mapping[str, Any]
    selection: Mapping[str, Any] | None

    @property
    def scores(self) -> Mapping[str, Any] | None:
        found: Mapping[str, Any] | None = self.record.get("scores")
        return found

    @property
    def sentence(self) -> str:
        """What is to be known of the cell in one sentence."""
        if self.scores is not None:
            return verdict(dict(self.scores))
        if self.state == "skipped":
            return str(self.record["reason"]) + ("" if self.record["selected"] else " (not selected either)")
        return str(self.record["result"]["error"]) if "result" in self.record else _MEANINGS[self.state]


def _cells(training: Mapping[str, Any] | None, overlap: Mapping[str, Any] | None) -> list[_CellRecord]:
    """Return all cells of the study, by dose and then in the order of the views."""
    if training is None:
        return []
    states: dict[str, tuple[str, Mapping[str, Any]]] = {}
    for job in training["jobs"]:
        states[job["job"]] = (job["result"]["status"], job)
    states.update({_key(skip): ("skipped", skip) for skip in training["skipped_views"]})
    states.update({_key(cell): ("not_selected", cell) for cell in training["not_selected"]})
    listed = [] if overlap is None else [*overlap["views"], *overlap["rejected_views"]]
    selections = {_key(cell): cell for cell in listed}
    cells = []
    for dose in training["design"]["doses_photons_per_pattern"]:
        for view in training["design"]["views"]:
            key = cell_key(dose, view["name"], view["gridsize"])
            state, record = states.get(key, ("not_recorded", {}))
            cells.append(_CellRecord(key, dose, view, state, record, selections.get(key)))
    return cells


def _answer(training: Mapping[str, Any] | None, damaged: Mapping[str, str]) -> str:
    """Return what the page says first."""
    parts = [
        f'<p class="problem"><strong>Cannot be read:</strong> {_text(name)}: {_text(reason)}</p>'
        for name, reason in damaged.items()
    ]
    if training is not None:
        account = training["account"]
        parts.append(
            f'<p class="lead">{account["n_enumerated"]} cells: {account["n_success"]} trained, '
            f"{account['n_failed']} failed, {account['n_lost']} lost, {account['n_skipped']} skipped, "
            f"{account['n_not_selected']} not selected.</p>"
        )
        scored = [job for job in training["jobs"] if job["scores"] is not None]
        better = sum(job["scores"]["beats_start"] for job in scored)
        if scored:
            parts.append(
                f"<p>{better} of {len(scored)} networks beat their network-free start on the held-out half.</p>"
            )
    elif not damaged:
        parts.append('<p class="lead">No training is recorded in this hub.</p>')
    return "".join(parts)


def _matrix(training: Mapping[str, Any] | None, cells: Sequence[_CellRecord]) -> str:
    if training is None:
        return ""
    views = training["design"]["views"]
    head = ["dose (photons per pattern)", *(f"{view['name']}, gridsize {view['gridsize']}" for view in views)]
    rows = []
    for start in range(0, len(cells), len(views)):
        row = cells[start : start + len(views)]
        content = (
            f'<a href="#{_anchor(cell.key)}">{_text(cell.key)}</a> {_badge(cell.state)}<br>'
            f"<small>{_text(cell.sentence)}</small>"
            for cell in row
        )
        states = [f' class="cell {cell.state}"' for cell in row]
        rows.append(_row(head, [f"{row[0].dose:,g}", *content], ["", *states]))
    legend = "".join(
        f"<li>{_badge(state)} {_text(_MEANINGS[state])}</li>"
        for state in _STATES
        if any(cell.state == state for cell in cells)
    )
    return (
        _table("State of every cell of the study: doses by views", head, rows, "matrix")
        + f'<ul class="legend">{legend}</ul>'
    )


def _all_scores(cells: Sequence[_CellRecord]) -> str:
    head = ["cell", "beats its start"]
    chosen = ("poisson_loss", "complex_error")
    for measure in chosen:
        label, unit = _MEASURES[measure]
        label = label.removesuffix(" of the stitched object")
        head += [f"{label}, start ({unit})", f"{label}, network ({unit})", f"{label}, change"]
    rows = []
    for cell in cells:
        if cell.scores is None:
            continue
        row = [f'<a href="#{_anchor(cell.key)}">{_text(cell.key)}</a>', "yes" if cell.scores["beats_start"] else "no"]
        for measure in chosen:
            values = cell.scores[measure]
            row += [_score(values["start"]), _score(values["network"]), _change(values)]
        rows.append(_row(head, row))
    if not rows:
        return ""
    note = "Of the object stitched from the held-out half. Loss and error: lower is better."
    return f"<p>{note}</p>" + _table("Network and network-free start on the held-out half", head, rows)


def _cell_section(cell: _CellRecord, album: Album, images: Mapping[str, bytes]) -> str:
    anchor = _anchor(cell.key)
    parts = [
        f'<section class="job" aria-labelledby="{anchor}"><h3 id="{anchor}" tabindex="-1">{_text(cell.key)} '
        f"{_badge(cell.state)}</h3>",
        f"<p>{cell.dose:,g} photons per pattern, view {_text(cell.view['name'])}, "
        f"gridsize {cell.view['gridsize']}.</p>",
    ]
    if cell.state == "failed":
        error = _lines(cell.record["result"]["error"])
        parts.append(f'<p><strong>It failed:</strong></p><pre class="problem" tabindex="0">{error}</pre>')
    else:
        parts.append(f"<p>{_text(_sentence_case(cell.sentence))}</p>")
    if cell.scores is not None:
        parts.append("<h4>Scores</h4>" + _scores_table(cell.scores))
    parts += _figures(cell, album, images)
    if cell.record.get("training") is not None:
        parts.append(_training_facts(cell.record))
    if cell.selection is not None:
        parts.append(_selection(cell.selection))
    elif cell.state == "skipped" and cell.record["measured"] is not None:
        parts.append(_selection(cell.record["measured"]))
    parts.append('<p class="back"><a href="#matrix">Back to the matrix</a></p></section>\n')
    return "".join(parts)


def _scores_table(scores: Mapping[str, Any]) -> str:
    head = ["measure", "unit", "direction", "network-free start", "network", "change"]
    rows = [
        _row(
            head,
            [
                label,
                unit,
                _LOWER,
                _score(scores[name]["start"]),
                _score(scores[name]["network"]),
                _change(scores[name]),
            ],
        )
        for name, (label, unit) in _MEASURES.items()
    ]
    note = ""
    if scores["no_truth_because"] is not None:
        note = f"<p>Complex errors are not known: {_text(scores['no_truth_because'])}.</p>"
    return _table(f"Scores on the held-out half, {scores['n_patterns']} patterns", head, rows) + note


def _figures(cell: _CellRecord, album: Album, images: Mapping[str, bytes]) -> Iterator[str]:
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
        yield f'<p class="missing"><strong>Not shown: {_text(", ".join(subjects))}.</strong> {_text(reason)}.</p>'


def _figure(picture: Picture, png: bytes) -> str:
    width, height = struct.unpack(">II", png[16:24])
    made_from = ", ".join(f"{_text(source.path)} {_digest(source.sha256)}" for source in picture.sources)
    data = base64.b64encode(png).decode("ascii")
    return (
        f'<figure><img width="{width}" height="{height}" alt="{_text(picture.alt)}" '
        f'src="data:image/png;base64,{data}">'
        f'<figcaption>{_text(picture.caption)} <span class="from">Made from: {made_from}.</span></figcaption></figure>'
    )


def _training_facts(job: Mapping[str, Any]) -> str:
    result, plan, head = job["result"], job["training"], ["quantity", "value", "unit", "direction"]
    lines: list[tuple[str, Any, str, str]] = []
    if result["status"] == "success":
        lines += [
            ("training loss, last epoch", result["final_loss"], "nats per pixel", _LOWER),
            ("validation loss, last epoch", result["validation_loss"], "nats per pixel", _LOWER),
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
    rows = [_row(head, [_text(name), _number(value), unit, way]) for name, value, unit, way in lines]
    parts = [_table("Training and its budget", head, rows)]
    if result["bundle_sha256"] is not None:
        path = posixpath.normpath(posixpath.join("real_run", job["artifact_dir"], result["bundle_path"]))
        parts.append(f"<p>Bundle: {_text(path)} {_digest(result['bundle_sha256'])}</p>")
    if job["environment"] is not None:
        listed = ", ".join(f"{name} {value}" for name, value in job["environment"].items())
        parts.append(f"<p>Machine: {_text(listed)}</p>")
    return _details("Training: losses, budget, bundle and machine", "".join(parts))


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
        _row(head, [_text(name), *(_number(value) for value in values), unit, _NEITHER])
        for name, values, unit in lines
        if any(value is not None for value in values)
    ]
    return _details("View: positions and overlap", _table("What Phase D measured of the view", head, rows))


def _sources(training: Mapping[str, Any] | None, album: Album, files: Mapping[str, str]) -> str:
    known = dict(files)
    for picture in album.pictures.values():
        known[f"{FIGURES}/{picture.file}"] = picture.sha256
        known.update({source.path: source.sha256 for source in picture.sources})
    for job in [] if training is None else training["jobs"]:
        if job["result"]["bundle_sha256"] is not None:
            path = posixpath.join("real_run", job["artifact_dir"], job["result"]["bundle_path"])
            known[posixpath.normpath(path)] = job["result"]["bundle_sha256"]
    if not known:
        return ""
    head = ["file", "sha256"]
    rows = [_row(head, [_file(name), f"<code>{escape(digest)}</code>"]) for name, digest in sorted(known.items())]
    table = _table("Files of the hub, with their sha256", head, rows, "files")
    note = (
        "<p>Datasets under <code>work/</code> may be gone; their sha256 stands in the manifests. "
        "<code>ptyproof hub verify</code> checks the others.</p>"
    )
    return note + _details(f"{len(known)} files with their sha256", table)


def _manifest(hub: Path, name: str, kind: str, damaged: dict[str, str]) -> dict[str, Any] | None:
    if not (hub / name).exists():
        return None
    try:
        return read_manifest(hub / name, kind)
    except ManifestError as error:
        damaged[name] = error.reason
        return None


def _key(record: Mapping[str, Any]) -> str:
    return cell_key(record["dose"], record["view"], record["gridsize"])


def _anchor(key: str) -> str:
    """Return a cell's id, which is safe in attributes and fragments: the letters of a cell's name are."""
    return f"cell-{quote(key, safe='')}"


def _badge(state: str) -> str:
    word, sign = _STATES[state]
    return f'<span class="state {state}"><span aria-hidden="true">{sign}</span> {word}</span>'


def _table(caption: str, head: Sequence[str], rows: Iterable[str], kind: str = "numbers") -> str:
    """Return a table whose rows become blocks on a narrow screen; its roles say that it is still a table."""
    heads = "".join(f'<th scope="col" role="columnheader">{_text(name)}</th>' for name in head)
    return (
        f'<div class="wide"><table role="table" class="{kind}"><caption>{_text(caption)}</caption>'
        f'<thead role="rowgroup"><tr role="row">{heads}</tr></thead>'
        f'<tbody role="rowgroup">{"".join(rows)}</tbody></table></div>'
    )


def _row(head: Sequence[str], cells: Sequence[str], attributes: Sequence[str] = ()) -> str:
    """Return a row of a table; `cells` are HTML, and each repeats its column's name for narrow screens."""
    attributes = attributes or [""] * len(cells)
    parts = [
        f'<th scope="row" role="rowheader"><span class="column" aria-hidden="true">{_text(head[0])}</span>'
        f"{cells[0]}</th>"
    ]
    parts += [
        f'<td role="cell"{attribute}><span class="column" aria-hidden="true">{_text(name)}</span><div>{cell}</div></td>'
        for name, cell, attribute in zip(head[1:], cells[1:], attributes[1:], strict=True)
    ]
    return f'<tr role="row">{"".join(parts)}</tr>'


def _details(summary: str, content: str) -> str:
    return f"<details><summary>{_text(summary)}</summary>{content}</details>"


def _digest(sha256: str) -> str:
    return f'<code title="sha256 {escape(sha256)}">{escape(sha256[:16])}</code>'


def _file(name: str) -> str:
    """Return a file's name; a link to it where it stays in the hub."""
    if name.endswith(".npz"):
        return _text(name)
    target = quote(posixpath.relpath(name, posixpath.dirname(REPORT)))
    return f'<a href="{escape(target)}">{_text(name)}</a>'


def _change(values: Mapping[str, Any]) -> str:
    return "–" if values["start"] is None else _text(by_how_much(values["improvement"]))


def _score(value: float | None) -> str:
    """Return a score with all of its five digits, so that those of a column can be compared."""
    return "–" if value is None else f"{value:#.5g}"


def _number(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.5g}" if isinstance(value, float) else f"{value:,}"


def _sentence_case(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def _text(value: object) -> str:
    """Return a text of one line, safe in HTML and in attributes."""
    return escape(printable(str(value)))


def _lines(value: object) -> str:
    return "\n".join(_text(line) for line in str(value).splitlines())


_STYLE = """\
:root {
  color-scheme: light dark;
  --page: #ffffff; --text: #1b1f24; --soft: #4b5563; --line: #8a929c; --panel: #f4f6f8; --link: #0b57a4;
  --success: #d8f3dc; --success-text: #0b4f23; --failed: #fbd9d7; --failed-text: #7d1410;
  --lost: #fde6c8; --lost-text: #6b3a00; --skipped: #dbe6fb; --skipped-text: #173b7a;
  --other: #e5e7eb; --other-text: #33393f;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14181d; --text: #e6e9ed; --soft: #b0b8c2; --line: #6b7480; --panel: #1e242b; --link: #8ab8ff;
    --success: #12402a; --success-text: #b7f0c8; --failed: #5a1a18; --failed-text: #ffd0cc;
    --lost: #55380a; --lost-text: #ffe0b0; --skipped: #1d3763; --skipped-text: #cfe0ff;
    --other: #343a41; --other-text: #dde1e6;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1rem clamp(0.75rem, 3vw, 2.5rem); max-width: 86rem;
  background: var(--page); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere;
}
h1 { font-size: 1.8rem; line-height: 1.2; margin: 0.5rem 0; }
h2 { font-size: 1.4rem; margin: 2.5rem 0 0.75rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1.2rem; margin: 0 0 0.5rem; }
h4 { font-size: 1rem; margin: 1.25rem 0 0.5rem; }
a { color: var(--link); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
h2:focus, h3:focus, main:focus { outline: none; }
:is(h2, h3):focus-visible { outline: 3px solid var(--link); }
.skip { position: absolute; left: -100vw; }
.skip:focus { left: 0.5rem; top: 0.5rem; padding: 0.5rem 1rem; background: var(--page); z-index: 1; }
.lead { font-size: 1.15rem; font-weight: 600; margin: 0.25rem 0; }
nav ul, .legend { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: 0.5rem 1.25rem; }
.legend { font-size: 0.9rem; }
nav a { display: inline-block; padding: 0.25rem 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; margin: 0.5rem 0; font-size: 0.95rem; }
caption { text-align: left; color: var(--soft); padding-bottom: 0.25rem; }
th, td { border: 1px solid var(--line); padding: 0.4rem 0.6rem; text-align: left; vertical-align: top; }
th { background: var(--panel); font-weight: 600; overflow-wrap: break-word; }
.matrix { table-layout: fixed; }
.files th, .files td { overflow-wrap: anywhere; }
.matrix th:first-child { width: 8rem; }
.column { display: none; }
.state { display: inline-block; padding: 0 0.45em; border-radius: 0.3em; border: 1px solid currentColor;
  font-size: 0.9rem; font-weight: 600; white-space: nowrap; }
.cell a { color: inherit; font-weight: 600; }
small { font-size: 0.85rem; }
.success { background: var(--success); color: var(--success-text); }
.failed, .problem { background: var(--failed); color: var(--failed-text); }
.lost { background: var(--lost); color: var(--lost-text); }
.skipped { background: var(--skipped); color: var(--skipped-text); }
.not_selected, .not_recorded { background: var(--other); color: var(--other-text); }
.problem, .missing { padding: 0.6rem 0.8rem; border-left: 4px solid currentColor; margin: 0.5rem 0; }
pre.problem { white-space: pre-wrap; font-size: 0.9rem; }
.missing { background: var(--panel); }
.job { border: 1px solid var(--line); border-radius: 0.5rem; padding: 1rem; margin: 1.25rem 0; }
.figures { columns: 2 22rem; column-gap: 1.5rem; }
figure { margin: 0 0 1.5rem; break-inside: avoid; }
figure img { display: block; width: 100%; max-width: 36rem; height: auto; background: #ffffff;
  border: 1px solid var(--line); }
figcaption { font-size: 0.9rem; margin-top: 0.4rem; max-width: 36rem; }
.from { display: block; color: var(--soft); }
code { font: 0.9em ui-monospace, monospace; }
details { margin: 0.75rem 0; }
summary { cursor: pointer; font-weight: 600; padding: 0.25rem 0; }
.back { margin-bottom: 0; }
footer { margin-top: 3rem; border-top: 1px solid var(--line); color: var(--soft); font-size: 0.9rem; }
@media screen and (max-width: 54rem) {
  .job { border-width: 1px 0 0; border-radius: 0; padding: 1rem 0; }
  table, caption, tbody, tr, th, td { display: block; }
  .matrix th:first-child { width: auto; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  tr { margin-bottom: 0.75rem; }
  th, td { border-bottom-width: 0; }
  tr > :last-child { border-bottom-width: 1px; }
  td { display: grid; grid-template-columns: minmax(7rem, 38%) 1fr; gap: 0.75rem; }
  .column { display: inline; font-weight: 400; font-size: 0.85rem; }
  th .column::after { content: ": "; }
}
@media print {
  :root {
    color-scheme: light;
    --page: #ffffff; --text: #000000; --soft: #333333; --line: #666666; --panel: #f0f0f0; --link: #000000;
    --success: #d8f3dc; --success-text: #0b4f23; --failed: #fbd9d7; --failed-text: #7d1410;
    --lost: #fde6c8; --lost-text: #6b3a00; --skipped: #dbe6fb; --skipped-text: #173b7a;
    --other: #e5e7eb; --other-text: #33393f;
  }
  html { font-size: 10pt; }
  body { max-width: none; padding: 0; print-color-adjust: exact; }
  nav, .skip, .back { display: none; }
  details::details-content { content-visibility: visible; display: block; block-size: auto; }
  summary { list-style: none; }
  .wide { overflow: visible; }
  tr, pre { break-inside: avoid; }
  h2, h3, h4, summary { break-after: avoid; }
  figure img { max-height: 21cm; width: auto; max-width: 100%; }
}
"""
