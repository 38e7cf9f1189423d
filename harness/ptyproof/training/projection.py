"""The initial estimate: all patterns of a group projected together onto the object on the group's canvas.

Notation as in `ptyproof.training.forward`. Two things happen in a projection. Every exit wave psi_k = P_k O is given
the measured modulus and the changes are averaged, each with the illumination of its probe (the simultaneous form of
error reduction): O += sum_k P_k* (psi'_k - psi_k) / sum_k |P_k|^2. This corrects what is finer than a probe in a few
rounds, and what is coarser hardly at all, since each pattern alone is blind for its patch's phase. So the slope of the
phase is read off each pattern's change as well, the phases that fit all slopes are found at once
(`ptyproof.physics.ramps`), and the object is turned by them. A change shows a share of the slope that depends on the
probe (all of it for one in focus, less for a curved one), which is tried out with a slope that is known, on the
detector as it is. Between
projections the object goes on a part of its last way (heavy ball; Polyak, USSR Comput. Math. Math. Phys. 4, 1, 1964).
"""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from ptyproof.io.blocks import let_go_of_freed
from ptyproof.physics.ramps import integrate_ramps
from ptyproof.training.canvas import Canvas
from ptyproof.training.forward import Detector, back, spectrum
from ptyproof.training.modulus import FLOOR, Recorded, of_members

_MOMENTUM = 0.8
_TRIAL_SLOPE = 0.02  # radians per pixel, to measure how much of a slope a projection corrects
_LARGEST_GAIN = 3.0  # more would rather turn patches by noise
_OFTEN = 16  # blocks, after which freed memory is given back
_DARK = 0.01  # of the brightest pixel of a probe: changes fade out where the illumination is below it


class Group(ABC):
    """Groups of patterns on their canvases, which give themselves in blocks, and what follows from their probes."""

    canvas: Canvas

    @property
    @abstractmethod
    def mean(self) -> Patterns:
        """One pattern of each group, with the mean of its probes and of what is known of its detector."""

    @abstractmethod
    def parts(self) -> Iterator[Patterns]:
        """Yield the patterns in blocks."""

    @cached_property
    def illumination(self) -> Tensor:
        """sum_k |P_k|^2 of all modes on the canvas, real (B, h, w), photons."""
        return _total(part.canvas.add_up(_intensity(*part.modes)) for part in self.parts())

    @cached_property
    def peak(self) -> Tensor:
        """The brightest pixel of each group's probes, real (B, 1, 1), photons."""
        brightest = [_intensity(*part.modes).flatten(1).amax(1) for part in self.parts()]
        return torch.stack(brightest).amax(0)[:, None, None]

    @cached_property
    def divisor(self) -> Tensor:
        """What sums over patterns are divided by, real (B, h, w), photons: the illumination, and a little more."""
        return self.illumination + _DARK * self.peak

    @cached_property
    def slope_gains(self) -> Tensor:
        """What a shown slope along rows and columns is multiplied with, real (B, 1, 2), from each group's mean probe.

        A projection shows a share s of a slope and corrects it: 1 / s - 1 of what is shown remains to be corrected.
        """
        mean = self.mean
        shares = []
        for axis, size in enumerate(self.canvas.window):
            places = torch.arange(size, dtype=mean.probes.real.dtype, device=mean.probes.device)
            phases = _TRIAL_SLOPE * (places[:, None] if axis == 0 else places).expand(self.canvas.window)
            tilt = torch.polar(torch.ones_like(phases), phases)
            recorded = mean.recorded.of_light([spectrum(mode * tilt) for mode in mean.modes])
            slopes, _ = _slopes(mean.modes, _changes(mean.modes, recorded))
            shares.append(slopes[..., axis] / _TRIAL_SLOPE)
        return (1 / torch.stack(shares, -1).clamp_min(FLOOR) - 1).clamp(0, _LARGEST_GAIN)


