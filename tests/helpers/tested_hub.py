"""A hub of one run of tests, which can be signed."""

from __future__ import annotations

from pathlib import Path

from ptyproof.hub.index import Hub
from ptyproof.report.summary import write_summary
from tests.helpers.hubs import make_run, report_lines

OUTCOMES = {"passed": 2, "skipped": 1}


def make_hub(root: Path, outcomes: dict[str, int] = OUTCOMES, status: int = 0) -> Path:
    """Make a sound hub with a run of tests."""
    hub = Hub(root)
    name = make_run(hub, outcomes={}, status=status)
    lines = report_lines(root / "none" / f"{name}.jsonl", root, outcomes)
    skips = [{"test": f"test_it.py::test_skipped_{n}", "reason": "no GPU"} for n in range(outcomes.get("skipped", 0))]
    hub.update_run(name, outcomes=outcomes, skips=skips, **lines)
    hub.write(lambda: write_summary(root))
    return root
