"""Records of kind reconstruction_manifest as types; `python -m tests.helpers.record_types` makes this file."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from ptyproof_schemas.types.common import File, Stream, Tool
from ptyproof_schemas.types.study_design import StudyDesign
from ptyproof_schemas.types.training_manifest import Measured


class Positions(TypedDict):
    """How far a method has moved the positions of a dataset."""

    rms_change_px: float
    largest_change_px: float


Split = Literal["train", "test"]


class Budget(TypedDict):
    """What a method may spend; null is no limit of that kind."""

    epochs: int | None
    seconds: float | None


class Filters(TypedDict):
    """Which cells were wanted; null wants all."""

    dose: list[float] | None
    replicate: NotRequired[list[int]]
    view: list[str] | None
    gridsize: list[int] | None
    split: list[Split] | None
    method: list[str] | None


class Call(TypedDict):
    """A call: what it asked for."""

    id: str
    timestamp: str
    filters: Filters
    budget: Budget | None
    allow_missing_phase_d: bool
    jobs: list[str]
    skipped: list[str]


class Provider(TypedDict):
    """Who has registered the method."""

    name: str
    version: str | None


class Dataset(TypedDict):
    """A dataset as a reconstruction sees it."""

    path: str
    sha256: str
    size_bytes: int
    role: Literal["simulation", "measurement"]
    n_patterns: int
    scan_sha256: str
    told: NotRequired[list[Literal["mask", "modes", "background", "psf", "intensity", "saturation", "positions"]]]
    not_told: NotRequired[list[Literal["mask", "modes", "background", "psf", "intensity", "saturation", "positions"]]]


class Environment(TypedDict):
    """What the bits of a reconstruction depend on; no host, user or path."""

    python: str
    numpy: str
    scipy: str
    system: str
    machine: str
    torch: str
    torchvision: str
    ptychi: str
    cpu: str
    threads: int
    device: str


class Step(TypedDict):
    """A part."""

    step: str
    seconds: float


class Timing(TypedDict):
    """How long the reconstruction took, and what was counted."""

    scope: str
    total_s: float
    steps: list[Step]


class Trial(TypedDict):
    """Options that were tried."""

    options: dict[str, bool | float | str]
    loss: float | None
    error: str | None
    seconds: float


class Tuning(TypedDict):
    """What was tried to choose options."""

    chosen_by: Literal["thinned_photons"]
    shown_fraction: float
    chosen: dict[str, bool | float | str]
    trials: list[Trial]


class Success(TypedDict):
    """The result of a job that has a reconstruction."""

    status: Literal["success"]
    error: None
    reconstruction: File
    product: File | None
    arrays_sha256: str
    n_parts: int
    iterations: int | None
    stopped_by: Literal["epochs", "seconds"] | None
    final_loss: float | None
    timing: Timing
    gauge: NotRequired[Literal["joint_initial_estimate"]]
    positions: NotRequired[Positions]
    tuning: NotRequired[Tuning]
    reused_from: str | None
    recipe_sha256: str
    started: str
    finished: str


class Failed(TypedDict):
    """The result of a job that ended by an error."""

    status: Literal["failed"]
    error: str
    reconstruction: None
    product: None
    arrays_sha256: None
    n_parts: None
    iterations: None
    stopped_by: None
    final_loss: None
    timing: None
    reused_from: None
    recipe_sha256: None
    started: str | None
    finished: str


class Lost(TypedDict):
    """The result of a job whose end is not recorded."""

    status: Literal["lost"]
    error: str
    reconstruction: None
    product: None
    arrays_sha256: None
    n_parts: None
    iterations: None
    stopped_by: None
    final_loss: None
    timing: None
    reused_from: None
    recipe_sha256: None
    started: str | None
    finished: None


Result = Success | Failed | Lost


EarlierResult = Success | Failed


class Job(TypedDict):
    """A reconstruction."""

    job: str
    dose: float
    replicate: NotRequired[int]
    view: str
    gridsize: int
    split: Split
    method: str
    provider: Provider
    needs_training: bool
    probe: Literal["true", "estimated"]
    positions: NotRequired[Literal["estimated"]]
    options: NotRequired[dict[str, bool | float | str]]
    tuning: NotRequired[dict[str, list[bool | float | str]]]
    budget: Budget
    seed: Stream
    dataset: Dataset | None
    bundle: File | None
    environment: Environment | None
    remedies: list[str]
    result: Result
    call: NotRequired[str]
    earlier_results: list[EarlierResult]


class NotSelected(TypedDict):
    """A cell."""

    dose: float
    replicate: NotRequired[int]
    view: str
    gridsize: int
    split: Split
    method: str


class Rejected(TypedDict):
    """A cell whose view the scan cannot give."""

    dose: float
    replicate: NotRequired[int]
    view: str
    gridsize: int
    split: Split
    method: str
    code: Literal["rejected_by_phase_d"]
    reason: str
    selected: bool
    measured: Measured


class WithoutRecord(TypedDict):
    """A cell that lacks its data, its method or its network."""

    dose: float
    replicate: NotRequired[int]
    view: str
    gridsize: int
    split: Split
    method: str
    code: Literal["missing_without_record", "method_unavailable", "no_trained_bundle"]
    reason: str
    selected: bool
    measured: None


Skipped = Rejected | WithoutRecord


class Account(TypedDict):
    """Cells of the study: doses x views x splits x methods; n_enumerated is the sum of the others."""

    n_enumerated: int
    n_success: int
    n_failed: int
    n_lost: int
    n_skipped: int
    n_not_selected: int


class ReconstructionManifest(TypedDict):
    """Phase F: the reconstructions of a study by every method, its skips, and the account of its cells."""

    kind: Literal["reconstruction_manifest"]
    schema_version: str
    timestamp: str
    tool: Tool
    study: str
    design: StudyDesign
    design_digest: str
    phase_c_root: str
    phase_d_root: str
    artifact_root: Literal["."]
    training_manifest_path: str | None
    filters: Filters
    calls: list[Call]
    jobs: list[Job]
    not_selected: list[NotSelected]
    skipped: list[Skipped]
    account: Account
