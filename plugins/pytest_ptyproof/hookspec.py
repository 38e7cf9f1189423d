"""The hooks of ptyproof that other plugins, conftest files and test modules can implement."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ptyproof.reconstruction.method import Method


def ptyproof_register_methods() -> Iterable[Method | type[Method]]:  # type: ignore[empty-body]
    """Return reconstruction methods, or their classes, to add to the methods that the study names.

    Implement it in a plugin, in a conftest.py of a collected folder, or in a test module that you name before the
    study's tests:

        import numpy as np
        from ptyproof.reconstruction.method import Needs, Reconstruction

        class Ones:
            name = "ones"
            needs = Needs()

            def reconstruct(self, dataset, budget, rng):
                return Reconstruction(np.ones(dataset.object_shape, np.complex64), dataset.probe)

        def ptyproof_register_methods():
            return [Ones]

    `pytest test_mine.py --pyargs pytest_ptyproof.real_run -m real_run` then has the items
    `test_reconstruction[...-ones]`, and the reconstruction manifest has their results. `dataset` is a `BlindScan`:
    patterns, probe and positions, without the truth.
    """
