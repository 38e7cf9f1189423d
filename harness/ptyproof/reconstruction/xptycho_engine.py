"""Reconstructions by xptycho: PMACE, projected multi-agent consensus equilibrium, with a known probe.

The method is by Zhai, Buzzard, Mertes, Wohlberg and Bouman. The parameters are those of the engine's own demonstration
with a known probe, `demo_1_simulated_known_probe.py` (data fit 0.7, exponent of the probe's weight 1.5, relaxation 0.5,
100 iterations), and the object starts as it starts there. Conventions: xptycho's Fourier transform is unitary with the
zero frequency in the middle, as ours. It rounds positions to whole pixels, which costs quality on scans at fractions of
a pixel. Its patterns are square, with an even number of pixels on a side. Lengths are given in pixels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ptyproof.errors import RunError
from ptyproof.extras import XPTYCHO
from ptyproof.reconstruction.engine import Engine
from ptyproof.reconstruction.history import History
from ptyproof.reconstruction.method import BlindScan, Needs
from ptyproof.reconstruction.options import Option

_SQUARE = "xptycho takes square patterns with an even number of pixels on a side alone"


class XPtycho(Engine):
    """xptycho's PMACE as a method; the object starts as the engine's own demonstration has it."""

    name = "xptycho"
    package = "xptycho"
    packages = XPTYCHO
    needs = Needs(iterates=True)
    loss_unit = "norm of the amplitudes' error divided by the norm of the amplitudes"
    options: ClassVar[Mapping[str, Option]] = {
        "data_fit": Option(0.7, low=0.0, high=1.0),
        "probe_exponent": Option(1.5, low=0.0, high=4.0),
        "relaxation": Option(0.5, low=0.0, high=1.0),
    }

    conformance_exceptions: ClassVar[Mapping[str, str]] = {
        "odd_window": _SQUARE,
        "even_window": _SQUARE,
        "turned_scan": f"{_SQUARE}; the check turns a scan of 25 x 23 px",
        "place": "xptycho rounds positions to whole pixels, so the object of positions between pixels is shifted",
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

    def _check(self, dataset: BlindScan) -> None:
        height, width = dataset.window
        if height != width or height % 2:
            raise RunError(f"{self.name} needs square patterns of an even number of pixels, got {height} x {width} px")

    def _load(self) -> None:
        import xptycho.pmace  # noqa: F401 - so that it is there

    def _run(self, dataset: BlindScan, rng: np.random.Generator, start: npt.NDArray[np.complex64] | None) -> _Run:
        """Return the engine's run before its first iteration; objects have a modulus of about 1 there.

        What `PtychoModel.recon` does in one call is done step by step, so that a budget can end it.
        """
        from xptycho import PtychoModel, Scan
        from xptycho.pmace import Run

        size, scale = dataset.window[0], np.float32(dataset.unit_scale)
        lengths = {"wavelength": 1.0, "det_distance": float(size), "det_pixel_pitch": 1.0}  # a pixel has the length 1
        scan = Scan(np.square(dataset.amplitude), dataset.positions_px, **lengths)
        model = PtychoModel.from_scan(scan)
        model.configure_devices(devices=["cpu"])
        model.set_params(object_shape=dataset.object_shape, object_origin=(0.0, 0.0), **self._parameters)
        probe = (dataset.probe * scale).astype(np.complex64)[None]
        obj = model.initial_object(scan, probe) if start is None else start / scale
        layout, corners = model._layout()  # the package has no public function for it
        parameters = {name: model.get_params(name) for name in _RUN_PARAMETERS}
        batch = max(1, 2**24 // size**2)
        return _Run(Run(layout, corners, scan.amplitudes(), probe, obj, parameters, False, batch), dataset)


_RUN_PARAMETERS = ("object_data_fit", "probe_data_fit", "probe_weight_exponent", "relaxation")


@dataclass(frozen=True, eq=False)
class _Run:
    """A run of PMACE."""

    run: Any
    dataset: BlindScan

    def epochs(self, _: History) -> Iterator[float]:
        while True:
            self.run.update_object()
            yield float(self.run.data_error())

    def obj(self) -> npt.NDArray[np.complex64]:
        scale = np.complex64(self.dataset.unit_scale)
        found = np.where(self.run.coverage_map() > 0, self.run.object() * scale, scale)
        return np.asarray(found, np.complex64)

    def probe(self) -> npt.NDArray[np.complex64]:
        return self.dataset.probe
