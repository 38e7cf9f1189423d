"""A method in a folder with files that it must neither read nor change: the truth, and the other half of the scan."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ptyproof.conformance.file_watch import Allowed, watched_files
from ptyproof.conformance.scenes import Scene
from ptyproof.conformance.subject import Subject
from ptyproof.io.hashing import sha256_file
from ptyproof.reconstruction.method import Budget

# as in a hub: datasets beside the folder with the bundle; and in the current folder
_BUNDLE = "real_run/dose_100000/dense/gs2"
_TRUTH = (
    "truth.npz",
    "patched_train.npz",
    "patched_test.npz",
    "work/phase_c/dose_100000/patched_train.npz",
    "work/phase_c/dose_100000/patched_test.npz",
)


@dataclass(frozen=True, eq=False)
class Visit:
    """What a method did in a folder: its object (M, M'), and the files that it should not have read or changed.

    Files of the folder are named relative to it.
    """

    obj: npt.NDArray[np.complex64]
    read: tuple[str, ...]
    changed: tuple[str, ...]


def visit(subject: Subject, scene: Scene, *, truth: bool) -> Visit:
    """Run a method for one epoch in a temporary folder, with or without files of the truth, and watch it."""
    subject.first()  # what is imported at the first call may open and write files
    with tempfile.TemporaryDirectory(prefix="ptyproof-conformance-") as name:
        folder = Path(name).resolve()
        bundle = subject.bundle(scene.scan.window, folder / _BUNDLE)
        for file in _TRUTH if truth else ():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            np.savez(folder / file, objectGuess=scene.obj, diffraction=scene.scan.amplitude)
        before = _contents(folder)
        with _inside(folder), watched_files() as seen:
            found = subject.run(replace(scene.scan, bundle_path=bundle), Budget(1))
        after = _contents(folder)
        files = {path for path, digest in before.items() if digest}
        allowed = Allowed.beside(folder, files, () if bundle is None else (bundle, bundle.with_suffix(".json")))
    changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    read = {path for path in seen.read if not allowed.to_read(path)}
    changed |= {path for path in seen.changed if not allowed.to_change(path)}
    return Visit(found.obj, _names(read, folder), _names(changed, folder))


def _names(paths: set[Path], folder: Path) -> tuple[str, ...]:
    return tuple(sorted(str(path.relative_to(folder) if path.is_relative_to(folder) else path) for path in paths))


def _contents(folder: Path) -> dict[Path, str]:
    """Return the digest of each file in a folder, and the folders in it with an empty one."""
    return {path: sha256_file(path) if path.is_file() else "" for path in folder.rglob("*")}


@contextmanager
def _inside(folder: Path) -> Iterator[None]:
    here = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(here)
