"""Reconstructions by xptycho: PMACE, projected multi-agent consensus equilibrium, with a known probe.

The method is by Zhai, Buzzard, Mertes, Wohlberg and Bouman. The parameters are those of the engine's own demonstration
with a known probe, `demo_1_simulated_known_probe.py` (data fit 0.7, exponent of the probe's weight 1.5, relaxation 0.5,
100 iterations), and the object starts as it starts there. Conventions: xptycho's Fourier transform is unitary with the
zero frequency in the middle, as ours. It rounds positions to whole pixels, which costs quality on scans at fractions of
a pixel. Its patterns are square, with an even number of pixels on a side. Lengths are given in pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ptyproof import clock
from ptyproof.errors import RunError
from ptyproof.extras import XPTYCHO, missing, needs
from ptyproof.reconstruction.contained import contained
from ptyproof.reconstruction.history import History
from ptyproof.reconstruction.method import BlindScan, Budget, Needs, Reconstruction
from ptyproof.reconstruction.options import Option

_DEFAULT_EPOCHS = 100
_LOSS_UNIT = "norm of the amplitudes' error divided by the norm of the amplitudes"


class XPtycho:
    """xptycho's PMACE as a method."""

    name = "xptycho"
    package = "xptycho"
    needs = Needs(iterates=True)
    options: ClassVar[Mapping[str, Option]] = {
        "data_fit": Option(0.7, low=0.0, high=1.0),
        "probe_exponent": Option(1.5, low=0.0, high=4.0),
        "relaxation": Option(0.5, low=0.0, high=1.0),
    }

    def __init__(self, data_fit: float = 0.7, probe_exponent: float = 1.5, relaxation: float = 0.5) -> None:
        self._parameters = {
            "object_data_fit": data_fit,
            "probe_weight_exponent": probe_exponent,
            "relaxation": relaxation,
        }

    def configured(self, options: Mapping[str, Any]) -> XPtycho:
        """Return the method with its options, the parameters of PMACE."""
        return XPtycho(**options)

    def unavailable(self) -> str | None:
        """Return the line that installs xptycho where it is missing."""
        absent = missing(XPTYCHO)
        return needs(self.name, absent) if absent else None

    def reconstruct(self, dataset: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
        """Return the object after the budget's epochs (100 without one), from the engine's own start."""
        return self.refine(dataset, budget, rng, None)

    def refine(
        self,
        dataset: BlindScan,
        budget: Budget,
        rng: np.random.Generator,
        start: npt.NDArray[np.complex64] | None,
    ) -> Reconstruction:
        """Return the object after the budget's epochs, from the object `start` (M, M'); None is the engine's own.

        Raises
        ------
        RunError
            If patterns are not square with an even number of pixels on a side, or the loss is not finite any more.
        """
        height, width = dataset.window
        if height != width or height % 2:
            raise RunError(f"{self.name} needs square patterns of an even number of pixels, got {height} x {width} px")
        with contained():
            began = clock.seconds()
            scale = np.float32(dataset.unit_scale)
            run = self._run(dataset, scale, start)
            history = History(budget, _DEFAULT_EPOCHS)
            set_up = clock.seconds()
            while True:
                run.update_object()
                loss = float(run.data_error())
                if history.add(loss) or not np.isfinite(loss):
                    break
            obj, lit = run.object() * scale, run.coverage_map() > 0
        if not np.isfinite(loss):
            raise RunError(f"{self.name} diverged: its loss became {loss} in epoch {len(history.losses)}")
        return Reconstruction(
            np.where(lit, obj, np.complex64(scale)).astype(np.complex64),
            dataset.probe,
            losses=tuple(history.losses),
            seconds=tuple(history.seconds),
            loss_unit=_LOSS_UNIT,
            steps_s={"set-up": set_up - began, "iterations": clock.seconds() - set_up},
            stopped_by=history.stopped_by,
        )

    def _run(self, dataset: BlindScan, scale: np.float32, start: npt.NDArray[np.complex64] | None) -> Any:
        """Return the engine's run before its first iteration; objects have a modulus of about 1 there.

        What `PtychoModel.recon` does in one call is done step by step, so that a budget can end it.
        """
        from xptycho import PtychoModel, Scan
        from xptycho.pmace import Run

        size = dataset.window[0]
        lengths = {"wavelength": 1.0, "det_distance": float(size), "det_pixel_pitch": 1.0}  # a pixel has the length 1
        scan = Scan(np.square(dataset.amplitude), dataset.positions_px, **lengths)
        model = PtychoModel.from_scan(scan)
        model.configure_devices(devices=["cpu"])
        model.set_params(object_shape=dataset.object_shape, object_origin=(0.0, 0.0), **self._parameters)
        probe = (dataset.probe * scale).astype(np.complex64)[None]
        obj = model.initial_object(scan, probe) if start is None else start / scale
        layout, corners = model._layout()  # the engine has no public door to it
        parameters = {name: model.get_params(name) for name in _RUN_PARAMETERS}
        batch = max(1, 2**24 // size**2)
        return Run(layout, corners, scan.amplitudes(), probe, obj, parameters, False, batch)


_RUN_PARAMETERS = ("object_data_fit", "probe_data_fit", "probe_weight_exponent", "relaxation")
