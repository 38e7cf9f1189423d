"""A method under test: its results on scenes, each made once, and what its first call gave."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ptyproof.conformance.bundles import write_drawn_bundle
from ptyproof.conformance.scenes import HIGH_DOSE, Scene, copied, make_scene
from ptyproof.conformance.watching import one_thread
from ptyproof.reconstruction.method import BlindScan, Budget, Method, Reconstruction, run_method

EPOCHS = 30
FEW_EPOCHS = 3
_SEED = 11


@dataclass(frozen=True, eq=False)
class FirstCall:
    """What a method returned when it was called for the first time, and the bytes of its object then."""

    found: Reconstruction
    obj_bytes: bytes


@dataclass(eq=False)
class Subject:
    """A method, and its results on scenes, each made once.

    Each call gets arrays of its own, so that what a method does to them reaches no other call. A method that needs a
    bundle gets one for the scan's window.

    Attributes
    ----------
    method
        The method as a study would use it.
    """

    method: Method
    _made: dict[int, Reconstruction] = field(default_factory=dict)
    _bundles: dict[tuple[int, int], Path] = field(default_factory=dict)
    _first: FirstCall | None = None

    def first(self) -> FirstCall:
        """Return what the method's first call in this process gave: a few epochs of the first scene."""
        if self._first is None:
            found = self._call(make_scene().scan, Budget(FEW_EPOCHS))
            self._first = FirstCall(found, found.obj.tobytes())
        return self._first

    def run(self, scan: BlindScan, budget: Budget | None = None) -> Reconstruction:
        """Return what the method makes of a scan, with the suite's seed; errors are those of `run_method`."""
        self.first()
        return self._call(scan, budget or Budget(EPOCHS))

    def of(self, scene: Scene) -> npt.NDArray[np.complex64]:
        """Return the object (M, M') of a scene, made at the first call."""
        if id(scene) not in self._made:
            self._made[id(scene)] = self.run(scene.scan)
        return self._made[id(scene)].obj

    def bundle(self, window: tuple[int, int], folder: Path | None = None) -> Path | None:
        """Return the bundle of a method that needs one, in `folder` or in a temporary one; None for other methods."""
        if not self.method.needs.training:
            return None
        if folder is not None:
            return write_drawn_bundle(folder, window, HIGH_DOSE)
        if window not in self._bundles:
            place = Path(tempfile.mkdtemp(prefix="ptyproof-conformance-"))
            self._bundles[window] = write_drawn_bundle(place, window, HIGH_DOSE)
        return self._bundles[window]

    def call(self, given: BlindScan, budget: Budget) -> Reconstruction:
        """Return what the method makes of these very arrays, with one thread; errors are those of `run_method`."""
        with one_thread():
            return run_method(self.method, given, budget, np.random.default_rng(_SEED))

    def _call(self, scan: BlindScan, budget: Budget) -> Reconstruction:
        with_bundle = replace(scan, bundle_path=scan.bundle_path or self.bundle(scan.window))
        return self.call(copied(with_bundle, writeable=False), budget)
