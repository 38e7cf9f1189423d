"""Selecting the positions of one view in one half, with every number that the record needs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, cast

import numpy as np
import numpy.typing as npt

from ptyproof.physics.grouping import effective_neighbor_count, n_distinct_groups, position_groups
from ptyproof.physics.overlap import OverlapMetrics, overlap_metrics
from ptyproof.physics.spacing import SpacingStatistics, select_by_spacing, spacing_statistics
from ptyproof.study.design import Seeds
from ptyproof.study.exposures import Exposure
from ptyproof.study.layout import Half
from ptyproof.study.seeds import of_replicate, stream
from ptyproof.study.views import Sampling, Spacing, View

if TYPE_CHECKING:
    from ptyproof_schemas.types.overlap_metrics import Grouping, Overlap, Selection
    from ptyproof_schemas.types.overlap_metrics import Half as HalfRecord
    from ptyproof_schemas.types.overlap_metrics import SpacingSelection as SpacingRecord
    from ptyproof_schemas.types.overlap_metrics import SpacingStatistics as StatisticsRecord

# A dataset of one position is no scan (DATA-001).
MIN_POSITIONS = 2

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


class Rejection(NamedTuple):
    """Why a view is rejected: the code for programs, and a sentence."""

    code: Literal["acceptance_below_minimum", "too_few_positions_for_groups", "selection_breaks_contract"]
    sentence: str


@dataclass(frozen=True)
class ViewPlan:
    """A view of one exposure, with everything that its selection depends on besides the positions.

    Random streams depend on the replicate and not on the dose, so that doses compare the same positions and groups.
    Views that share a training have the same streams.
    `neighbor_count` is K, `probe_diameter_px` the diameter of the discs in the overlap metrics.
    """

    exposure: Exposure
    view: View
    pattern_size_px: int
    neighbor_count: int
    min_acceptance_rate: float
    seeds: Seeds
    probe_diameter_px: float
    probe_diameter_source: str

    def stream(self, root: int, half: Half) -> np.random.Generator:
        """Return the random stream of a half under a root seed."""
        return stream(root, *of_replicate(("phase_d", self.view.training_name, half), self.exposure.replicate))


@dataclass(frozen=True, eq=False)
class ViewSelection:
    """The positions that a view keeps of one half.

    `index` (m,) are the kept positions, ascending; `record` has the numbers for the manifest. `rejection` is None where
    the half gives the view.
    """

    index: IntArray
    record: HalfRecord
    rejection: Rejection | None


def select_view(plan: ViewPlan, half: Half, positions_px: FloatArray) -> ViewSelection:
    """Return which of the (n, 2) positions of a half a view keeps, and the record of how that came about."""
    index, selection, rejection = _select(plan, half, positions_px)
    kept = positions_px[index]
    grouping, overlap = _groups(plan, half, kept)
    needed = max(MIN_POSITIONS, plan.view.group_size)
    if rejection is None and len(kept) < needed:
        reason = f"{half} keeps {len(kept)} of {len(positions_px)} positions, but {needed} or more are needed"
        rejection = Rejection("too_few_positions_for_groups", reason)
    record: HalfRecord = {
        "n_images_total": len(positions_px),
        "n_images_selected": len(index),
        "acceptance_rate": len(index) / len(positions_px),
        "spacing_before_selection": _statistics(spacing_statistics(positions_px)),
        "spacing_after_selection": _statistics(spacing_statistics(kept)),
        "selection": selection,
        "grouping": grouping,
        "overlap": overlap,
    }
    return ViewSelection(index, record, rejection)


def _statistics(found: SpacingStatistics) -> StatisticsRecord:
    return cast("StatisticsRecord", asdict(found))  # fields and keys have the same names


def _select(plan: ViewPlan, half: Half, positions_px: FloatArray) -> tuple[IntArray, Selection, Rejection | None]:
    selection, n = plan.view.selection, len(positions_px)
    if isinstance(selection, Spacing):
        return _select_by_spacing(plan, selection, half, positions_px)
    if isinstance(selection, Sampling):
        n_drawn = max(1, round(selection.s_img * n))
        rng = plan.stream(plan.seeds.subsampling, half)
        index = np.sort(rng.choice(n, size=n_drawn, replace=False)).astype(np.int64)
        seed = plan.seeds.subsampling
        return index, {"kind": "sampling", "s_img": selection.s_img, "rng_seed_subsample": seed}, None
    return np.arange(n, dtype=np.int64), {"kind": "all"}, None


def _select_by_spacing(
    plan: ViewPlan, selection: Spacing, half: Half, positions_px: FloatArray
) -> tuple[IntArray, SpacingRecord, Rejection | None]:
    threshold = selection.spacing_px(plan.pattern_size_px, plan.probe_diameter_px)
    result = select_by_spacing(positions_px, threshold, plan.min_acceptance_rate)
    record: SpacingRecord = {
        "kind": "spacing",
        "overlap_fraction": selection.overlap_fraction,
        "threshold_px": threshold,
        "method": result.method,
        "direct_acceptance_rate": result.direct_acceptance_rate,
        "greedy_acceptance_rate": result.greedy_acceptance_rate,
        "min_acceptance_rate": result.min_acceptance,
        "geometric_acceptance_bound": result.geometric_acceptance_bound,
    }
    if selection.reference != "window":
        record["reference"] = selection.reference
    rejection = None
    if not result.accepted:
        sentence = (
            f"{half} keeps {result.n_accepted} of {result.n_positions} positions "
            f"({100 * result.acceptance_rate:.1f} %, direct {100 * result.direct_acceptance_rate:.1f} %)"
        )
        rejection = Rejection("acceptance_below_minimum", sentence)
    return np.flatnonzero(result.mask).astype(np.int64), record, rejection


def _groups(plan: ViewPlan, half: Half, kept_px: FloatArray) -> tuple[Grouping, Overlap]:
    view, n = plan.view, len(kept_px)
    requested = view.selection.n_groups if isinstance(view.selection, Sampling) else n
    record: Grouping = {
        "gridsize": view.gridsize,
        "group_size": view.group_size,
        "neighbor_count": plan.neighbor_count,
        "neighbor_count_effective": effective_neighbor_count(n, plan.neighbor_count),
        "rng_seed_grouping": plan.seeds.grouping,
        "n_groups_requested": requested,
        "n_groups_actual": 0,
        "n_groups_distinct": 0,
        "n_unique_images": 0,
    }
    if n < view.group_size:
        reason = f"{n} positions cannot form a group of {view.group_size}"
        nothing = OverlapMetrics(
            plan.probe_diameter_px, n, 0, plan.neighbor_count, None, reason, None, reason, None, reason
        )
        return record, _overlap_record(plan, nothing)
    rng = plan.stream(plan.seeds.grouping, half)
    groups = position_groups(kept_px, view.gridsize, plan.neighbor_count, requested, rng)
    record["n_groups_actual"] = len(groups)
    record["n_groups_distinct"] = n_distinct_groups(groups)
    record["n_unique_images"] = len(np.unique(groups))
    metrics = overlap_metrics(kept_px, groups, plan.neighbor_count, plan.probe_diameter_px)
    return record, _overlap_record(plan, metrics)


def _overlap_record(plan: ViewPlan, metrics: OverlapMetrics) -> Overlap:
    return {
        "probe_diameter_px": plan.probe_diameter_px,
        "probe_diameter_source": plan.probe_diameter_source,
        "metric_1_group_based_avg": metrics.group_overlap,
        "metric_1_undefined_because": metrics.group_overlap_reason,
        "metric_2_image_based_avg": metrics.image_overlap,
        "metric_2_undefined_because": metrics.image_overlap_reason,
        "metric_3_group_to_group_avg": metrics.group_centre_overlap,
        "metric_3_undefined_because": metrics.group_centre_overlap_reason,
    }
