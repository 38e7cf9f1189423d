"""Records of kind training_manifest as types; `python -m tests.helpers.record_types` makes this file."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from ptyproof_schemas.types.common import File, Tool
from ptyproof_schemas.types.overlap_metrics import Selection, SpacingStatistics
from ptyproof_schemas.types.study_design import StudyDesign, Training


class Environment(TypedDict):
    """What the bits of a bundle depend on; no host, user or path."""

    python: str
    system: str
    machine: str
    numpy: str
    scipy: str
    torch: str
    lightning: str
    safetensors: str
    cpu: str
    cpu_capability: str
    threads: int
    device: str
    deterministic: bool
    num_workers: int


class MeasuredHalf(TypedDict):
    """What Phase D measured of one half of the scan."""

    n_images_total: int
    n_images_selected: int
    acceptance_rate: float
    selection: Selection
    spacing_before_selection: SpacingStatistics


class Measured(TypedDict):
    """Phase D's code, and for each half its numbers and thresholds."""

    code: Literal["acceptance_below_minimum", "too_few_positions_for_groups", "selection_breaks_contract"]
    train: MeasuredHalf
    test: MeasuredHalf


class Rejected(TypedDict):
    """A cell whose view the scan cannot give."""

    dose: float
    replicate: NotRequired[int]
    view: str
    gridsize: int
    code: Literal["rejected_by_phase_d"]
    reason: str
    selected: bool
    measured: Measured


class Missing(TypedDict):
    """A cell whose data are missing although Phase D recorded no rejection."""

    dose: float
    replicate: NotRequired[int]
    view: str
    gridsize: int
    code: Literal["missing_without_record"]
    reason: str
    selected: bool
    measured: None


SkippedView = Rejected | Missing


class Filters(TypedDict):
    """Which cells were wanted; null wants all."""

    dose: list[float] | None
    replicate: NotRequired[list[int]]
    view: list[str] | None
    gridsize: list[int] | None


class Call(TypedDict):
    """A call: what it asked for."""

    id: str
    timestamp: str
    filters: Filters
    allow_missing_phase_d: bool
    jobs: list[str]
    skipped: list[str]


class Datasets(TypedDict):
    """The archives of a job."""

    train: File
    test: File


class Success(TypedDict):
    """The result of a job that was trained."""

    status: Literal["success"]
    error: None
    final_loss: float
    validation_loss: float | None
    epochs_completed: int
    bundle_epoch: int
    resumed_from_epoch: int
    checkpoint_path: str
    bundle_path: str
    bundle_sha256: str
    bundle_size_bytes: int
    metrics_path: str | None
    loss_curve_path: str
    recipe_sha256: str
    started: str
    finished: str
    duration_s: NotRequired[float]
    reused_from: NotRequired[str]


class Failed(TypedDict):
    """The result of a job that ended by an error."""

    status: Literal["failed"]
    error: str
    final_loss: None
    validation_loss: None
    epochs_completed: None
    bundle_epoch: None
    resumed_from_epoch: None
    checkpoint_path: None
    bundle_path: None
    bundle_sha256: None
    bundle_size_bytes: None
    metrics_path: None
    loss_curve_path: None
    recipe_sha256: None
    started: str | None
    finished: str


class Lost(TypedDict):
    """The result of a job whose end is not recorded."""

    status: Literal["lost"]
    error: str
    final_loss: None
    validation_loss: None
    epochs_completed: None
    bundle_epoch: None
    resumed_from_epoch: None
    checkpoint_path: None
    bundle_path: None
    bundle_sha256: None
    bundle_size_bytes: None
    metrics_path: None
    loss_curve_path: None
    recipe_sha256: None
    started: str | None
    finished: None


Result = Success | Failed | Lost


class Score(TypedDict):
    """A score of the held-out half; smaller is better, 0 is perfect."""

    start: float
    network: float
    improvement: float | None


class UnknownScore(TypedDict):
    """A metric that needs the truth, for data without a truth."""

    start: None
    network: None
    improvement: None


class Scores(TypedDict):
    """The trained network and its network-free start on the held-out half."""

    half: Literal["test"]
    n_patterns: int
    poisson_loss: Score
    complex_error: Score | UnknownScore
    patch_poisson_loss: Score
    patch_complex_error: Score | UnknownScore
    no_truth_because: str | None
    beats_start: bool


EarlierResult = Success | Failed


class Job(TypedDict):
    """A training."""

    job: str
    dose: float
    replicate: NotRequired[int]
    view: str
    gridsize: int
    neighbor_count: int
    train_data_path: str
    test_data_path: str
    log_path: str
    artifact_dir: str
    datasets: Datasets | None
    told: NotRequired[list[Literal["mask", "modes", "background", "psf", "intensity", "saturation", "positions"]]]
    not_told: NotRequired[list[Literal["mask", "modes", "background", "psf", "intensity", "saturation", "positions"]]]
    training: Training | None
    environment: Environment | None
    result: Result
    scores: Scores | None
    call: NotRequired[str]
    earlier_results: list[EarlierResult]


class NotSelected(TypedDict):
    """A cell."""

    dose: float
    replicate: NotRequired[int]
    view: str
    gridsize: int


class Account(TypedDict):
    """Cells of the study's matrix; n_enumerated is the sum of the others."""

    n_enumerated: int
    n_success: int
    n_failed: int
    n_lost: int
    n_skipped: int
    n_not_selected: int


class TrainingManifest(TypedDict):
    """A manifest of trainings that this tool has run."""

    kind: Literal["training_manifest"]
    schema_version: str
    timestamp: str
    tool: Tool
    study: str
    design: StudyDesign
    design_digest: str
    phase_c_root: str
    phase_d_root: str
    artifact_root: Literal["."]
    filters: Filters
    dry_run: Literal[False]
    calls: list[Call]
    jobs: list[Job]
    not_selected: list[NotSelected]
    skipped_views: list[SkippedView]
    skipped_count: int
    skip_summary_path: str
    account: Account
