"""The `_metadata` record of a dataset: what it is, where it comes from and what was done to it.

The record is JSON text in a 0-d unicode array and obeys the schema dataset_metadata of its version: 1, or 2 where the
dataset has something that began with version 2. Its list of transformations only ever grows.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict

import numpy as np
import numpy.typing as npt

from ptyproof._version import __version__
from ptyproof.errors import DataError, ManifestError
from ptyproof.io.hashing import sha256_file
from ptyproof.io.keys import RECORD_SINCE_2
from ptyproof.io.npz import NpzArchive
from ptyproof.io.schema import accepted, validate
from ptyproof.io.schema_files import load_schema
from ptyproof.io.strict_json import encodable, parse_json

if TYPE_CHECKING:
    from typing import Unpack

    from ptyproof_schemas.types.common import Stream
    from ptyproof_schemas.types.dataset_metadata import DatasetMetadata, Physical, Source

Role = Literal["base", "simulation", "measurement"]

KIND = "dataset_metadata"
METADATA = "_metadata"
ROLES: tuple[Role, ...] = ("base", "simulation", "measurement")
TOOL = f"ptyproof {__version__}"
_MAX_METADATA_BYTES = 1 << 24


class Known(TypedDict, total=False):
    """What a caller knows of a dataset besides its role; see the schema dataset_metadata."""

    photons_per_pattern_requested: float | None
    photons_per_pattern_measured: float | None
    intensity_scale: float | None
    seed: Stream | None
    split: Literal["train", "test", "all"]
    source: Source | None
    saturation_counts: float
    detector_psf_sigma_px: float
    physical: Physical


def new_metadata(role: Role, step: str, detail: str | Mapping[str, object], **known: Unpack[Known]) -> DatasetMetadata:
    """Return a `_metadata` record whose first transformation is `step`; what is not in `known` is null.

    `known` may set any other key of the schema (`split` is "all" unless given).

    Raises
    ------
    ManifestError
        If the record breaks the schema.
    """
    metadata: DatasetMetadata = {
        "schema_version": load_schema(KIND)["version"],
        "role": role,
        "photons_per_pattern_requested": None,
        "photons_per_pattern_measured": None,
        "intensity_scale": None,
        "seed": None,
        "split": "all",
        "source": None,
        "transformations": [],
        **known,
    }
    metadata = with_transformation(metadata, step, detail)
    if any(key in metadata for key in RECORD_SINCE_2):
        metadata = of_version_2(metadata)
    validate(metadata, KIND, "dataset metadata", major_of(metadata))
    return metadata


def major_of(metadata: object) -> int:
    """Return the version of the contract by which a record is judged: 1, or 2 where it states 2 or a later one."""
    stated = metadata.get("schema_version") if isinstance(metadata, dict) else None
    return 2 if isinstance(stated, str) and re.match(r"([2-9]|1[0-9])[0-9]*\.", stated) else 1


def without_detector(metadata: DatasetMetadata) -> DatasetMetadata:
    """Return a record without what it says of the detector, which is of patterns and not of a base."""
    result = copy.copy(metadata)
    result.pop("saturation_counts", None)
    result.pop("detector_psf_sigma_px", None)
    return result


def of_version_2(metadata: DatasetMetadata) -> DatasetMetadata:
    """Return a record of version 1 as one of version 2, which has all of its keys."""
    return {**metadata, "schema_version": load_schema(KIND, 2)["version"]}


def with_transformation(metadata: DatasetMetadata, step: str, detail: str | Mapping[str, object]) -> DatasetMetadata:
    """Return a copy of `metadata` with one more transformation at the end of its list."""
    result = copy.deepcopy(metadata)
    detail = detail if isinstance(detail, str) else dict(detail)
    result["transformations"] = [*result["transformations"], {"step": step, "tool": TOOL, "detail": detail}]
    return result


def read_metadata(archive: NpzArchive) -> DatasetMetadata | None:
    """Return the validated `_metadata` record of an archive, or None where it has none.

    Raises
    ------
    DataError
        If the member is not JSON text in a 0-d unicode array.
    ManifestError
        If the record is not strict JSON or breaks the schema.
    """
    member = archive.members.get(METADATA)
    if member is None:
        return None
    if member.dtype.kind != "U" or member.shape != ():
        found = f"{member.dtype} of shape {member.shape}"
        raise DataError(archive.path, f"must be JSON text in a 0-d unicode array, got {found}", METADATA)
    if member.nbytes > _MAX_METADATA_BYTES:
        limit = f"at most {_MAX_METADATA_BYTES} are allowed"
        raise DataError(archive.path, f"has {member.nbytes} bytes; {limit}", METADATA)
    text = str(archive.read(METADATA)[()])
    metadata = parse_json(text, archive.path, METADATA)
    try:
        record: DatasetMetadata = accepted(metadata, KIND, archive.path, major_of(metadata))
    except ManifestError as error:
        raise ManifestError(archive.path, error.reason, METADATA) from error
    return record


def file_name(path: Path) -> str:
    """Return a file's name as records have it: with ? for a backslash, and for what has no UTF-8 form."""
    return path.name.replace("\\", "?").encode(errors="replace").decode()


def source_of(path: Path) -> Source:
    """Return the record of the file that a dataset is made from: name and sha256."""
    return {"name": file_name(path), "sha256": sha256_file(path), "of": "file"}


def encode_metadata(metadata: DatasetMetadata) -> npt.NDArray[np.str_]:
    """Return a metadata record as the archive holds it: JSON text in a unicode array of shape ()."""
    return np.array(json.dumps(encodable(metadata), allow_nan=False, ensure_ascii=False, indent=1))
