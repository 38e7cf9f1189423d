"""Names in an artifact hub that verification, summary and report share: manifests, and what is made from them."""

from ptyproof.evidence.hub import DATASETS
from ptyproof.study.layout import OVERLAP_MANIFEST, RUN_MANIFEST, SKIP_SUMMARY, TRAINING_MANIFEST

RUN = f"{DATASETS}/phase_c/{RUN_MANIFEST}"
OVERLAP = f"{DATASETS}/phase_d/{OVERLAP_MANIFEST}"
REAL_RUN = "real_run"
TRAINING = f"{REAL_RUN}/{TRAINING_MANIFEST}"
SKIPS = f"{REAL_RUN}/{SKIP_SUMMARY}"
SKIP_LINES = "docs/skipped_views.jsonl"
SUMMARY = "docs/summary.md"
REPORT = "docs/report.html"
FIGURES = "docs/figures"
SOURCES = f"{FIGURES}/sources.json"
MADE_AGAIN = (SUMMARY, SKIP_LINES, REPORT)
SKIP_KEYS = ("dose", "view", "gridsize", "code", "reason", "measured")
KINDS = {
    RUN: "run_manifest",
    OVERLAP: "overlap_manifest",
    TRAINING: "training_manifest",
    SKIPS: "skip_summary",
    SOURCES: "figures",
}
