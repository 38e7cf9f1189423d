"""Engines that are not pty-chi: conventions, budgets, the probe, and nothing left changed behind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
import torch

from ptyproof.errors import RunError
from ptyproof.io.knowledge import Knowledge
from ptyproof.io.told import Told
from ptyproof.physics.align import align, illumination_crop
from ptyproof.physics.flaws import position_errors
from ptyproof.physics.metrics import scaled_error
from ptyproof.physics.positions import rms_error
from ptyproof.physics.probes import defocused
from ptyproof.reconstruction.cdtools_engine import CDTools
from ptyproof.reconstruction.engine import Engine
from ptyproof.reconstruction.method import BlindScan, Budget, Reconstruction, run_method
from ptyproof.reconstruction.xptycho_engine import XPtycho
from tests.helpers.engine_process import process_state, reasons_without
from tests.helpers.flawed_data import flawed
from tests.helpers.messages import names, naming
from tests.helpers.perfect_data import perfect_data


@pytest.fixture(params=[CDTools, XPtycho], ids=lambda kind: kind.name)
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each engine that is installed."""
    made: Engine = request.param()
    reason = made.unavailable()
    if reason is not None:
        pytest.skip(reason)
    return made


def run(engine: Engine, scan: BlindScan, epochs: int, seed: int = 1) -> Reconstruction:
    return run_method(engine, scan, Budget(epochs), np.random.default_rng(seed))


def test_perfect_data_give_the_object_at_its_place(engine: Engine) -> None:
    data = perfect_data()
    found = run(engine, data.scan, 24)
    fit = scaled_error(found.obj, data.obj, data.lit)
    assert fit.nrmse < 0.02
    assert abs(fit.scale) == pytest.approx(1, rel=0.02)
    others = [np.roll(found.obj, 1, 0), np.roll(found.obj, 1, 1), found.obj.conj(), found.obj[::-1, ::-1]]
    assert min(scaled_error(other, data.obj, data.lit).nrmse for other in others) > 0.04
    aligned = align(found.obj, data.obj, illumination_crop(data.lit, 0.5))
    assert np.abs(aligned.shift_px).max() < 0.02
    np.testing.assert_array_equal(found.probe, data.scan.probe)
    assert (found.stopped_by, len(found.losses), len(found.seconds)) == ("epochs", 24, 24)
    assert found.losses[-1] < 0.1 * found.losses[0]


def test_the_object_of_every_epoch_can_be_seen_and_the_last_is_the_result(engine: Engine) -> None:
    seen: dict[int, npt.NDArray[np.complexfloating]] = {}

    def see(epoch: int, obj: Callable[[], npt.NDArray[np.complexfloating]]) -> None:
        seen[epoch] = obj()

    found = run_method(engine, perfect_data().scan, Budget(3, on_object=see), np.random.default_rng(1))
    assert list(seen) == [1, 2, 3]
    np.testing.assert_array_equal(seen[3], found.obj)
    assert np.any(seen[2] != seen[3])


def test_the_truth_of_perfect_data_stays_where_it_is(engine: Engine) -> None:
    data = perfect_data()
    stayed = engine.refine(data.scan, Budget(4), np.random.default_rng(0), data.obj)
    assert scaled_error(stayed.obj, data.obj, data.lit).nrmse < 0.02


def test_the_modulus_is_in_the_unit_of_the_datasets_probe(engine: Engine) -> None:
    data = perfect_data()
    tenfold = replace(data.scan, probe=10 * data.scan.probe)
    found = run(engine, tenfold, 8)
    assert abs(scaled_error(found.obj, data.obj, data.lit).scale) == pytest.approx(10, rel=0.05)


def test_where_no_light_falls_the_object_is_transparent(engine: Engine) -> None:
    scan = perfect_data().scan
    grown = replace(scan, object_shape=(scan.object_shape[0] + 30, scan.object_shape[1] + 7))
    found = run(engine, grown, 1)
    assert found.obj.shape == grown.object_shape
    np.testing.assert_allclose(found.obj[-25:], grown.unit_scale, rtol=1e-5)


def test_a_position_between_pixels_moves_the_probe_in_cdtools_and_is_rounded_in_xptycho(engine: Engine) -> None:
    data = perfect_data(0.5)
    error = scaled_error(run(engine, data.scan, 24).obj, data.obj, data.lit).nrmse
    assert error < 0.02 if engine.name == "cdtools" else error > 0.02


