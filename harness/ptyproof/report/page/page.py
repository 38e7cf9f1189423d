"""The report of an artifact hub: `docs/report.html`, one file that needs no network and no other file.

Without its script the page is whole; the script enlarges pictures. The page's own policy (Content Security Policy) lets
a browser run that script alone, by its sha256, and fetch nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ptyproof.console import Console
from ptyproof.errors import InputError
from ptyproof.hub.index import STATEMENT, Hub, refuse_links_out
from ptyproof.hub.layout import COMPARISON, FIGURES, OVERLAP, RECONSTRUCTION, REPORT, RUN, SKIPS, SOURCES, TRAINING
from ptyproof.io.atomic import write_text
from ptyproof.io.hashing import sha256_file
from ptyproof.io.locking import lock
from ptyproof.markdown import relative
from ptyproof.metrics.protocol import LARGEST_CHANGE
from ptyproof.metrics.ranking import how_marked
from ptyproof.phases.g_compare.tables import TidyRow
from ptyproof.records.manifest import TOOL_LABEL
from ptyproof.report.manifests import Manifests, counts, read_manifests
from ptyproof.report.page.cell_section import bundle_path, cell_section
from ptyproof.report.page.cells import cells_of
from ptyproof.report.page.compared import Figures, courses_in, figures_of, values_of
from ptyproof.report.page.comparison import comparison, experiments
from ptyproof.report.page.facts import facts, remarks_table
from ptyproof.report.page.matrix import matrix
from ptyproof.report.page.networks import network_marks
from ptyproof.report.page.render import render
from ptyproof.report.page.scores import scores_of_all
from ptyproof.report.page.settings import settings
from ptyproof.report.page.side_by_side import SideBySide, side_by_side
from ptyproof.report.page.tables import Content, Table, table
from ptyproof.report.page.tuning import trials
from ptyproof.report.pictures import Album, collect
from ptyproof.report.remarks import remarks, worse_than_flat

_N_OPEN = 3  # more cells than this are folded
_MOST_REASONS = 8
_SECTIONS = {
    "comparison": "Comparison of methods",
    "tuning": "Tuning of methods",
    "matrix": "Matrix",
    "scores": "Scores of all trainings",
    "cells": "Cells",
    "sources": "Files that this page was made from",
}


@dataclass(frozen=True)
class Records:
    """What a page is made from.

    Parameters
    ----------
    manifests
        The manifests of the hub.
    runs
        The runs of its index.
    album, images
        The pictures, and why others are missing; the PNG of each picture by its file name.
    files
        sha256 of the manifests by their paths in the hub.
    compared, figures, sheets
        The comparison of methods, which the page shows first: its values, its pictures, and its sheets of truth and
        methods; empty if there is none.
    """

    manifests: Manifests
    runs: Sequence[Mapping[str, Any]]
    album: Album
    images: Mapping[str, bytes]
    files: Mapping[str, str]
    compared: Sequence[TidyRow]
    figures: Figures
    sheets: Sequence[SideBySide]


def write_report(hub: Path, console: Console | None = None) -> list[Path]:
    """Write `docs/report.html` of a hub, and the pictures in it under `docs/figures/`; return their paths.

    The page begins with the records that cannot be read. A cell gives the reason for each picture that is not shown:
    its datasets are gone, or its job failed. A picture that was made from the same files before stays.

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
    if not hub.is_dir():
        raise InputError(f"the hub must be a folder, got {hub}")
    refuse_links_out(hub)
    with lock(hub / REPORT):  # runs that end together draw the same pictures, and remove those of an earlier state
        records = read_records(hub, console)
        write_text(hub / REPORT, page_of(records))
    return [hub / REPORT, hub / SOURCES, *(hub / FIGURES / name for name in records.images)]


def read_records(hub: Path, console: Console | None = None) -> Records:
    """Return what the page of a hub is made from, its pictures drawn."""
    manifests = read_manifests(hub)
    index = Hub(hub).read()
    runs: Sequence[Mapping[str, Any]] = [] if index is None else index["runs"]
    album = collect(hub, manifests.training, console)
    made_from = (TRAINING, SKIPS, RUN, OVERLAP, RECONSTRUCTION, COMPARISON)
    files = {name: sha256_file(hub / name) for name in made_from if (hub / name).is_file()}
    images = {picture.file: (hub / FIGURES / picture.file).read_bytes() for picture in album.pictures.values()}
    compared = manifests.comparison
    if compared is None:
        return Records(manifests, runs, album, images, files, [], Figures(), [])
    own = values_of(compared), figures_of(compared, hub), side_by_side(compared, hub)
    return Records(manifests, runs, album, images, files, *own)


def page_of(records: Records) -> str:
    """Return the page."""
    training = records.manifests.training
    cells = cells_of(training, records.manifests.overlap)
    compared, marks = records.manifests.comparison, network_marks(cells)
    contents = {
        "comparison": comparison(records.compared, {} if compared is None else courses_in(compared)),
        "tuning": trials(records.manifests.reconstruction),
        "matrix": matrix(training, cells, marks) if training else None,
        "scores": scores_of_all(cells, marks),
        "cells": [cell_section(cell, records.album, records.images) for cell in cells],
        "sources": _sources(records),
    }
    return render(
        "page.html.j2",
        title=f"Study {training['study']}: report" if training else "Artifact hub: report",
        training=training,
        counts=counts(training) if training else None,
        scored=[cell.scores for cell in cells if cell.scores is not None],
        damaged=records.manifests.damaged,
        tool=TOOL_LABEL,
        single_patterns=any(row.gridsize == 1 and row.method == "start" for row in records.compared),
        marked=how_marked(len({row.replicate for row in records.compared}), "Best"),
        facts=facts(records.runs, training),
        marks=marks,
        experiments=experiments(records.manifests.metrics),
        settings=settings(compared),
        worse_than_flat=worse_than_flat(compared),
        remarks=remarks_table(remarks(compared, records.manifests.reconstruction)),
        largest_change=f"{100 * LARGEST_CHANGE:.0f} %",
        compared_figures=records.figures,
        side_by_side=records.sheets,
        statement=STATEMENT,
        most_reasons=_MOST_REASONS,
        n_open=_N_OPEN,
        sections={anchor: heading for anchor, heading in _SECTIONS.items() if contents[anchor]},
        **contents,
    )


def _sources(records: Records) -> Table | None:
    """Return the table of the files that the page was made from; None where there is none."""
    known = dict(records.files)
    for picture in records.album.pictures.values():
        known[f"{FIGURES}/{picture.file}"] = picture.sha256
        known.update({source.path: source.sha256 for source in picture.sources})
    for job in records.manifests.training["jobs"] if records.manifests.training else ():
        path = bundle_path(job)
        if path is not None:
            known[path] = job["result"]["bundle_sha256"]
    rows = [[_file(name), Content(digest, is_code=True)] for name, digest in sorted(known.items())]
    return table("Files of the hub, with their sha256", ["file", "sha256"], rows, "files") if rows else None


def _file(name: str) -> Content:
    """Return the path of a file; a link where the file stays in the hub."""
    return Content(name, href=None if name.endswith(".npz") else relative(name, REPORT))
