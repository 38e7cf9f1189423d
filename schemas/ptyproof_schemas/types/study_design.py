"""Records of kind study_design as types; `python -m tests.helpers.record_types` makes this file."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict


class Seeds(TypedDict):
    """Roots of the random streams."""

    simulation: int
    grouping: int
    subsampling: int


class Base(TypedDict):
    """The built-in base dataset; absent where the study needs one from a file."""

    scan_rows: int
    scan_cols: int
    step_px: float
    jitter_px: float
    probe_diameter_px: float
    object: str
    probe: str
    seed: int


class Object(TypedDict):
    """An object."""

    kind: Literal["grains", "siemens", "camera", "brick", "file"]
    seed: int
    path: NotRequired[str]
    name: NotRequired[str]


class Objects(TypedDict):
    """Objects that the train half and the test halves are simulated from, in place of the base's; absent where both are
    halves of the base's object.
    """

    train: list[Object]
    test: list[Object]


class Detector(TypedDict):
    """Flaws of the detector; absent for a perfect one. Keys that are absent are no flaw."""

    gap_rows: NotRequired[list[list[int]]]
    gap_cols: NotRequired[list[list[int]]]
    dead_pixel_fraction: NotRequired[float]
    saturation_counts: NotRequired[float]
    saturation_of_peak: NotRequired[float]
    background_counts: NotRequired[float]
    background_fraction: NotRequired[float]
    psf_sigma_px: NotRequired[float]


class Beam(TypedDict):
    """Flaws of beam and scan; absent for a coherent beam and exact positions. Keys that are absent are no flaw."""

    mode_powers: NotRequired[list[float]]
    coherence_length_px: NotRequired[float]
    fly_scan_blur_px: NotRequired[float]
    intensity_error: NotRequired[float]
    position_error_px: NotRequired[float]


class Experiment(TypedDict):
    """One more test half of the object, scan and dose of the study, with another detector and beam."""

    name: str
    detector: NotRequired[Detector]
    beam: NotRequired[Beam]


class Network(TypedDict):
    """Sizes of the network."""

    n_stages: NotRequired[int]
    channels: int
    n_blocks: int
    shrink: int
    start_iterations: int


class Training(TypedDict):
    """Network and budget of the trainings; absent in records of version 1.0."""

    max_epochs: int
    steps_per_epoch: int
    patterns_per_step: int
    learning_rate: float
    weight_decay: float
    gradient_clip: float
    validation_fraction: float
    shown_fraction: NotRequired[float]
    restraint: NotRequired[float]
    rate_floor: float
    seed: int
    step_projections: NotRequired[int]
    network: Network


class Method(TypedDict):
    """A method and its budget."""

    name: str
    epochs: NotRequired[int]
    options: NotRequired[dict[str, bool | float | str]]
    tuning: NotRequired[dict[str, list[bool | float | str]]]


class Reconstruction(TypedDict):
    """Which methods reconstruct which halves with what budget; absent in records before version 1.2. The design's
    digest leaves it out.
    """

    splits: list[Literal["train", "test"]]
    probe_knowledge: Literal["true", "estimated"]
    probe_defocus_rad: float
    batch_size: int
    seed: int
    methods: list[Method]


class AllView(TypedDict):
    """A view."""

    name: str
    gridsize: int
    neighbor_count: NotRequired[int]
    object: NotRequired[str]
    experiment: NotRequired[str]
    tells: NotRequired[list[Literal["mask", "modes", "background", "psf", "intensity", "saturation", "positions"]]]
    trained_as: NotRequired[str]
    trained_at: NotRequired[float]
    selection: Literal["all"]


class SpacingView(TypedDict):
    """A view."""

    name: str
    gridsize: int
    neighbor_count: NotRequired[int]
    object: NotRequired[str]
    experiment: NotRequired[str]
    tells: NotRequired[list[Literal["mask", "modes", "background", "psf", "intensity", "saturation", "positions"]]]
    trained_as: NotRequired[str]
    trained_at: NotRequired[float]
    selection: Literal["spacing"]
    reference: NotRequired[Literal["window", "probe"]]
    overlap_fraction: float


class SamplingView(TypedDict):
    """A view."""

    name: str
    gridsize: int
    neighbor_count: NotRequired[int]
    object: NotRequired[str]
    experiment: NotRequired[str]
    tells: NotRequired[list[Literal["mask", "modes", "background", "psf", "intensity", "saturation", "positions"]]]
    trained_as: NotRequired[str]
    trained_at: NotRequired[float]
    selection: Literal["sampling"]
    s_img: float
    n_groups: int


View = AllView | SpacingView | SamplingView


class StudyDesign(TypedDict):
    """A study: what is simulated, which views are derived, how they are trained and scored."""

    name: str
    pattern_size_px: int
    doses_photons_per_pattern: list[float]
    neighbor_count: int
    min_acceptance_rate: float
    illumination_fraction: float
    ms_ssim_sigma: float
    frc_threshold: float
    replicates: NotRequired[int]
    replicate_objects: NotRequired[bool]
    align: NotRequired[Literal["full", "phase"]]
    seeds: Seeds
    base: NotRequired[Base]
    objects: NotRequired[Objects]
    detector: NotRequired[Detector]
    beam: NotRequired[Beam]
    tells: NotRequired[list[Literal["mask", "modes", "background", "psf", "intensity", "saturation", "positions"]]]
    experiments: NotRequired[list[Experiment]]
    training: NotRequired[Training]
    reconstruction: NotRequired[Reconstruction]
    views: list[View]