@dataclass(frozen=True, eq=False)
class Patterns(Group):
    """Groups of patterns, and the canvases on which their object is looked for.

    Parameters
    ----------
    amplitude
        real (B, C, H, W): sqrt(counts), zero frequency first.
    probes
        complex (B, C, H, W): the probe of each pattern, scaled to the counts.
    canvas
        Where the windows lie.
    block
        Patterns of a group that are worked on at a time; what is computed does not depend on it but for rounding.
    on_block
        Called with the number of patterns of each block that was worked on, so that progress is seen.
    valid
        bool (B, C, H, W) with B and C of the amplitudes or 1, zero frequency first: where a modulus was measured;
        elsewhere a projection leaves the model's. None is everywhere.
    background
        real (B, C, H, W) as `valid`, expected counts besides the light; None is 0.
    further
        complex (B, C, H, W) each: the other modes of each pattern's probe, whose intensities add up.
    saturated
        bool (B, C, H, W): where there were as many counts or more; None is nowhere.
    blur
        The blur of the detector; None is a sharp one.
    """

    amplitude: Tensor
    probes: Tensor
    canvas: Canvas
    block: int
    on_block: Callable[[int], object] | None = None
    valid: Tensor | None = None
    background: Tensor | None = None
    further: tuple[Tensor, ...] = ()
    saturated: Tensor | None = None
    blur: Detector | None = None

    @property
    def modes(self) -> tuple[Tensor, ...]:
        """All modes of each pattern's probe, complex (B, C, H, W) each."""
        return self.probes, *self.further

    @property
    def recorded(self) -> Recorded:
        """What the detector has recorded."""
        return Recorded(self.amplitude, self.valid, self.background, self.saturated, self.blur)

    @property
    def mean(self) -> Patterns:
        """One pattern of each group, with the mean of its probes and of what is known of its detector."""
        first = replace(self, amplitude=self.amplitude[:, :1], canvas=self.canvas.subset(slice(0, 1)), saturated=None)
        valid = None if self.valid is None else self.valid.to(self.amplitude.dtype)
        return replace(first, valid=valid, on_block=None)._by(lambda array: array.mean(1, keepdim=True))

    def times(self, factor: float) -> Patterns:
        """Return the patterns with probes and what is known of their detector times a factor."""
        return self._by(lambda array: array * factor)

    def plus(self, other: Patterns) -> Patterns:
        """Return the patterns with probes and what is known of their detector added to those of as many others."""
        rest = iter([*other.modes, *(array for array in (other.valid, other.background) if array is not None)])
        return self._by(lambda array: array + next(rest))

    def _by(self, how: Callable[[Tensor], Tensor]) -> Patterns:
        probes, further = how(self.probes), tuple(how(mode) for mode in self.further)
        valid = None if self.valid is None else how(self.valid)
        background = None if self.background is None else how(self.background)
        return replace(self, probes=probes, further=further, valid=valid, background=background)

    def parts(self) -> Iterator[Patterns]:
        """Yield the patterns in blocks."""
        if self.amplitude.shape[1] <= self.block:
            yield self
            if self.on_block is not None:
                self.on_block(self.amplitude.shape[1])
            return
        for first in range(0, self.amplitude.shape[1], self.block):
            members = slice(first, first + self.block)
            amplitude = self.amplitude[:, members]
            yield Patterns(
                amplitude,
                self.probes[:, members],
                self.canvas.subset(members),
                self.block,
                valid=of_members(self.valid, members),
                background=of_members(self.background, members),
                further=tuple(mode[:, members] for mode in self.further),
                saturated=of_members(self.saturated, members),
                blur=self.blur,
            )
            if self.on_block is not None:
                self.on_block(amplitude.shape[1])


@dataclass(frozen=True, eq=False)
class StoredPatterns(Group):
    """One group of patterns that are not in memory: each block of them is made when it is worked on.

    Parameters
    ----------
    n
        Number of patterns, C.
    load
        Returns some of them, (1, c, H, W), on their part of the canvas.
    canvas, block, on_block
        As in `Patterns`.
    """

    n: int
    load: Callable[[slice], Patterns]
    canvas: Canvas
    block: int
    on_block: Callable[[int], object] | None = None

    @cached_property
    def mean(self) -> Patterns:
        """One pattern, with the mean of the probes and of what is known of the detector."""
        total: Patterns | None = None
        for members in self._members():
            part = self.load(members).mean.times((members.stop - members.start) / self.n)
            total = part if total is None else total.plus(part)
        assert total is not None  # a group has a pattern
        return total

    def parts(self) -> Iterator[Patterns]:
        """Yield the patterns in blocks."""
        for number, members in enumerate(self._members(), start=1):
            yield self.load(members)
            if self.on_block is not None:
                self.on_block(members.stop - members.start)
            if number % _OFTEN == 0:
                let_go_of_freed()

    def _members(self) -> Iterator[slice]:
        return (slice(first, min(first + self.block, self.n)) for first in range(0, self.n, self.block))


def misfit(patterns: Group, obj: Tensor) -> Tensor:
    """Return the mean change of the object that a projection asks for, complex (B, h, w); zero where no light falls.

    `patterns.illumination` below a hundredth of a probe's brightest pixel lets the change fade out.
    """
    change = _summed(patterns, obj, None)
    return change / patterns.divisor


def project(patterns: Group, obj: Tensor) -> Tensor:
    """Return the object, complex (B, h, w), after one projection that corrects its slow phase as well."""
    ramps = _Ramps([], [])
    obj = obj + _summed(patterns, obj, ramps) / patterns.divisor
    phases = _phases(patterns, ramps) / patterns.divisor
    return obj * torch.polar(torch.ones_like(phases), phases)


