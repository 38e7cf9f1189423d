"""The flat object: a control that knows nothing, and shows which metrics deceive."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from ptyproof import clock
from ptyproof.reconstruction.method import BlindScan, Budget, Needs, Reconstruction


class Flat:
    """A constant object, with the modulus that explains the mean number of photons, and the probe as it is given."""

    name = "flat"
    needs = Needs()
    conformance_exceptions: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("perfect_data", "odd_window", "even_window", "subpixel_positions", "place", "dose"),
        "a control: a constant object, whatever the patterns are",
    )

    def reconstruct(self, dataset: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
        """Return the constant object."""
        began = clock.seconds()
        obj = np.full(dataset.object_shape, dataset.unit_scale, dtype=np.complex64)
        return Reconstruction(obj, dataset.probe, steps_s={"fill": clock.seconds() - began})
