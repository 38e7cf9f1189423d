"""Records of kind overlap_manifest as types; `python -m tests.helpers.record_types` makes this file."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from ptyproof_schemas.types.common import File, Tool
from ptyproof_schemas.types.overlap_metrics import Grouping, Overlap, Selection, SpacingStatistics
from ptyproof_schemas.types.study_design import StudyDesign


class Half(TypedDict):
    """What a view keeps of one half of the scan, and where its files lie."""

    n_images_total: int
    n_images_selected: int
    acceptance_rate: float
    spacing_before_selection: SpacingStatistics
    spacing_after_selection: SpacingStatistics
    selection: Selection
    grouping: Grouping
    overlap: Overlap
    file: File | None
    arrays_sha256: str | None
    metrics_file: File


class Accepted(TypedDict):
    """A view that the scan gives, at one dose."""

    dose: float
    replicate: NotRequired[int]
    view: str
    gridsize: int
    status: Literal["accepted"]
    reads_phase_c: bool
    recipe_digest: str
    train: Half
    test: Half
    metrics_bundle: File


class Rejected(TypedDict):
    """A view that the scan cannot give, at one dose."""

    dose: float
    replicate: NotRequired[int]
    view: str
    gridsize: int
    status: Literal["rejected"]
    reads_phase_c: bool
    code: Literal["acceptance_below_minimum", "too_few_positions_for_groups", "selection_breaks_contract"]
    reason: str
    recipe_digest: str
    train: Half
    test: Half
    metrics_bundle: File


class Account(TypedDict):
    """How many dose and view pairs there are, and what became of them."""

    n_cells: int
    n_accepted: int
    n_rejected: int


class OverlapManifest(TypedDict):
    """Phase D: the overlap views of a study, accepted and rejected."""

    kind: Literal["overlap_manifest"]
    schema_version: str
    timestamp: str
    tool: Tool
    study: str
    design: StudyDesign
    design_digest: str
    phase_c_root: str
    phase_c_recipe_digest: str
    artifact_root: str
    environment: dict[str, str]
    views: list[Accepted]
    rejected_views: list[Rejected]
    account: Account
