"""The checks of the suite: each is a function of a subject that returns what the method gets wrong.

A check returns sentences; an empty list is a pass. Thresholds of errors are complex NRMSE at the object's place: only
one complex scale is fitted, so a shift or a conjugate is an error. A constant object has 0.19 on these scans.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ptyproof import clock
from ptyproof.conformance import watching
from ptyproof.conformance.scenes import Scene, copied, flipped, make_scene
from ptyproof.errors import PtyproofError
from ptyproof.reconstruction.method import BlindScan, Budget, Method, Reconstruction, run_method

EPOCHS = 30
LARGEST_ERROR = {"iterates": 0.08, "direct": 0.08}  # of noise-free data; by kind of method
LARGEST_SUBPIXEL_ERROR = 0.12
LARGEST_SHIFT_PX = 0.2
ALIKE = 0.02  # two results that must be one differ by no more, as complex NRMSE
_SEED = 11
_FEW_EPOCHS = 3
_SHORT_S = 0.02
_ODD = (25, 23)
_OFFSET_PX = (0.5, -0.27)


@dataclass(eq=False)
class Subject:
    """A method, and its results on scenes, each made once.

    Attributes
    ----------
    method
        The method as a study would use it.
    seconds, peak_memory_bytes
        Of the reconstruction of the first scene; None before it.
    """

    method: Method
    seconds: float | None = None
    peak_memory_bytes: int | None = None
    _made: dict[int, Reconstruction] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """`iterates` for a method that spends epochs, else `direct`."""
        return "iterates" if self.method.needs.iterates else "direct"

    def run(self, scan: BlindScan, budget: Budget | None = None) -> Reconstruction:
        """Return what the method makes of a scan, with the suite's seed; errors are those of `run_method`."""
        return run_method(self.method, scan, budget or Budget(EPOCHS), np.random.default_rng(_SEED))

    def of(self, scene: Scene) -> npt.NDArray[np.complex64]:
        """Return the object (M, M') of a scene, made at the first call."""
        if id(scene) not in self._made:
            began = clock.seconds()
            self._made[id(scene)] = self.run(scene.scan)
            if self.seconds is None:
                self.seconds, self.peak_memory_bytes = clock.seconds() - began, watching.peak_memory_bytes()
        return self._made[id(scene)].obj


def perfect_data(subject: Subject) -> list[str]:
    """Patterns without noise give the object, at its place."""
    scene = make_scene()
    return _too_far(subject, scene, LARGEST_ERROR[subject.kind])


def odd_window(subject: Subject) -> list[str]:
    """So do patterns with odd sides that differ."""
    return _too_far(subject, make_scene(_ODD), LARGEST_ERROR[subject.kind])


def even_window(subject: Subject) -> list[str]:
    """So do patterns with even sides that differ."""
    return _too_far(subject, make_scene((24, 28)), LARGEST_ERROR[subject.kind])


def subpixel_positions(subject: Subject) -> list[str]:
    """Positions between pixels give the object at the same place."""
    return _too_far(subject, make_scene(offset_px=_OFFSET_PX), LARGEST_SUBPIXEL_ERROR)


def place(subject: Subject) -> list[str]:
    """The object lies where the positions say, for positions on and between pixels."""
    wrong = []
    for scene in (make_scene(), make_scene(offset_px=_OFFSET_PX)):
        row, col = scene.shift_px(subject.of(scene))
        if np.hypot(row, col) > LARGEST_SHIFT_PX:
            wrong.append(f"the object lies {row:.2f}, {col:.2f} px from its place, allowed is {LARGEST_SHIFT_PX:g}")
    return wrong


def probe_phase(subject: Subject) -> list[str]:
    """A global phase of the probe changes no pattern, so it changes no more than the object's phase."""
    scene = make_scene()
    scan = replace(scene.scan, probe=(scene.scan.probe * np.exp(2j)).astype(np.complex64))
    return _alike(scene, subject.run(scan).obj, subject.of(scene), "a global phase of the probe")


def brightness(subject: Subject) -> list[str]:
    """Amplitudes and probe in another unit of counts, a factor of 2, give the same object."""
    scene, brighter = make_scene(), make_scene(dose=4e5)
    return _alike(scene, subject.of(brighter), subject.of(scene), "four times the counts, without noise,")


def turned_scan(subject: Subject) -> list[str]:
    """Turning patterns, probe and positions by 180 degrees turns the object."""
    scene = make_scene(_ODD)
    found = subject.run(flipped(scene).scan).obj[::-1, ::-1]
    return _alike(scene, found, subject.of(scene), "turning the scan by 180 degrees")


def dose(subject: Subject) -> list[str]:
    """A hundred times the photons give a smaller error."""
    few, many = make_scene(dose=1e3, noisy=True), make_scene(dose=1e5, noisy=True)
    low, high = few.error(subject.of(few)), many.error(subject.of(many))
    return [] if high < low else [f"the error is {high:.4f} with 1e5 photons per pattern, and {low:.4f} with 1e3"]


