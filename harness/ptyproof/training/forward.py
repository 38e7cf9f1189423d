"""The forward model in torch, for patches and for groups of patches merged on a common canvas.

Notation as in `ptyproof.physics.forward`: O_k is the object patch of pattern k, P_k the probe, I_k = |F(P_k O_k)|^2 the
expected counts, F the unitary 2-D FFT with the zero frequency in the middle.

Sub-pixel positions. Only |F(P O)|^2 is measured, so instead of sampling the object between its pixels the probe is
moved: patches stay on the object's pixel grid, in the window nearest to their position, and each pattern has a probe
P_k of its own, shifted by the remaining fraction of a pixel. Merging patches then needs no interpolation.
"""

from __future__ import annotations

import torch
from torch import Tensor

_PLANE = (-2, -1)
_UNLIT = 1e-6
_NEAR = 0.5


def fft2c(field: Tensor) -> Tensor:
    """Return the unitary 2-D FFT over the last two axes, zero frequency in the middle."""
    spectrum: Tensor = torch.fft.fftshift(torch.fft.fft2(field, norm="ortho"), dim=_PLANE)
    return spectrum


def ifft2c(spectrum: Tensor) -> Tensor:
    """Return the inverse, and adjoint, of `fft2c`."""
    field: Tensor = torch.fft.ifft2(torch.fft.ifftshift(spectrum, dim=_PLANE), norm="ortho")
    return field


def expected_counts(probes: Tensor, patches: Tensor) -> Tensor:
    """Return I = |F(P O)|^2, photons per pixel: real (..., H, W) of complex (..., H, W) probes and patches."""
    spectrum = fft2c(probes * patches)
    return spectrum.real.square() + spectrum.imag.square()


def poisson_loss(expected: Tensor, counts: Tensor, floor: float) -> Tensor:
    """Return the Poisson negative log-likelihood above its smallest possible value, mean over pixels, in nats.

    With I' = I + floor: mean(I' - n + n log(n / I')), zero where I' = n. `floor` (photons per pixel) keeps the
    logarithm finite where the model sees no light. Near I' = n the logarithm is taken of 1 + (I' - n) / n, as the terms
    cancel there: at 10^4 photons per pixel single precision would lose all of the loss otherwise.

    Parameters
    ----------
    expected, counts
        I and n, real, of one shape, in photons per pixel.
    floor
        > 0.
    """
    rate = expected + floor
    excess = rate - counts
    divisor = torch.where(counts > 0, counts, torch.ones_like(counts))
    relative = excess / divisor
    near = torch.log1p(relative.clamp(-_NEAR, _NEAR))
    log_ratio = torch.where(relative.abs() < _NEAR, near, torch.log(rate / divisor))
    return (excess - counts * log_ratio).mean()


def canvas_indices(corners_px: Tensor, window: tuple[int, int], canvas: tuple[int, int]) -> Tensor:
    """Return where each pixel of each patch lies on the flattened canvas of its group.

    Parameters
    ----------
    corners_px
        int64 (B, C, 2): (row, col) of each patch's first pixel on the canvas.
    window, canvas
        Shapes (H, W) of a patch and of the canvas; every patch lies inside the canvas.

    Returns
    -------
    int64 (B, C, H * W).
    """
    rows = torch.arange(window[0], device=corners_px.device)
    cols = torch.arange(window[1], device=corners_px.device)
    row = (corners_px[..., 0, None] + rows)[..., :, None]
    col = (corners_px[..., 1, None] + cols)[..., None, :]
    return (row * canvas[1] + col).flatten(-2)


def merge_groups(patches: Tensor, weights: Tensor, corners_px: Tensor) -> Tensor:
    """Merge the patches of each group on its canvas and cut them out of the merged canvas again.

    A pattern does not tell its patch's global phase, so the phases are synchronised first: the unit factors z_k follow
    from the leading eigenvector of the matrix of overlaps <w_j O_j, w_k O_k> (angular synchronisation; Singer 2011). No
    gradient runs through them. The merged object is sum_k w_k z_k O_k / sum_k w_k.

    Parameters
    ----------
    patches
        complex (B, C, H, W).
    weights
        real (B, C, H, W) >= 0: the illumination |P_k|^2.
    corners_px
        int64 (B, C, 2), >= 0: (row, col) of each patch on its group's canvas.

    Returns
    -------
    complex (B, C, H, W): the merged object seen through each window, zero where a group has no light.
    """
    batch, members, height, width = patches.shape
    rows, cols = (int(corners_px[..., axis].max()) + size for axis, size in ((0, height), (1, width)))
    indices = canvas_indices(corners_px, (height, width), (rows, cols))
    weight = weights.flatten(-2)
    canvas = torch.zeros(batch, members, rows * cols, dtype=patches.dtype, device=patches.device)
    placed = canvas.scatter(2, indices, patches.flatten(-2) * weight)
    factors = _synchronising_factors(placed.detach())
    flat = indices.flatten(1)
    total = torch.zeros(batch, rows * cols, dtype=weight.dtype, device=weight.device)
    total = total.scatter_add(1, flat, weight.flatten(1))
    floor = (_UNLIT * weight.amax(dim=(1, 2))[:, None]).clamp_min(torch.finfo(weight.dtype).tiny)
    merged = torch.einsum("bc,bcx->bx", factors, placed) / (total + floor)
    return merged.gather(1, flat).view(batch, members, height, width)


def _synchronising_factors(placed: Tensor) -> Tensor:
    """Return z (B, C) with |z| = 1 that makes the z_k placed_k agree best."""
    overlaps = torch.einsum("bjx,bkx->bjk", placed.conj(), placed)
    leading = torch.linalg.eigh(overlaps).eigenvectors[..., -1]
    phase = torch.sgn(leading)
    return torch.where(phase.abs() > 0, phase, torch.ones_like(phase))
