"""Engines of other packages that are told of beam and detector: each word that they declare makes them better."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from ptyproof.errors import RunError
from ptyproof.io.knowledge import Knowledge
from ptyproof.io.told import Told
from ptyproof.methods.network import Start, ThenLsqml
from ptyproof.physics.align import align, illumination_crop
from ptyproof.physics.flaws import position_errors
from ptyproof.physics.metrics import scaled_error
from ptyproof.physics.positions import rms_error
from ptyproof.physics.probes import defocused
from ptyproof.reconstruction.iterative import PtyChi
from ptyproof.reconstruction.method import BlindScan, Budget, Reconstruction, run_method
from ptyproof.study.training import NetworkDesign
from tests.helpers.flawed_data import flawed
from tests.helpers.known import known
from tests.helpers.messages import naming
from tests.helpers.perfect_data import perfect_data

pytest.importorskip("ptychi", reason="pty-chi is not installed: pip install 'pytest-ptyproof[iterative]'")

_OFFSET_PX = 0.5  # at a fraction of a pixel, so that each mode has to move by it
_PIE_USES: tuple[Knowledge, ...] = ("mask", "modes", "intensity", "saturation")
_USES: dict[str, tuple[Knowledge, ...]] = {"lsqml": (*_PIE_USES, "psf"), "rpie": _PIE_USES, "epie": _PIE_USES}
_CASES = [(name, word) for name, words in _USES.items() for word in words]


def run(name: str, scan: BlindScan, epochs: int, **settings: Any) -> Reconstruction:
    return run_method(PtyChi(name, settings), scan, Budget(epochs), np.random.default_rng(1))


@cache
def from_truth(name: str, word: Knowledge, is_told: bool) -> Reconstruction:
    """Return an epoch from the true object."""
    data = perfect_data(_OFFSET_PX)
    scan = flawed(data, word)
    scan = scan if is_told else replace(scan, told=Told())
    return PtyChi(name).refine(scan, Budget(1), np.random.default_rng(1), data.obj)


@pytest.mark.parametrize("name", _USES)
def test_an_engine_declares_what_it_can_be_told(name: str) -> None:
    assert set(PtyChi(name).needs.uses) == set(_USES[name])


@pytest.mark.parametrize(("name", "word"), _CASES)
def test_the_true_object_stays_where_an_engine_is_told_of_the_flaw(name: str, word: Knowledge) -> None:
    data = perfect_data(_OFFSET_PX)
    moved = [scaled_error(from_truth(name, word, is_told).obj, data.obj, data.lit).nrmse for is_told in (True, False)]
    assert moved[0] < 0.2 * moved[1]


@pytest.mark.parametrize(("name", "word"), [("lsqml", "psf"), *((name, "modes") for name in _USES)])
def test_the_model_of_a_pattern_is_that_of_the_dataset(name: str, word: Knowledge) -> None:
    # an epoch's loss is that of patterns as they were before their update: of the true object, in the first batch
    told, untold = (from_truth(name, word, is_told).losses[0] for is_told in (True, False))
    assert told < (5e-3 if name == "lsqml" else 0.05) * untold


def test_every_mode_moves_by_the_fraction_of_a_position(monkeypatch: pytest.MonkeyPatch) -> None:
    data = perfect_data(_OFFSET_PX)
    ours = from_truth("lsqml", "modes", True).losses[0]
    monkeypatch.setattr("ptyproof.reconstruction.iterative.shift_all_modes", lambda _: None)
    theirs = PtyChi("lsqml").refine(flawed(data, "modes"), Budget(1), np.random.default_rng(1), data.obj).losses[0]
    assert ours < 0.5 * theirs


@pytest.mark.parametrize("name", _USES)
def test_what_changes_nothing_changes_the_rounding_alone(name: str) -> None:
    data = perfect_data(_OFFSET_PX)
    scan = data.scan
    told = Told(
        valid_pixels=np.ones(scan.window, np.bool_), intensity_factors=np.ones(len(scan)), saturation_counts=1e9
    )
    clean, same = (run(name, replace(scan, told=known), 2) for known in (Told(), told))
    assert scaled_error(same.obj, clean.obj, data.lit).nrmse < 1e-3
    np.testing.assert_allclose(clean.losses, same.losses, rtol=1e-3)


@pytest.mark.parametrize("name", _USES)
def test_a_mask_for_each_pattern_does_what_one_for_all_does(name: str) -> None:
    scan = flawed(perfect_data(_OFFSET_PX), "mask")
    mask = scan.told.valid_pixels
    assert mask is not None
    each = Told(valid_pixels=np.repeat(mask[None], len(scan), axis=0))
    one, other = (run(name, replace(scan, told=told), 2).obj for told in (scan.told, each))
    np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-3 * float(np.abs(one).max()))


def test_a_pattern_without_light_says_nothing() -> None:
    data = perfect_data(_OFFSET_PX)
    factors = np.ones(len(data.scan))
    factors[::4] = 0
    amplitude = data.scan.amplitude * np.sqrt(factors).astype(np.float32)[:, None, None]
    scan = replace(data.scan, amplitude=amplitude, told=Told(intensity_factors=factors))
    found = PtyChi("lsqml").refine(scan, Budget(1), np.random.default_rng(1), data.obj)
    assert scaled_error(found.obj, data.obj, data.lit).nrmse < 0.01


def test_intensities_that_vary_are_estimated_where_nobody_knows_them() -> None:
    data = perfect_data(_OFFSET_PX)
    scan = replace(flawed(data, "intensity"), told=Told())
    given, estimated = (run("lsqml", scan, 20, intensity=how) for how in ("given", "estimated"))
    errors = [scaled_error(found.obj, data.obj, data.lit) for found in (given, estimated)]
    assert errors[1].nrmse < 0.6 * errors[0].nrmse
    assert abs(errors[1].scale) == pytest.approx(1, rel=0.1)


def test_modes_are_refined_with_the_probe() -> None:
    data = perfect_data(_OFFSET_PX)
    scan = flawed(data, "modes")
    start = replace(scan, probe_knowledge="estimated", told=Told())
    one, two = (run("lsqml", start, 15, modes=n) for n in (0, 2))
    assert two.losses[-1] < 0.75 * one.losses[-1]
    assert one.further_modes is None
    assert known(two.further_modes).shape == (1, *scan.window)
    # a probe that is held fixed keeps the modes that are told
    assert run("lsqml", scan, 1).further_modes is None


def test_a_probe_that_changes_from_pattern_to_pattern_is_found_by_its_variable_modes() -> None:
    data = perfect_data(_OFFSET_PX)
    scan = replace(data.scan, probe_knowledge="estimated", probe=defocused(data.scan.probe, 2.0))
    found = run("lsqml", scan, 3, opr_modes=2)
    assert np.isfinite(found.obj).all()
    assert np.any(found.obj != run("lsqml", scan, 3).obj)


@pytest.mark.parametrize(("settings", "named"), [({"modes": 2}, "2 modes"), ({"opr_modes": 1}, "opr_modes = 1")])
def test_modes_that_have_to_be_found_need_a_probe_that_is_refined(settings: dict[str, Any], named: str) -> None:
    with pytest.raises(RunError, match=naming(named, "estimated")):
        run("lsqml", perfect_data().scan, 1, **settings)


@pytest.mark.parametrize("name", _USES)
def test_positions_are_refined(name: str) -> None:
    data = perfect_data(_OFFSET_PX)
    true = data.scan.positions_px
    given = data.scan.inside(true + position_errors(len(true), 1.0, np.random.default_rng(3)))
    scan = replace(data.scan, positions_px=given)
    found = run(name, replace(scan, position_knowledge="estimated"), 30)
    assert found.positions_px is not None
    assert rms_error(found.positions_px, true) < 0.2 * rms_error(given, true)
    np.testing.assert_allclose(found.positions_px.mean(axis=0), given.mean(axis=0), atol=2e-3)
    errors = []
    for result in (run(name, scan, 30), found):
        aligned = align(result.obj, data.obj, illumination_crop(data.lit, 0.5))
        errors.append(scaled_error(aligned.result, aligned.truth, aligned.mask.astype(float)).nrmse)
    assert errors[1] < 0.5 * errors[0]


def test_positions_of_a_scan_up_to_the_edge_stay_inside_the_grid() -> None:
    data = perfect_data()
    given = data.scan.positions_px + np.where(np.arange(len(data.scan))[:, None] % 2, 0.8, -0.8)
    scan = replace(data.scan, positions_px=data.scan.inside(given), position_knowledge="estimated")
    found = run("lsqml", scan, 10, position_start=0, position_limit_px=4.0, position_step=10.0)
    assert found.positions_px is not None
    np.testing.assert_array_equal(found.positions_px, scan.inside(found.positions_px))


def test_a_correction_begins_at_its_epoch_and_no_move_exceeds_its_limit() -> None:
    scan = replace(perfect_data(_OFFSET_PX).scan, position_knowledge="estimated")
    settings = {"position_limit_px": 0.01, "position_step": 10.0}
    found = [known(run("lsqml", scan, 4, position_start=start, **settings).positions_px) for start in (4, 2)]
    np.testing.assert_allclose(found[0], scan.positions_px, atol=1e-4)
    assert 0 < np.abs(np.subtract(found[1], scan.positions_px)).max() < 2.5 * 0.01


def test_a_correction_by_correlation_moves_positions() -> None:
    scan = replace(perfect_data(_OFFSET_PX).scan, position_knowledge="estimated")
    found = run("lsqml", scan, 2, position_start=0, position_correction="cross_correlation")
    assert found.positions_px is not None
    assert np.isfinite(found.positions_px).all()


def test_lsqml_goes_on_from_positions_that_the_start_has_refined() -> None:
    data = perfect_data(_OFFSET_PX)
    true = data.scan.positions_px
    given = data.scan.inside(true + position_errors(len(true), 1.0, np.random.default_rng(3)))
    scan = replace(data.scan, positions_px=given, position_knowledge="estimated")
    start = Start(NetworkDesign())
    first = run_method(start, scan, Budget(), np.random.default_rng(1))
    method = ThenLsqml(start, PtyChi("lsqml", {"position_start": 5}))
    kept = run_method(method, scan, Budget(2), np.random.default_rng(1))
    np.testing.assert_allclose(known(kept.positions_px), known(first.positions_px), atol=1e-3)
    further = run_method(method, scan, Budget(20), np.random.default_rng(1))
    assert rms_error(known(further.positions_px), true) < 0.2 * rms_error(given, true)
