"""Records of kind run_manifest as types; `python -m tests.helpers.record_types` makes this file."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from ptyproof_schemas.types.common import File, Stream, Tool
from ptyproof_schemas.types.study_design import StudyDesign


class Base(TypedDict):
    """The object, probe and positions that were simulated from."""

    name: str
    arrays_sha256: str
    object_shape_px: list[int]
    probe_shape_px: list[int]
    n_positions: int
    changes_on_reading: list[str]


class Split(TypedDict):
    """How the scan was split into halves that share no illuminated pixel."""

    axis: Literal["y"]
    line_px: float
    illumination_fraction: float
    illuminated_rows_px: list[int]
    n_positions: int
    n_train: int
    n_test: int
    n_left_out: int


class SimulatedObject(TypedDict):
    """An object of a study."""

    name: str
    kind: str
    seed: int
    arrays_sha256: str


class Half(TypedDict):
    """The patterns of one half of the scan at one dose."""

    file: File
    arrays_sha256: str
    n_patterns: int
    photons_per_pattern_requested: float
    photons_per_pattern_expected: float
    photons_per_pattern_measured: float
    max_count: int
    seed: Stream
    objects: NotRequired[list[SimulatedObject]]
    experiment: NotRequired[str]


class Dataset(TypedDict):
    """The datasets of a dose."""

    dose: float
    replicate: NotRequired[int]
    folder: str
    recipe_digest: str
    train: Half
    test: Half
    further_tests: NotRequired[list[Half]]


class RunManifest(TypedDict):
    """Phase C: the simulated datasets of a study and how they were made."""

    kind: Literal["run_manifest"]
    schema_version: str
    timestamp: str
    tool: Tool
    study: str
    design: StudyDesign
    design_digest: str
    recipe_digest: str
    base: Base
    split: Split
    environment: dict[str, str]
    datasets: list[Dataset]