def determinism(subject: Subject) -> list[str]:
    """One seed gives one result, whatever the global random states are, and these stay as they were."""
    scene, found = make_scene(), []
    subject.run(scene.scan, Budget(_FEW_EPOCHS))  # what is imported at the first call may seed something
    wrong: list[str] = []
    with watching.kept_global_states():
        for seed in (1, 2):
            watching.seed_global_states(seed)
            before = watching.global_states()
            found.append(subject.run(scene.scan, Budget(_FEW_EPOCHS)))
            after = watching.global_states()
            wrong += [
                f"the global random state of {name} has changed" for name in before if before[name] != after[name]
            ]
    first, second = found
    if first.obj.tobytes() != second.obj.tobytes() or first.probe.tobytes() != second.probe.tobytes():
        wrong.append("two runs with one seed, and other global random states, differ")
    return sorted(set(wrong))


def files(subject: Subject) -> list[str]:
    """It opens no file with the truth or the other half of the scan, which lie in its current folder."""
    scene, here = make_scene(), Path.cwd()
    subject.run(scene.scan, Budget(1))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        for file in ("truth.npz", "patched_train.npz", "patched_test.npz"):
            np.savez(folder / file, objectGuess=scene.obj, diffraction=scene.scan.amplitude)
        os.chdir(folder)
        try:
            with watching.opened_files() as seen:
                subject.run(scene.scan, Budget(1))
        finally:
            os.chdir(here)
        return [f"the method opened {path.name}" for path in watching.not_given(seen, folder)]


def input_unchanged(subject: Subject) -> list[str]:
    """The arrays of the scan are as they were, also where the caller's can be written to."""
    scene = make_scene()
    scan = copied(scene.scan)
    subject.run(scan, Budget(_FEW_EPOCHS))
    return [
        f"the method changed {name}"
        for name in ("amplitude", "probe", "positions_px")
        if not np.array_equal(getattr(scan, name), getattr(scene.scan, name))
    ]


def bad_input(subject: Subject) -> list[str]:
    """A scan that makes no sense is refused by an error of ptyproof."""
    scan, wrong = make_scene().scan, []
    for what, bad in _bad_scans(scan).items():
        try:
            subject.run(bad, Budget(1))
        except PtyproofError:
            continue
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            wrong.append(f"a scan with {what} ended by {type(error).__name__}: {error}")
        else:
            wrong.append(f"a scan with {what} was reconstructed")
    return wrong


def epochs(subject: Subject) -> list[str]:
    """A budget of epochs is spent, reported after each epoch, and not exceeded."""
    seen, scan = watching.Epochs(), make_scene().scan
    found = subject.run(scan, Budget(_FEW_EPOCHS, on_epoch=seen))
    wrong = []
    if len(found.losses) > _FEW_EPOCHS or max(seen.numbers, default=0) > _FEW_EPOCHS:
        wrong.append(f"{max(len(found.losses), *seen.numbers)} epochs were done, the budget is {_FEW_EPOCHS}")
    if not subject.method.needs.iterates:
        return wrong
    if seen.numbers != list(range(1, len(seen.numbers) + 1)) or not seen.numbers:
        wrong.append(f"on_epoch must be called with 1, 2, ... once each, got {seen.numbers}")
    if np.array_equal(subject.run(scan, Budget(1)).obj, found.obj):
        wrong.append(f"1 epoch and {_FEW_EPOCHS} epochs give the same object")
    return wrong


def seconds(subject: Subject) -> list[str]:
    """No epoch is begun after the budget's seconds."""
    seen = watching.Epochs()
    subject.run(make_scene().scan, Budget(seconds=_SHORT_S, on_epoch=seen))
    late = [time for time in seen.times if time - seen.times[0] > _SHORT_S]
    return [] if len(late) <= 1 else [f"{len(late) - 1} epochs were begun after a budget of {_SHORT_S} seconds"]


Check = Callable[[Subject], list[str]]
_ALL = (
    perfect_data, odd_window, even_window, subpixel_positions, place, probe_phase, brightness, turned_scan, dose,
    determinism, files, input_unchanged, bad_input, epochs, seconds,
)  # fmt: skip
CHECKS: dict[str, Check] = {check.__name__: check for check in _ALL}


def _too_far(subject: Subject, scene: Scene, allowed: float) -> list[str]:
    error = scene.error(subject.of(scene))
    return [] if error <= allowed else [f"the object's error (complex NRMSE) is {error:.4f}, allowed is {allowed:g}"]


def _alike(
    scene: Scene, found: npt.NDArray[np.complexfloating], other: npt.NDArray[np.complexfloating], what: str
) -> list[str]:
    difference = scene.difference(found, other)
    return [] if difference <= ALIKE else [f"{what} changes the object by {difference:.4f} (NRMSE), allowed {ALIKE:g}"]


def _bad_scans(scan: BlindScan) -> dict[str, BlindScan]:
    nan, infinite = scan.amplitude.copy(), scan.probe.copy()
    nan[3, 4, 5], infinite[2, 3] = np.nan, np.inf
    lost = scan.positions_px.copy()
    lost[5] = np.nan
    return {
        "a NaN in its patterns": replace(scan, amplitude=nan),
        "an infinite probe": replace(scan, probe=infinite),
        "a position that is no number": replace(scan, positions_px=lost),
        "fewer positions than patterns": replace(scan, positions_px=scan.positions_px[:-1]),
        "a probe of another shape": replace(scan, probe=scan.probe[:-1]),
        "windows outside the object": replace(scan, positions_px=scan.positions_px + 100),
        "no patterns": replace(scan, amplitude=scan.amplitude[:0], positions_px=scan.positions_px[:0]),
        "patterns without light": replace(scan, amplitude=np.zeros_like(scan.amplitude)),
    }
