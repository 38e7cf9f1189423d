"""Records of kind comparison_manifest as types; `python -m tests.helpers.record_types` makes this file."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from ptyproof_schemas.types.common import File, Tool
from ptyproof_schemas.types.reconstruction_manifest import Budget, Split
from ptyproof_schemas.types.study_design import StudyDesign
from ptyproof_schemas.types.training_manifest import Measured


class Recipe(TypedDict):
    """How results are compared."""

    crop_fraction: float
    max_shift_px: float
    edge_px: float
    ssim_sigma_px: float
    ms_ssim_sigma_px: float
    frc_level: float
    rate_floor: float
    version: str
    align: NotRequired[Literal["full", "phase"]]
    slow_sigma_px: NotRequired[float]
    frc_lowest_nyquist: NotRequired[float]


Direction = Literal["lower", "higher"]


class MetricValue(TypedDict):
    """The value of a metric of one reconstruction."""

    metric: str
    value: float | None
    unit: str
    direction: Direction
    reason: str | None
    note: str | None
    data_range: float | None
    sigma_px: float | None
    n_scales: int | None


class Crop(TypedDict):
    """Which pixels are compared."""

    illumination_at_least: float
    of: str


class ProtocolPartsAlignment(TypedDict):
    """What is removed before results are compared."""

    shift: str
    max_shift_px: float
    edge_px: float
    ramp: str
    scale: str
    phase: str


class Windows(TypedDict):
    """Windows of SSIM and MS-SSIM."""

    ssim_sigma_px: float
    ms_ssim_sigma_px: float


class MethodSettings(TypedDict):
    """What a method was set to."""

    options: dict[str, bool | float | str]
    tuning: NotRequired[dict[str, list[bool | float | str]]]
    budget: Budget


class ProtocolParts(TypedDict):
    """What the numbers depend on besides the result."""

    version: str
    split: Split
    crop: Crop
    alignment: ProtocolPartsAlignment
    data_range: str
    windows: Windows
    thresholds: dict[str, dict[str, float]]
    rate_floor: float
    probe: Literal["true", "estimated"]
    timing_scope: str
    slow_sigma_px: NotRequired[float]
    frc_lowest_nyquist: NotRequired[float]
    tells: NotRequired[list[Literal["mask", "modes", "background", "psf", "intensity", "saturation", "positions"]]]
    methods: NotRequired[dict[str, MethodSettings]]


class Protocol(TypedDict):
    """A protocol."""

    sha256: str
    parts: ProtocolParts


class Dataset(TypedDict):
    """The dataset that the result is compared on."""

    path: str
    sha256: str
    size_bytes: int
    role: Literal["simulation", "measurement"]
    told: NotRequired[list[Literal["mask", "modes", "background", "psf", "intensity", "saturation", "positions"]]]
    not_told: NotRequired[list[Literal["mask", "modes", "background", "psf", "intensity", "saturation", "positions"]]]
    has_truth: bool


class Convergence(TypedDict):
    """Errors of an iterative method's object against epochs, and whether it had converged."""

    n_epochs: int
    epochs: list[int]
    complex_nrmse: list[float]
    slow_phase_rad: list[float]
    seconds: NotRequired[list[float]]
    loss_change: float | None
    nrmse_change: float | None
    nrmse_settled_s: NotRequired[float | None]
    converged: bool


class Positions(TypedDict):
    """Errors of positions, where the dataset knows the true ones; absent elsewhere, and before version 1.7."""

    rms_error_given_px: float
    rms_error_px: float


class ComparedCrop(TypedDict):
    """The pixels that were compared."""

    rows: list[int]
    cols: list[int]
    n_px: int
    n_parts: int


class Alignment(TypedDict):
    """Shift, ramp and factor that a result had against the truth."""

    shift_px: list[float]
    ramp_cycles_per_px: list[float]
    scale: list[float]
    overlap: float
    overlap_before: float


class Compared(TypedDict):
    """A cell with a result."""

    job: str
    dose: float
    replicate: NotRequired[int]
    view: str
    gridsize: int
    split: Split
    method: str
    status: Literal["success"]
    protocol: str
    dataset: Dataset
    reconstruction: File
    arrays_sha256: str
    convergence: NotRequired[Convergence]
    positions: NotRequired[Positions]
    crop: ComparedCrop
    alignment: Alignment | None
    measures: list[MetricValue]
    device: NotRequired[str]
    threads: NotRequired[int]


OtherStatus = Literal["failed", "lost", "skipped", "not_selected"]


class Other(TypedDict):
    """A cell without a result."""

    dose: float
    replicate: NotRequired[int]
    view: str
    gridsize: int
    split: Split
    method: str
    status: OtherStatus
    code: Literal["rejected_by_phase_d", "missing_without_record", "method_unavailable", "no_trained_bundle"] | None
    reason: str | None
    selected: bool | None
    measured: Measured | None


Cell = Compared | Other


class Files(TypedDict):
    """Tables."""

    comparison: File
    frc_curves: File
    tables: File
    metrics_summary: File


class Sheet(TypedDict):
    """Truth and methods side by side, pixel by pixel: the first row has amplitudes, the second one phases, the first
    column the truth.
    """

    methods: list[str]
    n_compared: int
    difference: float
    amplitude: list[float]
    phase_rad: list[float]


class Figure(TypedDict):
    """A picture."""

    what: str
    dose: float | None
    replicate: NotRequired[int]
    view: str | None
    gridsize: int | None
    split: Split | None
    file: File
    sheet: NotRequired[Sheet]


class Account(TypedDict):
    """Number of cells; n_enumerated is the sum of the others."""

    n_enumerated: int
    n_success: int
    n_failed: int
    n_lost: int
    n_skipped: int
    n_not_selected: int


class ComparisonManifest(TypedDict):
    """Phase G: every method of a study compared with the truth, and the account of its cells."""

    kind: Literal["comparison_manifest"]
    schema_version: str
    timestamp: str
    tool: Tool
    study: str
    design: StudyDesign
    design_digest: str
    reconstruction_manifest: File
    inputs_sha256: str
    recipe: Recipe
    protocols: list[Protocol]
    cells: list[Cell]
    files: Files
    figures: list[Figure]
    account: Account
