"""What docs/manifest-checks.md has from the code; `python -m tests.helpers.checks_page` writes it again.

The five bad files are small and made here, so that the page shows what the program says of them today.
"""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ptyproof.checking import GROUPS, check_manifest
from ptyproof.checking.kinds import kind_of
from ptyproof.checking.model.codes import codes
from ptyproof.checking.output import as_text
from ptyproof.io.schema_files import current_kinds, kinds

PAGE = Path(__file__).parents[2] / "docs" / "manifest-checks.md"
_BLOCK = r"(<!-- made from the code: {} -->\n).*?(<!-- end -->)"
_JOB = {
    "dose": 1000.0,
    "view": "dense",
    "gridsize": 2,
    "train_data_path": "d/dose_1000/dense/dense_train.npz",
    "test_data_path": "d/dose_1000/dense/dense_test.npz",
    "log_path": "e/dose_1000/dense/gs2/train.log",
    "artifact_dir": "e/dose_1000/dense/gs2",
}
_TRAINING = {
    "timestamp": "2025-10-06T09:15:27.104512Z",
    "phase_c_root": "c",
    "phase_d_root": "d",
    "artifact_root": "e",
    "filters": {"dose": 1000.0, "view": "dense", "gridsize": 2},
    "dry_run": False,
    "jobs": [],
    "skipped_views": [],
    "skipped_count": 0,
}


def bad_files() -> dict[str, str]:
    """Return five files that are wrong, each in its own way: name and text."""
    dry = _TRAINING | {"dry_run": True, "artifact_root": "reports/real_run"}
    job = _JOB | {
        "artifact_dir": "reports/real_run/dose_1000/dense/gs2",
        "log_path": f"{dry['artifact_root']}/train.log",
    }
    dry |= {"jobs": [job | {"result": {**job, "dry_run": True}}]}
    skips = [{"dose": dose, "view": "sparse", "reason": "NPZ files not found."} for dose in (1000.0, 1e4)]
    dry |= {"skipped_views": skips, "skipped_count": 1}
    typed = {"status": "success", "bundle_path": "net.zip", "bundle_sha256": "1f" * 32, "final_loss": "0.83"}
    by_hand = _TRAINING | {"jobs": [_JOB | {"result": typed}], "phase_d_root": "/home/ann/d"}
    rows = [("mae", 0.05), ("mse", 0.004), ("psnr", 72.11), ("ssim", 1.2), ("frc50", 1.0)]
    scores: dict[str, Any] = {"n_jobs": 1, "n_success": 1, "n_failed": 0, "aggregate_metrics": {}}
    metrics = [{"model": "network", "metric": name, "amplitude": value, "phase": value} for name, value in rows]
    metrics.append({"model": "baseline", "metric": "mae"})
    scores["jobs"] = [{"dose": 1000, "view": "dense", "split": "test", "metrics": metrics}]
    report: dict[str, Any] = {
        "focus": "alignment",
        "timestamp": "2025-10-06T09:15:00Z",
        "status": "complete",
        "n_valid": "10/10",
    }
    report |= {"summary": "All is well.", "test_results": {"train": "PASS (2/2)"}, "metrics": {}, "commits": []}
    whole = json.dumps(_TRAINING | {"jobs": [_JOB | {"result": {"status": "failed", "error": "x"}}]}, indent=2)
    return {
        "training_manifest.json": json.dumps(dry),
        "made-by-hand.json": json.dumps(by_hand),
        "metrics_summary.json": json.dumps(scores),
        "verification_report.json": json.dumps(report),
        "cut-off.json": whole[: whole.index('"error"') + 4],
    }


def outputs() -> str:
    """Return what `ptyproof check` says of the five files."""
    said = []
    with TemporaryDirectory() as folder:
        for name, content in bad_files().items():
            path = Path(folder, name)
            path.write_text(content, encoding="utf-8")
            said.append(as_text(check_manifest(path)).replace(str(path), name))
    return "```text\n" + "\n".join(said) + "```\n"


def table_of_codes() -> str:
    """Return the table of codes, a section a group."""
    lines = []
    for number, group in enumerate(GROUPS):
        lines += [
            f"### PM{number}: {group}",
            "",
            "| code | severity | what is found | why it is checked | how to fix it |",
        ]
        lines.append("|---|---|---|---|---|")
        for code in codes().values():
            if code.group == group:
                lines.append(f"| {code.code} | {code.severity} | {code.title} | {code.why} | {code.fix} |")
        lines.append("")
    return "\n".join(lines)


def table_of_kinds() -> str:
    """Return the table of kinds, with the schema of each and the groups of checks that it gets."""
    lines = ["| schema | what it is | groups of checks |", "|---|---|---|"]
    for name, major in kinds():
        if not name.endswith("common"):
            age = "" if name in current_kinds() else ", an earlier generation"
            groups = ", ".join(("json", "schema", *kind_of(name).groups))
            lines.append(f"| `{name}` {major} | {kind_of(name).title}{age} | {groups} |")
    return "\n".join(lines) + "\n"


def _filled(made: str, found: re.Match[str]) -> str:
    return f"{found[1]}{made}{found[2]}"


def renewed(page: str) -> str:
    """Return the page with every made part as the code has it now."""
    for name, made in (("codes", table_of_codes()), ("kinds", table_of_kinds()), ("outputs", outputs())):
        page, n = re.subn(_BLOCK.format(name), partial(_filled, made), page, flags=re.DOTALL)
        assert n == 1, name
    return page


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
