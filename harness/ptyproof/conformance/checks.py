"""The checks of the suite: each is a function of a subject that returns what the method gets wrong.

A check returns sentences; an empty list is a pass. Thresholds of errors are complex NRMSE at the object's place: only
one complex scale is fitted, so a shift or a conjugate is an error. A constant object has 0.19 on these scans.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ptyproof.conformance import watching
from ptyproof.conformance.folders import Visit, visit
from ptyproof.conformance.scenes import ARRAYS, Scene, copied, flipped, make_scene, position_errors
from ptyproof.conformance.subject import FEW_EPOCHS, Subject
from ptyproof.errors import PtyproofError
from ptyproof.physics.positions import rms_error
from ptyproof.reconstruction.method import BlindScan, Budget

LARGEST_ERROR = 0.08  # of noise-free data
LARGEST_SUBPIXEL_ERROR = 0.12
LARGEST_SHIFT_PX = 0.2
LARGEST_LEFT = 0.75  # of the error of positions, after they were refined
ALIKE = 0.02  # two results that must be one differ by no more, as complex NRMSE
_SHORT_S = 0.02
_ODD = (25, 23)
_OFFSET_PX = (0.5, -0.27)


def perfect_data(subject: Subject) -> list[str]:
    """Patterns without noise give the object, at its place."""
    scene = make_scene()
    return _too_far(subject, scene, LARGEST_ERROR)


def odd_window(subject: Subject) -> list[str]:
    """Patterns of 25 x 23 px, without noise, give the object at its place."""
    return _too_far(subject, make_scene(_ODD), LARGEST_ERROR)


def even_window(subject: Subject) -> list[str]:
    """Patterns of 24 x 28 px, without noise, give the object at its place."""
    return _too_far(subject, make_scene((24, 28)), LARGEST_ERROR)


def subpixel_positions(subject: Subject) -> list[str]:
    """Positions between pixels, without noise, give the object at its place."""
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


def refined_positions(subject: Subject) -> list[str]:
    """A method that refines positions returns better ones than it was given; where they are given, it returns none."""
    if subject.method.needs.positions != "either":
        return []
    scene = make_scene()
    scan, true_px = scene.scan, scene.scan.positions_px
    moved = replace(scan, positions_px=true_px + position_errors(len(scan)), position_knowledge="estimated")
    found = subject.run(moved).positions_px
    assert found is not None  # `run_method` refuses a result without them, and one with them where they were given
    before, after = rms_error(moved.positions_px, true_px), rms_error(found, true_px)
    subject.run(scan, Budget(FEW_EPOCHS))
    if after <= LARGEST_LEFT * before:
        return []
    said = f"positions with an rms error of {before:.3f} px became ones with {after:.3f} px"
    return [f"{said}, allowed is {LARGEST_LEFT * before:.3f} px"]


def determinism(subject: Subject) -> list[str]:
    """One seed gives one result, whatever the global random states are, and these stay as they were."""
    scene, found = make_scene(), []
    subject.run(scene.scan, Budget(FEW_EPOCHS))  # what is imported at the first call may seed something
    wrong: list[str] = []
    with watching.kept_global_states():
        for seed in (1, 2):
            watching.seed_global_states(seed)
            before = watching.global_states()
            found.append(subject.run(scene.scan, Budget(FEW_EPOCHS)))
            after = watching.global_states()
            wrong += [
                f"the global random state of {name} has changed" for name in before if before[name] != after[name]
            ]
    first, second = found
    if first.obj.tobytes() != second.obj.tobytes() or first.probe.tobytes() != second.probe.tobytes():
        wrong.append("two runs with one seed, and other global random states, differ")
    return sorted(set(wrong))


def state(subject: Subject) -> list[str]:
    """A call leaves nothing behind: after calls for other scans, the first call's scan gives the first call's bits."""
    first, wrong = subject.first(), []
    others = [make_scene(dose=1e3, noisy=True), make_scene(offset_px=_OFFSET_PX)]
    if first.obj_bytes in [subject.run(other.scan, Budget(FEW_EPOCHS)).obj.tobytes() for other in others]:
        wrong.append("another scan gives the object of the first one, to the last bit")
    if first.found.obj.tobytes() != first.obj_bytes:
        wrong.append("the object that an earlier call returned has changed")
    if subject.run(make_scene().scan, Budget(FEW_EPOCHS)).obj.tobytes() != first.obj_bytes:
        wrong.append("the first call and a later one differ, with one scan and one seed")
    return wrong


def files(subject: Subject) -> list[str]:
    """It opens no file with the truth or the other half of the scan, and none of them changes the result."""
    scene = make_scene()
    alone, again, beside = (visit(subject, scene, truth=truth) for truth in (False, False, True))
    wrong = [f"the method opened {name}" for name in beside.read]
    if _differ(scene, alone, again, beside):
        wrong.append("the result is another where files with the truth lie beside the scan")
    return wrong


def writes(subject: Subject) -> list[str]:
    """It writes, changes and removes no file but temporary ones of its own."""
    return [f"the method wrote, changed or removed {name}" for name in visit(subject, make_scene(), truth=True).changed]


def input_unchanged(subject: Subject) -> list[str]:
    """The arrays of the scan are as they were, also where the caller's can be written to."""
    scan = make_scene().scan
    given = copied(replace(scan, bundle_path=subject.bundle(scan.window)), writeable=True)
    subject.call(given, Budget(FEW_EPOCHS))
    return [
        f"the method changed {name}" for name in ARRAYS if not np.array_equal(getattr(given, name), getattr(scan, name))
    ]


def bad_input(subject: Subject) -> list[str]:
    """A scan that makes no sense is refused by an error of ptyproof."""
    scan, wrong = make_scene().scan, []
    subject.first()  # one that fails on every scan has refused none
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
    found = subject.run(scan, Budget(FEW_EPOCHS, on_epoch=seen))
    wrong = []
    if len(found.losses) > FEW_EPOCHS or max(seen.numbers, default=0) > FEW_EPOCHS:
        wrong.append(f"{max(len(found.losses), *seen.numbers)} epochs were done, the budget is {FEW_EPOCHS}")
    if not subject.method.needs.iterates:
        return wrong
    if seen.numbers != list(range(1, len(seen.numbers) + 1)) or not seen.numbers:
        wrong.append(f"on_epoch must be called with 1, 2, ... once each, got {seen.numbers}")
    if np.array_equal(subject.run(scan, Budget(1)).obj, found.obj):
        wrong.append(f"1 epoch and {FEW_EPOCHS} epochs give the same object")
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
    refined_positions, determinism, state, files, writes, input_unchanged, bad_input, epochs, seconds,
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


def _differ(scene: Scene, alone: Visit, again: Visit, beside: Visit) -> bool:
    """Tell whether the result beside the truth is another; a method that never gives the same bits has some leeway."""
    if np.array_equal(alone.obj, again.obj):
        return not np.array_equal(alone.obj, beside.obj)
    return scene.difference(beside.obj, alone.obj) > ALIKE


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
