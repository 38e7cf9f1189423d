"""The page of a summary: which sections it has, in which order."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ptyproof.hub.blocked import blocked_records
from ptyproof.hub.index import Hub
from ptyproof.hub.layout import SKIP_LINES, SUMMARY, TRAINING, skip_line
from ptyproof.io.atomic import write_text
from ptyproof.io.json_lines import one_line
from ptyproof.report.manifests import Manifests, read_manifests
from ptyproof.report.summary.banners import banners
from ptyproof.report.summary.cells import cells
from ptyproof.report.summary.comparison import comparison
from ptyproof.report.summary.conformance import conformance
from ptyproof.report.summary.determinism import determinism
from ptyproof.report.summary.environments import environments
from ptyproof.report.summary.files import files
from ptyproof.report.summary.runs import chain, commands, runs_table, unsuccessful
from ptyproof.report.summary.scans import doses, views
from ptyproof.report.summary.standing import tests
from ptyproof.report.summary.trainings import trainings


def write_summary(hub: Path) -> list[Path]:
    """Write `docs/summary.md` and `docs/skipped_views.jsonl` of a hub; return their paths.

    A training manifest that cannot be read is reported at the top, and the skipped views stay as they were.

    Raises
    ------
    ManifestError
        If the hub's index is damaged.
    """
    index = Hub(hub).read()
    manifests = read_manifests(hub)
    (hub / SUMMARY).parent.mkdir(parents=True, exist_ok=True)
    if TRAINING not in manifests.damaged:
        skips = manifests.training["skipped_views"] if manifests.training else []
        records = (skip_line(skip) for skip in skips)
        lines = [one_line(json.dumps(record, ensure_ascii=False, allow_nan=False)) for record in records]
        write_text(hub / SKIP_LINES, "".join(f"{line}\n" for line in lines))
    write_text(hub / SUMMARY, summary(hub, manifests, [] if index is None else index["runs"]))
    return [hub / SUMMARY, hub / SKIP_LINES]


def summary(hub: Path, manifests: Manifests, runs: Sequence[Mapping[str, Any]]) -> str:
    """Return the text of a hub's summary."""
    study = f": study {manifests.training['study']}" if manifests.training else ""
    return "\n".join(
        f"{heading}\n\n{body}\n" if body else f"{heading}\n"
        for heading, lines in _sections(f"# Artifact hub{study}", hub, manifests, runs)
        if (body := "\n".join(lines).strip("\n")) or heading.startswith("# ")
    )


def _sections(
    title: str, hub: Path, manifests: Manifests, runs: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[str, Iterable[str]]]:
    """Yield heading and lines of each section; a comparison comes first, where there is one."""
    first = banners(hub, manifests, runs, blocked_records(hub))
    states = [*cells(manifests.training, len(runs)), *unsuccessful(manifests, runs)]
    if manifests.comparison is None or manifests.metrics is None:
        yield title, [*first, *states]
    else:
        yield title, first
        yield "## Comparison", comparison(manifests)
        yield "## Cells", states
    yield "## Tests", tests(runs)
    yield "## Red and green runs", chain(runs)
    yield "## Runs", runs_table(runs)
    yield "## Commands", commands(runs)
    yield "## Trainings", trainings(manifests.training)
    yield "## Determinism", determinism(manifests.certificate)
    yield "## Conformance of methods", conformance(hub)
    yield "## Views", views(manifests.overlap)
    yield "## Doses", doses(manifests.simulation)
    yield "## Environments", environments(manifests.training, runs)
    yield "## Files", files(hub)
