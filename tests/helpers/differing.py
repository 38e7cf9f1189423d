"""Sides of a difference in tests, and how they are changed."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ptyproof.differences.sides import Record, Side

CELL = "dose10000-baseline-gs1-test-{}"
TRAININGS = Path(__file__).parents[1] / "schemas" / "examples" / "training_manifest" / "valid"
ERROR = "complex_nrmse"
Change = Callable[[Any], object]


def changed(side: Side, record: Record, change: Change) -> Side:
    """Return a side, one of whose manifests is another."""
    manifest = copy.deepcopy(dict(side.manifests[record]))
    change(manifest)
    return replace(side, manifests={**side.manifests, record: manifest})


def with_replicates(values: Sequence[float | None]) -> Change:
    """Return a change that gives lsqml so many replicates with these errors; None is a replicate that failed."""

    def change(manifest: Any) -> None:
        cell = next(cell for cell in manifest["cells"] if cell["method"] == "lsqml")
        manifest["cells"] = []
        for number, value in enumerate(values, start=1):
            own = copy.deepcopy(cell) | ({} if number == 1 else {"replicate": number})
            own["measures"] = [entry for entry in own["measures"] if entry["metric"] == ERROR]
            own["measures"][0]["value"] = value
            if value is None:
                own |= {"status": "failed", "reason": "diverged"}
            manifest["cells"].append(own)

    return change


def score_of(found: Any, method: str | None = "lsqml", metric: str = ERROR) -> Any:
    """Return the score of a method in a metric."""
    (score,) = [entry for entry in found["metrics"] if (entry["method"], entry["metric"]) == (method, metric)]
    return score