def test_the_same_seed_gives_the_same_bits(engine: Engine) -> None:
    scan = perfect_data().scan
    first, second = (run(engine, scan, 2).obj for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_a_time_budget_ends_after_the_epoch_that_exceeds_it(engine: Engine) -> None:
    scan = perfect_data().scan
    seen: list[int] = []
    found = engine.reconstruct(scan, Budget(seconds=1e-6, on_epoch=seen.append), np.random.default_rng(0))
    assert (found.stopped_by, len(found.losses), seen) == ("seconds", 1, [1])
    both = engine.reconstruct(scan, Budget(2, 1000.0), np.random.default_rng(0))
    assert (both.stopped_by, len(both.losses)) == ("epochs", 2)


def test_the_process_is_afterwards_as_it_was_and_nothing_is_printed(
    engine: Engine, capfd: pytest.CaptureFixture[str]
) -> None:
    torch.set_default_dtype(torch.float64)
    try:
        before = process_state()
        run(engine, perfect_data().scan, 1)
        assert process_state() == before
    finally:
        torch.set_default_dtype(torch.float32)
    assert capfd.readouterr() == ("", "")


def test_cdtools_takes_patterns_of_any_size() -> None:
    engine = CDTools()
    if engine.unavailable():
        pytest.skip(str(engine.unavailable()))
    rng = np.random.default_rng(0)
    scan = perfect_data().scan
    odd = replace(
        scan, amplitude=rng.random((len(scan), 15, 12)).astype(np.float32), probe=scan.probe[:15, :12].copy() + 1
    )
    assert run(engine, odd, 1).obj.shape == scan.object_shape


@pytest.mark.parametrize(("window", "named"), [((15, 15), "15 x 15 px"), ((16, 12), "16 x 12 px")])
def test_xptycho_refuses_patterns_that_it_cannot_take(window: tuple[int, int], named: str) -> None:
    scan = perfect_data().scan
    height, width = window
    other = replace(scan, amplitude=scan.amplitude[:, :height, :width].copy(), probe=scan.probe[:height, :width].copy())
    with pytest.raises(RunError, match=naming("xptycho", named)):
        XPtycho().reconstruct(other, Budget(1), np.random.default_rng(0))


def test_cdtools_refines_a_probe_that_is_out_of_focus() -> None:
    engine = CDTools()
    if engine.unavailable():
        pytest.skip(str(engine.unavailable()))
    data = perfect_data()
    start = defocused(data.scan.probe, 10.0)
    found = run(engine, replace(data.scan, probe=start.copy(), probe_knowledge="estimated"), 30)

    def likeness(probe: npt.NDArray[np.complex64]) -> float:
        overlap = np.abs(np.vdot(probe, data.scan.probe))
        return float(overlap / (np.linalg.norm(probe) * np.linalg.norm(data.scan.probe)))

    assert likeness(start) < 0.9
    assert likeness(found.probe) > 0.97


@pytest.mark.parametrize("word", CDTools.needs.uses)
def test_cdtools_is_better_where_it_is_told_of_the_flaw(word: Knowledge) -> None:
    engine = CDTools()
    if engine.unavailable():
        pytest.skip(str(engine.unavailable()))
    data = perfect_data(0.5)
    scan = flawed(data, word)
    found = [run(engine, each, 8) for each in (scan, replace(scan, told=Told()))]
    told, untold = (scaled_error(each.obj, data.obj, data.lit).nrmse for each in found)
    assert told < 0.75 * untold
    assert found[0].losses[-1] < 0.2 * found[1].losses[-1]


def test_cdtools_refines_positions() -> None:
    engine = CDTools()
    if engine.unavailable():
        pytest.skip(str(engine.unavailable()))
    data = perfect_data(0.5)
    true = data.scan.positions_px
    given = data.scan.inside(true + position_errors(len(true), 1.0, np.random.default_rng(3)))
    found = run(engine, replace(data.scan, positions_px=given, position_knowledge="estimated"), 20)
    assert found.positions_px is not None
    assert rms_error(found.positions_px, true) < 0.8 * rms_error(given, true)
    np.testing.assert_allclose(found.positions_px.mean(axis=0), given.mean(axis=0), atol=0.05)


def test_without_an_engine_its_method_names_the_command_that_installs_it() -> None:
    said = reasons_without("cdtools", "xptycho")
    assert said["flat"] == "None"
    for name in ("cdtools", "xptycho"):
        assert names(said[name], name, "pip install 'pytest-ptyproof[engines]'")
