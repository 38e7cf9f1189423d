"""Names in an artifact hub that verification, summary and report share: manifests, and what is made from them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ptyproof.hub.index import DATASETS
from ptyproof.study.layout import (
    COMPARISON_MANIFEST,
    METRICS_SUMMARY,
    OVERLAP_MANIFEST,
    RECONSTRUCTION_MANIFEST,
    RUN_MANIFEST,
    SKIP_SUMMARY,
    TRAINING_MANIFEST,
)

RUN = f"{DATASETS}/phase_c/{RUN_MANIFEST}"
OVERLAP = f"{DATASETS}/phase_d/{OVERLAP_MANIFEST}"
REAL_RUN = "real_run"
TRAINING = f"{REAL_RUN}/{TRAINING_MANIFEST}"
RECONSTRUCTION = f"{REAL_RUN}/{RECONSTRUCTION_MANIFEST}"
SKIPS = f"{REAL_RUN}/{SKIP_SUMMARY}"
COMPARISON = f"{REAL_RUN}/{COMPARISON_MANIFEST}"
METRICS = f"{REAL_RUN}/{METRICS_SUMMARY}"
CERTIFICATE = f"{REAL_RUN}/certificate.json"
SKIP_LINES = "docs/skipped_views.jsonl"
SUMMARY = "docs/summary.md"
REPORT = "docs/report.html"
FIGURES = "docs/figures"
SOURCES = f"{FIGURES}/sources.json"
MADE_AGAIN = (SUMMARY, SKIP_LINES, REPORT)
_CELL = re.compile(r"dose[0-9.e+-]+-\S+-gs\d+\S*")
SKIP_KEYS = ("dose", "replicate", "view", "gridsize", "code", "reason", "measured")
KINDS = {
    RUN: "run_manifest",
    OVERLAP: "overlap_manifest",
    TRAINING: "training_manifest",
    SKIPS: "skip_summary",
    COMPARISON: "comparison_manifest",
    METRICS: "metrics_summary",
    RECONSTRUCTION: "reconstruction_manifest",
    SOURCES: "figures",
    CERTIFICATE: "certificate",
}


def cell_and_reason(skip: Mapping[str, Any]) -> tuple[str | None, str]:
    """Return the cell of a skipped test (None for a skip of another kind), and the reason without pytest's own word.

    In records before version 1.4 of the index the reason begins with the cell.
    """
    reason: str = skip["reason"].removeprefix("Skipped: ")
    if "cell" in skip:
        return skip["cell"], reason
    cell, _, rest = reason.partition(": ")
    return (cell, rest) if _CELL.fullmatch(cell) else (None, reason)


def skip_line(skip: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the line of a skip has in `SKIP_LINES`."""
    return {key: skip[key] for key in SKIP_KEYS if key in skip}
