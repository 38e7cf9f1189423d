"""Records of kind dataset_metadata as types; `python -m tests.helpers.record_types` makes this file."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from ptyproof_schemas.types.common import Stream


class Source(TypedDict):
    """What the file was made from; null for what was made from a design alone."""

    name: str
    sha256: str
    of: Literal["file", "arrays"]


class Physical(TypedDict):
    """The experiment in physical units; each entry is null where it is unknown."""

    photon_energy_ev: float | None
    detector_distance_m: float | None
    detector_pixel_size_m: list[float] | None
    object_pixel_size_m: list[float] | None
    field_of_view_m: list[float] | None
    regime: Literal["far", "near"] | None


class Transformation(TypedDict):
    """A step."""

    step: str
    tool: str
    detail: str | dict[str, object]


class DatasetMetadata(TypedDict):
    """The _metadata record inside a DATA-001 archive of version 2."""

    schema_version: str
    role: Literal["base", "simulation", "measurement"]
    photons_per_pattern_requested: float | None
    photons_per_pattern_measured: float | None
    intensity_scale: float | None
    seed: Stream | None
    split: Literal["train", "test", "all"]
    source: Source | None
    saturation_counts: NotRequired[float]
    detector_psf_sigma_px: NotRequired[float]
    physical: NotRequired[Physical]
    transformations: list[Transformation]
