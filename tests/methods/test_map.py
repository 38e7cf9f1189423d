"""`map` and `map-tv`: closer to the object than what they start from, the weight by hidden photons, within a budget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from ptyproof.errors import RunError
from ptyproof.io.dataset import read_dataset
from ptyproof.io.told import Told
from ptyproof.methods.map import MapFit
from ptyproof.methods.network import Start
from ptyproof.methods.registry import known_methods
from ptyproof.physics.metrics import scaled_error
from ptyproof.reconstruction.method import BlindScan, Budget, illumination, run_method
from ptyproof.reconstruction.tuner import Tuned
from ptyproof.study.builtin import builtin_study
from ptyproof.study.layout import phase_c_file
from ptyproof.study.reconstruction import Value
from ptyproof.study.training import NetworkDesign
from tests.helpers.messages import naming
from tests.helpers.phases import Phase

DESIGN = NetworkDesign()
RNG = np.random.default_rng


@pytest.fixture(scope="module")
def scan_and_truth(smoke_c: Phase) -> tuple[BlindScan, npt.NDArray[np.complex64]]:
    """Return a scan of the smoke study, and its object."""
    dataset = read_dataset(phase_c_file(smoke_c.root, 1e4, "test")).dataset
    assert dataset.obj is not None
    assert dataset.diffraction is not None
    assert dataset.intensity_scale is not None
    amplitude = dataset.diffraction * np.float32(dataset.intensity_scale)
    return BlindScan(amplitude, dataset.probe, dataset.positions_px, dataset.obj.shape), dataset.obj


def tuned(weights: list[Value]) -> Tuned:
    """Return `map-tv` with some weights to choose from."""
    return Tuned(MapFit("map-tv", DESIGN), {}, {"weight": weights})


def error(scan: BlindScan, obj: npt.NDArray[np.complex64], truth: npt.NDArray[np.complex64]) -> float:
    light = illumination(scan.probe, scan.positions_px, scan.object_shape)
    return scaled_error(obj, truth, (light >= 0.05 * light.max()).astype(float)).nrmse


def test_the_fit_is_closer_to_the_object_than_its_start_and_the_penalty_helps(
    scan_and_truth: tuple[BlindScan, npt.NDArray[np.complex64]],
) -> None:
    scan, truth = scan_and_truth
    start = Start(replace(DESIGN, start_iterations=20)).reconstruct(scan, Budget(), RNG(0)).obj
    plain = run_method(MapFit("map", DESIGN), scan, Budget(20), RNG(0))
    smooth = run_method(tuned([2.0, 8.0]), scan, Budget(20), RNG(0))
    assert error(scan, smooth.obj, truth) < 0.95 * error(scan, plain.obj, truth)
    assert error(scan, plain.obj, truth) < error(scan, start, truth)
    assert len(plain.losses) == len(plain.seconds) == 20
    assert list(plain.losses) == sorted(plain.losses, reverse=True)
    assert (plain.stopped_by, plain.tuning) == ("epochs", None)
    assert smooth.tuning is not None
    assert {trial.options["weight"] for trial in smooth.tuning.trials} == {2.0, 8.0}
    assert set(smooth.steps_s) == {*plain.steps_s, "tuning"}
    np.testing.assert_array_equal(smooth.probe, scan.probe)


def test_the_object_of_every_iteration_can_be_seen_and_the_last_is_the_result(
    scan_and_truth: tuple[BlindScan, npt.NDArray[np.complex64]],
) -> None:
    scan, _ = scan_and_truth
    seen: dict[int, npt.NDArray[np.complexfloating]] = {}

    def see(iteration: int, obj: Callable[[], npt.NDArray[np.complexfloating]]) -> None:
        seen[iteration] = obj()

    found = run_method(MapFit("map", DESIGN), scan, Budget(3, on_object=see), RNG(0))
    assert list(seen) == [1, 2, 3]
    np.testing.assert_array_equal(seen[3], found.obj)
    assert np.any(seen[2] != seen[3])


def test_where_no_light_falls_the_object_is_transparent(
    scan_and_truth: tuple[BlindScan, npt.NDArray[np.complex64]],
) -> None:
    scan, _ = scan_and_truth
    grown = replace(scan, object_shape=(scan.object_shape[0] + 9, scan.object_shape[1] + 5))
    found = run_method(MapFit("map", DESIGN), grown, Budget(1), RNG(0))
    np.testing.assert_allclose(found.obj[-8:], grown.unit_scale, rtol=1e-6)


def test_the_same_seed_gives_the_same_bits_and_the_view_does_not_matter(
    scan_and_truth: tuple[BlindScan, npt.NDArray[np.complex64]],
) -> None:
    scan, _ = scan_and_truth
    method = tuned([2.0, 4.0])
    first, second = (method.reconstruct(replace(scan, grouped=grouped), Budget(3), RNG(1)) for grouped in (True, False))
    np.testing.assert_array_equal(first.obj, second.obj)
    other = method.reconstruct(scan, Budget(3), RNG(2))
    assert first.tuning is not None
    assert other.tuning is not None
    assert [trial.loss for trial in first.tuning.trials] != [trial.loss for trial in other.tuning.trials]


def test_a_time_budget_ends_after_the_iteration_that_exceeds_it(
    scan_and_truth: tuple[BlindScan, npt.NDArray[np.complex64]],
) -> None:
    seen: list[int] = []
    budget = Budget(seconds=1e-6, on_epoch=seen.append)
    found = MapFit("map-tv", DESIGN, weight=3.0).reconstruct(scan_and_truth[0], budget, RNG(0))
    assert (found.stopped_by, len(found.losses), seen) == ("seconds", 1, [1])


def test_amplitudes_that_are_no_counts_are_refused(scan_and_truth: tuple[BlindScan, npt.NDArray[np.complex64]]) -> None:
    with pytest.raises(RunError, match=naming("map-tv", "intensity_scale")):
        MapFit("map-tv", DESIGN).reconstruct(replace(scan_and_truth[0], counts_known=False), Budget(1), RNG(0))


def test_both_methods_come_with_ptyproof_and_one_chooses_weight_and_iterations() -> None:
    methods = known_methods(builtin_study("fly64"))
    for name in ("map", "map-tv"):
        assert (methods[name].method.name, methods[name].unavailable) == (name, None)
        assert methods[name].method.needs.iterates
    assert (methods["map"].tuning, methods["map"].options) == ({}, {"projections": 20})
    assert list(methods["map-tv"].tuning) == ["weight", "budget_share"]
    assert methods["map-tv"].options == {"projections": 20, "epsilon": 0.03}


@pytest.mark.parametrize(("share", "epochs", "spent"), [(0.5, 10, 5), (0.01, 10, 1), (0.9, 2, 2), (1.0, 4, 4)])
def test_a_share_of_the_budget_is_as_many_iterations(
    scan_and_truth: tuple[BlindScan, npt.NDArray[np.complex64]], share: float, epochs: int, spent: int
) -> None:
    scan, _ = scan_and_truth
    part = run_method(MapFit("map-tv", DESIGN, weight=5.0, budget_share=share), scan, Budget(epochs), RNG(0))
    whole = run_method(MapFit("map-tv", DESIGN, weight=5.0), scan, Budget(spent), RNG(0))
    assert (len(part.losses), part.stopped_by) == (spent, "epochs" if spent == epochs else None)
    np.testing.assert_array_equal(part.obj, whole.obj)


def test_hidden_photons_end_a_fit_that_would_fit_the_noise_of_a_background(
    scan_and_truth: tuple[BlindScan, npt.NDArray[np.complex64]],
) -> None:
    """Under a strong background most iterations fit its noise; without one, more iterations are better."""
    clean, truth = scan_and_truth
    background = np.full(clean.window, 0.5, np.float32)
    counts = np.rint(np.square(clean.amplitude, dtype=np.float64)) + RNG(3).poisson(0.5, clean.amplitude.shape)
    dim = replace(clean, amplitude=np.sqrt(counts).astype(np.float32), told=Told(background=background))
    table: dict[str, list[Value]] = {"budget_share": [0.1, 0.3, 1.0]}
    method = Tuned(MapFit("map-tv", DESIGN), {"weight": 8.0}, table)
    found = run_method(method, dim, Budget(60), RNG(0))
    whole = run_method(MapFit("map-tv", DESIGN, weight=8.0), dim, Budget(60), RNG(0))
    assert found.tuning is not None
    assert float(found.tuning.chosen.options["budget_share"]) < 1
    assert error(dim, found.obj, truth) < 0.98 * error(dim, whole.obj, truth)
