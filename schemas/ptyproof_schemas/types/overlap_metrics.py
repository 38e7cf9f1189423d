"""Records of kind overlap_metrics as types; `python -m tests.helpers.record_types` makes this file."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from ptyproof_schemas.types.common import Tool


class AllSelection(TypedDict):
    """How positions were chosen, with thresholds."""

    kind: Literal["all"]


class SpacingSelection(TypedDict):
    """How positions were chosen, with thresholds."""

    kind: Literal["spacing"]
    reference: NotRequired[Literal["window", "probe"]]
    overlap_fraction: float
    threshold_px: float
    method: Literal["direct", "greedy"]
    direct_acceptance_rate: float
    greedy_acceptance_rate: float | None
    min_acceptance_rate: float
    geometric_acceptance_bound: float


class SamplingSelection(TypedDict):
    """How positions were chosen, with thresholds."""

    kind: Literal["sampling"]
    s_img: float
    rng_seed_subsample: int


Selection = AllSelection | SpacingSelection | SamplingSelection


class SpacingStatistics(TypedDict):
    """Distances from each position to its nearest neighbour."""

    n_positions: int
    min_px: float | None
    median_px: float | None
    mean_px: float | None
    max_px: float | None


class Grouping(TypedDict):
    """Position groups: what was asked for and what came of it."""

    gridsize: int
    group_size: int
    neighbor_count: int
    neighbor_count_effective: int
    rng_seed_grouping: int
    n_groups_requested: int
    n_groups_actual: int
    n_groups_distinct: int
    n_unique_images: int


class Overlap(TypedDict):
    """Overlap of discs of the probe's diameter: in groups, of images, of group centres."""

    probe_diameter_px: float
    probe_diameter_source: str
    metric_1_group_based_avg: float | None
    metric_1_undefined_because: str | None
    metric_2_image_based_avg: float | None
    metric_2_undefined_because: str | None
    metric_3_group_to_group_avg: float | None
    metric_3_undefined_because: str | None


class Half(TypedDict):
    """What a view keeps of one half of the scan."""

    n_images_total: int
    n_images_selected: int
    acceptance_rate: float
    spacing_before_selection: SpacingStatistics
    spacing_after_selection: SpacingStatistics
    selection: Selection
    grouping: Grouping
    overlap: Overlap


class OverlapMetrics(TypedDict):
    """Phase D: selection, groups and overlap of one view in one half of a dose; holds no time, so equal data give equal
    bytes.
    """

    kind: Literal["overlap_metrics"]
    schema_version: str
    tool: Tool
    dose: float
    replicate: NotRequired[int]
    view: str
    split: Literal["train", "test"]
    status: Literal["accepted", "rejected"]
    n_images_total: int
    n_images_selected: int
    acceptance_rate: float
    spacing_before_selection: SpacingStatistics
    spacing_after_selection: SpacingStatistics
    selection: Selection
    grouping: Grouping
    overlap: Overlap
