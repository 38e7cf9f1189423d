"""Which objects a study trains on and which it tests on, as plain data.

A study without this table has one object, that of its base: the training half and the test half are halves of it. With
the table, the training half is simulated from the training objects and each test half from a test object.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Literal, cast

from ptyproof.errors import DesignError
from ptyproof.physics.names import IMAGE_NAMES, OBJECT_NAMES
from ptyproof.study import checks

if TYPE_CHECKING:
    from ptyproof_schemas.types.study_design import Object as ObjectRecord
    from ptyproof_schemas.types.study_design import Objects as ObjectsRecord

Kind = Literal["grains", "siemens", "camera", "brick", "file"]

FILE = "file"
OBJECT_KINDS = (*OBJECT_NAMES, *IMAGE_NAMES, FILE)
MAX_OBJECTS = 64
_DEFAULT_SEED = 7  # that of a base, so that `grains` is the object of the built-in studies
_KEYS = frozenset({"kind", "seed", "path", "name"})


@dataclass(frozen=True)
class ObjectDesign:
    """An object of a study.

    Parameters
    ----------
    kind
        `grains` and `siemens` are drawn; `camera` and `brick` are images of scikit-image; `file` is the object of a
        DATA-001 file.
    seed
        Decides what is drawn; for images and files, which part of the image is taken and how it is turned.
    path
        For `file`: the archive, relative to the folder in which a phase runs.
    name
        Name in views and files; empty takes the kind, for `file` the stem of the path.
    """

    kind: str
    seed: int = _DEFAULT_SEED
    path: str | None = None
    name: str = ""

    def __post_init__(self) -> None:
        checks.choice("objects.kind", self.kind, OBJECT_KINDS)
        checks.integer("objects.seed", self.seed, 0)
        if (self.kind == FILE) is (self.path is None):
            needed = "the path of a DATA-001 file" if self.kind == FILE else f"absent for the kind {self.kind}"
            raise checks.refuse("objects.path", self.path, needed)
        if self.path is not None:
            _check_path(self.path)
        if self.name == "":
            object.__setattr__(self, "name", self._default_name)
        checks.name("objects.name", self.name)

    @property
    def _default_name(self) -> str:
        return self.kind if self.path is None else PurePosixPath(self.path).stem

    @property
    def image(self) -> str | None:
        """The image that the object is a part of, None for one that is drawn: two parts of one image can overlap."""
        return None if self.kind in OBJECT_NAMES else self.path or self.kind

    def is_same(self, other: ObjectDesign) -> bool:
        """Tell whether both are the same draw, or parts of the same image."""
        if self.image is not None:
            return self.image == other.image
        return (self.kind, self.seed) == (other.kind, other.seed)

    def as_dict(self) -> ObjectRecord:
        """Return the table that stands in a study's TOML or JSON."""
        table: ObjectRecord = {"kind": cast("Kind", self.kind), "seed": self.seed}
        if self.path is not None:
            table["path"] = self.path
        if self.name != self._default_name:
            table["name"] = self.name
        return table


@dataclass(frozen=True)
class ObjectsDesign:
    """The objects of a study: those of the training half, side by side in one dataset, and those of the test halves."""

    train: tuple[ObjectDesign, ...]
    test: tuple[ObjectDesign, ...]

    def __post_init__(self) -> None:
        for key, objects in (("train", self.train), ("test", self.test)):
            if not 1 <= len(objects) <= MAX_OBJECTS:
                raise checks.refuse(f"objects.{key}", f"{len(objects)} objects", f"a list of 1 to {MAX_OBJECTS}")
        names = [entry.name.casefold() for entry in self.test]
        for entry in self.test:
            if names.count(entry.name.casefold()) > 1:
                raise DesignError(f"objects.test must have different names, got {entry.name!r} more than once")
        for index, entry in enumerate(self.train):
            if any(entry.is_same(other) for other in (*self.test, *self.train[:index])):
                shown = entry.image or f"{entry.kind} with the seed {entry.seed}"
                raise DesignError(f"objects.train must have no object or image that the study has already, got {shown}")

    @property
    def test_names(self) -> tuple[str, ...]:
        """Names of the test objects, in their order."""
        return tuple(entry.name for entry in self.test)

    def as_dict(self) -> ObjectsRecord:
        """Return the table that stands in a study's TOML or JSON."""
        return {
            "train": [entry.as_dict() for entry in self.train],
            "test": [entry.as_dict() for entry in self.test],
        }


def objects_from_dict(table: Any) -> ObjectsDesign:
    """Return the objects that the table `objects` of a study describes.

    Raises
    ------
    DesignError
        For unknown or missing keys and impossible values.
    """
    halves = frozenset({"train", "test"})
    values: Mapping[str, Any] = checks.known_keys("objects", table, halves, halves)
    made: dict[str, tuple[ObjectDesign, ...]] = {}
    for key, entries in values.items():
        if not isinstance(entries, list):
            raise checks.refuse(f"objects.{key}", entries, "a list")
        where = f"objects.{key}"
        tables = [
            checks.known_keys(f"{where}[{i}]", entry, _KEYS, frozenset({"kind"})) for i, entry in enumerate(entries)
        ]
        made[key] = tuple(ObjectDesign(**entry) for entry in tables)
    return ObjectsDesign(**made)


def _check_path(path: Any) -> None:
    if not isinstance(path, str) or not path or "\\" in path or PurePosixPath(path).is_absolute():
        raise checks.refuse("objects.path", path, "a relative path with / between folders")
    if not path.endswith(".npz"):
        raise checks.refuse("objects.path", path, "a DATA-001 file, *.npz")
