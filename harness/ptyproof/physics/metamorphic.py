"""Checks that every metric of a reconstruction against its truth has to pass, whatever it measures.

    from ptyproof.physics.metamorphic import metamorphic_violations

    def test_my_metric():
        assert metamorphic_violations(my_metric, better="lower", perfect=0.0) == []

What cannot be told from diffraction patterns must not change a score; a perfect result has the best one; a result that
holds nothing scores badly; more noise never scores better on average. None of the checks needs to know the right value
of any score. They find a peak of 255 on data of another range, amplitudes that were matched to the truth's mean,
phase planes that were fitted to each phase by itself, and correlations that are 1 for everything.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from ptyproof.errors import InputError
from ptyproof.physics.fourier import fourier_shift
from ptyproof.physics.objects import make_object

Image = NDArray[np.complex128]
Metric = Callable[[Image, Image], float | None]

NOISE_LEVELS = (0.05, 0.1, 0.2, 0.4)
_USUAL_NOISE = 0.1  # the result that stands for a good one: noise of a tenth of the truth's rms
_EMPTY_AGAINST = 0.2  # an empty result has to score worse than one with this much noise
_TURN_RAD = 2.9  # with an object's own phases, a turn that wraps
_RAMP_CYCLES = (1.7, -2.3)
_SHIFT_PX = (0.4, -1.3)
_FACTOR = 3.0
_RIM_PX = 20
_REPEATS = 3


@dataclass(frozen=True, eq=False)
class Scene:
    """A truth and noise of its size.

    Attributes
    ----------
    truth
        (M, M') complex128, structured in the middle and even along a rim of 20 px, so that shifting it in a circle is
        shifting it.
    noise
        (repeats, M, M') complex128 with the truth's rms, without the highest frequencies, which no sub-pixel shift
        keeps.
    """

    truth: Image
    noise: NDArray[np.complex128]

    def result(self, level: float, repeat: int = 0) -> Image:
        """Return the truth (M, M') with noise of `level` times its rms."""
        return np.asarray(self.truth + level * self.noise[repeat])


def make_scene(shape: tuple[int, int] = (128, 144), seed: int = 0) -> Scene:
    """Return the scene that the checks use; equal arguments give equal scenes.

    Raises
    ------
    InputError
        If a side is below 64 px.
    """
    if min(shape) < 64:
        raise InputError(f"a scene's sides must be at least 64 px, got {shape}")
    rng = np.random.default_rng(seed)
    full = make_object("grains", shape, rng).astype(np.complex128)
    rise = [np.clip(np.minimum(np.arange(n), n - 1 - np.arange(n)) / _RIM_PX, 0, 1) for n in shape]
    weight = np.outer(*(0.5 - 0.5 * np.cos(np.pi * line) for line in rise))
    truth = full.mean() + weight * (full - full.mean())
    noise = rng.standard_normal((_REPEATS, *shape)) + 1j * rng.standard_normal((_REPEATS, *shape))
    spectrum = scipy.fft.fft2(noise)
    spectrum *= np.hypot(*np.meshgrid(*(scipy.fft.fftfreq(n) for n in shape), indexing="ij")) < 0.4
    noise = scipy.fft.ifft2(spectrum)
    noise *= _rms(truth) / _rms(noise)
    return Scene(np.asarray(truth), np.asarray(noise))


def metamorphic_violations(
    metric: Metric,
    *,
    better: Literal["lower", "higher"],
    perfect: float | None = None,
    unit_power: int = 0,
    tolerance: float = 0.02,
    scene: Scene | None = None,
) -> list[str]:
    """Return what a metric gets wrong, one sentence for each; an empty list if nothing.

    Parameters
    ----------
    metric
        Function of (result, truth), (M, M') complex128 each, that returns the score; it aligns, crops and scales as it
        sees fit. None is for a score that is not defined, which is accepted for an empty result alone.
    better
        Whether lower or higher scores are better.
    perfect
        Score of the truth itself; None does not check its value. `math.inf` is one.
    unit_power
        Power of the object's unit in the score's: 0 for a score without it (a ratio, a phase, dB), 1 for an error of
        amplitudes, 2 for a squared one.
    tolerance
        A score has changed if it moves by more than this fraction of the way from a good result to a constant one.
    scene
        Truth and noise; None takes `make_scene()`.

    Raises
    ------
    InputError
        If `better` is neither word.
    """
    if better not in ("lower", "higher"):
        raise InputError(f"better must be 'lower' or 'higher', got {better!r}")
    sign = 1.0 if better == "higher" else -1.0
    return list(_Checks(metric, sign, perfect, unit_power, tolerance, scene or make_scene()).run())


@dataclass(frozen=True, eq=False)
class _Checks:
    metric: Metric
    sign: float
    perfect: float | None
    unit_power: int
    tolerance: float
    scene: Scene

    def run(self) -> Iterator[str]:
        """Yield every violation."""
        truth, good = self.scene.truth, self.scene.result(_USUAL_NOISE)
        usual = self._score(good, truth)
        if usual is None or not math.isfinite(usual):
            yield f"a result with {_USUAL_NOISE:.0%} noise has the score {usual}, which is not a number"
            return
        constant = self._score(np.full_like(truth, truth.mean()), truth)
        scale = abs(usual - constant) if constant is not None and math.isfinite(constant) else abs(usual)
        yield from self._invariances(good, usual, scale)
        yield from self._perfect(usual)
        yield from self._empty(truth)
        yield from self._noise(scale)

    def _invariances(self, good: Image, usual: float, scale: float) -> Iterator[str]:
        truth = self.scene.truth
        ramp = _ramp(truth.shape)
        shifted = fourier_shift(good[None], np.array([_SHIFT_PX]))[0]
        turn = np.exp(1j * _TURN_RAD)
        power = _FACTOR**self.unit_power
        cycles = f"{_RAMP_CYCLES[0]:g} and {_RAMP_CYCLES[1]:g} cycles"
        pixels = f"{_SHIFT_PX[0]:g} and {_SHIFT_PX[1]:g} px"
        for what, result, against, expected in (
            (f"turning the result's phase by {_TURN_RAD} rad", good * turn, truth, usual),
            (f"turning the truth's phase by {_TURN_RAD} rad", good, truth * turn, usual),
            (f"a phase ramp of {cycles}", good * ramp, truth, usual),
            (f"a shift by {pixels}", shifted, truth, usual),
            (f"a shift by {pixels} and a ramp of {cycles}", shifted * ramp * turn, truth, usual),
            (f"multiplying the result by {_FACTOR:g}", _FACTOR * good, truth, usual),
            (f"a unit {_FACTOR:g} times smaller", _FACTOR * good, _FACTOR * truth, usual * power),
        ):
            found = self._score(result, against)
            allowed = self.tolerance * scale * max(1.0, expected / usual if usual else 1.0)
            if found is None or not abs(found - expected) <= allowed:
                yield f"{what} changes the score from {expected:.6g} to {_shown(found)}"

    def _perfect(self, usual: float) -> Iterator[str]:
        found = self._score(self.scene.truth, self.scene.truth)
        if found is None or math.isnan(found):
            yield f"the truth itself has the score {found}, which is not a number"
        elif self.perfect is not None and not math.isclose(found, self.perfect, rel_tol=1e-6, abs_tol=1e-6):
            yield f"the truth itself has the score {found:.6g}, expected {self.perfect:g}"
        elif self.sign * found < self.sign * usual:
            yield f"the truth itself scores {found:.6g}, worse than a result with noise, {usual:.6g}"

    def _empty(self, truth: Image) -> Iterator[str]:
        bar = self._score(self.scene.result(_EMPTY_AGAINST), truth)
        for what, result in (
            ("a constant result", np.full_like(truth, truth.mean())),
            ("a result of ones", np.ones_like(truth)),
            ("a result of zeros", np.zeros_like(truth)),
            ("only noise", np.asarray(self.scene.noise[0])),
        ):
            found = self._score(result, truth)
            if found is None:
                continue
            if self.sign > 0 and self.perfect is not None and 0 < self.perfect / 2 < found < math.inf:
                yield f"{what} scores {found:.6g}, more than half of a perfect score"
            if bar is not None and not self.sign * found < self.sign * bar:
                yield f"{what} scores {found:.6g}, no worse than the truth with {_EMPTY_AGAINST:.0%} noise, {bar:.6g}"

    def _noise(self, scale: float) -> Iterator[str]:
        means: list[float] = []
        for level in NOISE_LEVELS:
            scores = [self._score(self.scene.result(level, repeat), self.scene.truth) for repeat in range(_REPEATS)]
            known = [score for score in scores if score is not None and math.isfinite(score)]
            if len(known) < _REPEATS:
                yield f"results with {level:.0%} noise have the scores {scores}, which are not all numbers"
                return
            means.append(sum(known) / _REPEATS)
        for (less, before), (more, after) in zip(
            zip(NOISE_LEVELS, means, strict=True), zip(NOISE_LEVELS[1:], means[1:], strict=True), strict=False
        ):
            if self.sign * (after - before) > self.tolerance * scale:
                yield f"more noise scores better: {before:.6g} at {less:.0%}, {after:.6g} at {more:.0%}"
        if not self.sign * (means[-1] - means[0]) < 0:
            yield f"noise does not matter: {means[0]:.6g} with {NOISE_LEVELS[0]:.0%}, {means[-1]:.6g} with the most"

    def _score(self, result: Image, truth: Image) -> float | None:
        score = self.metric(result, truth)
        return None if score is None else float(score)


def _ramp(shape: tuple[int, ...]) -> Image:
    lines = [np.exp(2j * np.pi * cycles * np.arange(n) / n) for cycles, n in zip(_RAMP_CYCLES, shape, strict=True)]
    return np.asarray(np.outer(*lines))


def _rms(image: NDArray[np.complexfloating]) -> float:
    return float(np.sqrt(np.mean(np.abs(image) ** 2)))


def _shown(score: float | None) -> str:
    return "None" if score is None else f"{score:.6g}"
