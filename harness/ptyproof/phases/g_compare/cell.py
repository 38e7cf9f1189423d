"""A cell of a comparison: its entry in the manifest, and what pictures are drawn from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ptyproof.metrics.against_truth import Scored
from ptyproof.physics.align import Aligned, Crop
from ptyproof.records.archive import ReconstructionArchive


@dataclass(frozen=True, eq=False)
class ComparedCell:
    """A cell with a result: its entry in the manifest, and what pictures are drawn from.

    `aligned` is None without a truth; then `crop` and `result` are shown as they are.
    """

    entry: dict[str, Any]
    result: ReconstructionArchive
    crop: Crop
    aligned: Aligned | None
    scored: Scored
