"""Whether an iterative method had converged: its loss, and the errors of its object, against epochs.

Methods finish fine detail within a few epochs; the phase over many probe diameters goes on for hundreds. The slow part
of the phase error shows that, the method's own loss hardly does. A result counts as converged if the last fifth of the
epochs changed neither the loss nor the complex NRMSE by more than 2 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ptyproof.metrics.protocol import LARGEST_CHANGE
from ptyproof.physics.align import Aligned, Crop, brought_alike
from ptyproof.physics.metrics import scaled_error
from ptyproof.physics.slow_phase import rms_in, slow_phase
from ptyproof.reconstruction.snapshots import last_fifth
from ptyproof.records.archive import ReconstructionArchive

if TYPE_CHECKING:
    from ptyproof_schemas.types.comparison_manifest import Convergence as ConvergenceRecord

SLOW_SIGMA_PX = 8.0


@dataclass(frozen=True)
class Convergence:
    """How far a result had come, and after which epochs.

    Attributes
    ----------
    n_epochs
        Epochs of the result.
    epochs
        Those whose objects were compared with the truth, the last one of the result included; empty without a truth or
        without snapshots.
    complex_nrmse, slow_phase_rad
        Of each of these objects: its error, and the root mean square of the slow part of its phase error.
    seconds
        Of the reconstruction until each of these objects, the initial estimate included.
    loss_change, nrmse_change
        By which part of the larger value the last fifth of the epochs changed them; None if that is not known.
    """

    n_epochs: int
    epochs: tuple[int, ...]
    complex_nrmse: tuple[float, ...]
    slow_phase_rad: tuple[float, ...]
    seconds: tuple[float, ...]
    loss_change: float | None
    nrmse_change: float | None

    @property
    def converged(self) -> bool:
        """Whether no change that is known is too large."""
        return all(change is None or change <= LARGEST_CHANGE for change in (self.loss_change, self.nrmse_change))

    @property
    def nrmse_settled_s(self) -> float | None:
        """Seconds until the first object from which on every error is within 2 % of the last one.

        Objects are known after some epochs only: the method may have come there some epochs earlier. None with fewer
        than two objects.
        """
        if len(self.complex_nrmse) < 2:
            return None
        last = self.complex_nrmse[-1]
        away = [place for place, error in enumerate(self.complex_nrmse) if _change(error, last) > LARGEST_CHANGE]
        return self.seconds[away[-1] + 1 if away else 0]

    def as_dict(self) -> ConvergenceRecord:
        """Return the record for a manifest."""
        return {
            "n_epochs": self.n_epochs,
            "epochs": list(self.epochs),
            "complex_nrmse": list(self.complex_nrmse),
            "slow_phase_rad": list(self.slow_phase_rad),
            "seconds": list(self.seconds),
            "loss_change": self.loss_change,
            "nrmse_change": self.nrmse_change,
            "nrmse_settled_s": self.nrmse_settled_s,
            "converged": self.converged,
        }


def convergence_of(
    result: ReconstructionArchive,
    truth: npt.NDArray[np.complexfloating] | None,
    crop: Crop,
    aligned: Aligned | None,
    total_s: float,
) -> Convergence | None:
    """Return how far a result had come; None for a method with fewer than two epochs.

    Every snapshot is brought onto the truth by the shift and ramp of the result, with a factor of its own.

    Parameters
    ----------
    result
        The archive, with its losses and snapshots.
    truth
        (M, M') complex; None if it is not known.
    crop, aligned
        How the result was compared; None without a truth.
    total_s
        Seconds of the reconstruction.
    """
    n_epochs = len(result.losses)
    if n_epochs < 2:
        return None
    before = n_epochs - last_fifth(n_epochs)
    change = _change(float(result.losses[before - 1]), float(result.losses[-1]))
    if truth is None or aligned is None or result.snapshots is None:
        return Convergence(n_epochs, (), (), (), (), change, None)
    images = [
        (epoch, brought_alike(obj, truth, crop, aligned, result.parts))
        for epoch, obj in result.snapshots.objects(result.obj)
    ]
    images.append((n_epochs, aligned.result))
    weight = aligned.mask.astype(np.float64)
    errors = [scaled_error(image, aligned.truth, weight).nrmse for _, image in images]
    slow = [rms_in(slow_phase(image, aligned.truth, aligned.mask, SLOW_SIGMA_PX), aligned.mask) for _, image in images]
    epochs = tuple(epoch for epoch, _ in images)
    seconds = tuple(max(0.0, total_s - float(result.seconds[-1] - result.seconds[epoch - 1])) for epoch in epochs)
    return Convergence(n_epochs, epochs, tuple(errors), tuple(slow), seconds, change, _since(before, epochs, errors))


def _since(before: int, epochs: Sequence[int], errors: Sequence[float]) -> float | None:
    """Return the change of the error since the latest snapshot that is not in the last fifth."""
    earlier = [error for epoch, error in zip(epochs, errors, strict=True) if epoch <= before]
    return _change(earlier[-1], errors[-1]) if earlier else None


def _change(first: float, last: float) -> float:
    largest = max(abs(first), abs(last))
    return abs(first - last) / largest if largest > 0 else 0.0
