"""pty-chi as a method: conventions to a fraction of a pixel, the probe, budgets, and nothing left changed behind."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from ptyproof.physics.align import align, illumination_crop
from ptyproof.physics.metrics import scaled_error
from ptyproof.physics.probes import defocused
from ptyproof.reconstruction.iterative import PtyChi
from ptyproof.reconstruction.method import BlindScan, Budget, Reconstruction, run_method
from ptyproof.study.reconstruction import Value
from tests.helpers.engine_process import process_state, reasons_without
from tests.helpers.messages import names
from tests.helpers.perfect_data import perfect_data

pytest.importorskip("ptychi", reason="pty-chi is not installed: pip install 'pytest-ptyproof[iterative]'")


def run(name: str, scan: BlindScan, epochs: int, seed: int = 1, **settings: Value) -> Reconstruction:
    """Run an engine; `settings` are options that differ from its defaults."""
    return run_method(PtyChi(name, settings), scan, Budget(epochs), np.random.default_rng(seed))


@pytest.mark.parametrize("offset", [0.0, 0.5], ids=["whole pixels", "half a pixel"])
def test_lsqml_finds_the_object_of_noise_free_data(offset: float) -> None:
    data = perfect_data(offset)
    scan, obj, lit = data.scan, data.obj, data.lit
    found = run("lsqml", scan, 30)
    assert scaled_error(found.obj, obj, lit).nrmse < 0.02
    np.testing.assert_array_equal(found.probe, scan.probe)
    assert found.stopped_by == "epochs"
    assert len(found.losses) == len(found.seconds) == 30
    assert found.losses[-1] < 0.05 * found.losses[0]
    assert list(found.seconds) == sorted(found.seconds)


def test_the_modulus_is_in_the_unit_of_the_datasets_probe() -> None:
    data = perfect_data()
    scan, obj, lit = data.scan, data.obj, data.lit
    tenfold = replace(scan, probe=10 * scan.probe)
    scale = abs(scaled_error(run("lsqml", tenfold, 10).obj, obj, lit).scale)
    assert scale == pytest.approx(10, rel=0.02)


@pytest.mark.parametrize(("name", "limit"), [("epie", 0.08), ("rpie", 0.12)])
def test_the_other_engines_converge_to_the_object(name: str, limit: float) -> None:
    data = perfect_data(0.5)
    scan, obj, lit = data.scan, data.obj, data.lit
    flat = scaled_error(np.ones(obj.shape, np.complex64), obj, lit).nrmse
    assert scaled_error(run(name, scan, 10).obj, obj, lit).nrmse < limit < 0.6 * flat


def test_a_probe_is_refined_from_one_out_of_focus() -> None:
    data = perfect_data()
    scan, obj, lit = data.scan, data.obj, data.lit
    start = defocused(scan.probe, 10.0)
    found = run("lsqml", replace(scan, probe=start.copy(), probe_knowledge="estimated"), 45)

    def likeness(probe: npt.NDArray[np.complex64]) -> np.float32:
        return abs(np.vdot(probe, scan.probe)) / (np.linalg.norm(probe) * np.linalg.norm(scan.probe))

    assert likeness(start) < 0.9
    assert likeness(found.probe) > 0.99
    assert np.linalg.norm(found.probe) == pytest.approx(np.linalg.norm(scan.probe), rel=0.05)
    # object and probe may share a shift and a ramp, which no pattern tells
    aligned = align(found.obj, obj, illumination_crop(lit, 0.5))
    assert scaled_error(aligned.result, aligned.truth, aligned.mask.astype(float)).nrmse < 0.06


def test_the_start_decides_nothing_where_data_do_and_stays_where_no_light_falls() -> None:
    data = perfect_data()
    scan, obj, lit = data.scan, data.obj, data.lit
    engine = PtyChi("lsqml")
    start = np.full(obj.shape, 0.7 + 0.3j, np.complex64)
    found = engine.refine(scan, Budget(15), np.random.default_rng(1), start)
    assert scaled_error(found.obj, obj, lit).nrmse < 0.06
    np.testing.assert_array_equal(start, np.complex64(0.7 + 0.3j))
    grown = replace(scan, object_shape=(obj.shape[0] + 30, obj.shape[1] + 7))
    wide = run("lsqml", grown, 2)
    assert wide.obj.shape == grown.object_shape
    np.testing.assert_array_equal(wide.obj[obj.shape[0] + 3 :], wide.obj[-1, -1])


@pytest.mark.parametrize(
    ("settings", "draws"),
    [({}, False), ({"batching": "random", "n_batches": 8}, True), ({"batching": "compact", "n_batches": 4}, None)],
    ids=["all at once", "random batches", "compact batches"],
)
def test_the_same_seed_gives_the_same_bits(settings: dict[str, Any], draws: bool | None) -> None:
    scan = perfect_data().scan
    first, second, other = (run("lsqml", scan, 2, seed, **settings).obj for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, second)
    if draws is not None:  # clusters may come out the same
        assert np.array_equal(first, other) != draws


def test_momentum_and_batches_are_what_the_options_say() -> None:
    data = perfect_data()
    scan, obj, lit = data.scan, data.obj, data.lit
    usual, without, several = (
        scaled_error(run("lsqml", scan, 12, **settings).obj, obj, lit).nrmse
        for settings in ({}, {"momentum": 0.0}, {"n_batches": 8})
    )
    assert usual < 0.8 * without
    assert several != usual
    # pty-chi knows no momentum of the object in other modes, and gives the probe none here
    one, other = (run("lsqml", scan, 2, batching="random", momentum=momentum).obj for momentum in (0.0, 0.5))
    np.testing.assert_array_equal(one, other)


def test_a_time_budget_ends_after_the_epoch_that_exceeds_it() -> None:
    scan = perfect_data().scan
    seen: list[Any] = []
    budget = Budget(seconds=1e-6, on_epoch=seen.append)
    found = PtyChi("epie").reconstruct(scan, budget, np.random.default_rng(0))
    assert (found.stopped_by, len(found.losses), seen) == ("seconds", 1, [1])
    both = PtyChi("epie").reconstruct(scan, Budget(2, 1000.0), np.random.default_rng(0))
    assert (both.stopped_by, len(both.losses)) == ("epochs", 2)


@pytest.mark.parametrize("n", [1, 2])
def test_one_and_two_positions_without_overlap_are_reconstructed(n: int) -> None:
    scan = perfect_data().scan
    where = np.array([[20.0, 20.0], [70.5, 70.5]])[:n]
    few = BlindScan(scan.amplitude[:n].copy(), scan.probe.copy(), where.copy(), (100, 100))
    found = run("lsqml", few, 2)
    assert np.isfinite(found.obj).all()


def test_the_process_is_afterwards_as_it_was(capfd: pytest.CaptureFixture[str]) -> None:
    scan = perfect_data().scan
    torch.set_default_dtype(torch.float64)
    try:
        before = process_state()
        run("lsqml", scan, 1)
        assert process_state() == before
        with pytest.raises(ValueError, match="diffraction_data"):
            PtyChi("lsqml").reconstruct(replace(scan, amplitude=scan.amplitude[0]), Budget(1), np.random.default_rng(1))
        assert process_state() == before
    finally:
        torch.set_default_dtype(torch.float32)
    assert capfd.readouterr() == ("", "")


def test_without_pty_chi_the_methods_say_how_it_is_installed() -> None:
    said = reasons_without("ptychi")
    assert {said[name] for name in ("flat", "start", "pinn", "map", "map-tv")} == {"None"}
    for name in ("lsqml", "rpie", "epie", "start+lsqml", "pinn+lsqml"):
        engine = name.rpartition("+")[2]
        assert names(said[name], engine, "ptychi", "pip install 'pytest-ptyproof[iterative]'")
