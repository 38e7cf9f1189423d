"""Records of kind assessment as types; `python -m tests.helpers.record_types` makes this file."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from ptyproof_schemas.types.common import File, Tool
from ptyproof_schemas.types.comparison_manifest import MetricValue, Recipe
from ptyproof_schemas.types.reconstruction_manifest import Positions


class Dataset(TypedDict):
    """The measurement."""

    name: str
    sha256: str
    size_bytes: int
    n_patterns: int
    scan_sha256: str


class Plan(TypedDict):
    """How methods are judged."""

    probe: Literal["true", "estimated"]
    positions: NotRequired[Literal["given", "estimated"]]
    held_out_fraction: float
    seed: int
    batch_size: int
    recipe: Recipe


class NPatterns(TypedDict):
    """Number of patterns of each reconstruction, and of those that were held out from the first."""

    fit: int
    half_a: int
    half_b: int
    held_out: int


class Bundle(TypedDict):
    """Bundle of a record of kind assessment."""

    name: str
    sha256: str
    size_bytes: int


class Network(TypedDict):
    """Network of a record of kind assessment."""

    bundle: File
    epochs_completed: int
    bundle_epoch: int
    validation_loss: float | None
    seconds: float


class Networks(TypedDict):
    """The networks by the reconstruction whose patterns they were trained on; those that a method asked for and that
    were trained to their end.
    """

    fit: NotRequired[Network]
    half_a: NotRequired[Network]
    half_b: NotRequired[Network]


class Training(TypedDict):
    """Training of a record of kind assessment."""

    study: str
    design_digest: str
    view: str
    gridsize: int
    neighbor_count: int
    networks: Networks


class Provider(TypedDict):
    """Who registered it."""

    name: str
    version: str | None


class Seconds(TypedDict):
    """Seconds of a record of kind assessment."""

    fit: float
    half_a: float
    half_b: float


class Reconstructions(TypedDict):
    """Reconstructions of a record of kind assessment."""

    fit: File
    half_a: File
    half_b: File


class Method(TypedDict):
    """A method and how it did."""

    method: str
    provider: Provider
    epochs: int | None
    options: NotRequired[dict[str, bool | float | str]]
    told: NotRequired[list[Literal["mask", "modes", "background", "psf", "intensity", "saturation", "positions"]]]
    not_told: NotRequired[list[Literal["mask", "modes", "background", "psf", "intensity", "saturation", "positions"]]]
    positions: NotRequired[Positions]
    status: Literal["success", "failed"]
    error: str | None
    remedies: list[str]
    seconds: Seconds | None
    reconstructions: Reconstructions | None
    measures: list[MetricValue]
    figures: list[File]


class Assessment(TypedDict):
    """Methods judged on a measurement without truth."""

    kind: Literal["assessment"]
    schema_version: str
    timestamp: str
    tool: Tool
    dataset: Dataset
    plan: Plan
    n_patterns: NPatterns
    environment: dict[str, int | bool | str]
    bundle: NotRequired[Bundle | None]
    training: NotRequired[Training | None]
    methods: list[Method]