def start_estimate(patterns: Group, iterations: int) -> Tensor:
    """Return the initial estimate, complex (B, h, w): projections from O = 1. No gradient runs through it."""
    with torch.no_grad():
        light = patterns.illumination
        obj = torch.ones(light.shape, dtype=light.dtype.to_complex(), device=light.device)
        last = obj
        for _ in range(iterations):
            ahead = obj + _MOMENTUM * (obj - last)
            last, obj = obj, project(patterns, ahead)
        return obj


@dataclass(frozen=True)
class _Ramps:
    """What each block of patterns says: slopes (B, C, 2), radians per pixel, and the centers of intensity (B, C, 2)."""

    slopes: list[Tensor]
    centres: list[Tensor]


def _summed(patterns: Group, obj: Tensor, ramps: _Ramps | None) -> Tensor:
    """Return sum_k P_k* (psi'_k - psi_k) on the canvas, and add what the patterns say of slopes to `ramps`."""
    total: Tensor | None = None
    for part in patterns.parts():
        patches = part.canvas.cut(obj)
        waves = [probe * patches for probe in part.modes]
        changes = _changes(waves, part.recorded)
        if ramps is not None:
            slopes, centres = _slopes(waves, changes)
            ramps.slopes.append(slopes)
            ramps.centres.append(centres)
        added = part.canvas.add_up(
            _total(probe.conj() * change for probe, change in zip(part.modes, changes, strict=True))
        )
        total = added if total is None else total + added
    assert total is not None  # a group has a pattern
    return total


def _changes(waves: Sequence[Tensor], recorded: Recorded) -> list[Tensor]:
    """Return psi' - psi of each mode: what gives F psi the recorded modulus, complex (B, C, H, W) each."""
    far = [spectrum(wave) for wave in waves]
    excess = recorded.excess(_intensity(*far))
    return [back(field * excess) for field in far]


def _total(images: Iterable[Tensor]) -> Tensor:
    """Return the sum of one image or more, all of one shape, added as they come."""
    return functools.reduce(torch.add, images)


def _slopes(waves: Sequence[Tensor], changes: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Return the slopes that the changes show, radians per pixel, and the centers of the intensity: (B, C, 2).

    The change of a wave psi exp(i g (r - r_0)) is i g (r - r_0) psi, so g is the regression of Im(psi* change) on
    (r - r_0) |psi|^2 along each axis, both summed over the modes.
    """
    intensity = _intensity(*waves)
    turned = _total((wave.conj() * change).imag for wave, change in zip(waves, changes, strict=True))
    slopes, centres = [], []
    for axis in (-1, -2):  # what is summed away leaves rows, then columns
        line, torque = intensity.sum(axis), turned.sum(axis)
        total = line.sum(-1, keepdim=True).clamp_min(FLOOR)
        places = torch.arange(line.shape[-1], dtype=line.dtype, device=line.device)
        centre = (line * places).sum(-1, keepdim=True) / total
        arm = places - centre
        spread = (line * arm.square()).sum(-1).clamp_min(FLOOR)
        slopes.append((torque * arm).sum(-1) / spread)
        centres.append(centre[..., 0])
    return torch.stack(slopes, -1), torch.stack(centres, -1)


def _phases(patterns: Group, ramps: _Ramps) -> Tensor:
    """Return sum_k |P_k|^2 (phi_k + g_k (r - r_k)) on the canvas, real (B, h, w)."""
    slopes = torch.cat(ramps.slopes, 1) * patterns.slope_gains
    centres = torch.cat(ramps.centres, 1)
    places = patterns.canvas.corners_px + centres
    found = integrate_ramps(places.cpu().numpy(), slopes.cpu().numpy())
    phases = torch.from_numpy(found).to(slopes)
    total = torch.zeros_like(patterns.illumination)
    done = 0
    for part in patterns.parts():
        members = slice(done, done + part.amplitude.shape[1])
        done = members.stop
        height, width = part.canvas.window
        rows = torch.arange(height, dtype=slopes.dtype, device=slopes.device) - centres[:, members, :1]
        cols = torch.arange(width, dtype=slopes.dtype, device=slopes.device) - centres[:, members, 1:]
        along_rows = (phases[:, members, None] + slopes[:, members, :1] * rows)[..., :, None]
        along_cols = (slopes[:, members, 1:] * cols)[..., None, :]
        total = total + part.canvas.add_up(_intensity(*part.modes) * (along_rows + along_cols))
    return total


def _intensity(*fields: Tensor) -> Tensor:
    return _total(field.real.square() + field.imag.square() for field in fields)
