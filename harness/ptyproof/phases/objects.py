"""The objects that a study trains on and tests on, made: drawn, from images, or from files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ptyproof import extras
from ptyproof.errors import DataError, InputError
from ptyproof.io.dataset import read_dataset
from ptyproof.io.hashing import sha256_array
from ptyproof.physics.images import object_of_image, part_of_image
from ptyproof.physics.names import IMAGE_NAMES, OBJECT_NAMES
from ptyproof.physics.objects import make_object
from ptyproof.study.objects import ObjectDesign, ObjectsDesign
from ptyproof.study.seeds import of_replicate, stream


@dataclass(frozen=True, eq=False)
class MadeObject:
    """An object: its entry in the study, its (rows, cols) complex64 transmission, and the digest of that."""

    design: ObjectDesign
    obj: npt.NDArray[np.complex64]
    sha256: str


@dataclass(frozen=True, eq=False)
class MadeObjects:
    """The objects of a study, those of the training half and those of the test halves."""

    train: tuple[MadeObject, ...]
    test: tuple[MadeObject, ...]

    def digests(self) -> dict[str, list[str]]:
        """Return the digests of the objects of each half."""
        return {"train": [made.sha256 for made in self.train], "test": [made.sha256 for made in self.test]}


def make_objects(objects: ObjectsDesign, shape: tuple[int, int], replicate: int = 1) -> MadeObjects:
    """Return the objects of a study, each of `shape` (rows, cols) pixels; the same design gives the same arrays.

    Parameters
    ----------
    objects
        Which objects.
    shape
        That of the base's object.
    replicate
        From the second one on, drawn objects have another draw, and images another part.

    Raises
    ------
    MissingExtraError
        If an image is needed and scikit-image is missing.
    DataError
        If a file breaks DATA-001, or holds no object.
    InputError
        If a test object has the arrays of another object.
    """
    made = MadeObjects(
        tuple(_make(entry, shape, replicate) for entry in objects.train),
        tuple(_make(entry, shape, replicate) for entry in objects.test),
    )
    seen: dict[str, str] = {}
    for one in (*made.train, *made.test):
        if one.sha256 in seen:
            raise InputError(f"the objects {seen[one.sha256]} and {one.design.name} of the study are the same arrays")
        seen[one.sha256] = one.design.name
    return made


def _make(entry: ObjectDesign, shape: tuple[int, int], replicate: int) -> MadeObject:
    rng = stream(entry.seed, *of_replicate(("base", "object"), replicate))
    if entry.kind in OBJECT_NAMES:
        obj = make_object(entry.kind, shape, rng)
    elif entry.kind in IMAGE_NAMES:
        obj = object_of_image(_image(entry.kind), shape, rng)
    else:
        assert entry.path is not None  # checked with the study
        obj = np.ascontiguousarray(part_of_image(_object_of_file(Path(entry.path)), shape, rng), dtype=np.complex64)
    return MadeObject(entry, obj, sha256_array(obj))


def _image(name: str) -> npt.NDArray[np.uint8]:
    """Return an image that comes with scikit-image, in its wheel."""
    extras.require(f"the object {name}", extras.IMAGES)
    from skimage import data

    images: dict[str, Callable[[], npt.NDArray[np.uint8]]] = {"camera": data.camera, "brick": data.brick}
    return images[name]()


def _object_of_file(path: Path) -> npt.NDArray[np.complex64]:
    obj = read_dataset(path).dataset.obj
    if obj is None:
        raise DataError(path, "is missing: an object of a study needs one", "objectGuess")
    return obj
