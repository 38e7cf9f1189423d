"""The report of an artifact hub: `docs/report.html`, one file that needs no network, no script and no other file."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any

from ptyproof.console import Console
from ptyproof.errors import InputError, ManifestError
from ptyproof.hub.index import refuse_links_out
from ptyproof.hub.layout import COMPARISON, FIGURES, OVERLAP, REPORT, RUN, SKIPS, SOURCES, TRAINING
from ptyproof.io.atomic import write_text
from ptyproof.io.hashing import sha256_file
from ptyproof.records.manifest import TOOL_LABEL, read_manifest
from ptyproof.report.cell_section import cell_section
from ptyproof.report.cells import cells_of
from ptyproof.report.compared import figures_of, values_of
from ptyproof.report.comparison import Compared, comparison
from ptyproof.report.markup import PngFigure, details, file_link, row_of, safe, short_digest, table
from ptyproof.report.matrix import matrix, scores_of_all
from ptyproof.report.pictures import Album, collect


@dataclass(frozen=True)
class Records:
    """What a page is made from.

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
        What is wrong with the manifests that cannot be read, by their paths in the hub.
    compared, compared_figures
        Values and pictures of the comparison of methods, which the page shows first; empty where there is none.
    """

    training: Mapping[str, Any] | None
    overlap: Mapping[str, Any] | None
    album: Album
    images: Mapping[str, bytes]
    files: Mapping[str, str]
    damaged: Mapping[str, str]
    compared: Sequence[Compared] = ()
    compared_figures: Sequence[PngFigure] = ()


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
        If the hub is no folder, or a link in it leads out of it.
    """
    refuse_links_out(hub)
    records = read_records(hub, console)
    write_text(hub / REPORT, page_of(records))
    return [hub / REPORT, hub / SOURCES, *(hub / FIGURES / name for name in records.images)]


def read_records(hub: Path, console: Console | None = None) -> Records:
    """Return what the page of a hub is made from, its pictures drawn.

    Raises
    ------
    InputError
        As `write_report`.
    """
    if not hub.is_dir():
        raise InputError(f"the hub must be a folder, got {hub}")
    damaged: dict[str, str] = {}
    training = _manifest(hub, TRAINING, "training_manifest", damaged)
    overlap = _manifest(hub, OVERLAP, "overlap_manifest", damaged)
    album = collect(hub, training, console)
    compared = _manifest(hub, COMPARISON, "comparison_manifest", damaged)
    made_from = (TRAINING, SKIPS, RUN, OVERLAP, COMPARISON)
    files = {name: sha256_file(hub / name) for name in made_from if (hub / name).is_file()}
    images = {picture.file: (hub / FIGURES / picture.file).read_bytes() for picture in album.pictures.values()}
    records = Records(training, overlap, album, images, files, damaged)
    if compared is None:
        return records
    return replace(records, compared=values_of(compared), compared_figures=figures_of(compared, hub))


def page_of(records: Records) -> str:
    """Return the page."""
    style = (resources.files(__package__) / "style.css").read_text(encoding="utf-8")
    training, cells = records.training, cells_of(records.training, records.overlap)
    title = "Artifact hub" if training is None else f"Study {training['study']}"
    sections = [
        ("comparison", "Comparison of methods", comparison(records.compared, records.compared_figures)),
        ("matrix", "Matrix", matrix(training, cells)),
        ("scores", "Scores of all trainings", scores_of_all(cells)),
        ("cells", "Cells", "".join(cell_section(cell, records.album, records.images) for cell in cells)),
        ("sources", "What this page was made from", _sources(records)),
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
        f'<link rel="icon" href="data:,">\n<title>{safe(title)}: report</title>\n<style>\n{style}</style>\n</head>\n'
        '<body>\n<a class="skip" href="#main">Skip to the content</a>\n'
        f"<header><h1>{safe(title)}: report</h1>{_answer(training, records.damaged)}</header>\n"
        f'<nav aria-label="Sections"><ul>{links}</ul></nav>\n<main id="main" tabindex="-1">\n{body}</main>\n'
        f"<footer><p>Written by {safe(TOOL_LABEL)}. Every number and picture comes from the files named beside "
        "it.</p></footer>\n</body>\n</html>\n"
    )


def _answer(training: Mapping[str, Any] | None, damaged: Mapping[str, str]) -> str:
    """Return what the page says first."""
    parts = [
        f'<p class="problem"><strong>Cannot be read:</strong> {safe(name)}: {safe(reason)}</p>'
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
                f"<p>{better} of {len(scored)} networks beat their start on the held-out half. The start is what a "
                "network begins from: a few projections of the measured patterns, without any training.</p>"
            )
        parts.append(
            f'<p class="made">Recorded {safe(training["timestamp"])} by {safe(training["tool"]["name"])} '
            f"{safe(training['tool']['version'])}, study design {short_digest(training['design_digest'])}.</p>"
        )
    elif not damaged:
        parts.append('<p class="lead">No training is recorded in this hub.</p>')
    return "".join(parts)


def _sources(records: Records) -> str:
    """Return the list of the files that the page was made from."""
    known = dict(records.files)
    for picture in records.album.pictures.values():
        known[f"{FIGURES}/{picture.file}"] = picture.sha256
        known.update({source.path: source.sha256 for source in picture.sources})
    for job in [] if records.training is None else records.training["jobs"]:
        if job["result"]["bundle_sha256"] is not None:
            path = posixpath.join("real_run", job["artifact_dir"], job["result"]["bundle_path"])
            known[posixpath.normpath(path)] = job["result"]["bundle_sha256"]
    if not known:
        return ""
    head = ["file", "sha256"]
    rows = [row_of(head, [file_link(name), f"<code>{escape(digest)}</code>"]) for name, digest in sorted(known.items())]
    listed = table("Files of the hub, with their sha256", head, rows, "files")
    note = (
        "<p>Datasets under <code>work/</code> may be gone; their sha256 stands in the manifests. "
        "<code>ptyproof hub verify</code> checks the others.</p>"
    )
    return note + details(f"{len(known)} files with their sha256", listed)


def _manifest(hub: Path, name: str, kind: str, damaged: dict[str, str]) -> dict[str, Any] | None:
    if not (hub / name).exists():
        return None
    try:
        return read_manifest(hub / name, kind)
    except ManifestError as error:
        damaged[name] = error.reason
        return None
