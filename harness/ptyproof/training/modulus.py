"""What the photons that a detector has recorded say of the modulus in the far field.

Notation as in `ptyproof.training.forward`. A projection multiplies F psi by a factor, which makes the expected counts
E = G * |F psi|^2 + b those that were recorded, n. On a sharp detector the factor is sqrt(n / E). Light that a blur
spreads over pixels is judged by all of them: the factor is sqrt(G(n / E)), a step of the iteration of Richardson
(J. Opt. Soc. Am. 62, 55, 1972) and Lucy (Astron. J. 79, 745, 1974) for the intensity, whose fixed points are the most
likely intensities. Modes of a beam share the factor, as only the sum of their intensities is recorded.

A pixel that was not measured says nothing: without a blur its factor is 1, with one it is that of its neighbors.
A saturated pixel says that there was as much light or more: it is passed over where the model is brighter.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ptyproof.training.forward import Detector

FLOOR = 1e-6  # photons per pixel below which a modeled modulus has no phase
_BLIND = 1e-6  # of the light of a pixel: where less of it falls on pixels that measure, they say nothing of it

_NO_LIGHT = 1e-30


@dataclass(frozen=True, eq=False)
class Recorded:
    """What a detector has recorded of B groups of C patterns; None is a perfect detector.

    Parameters
    ----------
    amplitude
        real (B, C, H, W): sqrt(counts), zero frequency first.
    valid
        bool (B, C, H, W) with B and C of the amplitudes or 1, zero frequency first: where a pixel was measured.
    background
        real (B, C, H, W) as `valid`, expected counts besides the light.
    saturated
        bool (B, C, H, W): where there were as many counts or more.
    blur
        The blur of the detector; it has no background of its own.
    """

    amplitude: Tensor
    valid: Tensor | None = None
    background: Tensor | None = None
    saturated: Tensor | None = None
    blur: Detector | None = None

    def of_light(self, far: Sequence[Tensor]) -> Recorded:
        """Return what the same detector records on average of complex far fields of modes, (B, C, H, W) each."""
        if self.blur is None and self.background is None and len(far) == 1:
            return replace(self, amplitude=far[0].abs(), saturated=None)
        light = functools.reduce(torch.add, [field.real.square() + field.imag.square() for field in far])
        expected = light if self.blur is None else self.blur.expected(light)
        if self.background is not None:
            expected = expected + self.background
        return replace(self, amplitude=expected.sqrt(), saturated=None)

    def excess(self, light: Tensor) -> Tensor:
        """Return the factor of F psi less 1, real (B, C, H, W), for modeled intensities |F psi|^2 (B, C, H, W)."""
        if self.blur is not None:
            return self._blurred(self.blur, light)
        expected = light + FLOOR
        modulus = (expected if self.background is None else expected + self.background).sqrt()
        found = self.amplitude / modulus - 1
        if self.saturated is not None:
            found = found.where(~self.saturated, found.clamp_min(0))
        return found if self.valid is None else found * self.valid

    def _blurred(self, blur: Detector, light: Tensor) -> Tensor:
        expected = blur.expected(light) + FLOOR
        if self.background is not None:
            expected = expected + self.background
        ratio = self.amplitude.square() / expected
        if self.saturated is not None:
            ratio = ratio.where(~self.saturated, ratio.clamp_min(1))
        if self.valid is None:
            return _root(blur.expected(ratio)) - 1
        seen = blur.expected(self.valid.to(light.dtype))  # the blur is its own adjoint
        mean = blur.expected(ratio * self.valid) / seen.clamp_min(_BLIND)
        return (_root(mean) - 1).where(seen > _BLIND, 0.0)


def _root(values: Tensor) -> Tensor:
    """Return the square roots of numbers, of those below 0 as 0, whose gradient is 0 there instead of no number."""
    return values.clamp_min(_NO_LIGHT).sqrt().where(values > 0, 0.0)


def of_members(array: Tensor | None, members: slice) -> Tensor | None:
    """Return an array (B, C, H, W) of any dtype for some patterns: (B, c, H, W). With C = 1 it is for all of them."""
    return array if array is None or array.shape[1] == 1 else array[:, members]
