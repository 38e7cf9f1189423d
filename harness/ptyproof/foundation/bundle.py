"""The bundle of a shared network: `foundation.safetensors` with the record of its training, and `foundation.json`.

The record in the bundle says nothing of time, so that the same training gives the same bytes again. The file beside it
is for people: it has the seconds and the course of the training as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ptyproof._version import __version__
from ptyproof.errors import DataError
from ptyproof.foundation.design import FoundationDesign, design_of
from ptyproof.foundation.networks import network_of
from ptyproof.foundation.objects import KINDS
from ptyproof.foundation.shipped import BUNDLE, RECORD
from ptyproof.foundation.validation import validate
from ptyproof.io import schema, strict_json
from ptyproof.io.hashing import sha256_file, sha256_json
from ptyproof.io.schema_files import load_schema
from ptyproof.training.bundle import read_weights, write_weights
from ptyproof.training.device import RunOptions, compute_environment
from ptyproof.training.network import GroupNetwork

if TYPE_CHECKING:
    from ptyproof.foundation.training import Course
    from ptyproof_schemas.types.foundation import Foundation

_CODE = ("foundation", "physics", "reconstruction", "training")  # the packages that decide what a step gives


@dataclass(frozen=True, eq=False)
class SharedNetwork:
    """A shared network, the record of its training (schema foundation 1), and the digest of its file."""

    network: GroupNetwork
    record: Foundation
    sha256: str

    @property
    def windows_px(self) -> tuple[int, ...]:
        """Sides of the patterns that it was trained on, pixels, the smallest first."""
        return tuple(sorted({frame["window_px"] for frame in self.record["design"]["frames"]}))


def write_bundle(folder: Path, course: Course, design: FoundationDesign, options: RunOptions) -> Path:
    """Write the bundle of a training that has ended, and the record beside it; return the path of the bundle."""
    network = network_of(design)
    network.load_state_dict(course.mean)
    network.to(next(course.network.parameters()).device)
    record: Foundation = {
        "kind": "foundation",
        "schema_version": load_schema("foundation")["version"],
        "tool": {"name": "ptyproof", "version": __version__},
        "design": cast("Any", design.as_dict()),
        "recipe_sha256": design.recipe_sha256(),
        "code_sha256": code_sha256(),
        "steps": course.step,
        "objects": list(KINDS),
        "environment": cast("Any", compute_environment(options)),
        "validation": validate(network.eval(), design),
    }
    write_weights(folder / BUNDLE, network, record, "foundation", folder / RECORD)
    course_of: Foundation = {**record, "seconds": course.seconds, "history": cast("Any", course.history)}
    schema.validate(course_of, "foundation", folder / RECORD)
    strict_json.write_json(folder / RECORD, course_of)
    return folder / BUNDLE


def read_bundle(path: Path) -> SharedNetwork:
    """Return the shared network of a bundle.

    Raises
    ------
    DataError
        If the file is missing, damaged, no bundle of a shared network, or its weights do not fit its record.
    """
    if not path.is_file():
        raise DataError(path, f"is missing; a shared network is the file {BUNDLE} of `ptyproof foundation train`")
    network, record = read_weights(path, "foundation", _build)
    return SharedNetwork(network, cast("Foundation", record), sha256_file(path))


@cache
def code_sha256() -> str:
    """Return the digest of the files that decide what a step of a training gives."""
    root = Path(str(files("ptyproof")))
    paths = sorted(path for package in _CODE for path in (root / package).rglob("*.py"))
    return sha256_json({path.relative_to(root).as_posix(): sha256_file(path) for path in paths})


def _build(record: Mapping[str, Any]) -> GroupNetwork:
    return network_of(design_of(record["design"]))
