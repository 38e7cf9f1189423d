"""Where pty-chi's model of a pattern is put right: fractions of a pixel for all modes, and blur and saturation.

pty-chi 2.2.0 shifts the first mode alone by the fraction of a position, and all others stay up to half a pixel beside
it (its own function for all of them fails). Its blur replicates the first and last pixels, which in its order are the
middle of the pattern; it refuses widths that give its kernel an even size, such as 0.5 px; and the gradient has no
adjoint of it. It knows no saturation: to leave saturated pixels out makes a result worse, since they have most of the
light. All this is replaced in a task that is given; any other task stays as it is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ptyproof.physics.detector import blur_matrix


def shift_all_modes(task: Any) -> None:
    """Let a task shift all modes of its probe, and the adjoint all changes of them."""
    import torch

    reconstructor = task.reconstructor
    model = reconstructor.forward_model

    def each(moved: Any) -> Any:
        def of_all(indices: Any, waves: Any, first_mode_only: bool = False) -> Any:
            modes = waves.split(1, dim=-3)
            return torch.cat([moved(indices, mode, first_mode_only=True) for mode in modes], dim=-3)

        return of_all

    model.shift_unique_probes = each(model.shift_unique_probes)
    reconstructor.adjoint_shift_probe_update_direction = each(reconstructor.adjoint_shift_probe_update_direction)


def clip(task: Any, saturated: npt.NDArray[np.bool_]) -> None:
    """Let a saturated pixel cost nothing where a task expects more light than it recorded.

    `saturated` is (n, H, W), with the zero frequency first.
    """
    import torch

    reconstructor = task.reconstructor
    model, noise = reconstructor.forward_model, getattr(reconstructor, "noise_model", None)
    where, forward = torch.as_tensor(saturated), model.forward
    batch = where[:0]

    def noted(indices: Any, *rest: Any, **named: Any) -> Any:
        nonlocal batch
        batch = where[indices.cpu()]
        return forward(indices, *rest, **named)

    def lifted(measured: Any, expected: Any) -> Any:
        return torch.where(batch, torch.maximum(measured, expected), measured)

    model.forward = noted
    if noise is not None:
        gradient = noise.backward_to_psi_far
        noise.backward_to_psi_far = lambda expected, measured, waves: gradient(
            expected, lifted(measured, expected), waves
        )
        return
    revised = reconstructor.replace_propagated_exit_wave_magnitude
    reconstructor.replace_propagated_exit_wave_magnitude = lambda waves, measured, **named: revised(
        waves, lifted(measured, (waves.abs() ** 2).sum(1)), **named
    )


def blur(task: Any, sigma_px: float, window: tuple[int, int]) -> None:
    """Let a task of LSQML blur what it expects by the detector's Gaussian, reflected at the edges of the window.

    The gradient of a likelihood of G * I is G* (its gradient as if there were no blur), and G is its own adjoint.
    """
    import torch

    rows, cols = (torch.as_tensor(np.fft.ifftshift(blur_matrix(size, sigma_px)).astype(np.float32)) for size in window)
    noise = task.reconstructor.noise_model
    gradient = noise.backward_to_psi_far

    def blurred(intensity: Any) -> Any:
        return rows @ intensity @ cols

    def blurred_gradient(expected: Any, measured: Any, waves: Any) -> Any:
        factors = gradient(expected, measured, torch.ones_like(expected)[:, None])
        return blurred(factors) * waves

    task.reconstructor.forward_model.blur_diffraction_patterns = blurred
    noise.backward_to_psi_far = blurred_gradient
