"""The interface of reconstruction methods: what one is given, what it may spend, and what it has to return.

    class Mean:
        name = "mean"
        needs = Needs()

        def reconstruct(self, dataset: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
            obj = np.ones(dataset.object_shape, np.complex64)
            return Reconstruction(obj, dataset.probe)

A method is given a `BlindScan`, which has no truth, so no method can start from the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from ptyproof.errors import InputError, RunError
from ptyproof.io.knowledge import KNOWLEDGE, UNCERTAIN_POSITIONS, Knowledge, Tell
from ptyproof.io.told import Told
from ptyproof.io.unit_scale import unit_scale
from ptyproof.physics.fourier import fourier_shift
from ptyproof.reconstruction.scan_checks import check_scan, windows_outside
from ptyproof.reconstruction.tuning import Tuning

ProbeKnowledge = Literal["true", "estimated"]
PositionKnowledge = Literal["given", "estimated"]
POSITIONS: tuple[PositionKnowledge, ...] = ("given", "estimated")

MAX_EPOCHS = 1_000_000
NOTHING_TOLD = Told()
MAX_SECONDS = 1e6
_BLOCK = 64
_LARGEST_MODULUS = 1e18  # its square, times the pixels of a window, is a number that float32 holds


@dataclass(frozen=True)
class Needs:
    """What a method needs.

    Parameters
    ----------
    training
        It uses the bundle that was trained for the cell (`BlindScan.bundle_path`).
    probe
        `known`: it cannot do without the dataset's own probe; `either`: it can also refine an estimate.
    iterates
        It spends epochs: a budget that is given for all methods is also for it.
    grouping
        What it does depends on `BlindScan.grouped`.
    positions
        `given`: it takes the dataset's positions as they are; `either`: it can also refine them.
    uses
        What of beam and detector it can make use of, see `ptyproof.io.told`: it is given no more than this.

    Raises
    ------
    InputError
        If `uses` has a word that nothing is told by.
    """

    training: bool = False
    probe: Literal["known", "either"] = "known"
    iterates: bool = False
    grouping: bool = False
    positions: Literal["given", "either"] = "given"
    uses: tuple[Knowledge, ...] = ()

    def __post_init__(self) -> None:
        if any(word not in KNOWLEDGE for word in self.uses):  # so are the letters of one word
            allowed = f"a tuple of {', '.join(KNOWLEDGE)}"
            raise InputError(f"what a method uses must be {allowed}, got {self.uses!r}")

    @property
    def may_be_told(self) -> tuple[Tell, ...]:
        """What of all that a study may tell the method can make use of."""
        return (*self.uses, UNCERTAIN_POSITIONS) if self.positions == "either" else self.uses


def _nothing(_: int) -> None:
    """Take no notice of an epoch."""


def _no_object(_: int, __: Callable[[], npt.NDArray[np.complexfloating]]) -> None:
    """Take no notice of an object."""


@dataclass(frozen=True)
class Budget:
    """What a method may spend; None is no limit of that kind.

    Parameters
    ----------
    epochs
        Passes over all patterns.
    seconds
        Time after which no further epoch is begun.
    on_epoch
        To be called with the number of finished epochs after each, so that progress is seen.
    on_object
        May be called as well, with the number of finished epochs and a function that returns the object as it is now,
        (M, M') complex. The function is called after a few epochs alone; what it returns shows whether the method had
        converged, and the method does not get it back.
    """

    epochs: int | None = None
    seconds: float | None = None
    on_epoch: Callable[[int], None] = field(default=_nothing, compare=False, repr=False)
    on_object: Callable[[int, Callable[[], npt.NDArray[np.complexfloating]]], None] = field(
        default=_no_object, compare=False, repr=False
    )

    def __post_init__(self) -> None:
        if self.epochs is not None and (isinstance(self.epochs, bool) or not 1 <= self.epochs <= MAX_EPOCHS):
            raise InputError(f"a budget must be one epoch or more, and at most {MAX_EPOCHS}, got {self.epochs}")
        if self.seconds is not None and not 0 < self.seconds <= MAX_SECONDS:
            raise InputError(
                f"a time budget must be more than 0 seconds, and at most {MAX_SECONDS:g}, got {self.seconds:g}"
            )

    def as_dict(self) -> dict[str, Any]:
        """Return the record for a manifest."""
        return {"epochs": self.epochs, "seconds": self.seconds}


@dataclass(frozen=True, eq=False)
class BlindScan:
    """A scan as methods are given it: patterns, probe and positions, never the truth. Its arrays are read-only.

    Parameters
    ----------
    amplitude
        (n, H, W) float32: sqrt(counts), zero frequency in the middle; where the photon counts are not known, the
        amplitudes of the dataset.
    probe
        (H, W) complex64, in the dataset's unit: |F(probe object)|^2 are the expected squares of `amplitude`. The
        dataset's own, or, if the method estimates it, the initial probe.
    positions_px
        (n, 2) float64 (row, col) of the window's index (H // 2, W // 2) on the object's grid, sub-pixel.
    object_shape
        (M, M') of the object's grid, pixels.
    probe_knowledge
        `true`: `probe` is the dataset's own, to be held fixed; `estimated`: it is a start, to be refined.
    batch_size
        Patterns of an update, for methods that make several in an epoch.
    scan_sha256
        Digest of the dataset's patterns, probe and positions.
    counts_known
        Whether `amplitude` squared are photon counts.
    bundle_path
        The network that was trained for this cell, for methods that need one.
    grouped
        Whether the cell looks at neighboring patterns together: its gridsize is 2 or more.
    told
        What the method is told of beam and detector: of what it uses, what the dataset knows and the study tells.
    position_knowledge
        `given`: `positions_px` are taken as they are; `estimated`: they are a start, to be refined, and the result has
        the refined ones.
    """

    amplitude: npt.NDArray[np.float32]
    probe: npt.NDArray[np.complex64]
    positions_px: npt.NDArray[np.float64]
    object_shape: tuple[int, int]
    probe_knowledge: ProbeKnowledge = "true"
    batch_size: int = 64
    scan_sha256: str = ""
    counts_known: bool = True
    bundle_path: Path | None = None
    grouped: bool = True
    told: Told = NOTHING_TOLD
    position_knowledge: PositionKnowledge = "given"

    def __post_init__(self) -> None:
        for array in (self.amplitude, self.probe, self.positions_px):
            array.flags.writeable = False

    def __len__(self) -> int:
        """Return the number of patterns."""
        return len(self.positions_px)

    @property
    def window(self) -> tuple[int, int]:
        """(H, W) of a pattern, pixels."""
        return self.probe.shape[0], self.probe.shape[1]

    @property
    def modes(self) -> npt.NDArray[np.complex64]:
        """(P, H, W): the probe, and the further modes that the method is told."""
        further = self.told.further_modes
        return self.probe[None] if further is None else np.concatenate([self.probe[None], further])

    def inside(self, positions_px: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Return positions (n, 2), moved as far as needed for their windows to lie inside the object's grid."""
        first = np.array(self.window) // 2
        last = np.array(self.object_shape) - np.array(self.window) + first
        return np.clip(np.asarray(positions_px, dtype=np.float64), first, last)

    @property
    def corners_px(self) -> npt.NDArray[np.int64]:
        """(n, 2): first row and column of the whole-pixel window nearest to each position."""
        corners: npt.NDArray[np.int64] = np.rint(self.positions_px).astype(np.int64) - np.array(self.window) // 2
        return corners

    @property
    def unit_scale(self) -> float:
        """s such that a transparent object under s `probe` gives the measured light: objects have moduli near 1."""
        return unit_scale(self.amplitude, self.probe, self.told)


def shifted_probes(
    probe: npt.NDArray[np.complex64], positions_px: npt.NDArray[np.float64]
) -> npt.NDArray[np.complex64]:
    """Return the probe (H, W) of each position (n, 2), shifted by its fraction of a pixel: (n, H, W) complex64."""
    fractions = positions_px - np.rint(positions_px)
    stack = np.broadcast_to(probe, (len(positions_px), *probe.shape))
    return fourier_shift(stack, fractions).astype(np.complex64, copy=False)


def illumination(
    probe: npt.NDArray[np.complex64], positions_px: npt.NDArray[np.float64], shape: tuple[int, int]
) -> npt.NDArray[np.float32]:
    """Return sum_k |P_k|^2 on the object's grid, (M, M') float32.

    P_k is the probe (H, W) at position k of (n, 2), (row, col) in pixels, shifted by its fraction of a pixel.
    """
    total = np.zeros(shape, dtype=np.float64)
    height, width = probe.shape
    corners = np.rint(positions_px).astype(np.int64) - np.array(probe.shape) // 2
    for first in range(0, len(positions_px), _BLOCK):
        probes = shifted_probes(probe, positions_px[first : first + _BLOCK])
        for intensity, (row, col) in zip(np.abs(probes) ** 2, corners[first : first + _BLOCK].tolist(), strict=True):
            total[row : row + height, col : col + width] += intensity
    return total.astype(np.float32)


@dataclass(frozen=True, eq=False)
class Illuminations:
    """|P_k|^2, float32 (n, H, W), made when it is asked for.

    P_k is the probe (H, W) at position k of (n, 2), (row, col) in pixels, shifted by its fraction of a pixel.
    """

    probe: npt.NDArray[np.complex64]
    positions_px: npt.NDArray[np.float64]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(n, H, W)."""
        return len(self.positions_px), self.probe.shape[0], self.probe.shape[1]

    def __len__(self) -> int:
        """Return n."""
        return len(self.positions_px)

    def __getitem__(self, index: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Return those of an index (m,)."""
        found: npt.NDArray[np.float32] = np.abs(shifted_probes(self.probe, self.positions_px[index])) ** 2
        return found


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """What a method returns.

    Parameters
    ----------
    obj
        (M, M') complex64 on the object's grid; its global phase is free.
    probe
        (H, W) complex64 in the unit of `BlindScan.probe`.
    losses
        The method's own loss after each epoch, in the unit `loss_unit`; empty for a method without iterations.
    seconds
        Seconds since the iterations began, after each epoch.
    loss_unit
        What the loss is.
    steps_s
        Seconds of the parts of the work, in their order. Left empty, the whole call is measured from outside.
    stopped_by
        What ended the iterations: the budget's `epochs` or `seconds`; None where they ended by themselves, and for a
        method without iterations.
    remedies
        What had to be done so that a library could be used, or instead of a result that failed the method's own check,
        one sentence each.
    tuning
        What was tried to choose options; None where nothing was.
    gauge
        What gives patches that were found alone their phase and ramp; None where there are none.
    positions_px
        (n, 2) float64 (row, col): the refined positions, on the grid of the object, whose mean is that of the given
        ones; None where `BlindScan.position_knowledge` is `given`.
    further_modes
        (P - 1, H, W) complex64 in the unit of `BlindScan.probe`: modes of the probe that the method has refined beside
        `probe`; None where it has refined none.
    """

    obj: npt.NDArray[np.complex64]
    probe: npt.NDArray[np.complex64]
    losses: tuple[float, ...] = ()
    seconds: tuple[float, ...] = ()
    loss_unit: str | None = None
    steps_s: Mapping[str, float] = field(default_factory=dict)
    stopped_by: Literal["epochs", "seconds"] | None = None
    remedies: tuple[str, ...] = ()
    tuning: Tuning | None = None
    gauge: Literal["joint_initial_estimate"] | None = None
    positions_px: npt.NDArray[np.float64] | None = None
    further_modes: npt.NDArray[np.complex64] | None = None


@runtime_checkable
class Method(Protocol):
    """A way to reconstruct a scan.

    A method may also have `unavailable() -> str | None`: why it cannot run here, with the command that helps; it is
    then listed as skipped with that reason, and the others run. One with settings has `options` and
    `configured(options)`; see `ptyproof.reconstruction.options`. One that is known to fail checks of the conformance
    suite, for a reason in physics or in a library, has `conformance_exceptions`, the reason for each check.
    """

    name: str
    needs: Needs

    def reconstruct(self, dataset: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
        """Return object and probe of a scan, with no more than the budget; random numbers come from `rng` alone."""
        ...


def unavailable(method: Method) -> str | None:
    """Return why a method cannot run here, or None if it can."""
    ask: Callable[[], str | None] | None = getattr(method, "unavailable", None)
    return None if ask is None else ask()


def check_reconstruction(found: object, dataset: BlindScan) -> Reconstruction:
    """Return what a method returned, if it keeps the interface.

    Raises
    ------
    RunError
        If it is no `Reconstruction`, or an array has another shape or dtype, or a number that is not finite or whose
        square float32 does not hold; if it has refined positions that were given, or none where they were to be
        refined.
    """
    if not isinstance(found, Reconstruction):
        raise RunError(f"the method must return a Reconstruction, got {type(found).__name__}")
    for name, array, shape in (("object", found.obj, dataset.object_shape), ("probe", found.probe, dataset.window)):
        _check_array(name, array, shape)
    _check_positions(found, dataset)
    _check_modes(found, dataset)
    if len(found.losses) != len(found.seconds):
        raise RunError(
            f"the method's history must have a loss and a time for each epoch, got {len(found.losses)} losses and "
            f"{len(found.seconds)} times"
        )
    for name, values in (("losses", found.losses), ("times", (*found.seconds, *found.steps_s.values()))):
        if not np.all(np.isfinite(np.asarray(values, dtype=np.float64))):
            raise RunError(f"the method's {name} must be finite, got {list(values)}")
    if any(value < 0 for value in found.steps_s.values()):
        raise RunError(f"the method's steps must take no less than 0 seconds, got {dict(found.steps_s)}")
    return found


def _check_positions(found: Reconstruction, dataset: BlindScan) -> None:
    positions_px: object = found.positions_px
    if dataset.position_knowledge == "given":
        if positions_px is not None:
            raise RunError("the method must keep the given positions and return none, but it returned refined ones")
        return
    if not isinstance(positions_px, np.ndarray) or positions_px.dtype != np.float64:
        kind = positions_px.dtype if isinstance(positions_px, np.ndarray) else type(positions_px).__name__
        raise RunError(f"the method must return refined positions as a float64 array, got {kind}")
    if positions_px.shape != (len(dataset), 2) or not np.all(np.isfinite(positions_px)):
        shape, bad = positions_px.shape, int(np.count_nonzero(~np.isfinite(positions_px)))
        raise RunError(f"refined positions must be ({len(dataset)}, 2) finite numbers, got {shape}, {bad} not finite")
    outside = windows_outside(positions_px, dataset.window, dataset.object_shape)
    if outside.size:
        at, shape = positions_px[outside[0]].tolist(), dataset.object_shape
        raise RunError(
            f"every window at a refined position must be inside the object of shape {shape}, but {outside.size} of "
            f"{len(dataset)} are not: position {at} at index {outside[0]}"
        )


def _check_modes(found: Reconstruction, dataset: BlindScan) -> None:
    modes: object = found.further_modes
    if modes is None:
        return
    if dataset.probe_knowledge == "true":
        raise RunError("the method must keep the given modes and return none, but it returned refined ones")
    _check_array("further_modes", modes, (modes.shape[0] if isinstance(modes, np.ndarray) else 1, *dataset.window))


def _check_array(name: str, array: object, shape: tuple[int, ...]) -> None:
    if not isinstance(array, np.ndarray) or array.dtype != np.complex64:
        kind = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
        raise RunError(f"the method's {name} must be a complex64 array, got {kind}")
    if array.shape != shape:
        raise RunError(f"the method's {name} must have the shape {shape}, got {array.shape}")
    bad = np.count_nonzero(~np.isfinite(array))
    if bad:
        raise RunError(f"the method's {name} must be finite, but {bad} of its {array.size} pixels are not")
    with np.errstate(over="ignore"):
        largest = float(np.abs(array).max())
    if largest > _LARGEST_MODULUS:
        raise RunError(f"the method's {name} must have moduli of at most {_LARGEST_MODULUS:g}, got {largest:g}")


def run_method(method: Method, dataset: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
    """Return what a method makes of a scan, after `check_scan` of the scan and `check_reconstruction` of the result.

    Errors are those of all three.
    """
    check_scan(dataset.amplitude, dataset.probe, dataset.positions_px, dataset.object_shape)
    dataset.told.check(len(dataset), dataset.window)
    return check_reconstruction(method.reconstruct(dataset, budget, rng), dataset)
