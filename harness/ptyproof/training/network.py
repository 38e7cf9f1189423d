"""The network: from the measured amplitude of one pattern and its probe to a complex object patch.

It corrects a network-free start, so before its first step it is that start. It looks at the start, at the amplitude and
its autocorrelation, and at the probe, on a coarser grid (pixel-unshuffle), and adds a correction.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ptyproof.study.training import NetworkDesign
from ptyproof.training.forward import fft2c, ifft2c

_PLANE = (-2, -1)
_N_FEATURES = 8
_NORM_GROUPS = 8
_AMPLITUDE_RANGE = 4.0  # log(1 + amplitude) of a bright pixel at 1e5 photons


def start_estimate(amplitude: Tensor, probes: Tensor, iterations: int) -> Tensor:
    """Return the network-free start: error-reduction projections from O = 1 with the known probe.

    Each projection gives F(P O) the measured modulus and takes the changed exit wave back to the object by the step of
    ePIE (Maiden & Rodenburg 2009): O += P* (psi' - psi) / max |P|^2.

    Parameters
    ----------
    amplitude
        real (..., H, W): sqrt(counts), zero frequency in the middle.
    probes
        complex (..., H, W), scaled to the dose.
    iterations
        Number of projections.

    Returns
    -------
    complex (..., H, W).
    """
    patches = torch.ones_like(probes)
    step = probes.conj() / probes.abs().square().amax(dim=_PLANE, keepdim=True)
    for _ in range(iterations):
        wave = probes * patches
        measured = amplitude * torch.sgn(fft2c(wave))
        patches = patches + step * (ifft2c(measured) - wave)
    return patches


class ResidualBlock(nn.Module):
    """x + conv(silu(conv(silu(norm(x))))) with 3 x 3 convolutions."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(_NORM_GROUPS, channels)
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output, of the shape of x."""
        inner = self.first(functional.silu(self.norm(x)))
        added: Tensor = x + self.second(functional.silu(inner))
        return added


class PatchNetwork(nn.Module):
    """Complex object patches from measured amplitudes and probes."""

    def __init__(self, design: NetworkDesign) -> None:
        super().__init__()
        self.design = design
        area = design.shrink**2
        self.stem = nn.Conv2d(_N_FEATURES * area, design.channels, 3, padding=1)
        self.blocks = nn.Sequential(*[ResidualBlock(design.channels) for _ in range(design.n_blocks)])
        self.norm = nn.GroupNorm(_NORM_GROUPS, design.channels)
        self.head = nn.Conv2d(design.channels, 2 * area, 3, padding=1)
        for parameter in self.head.parameters():
            nn.init.zeros_(parameter)

    def start(self, amplitude: Tensor, probes: Tensor) -> Tensor:
        """Return what the network corrects: `start_estimate` of (B, H, W) amplitudes and probes."""
        return start_estimate(amplitude, probes, self.design.start_iterations)

    def forward(self, amplitude: Tensor, probes: Tensor) -> Tensor:
        """Return patches, complex (B, H, W).

        Parameters
        ----------
        amplitude
            real (B, H, W): sqrt(counts), zero frequency in the middle; H and W are multiples of `design.shrink`.
        probes
            complex (B, H, W), scaled to the dose, each shifted by its position's fraction of a pixel.
        """
        start = self.start(amplitude, probes)
        planes = functional.pixel_unshuffle(_features(amplitude, probes, start), self.design.shrink)
        hidden = functional.silu(self.norm(self.blocks(self.stem(planes))))
        correction = functional.pixel_shuffle(self.head(hidden), self.design.shrink)
        return start + torch.complex(correction[:, 0], correction[:, 1])


def _features(amplitude: Tensor, probes: Tensor, start: Tensor) -> Tensor:
    """Return real (B, 8, H, W): start and misfit as the probe shows them, amplitude, autocorrelation, probe."""
    spectrum = fft2c(probes * start)
    misfit = ifft2c((amplitude - spectrum.abs()) * torch.sgn(spectrum))
    peak = probes.abs().amax(dim=_PLANE, keepdim=True)
    probe = probes / peak
    illumination = probe.abs()
    residual = probe.conj() * misfit / peak
    correlation = ifft2c(amplitude.square().to(probes.dtype)).abs()
    correlation = correlation / correlation.amax(dim=_PLANE, keepdim=True).clamp_min(1e-12)
    shown = illumination * (start - 1)
    planes = [shown.real, shown.imag, residual.real, residual.imag]
    planes += [torch.log1p(amplitude) / _AMPLITUDE_RANGE, correlation.sqrt(), illumination, probe.real]
    return torch.stack(planes, dim=1)
