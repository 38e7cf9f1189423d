"""The interface of methods: what they are given, what they may spend, and what is refused of what they return."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytest

from ptyproof.errors import InputError, RunError
from ptyproof.io.told import Told
from ptyproof.physics.forward import expected_counts, object_patches
from ptyproof.reconstruction.flat import Flat
from ptyproof.reconstruction.method import (
    BlindScan,
    Budget,
    Method,
    Needs,
    Reconstruction,
    check_reconstruction,
    illumination,
    run_method,
    unavailable,
)
from tests.helpers.messages import naming

SHAPE = (40, 34)
WINDOW = (12, 16)


def make_scan(n: int = 9, seed: int = 0) -> BlindScan:
    """A scan at random sub-pixel positions of a non-square window on a non-square object."""
    rng = np.random.default_rng(seed)
    low = np.array(WINDOW) // 2
    positions = low + rng.random((n, 2)) * (np.array(SHAPE) - WINDOW)
    probe = (rng.standard_normal(WINDOW) + 1j * rng.standard_normal(WINDOW)).astype(np.complex64)
    obj = np.exp(1j * rng.random(SHAPE)).astype(np.complex64)
    counts = expected_counts(probe, object_patches(obj, positions, WINDOW))
    return BlindScan(np.sqrt(counts).astype(np.float32), probe, positions, SHAPE)


def good(scan: BlindScan) -> Reconstruction:
    """A result that keeps the interface."""
    return Reconstruction(np.ones(scan.object_shape, np.complex64), scan.probe)


def with_nan(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A copy with one NaN."""
    array = array.copy()
    array[0, 0] = np.nan
    return array


def test_a_scan_has_no_truth_and_cannot_be_changed() -> None:
    scan = make_scan()
    assert not {"obj", "objectGuess", "patches", "Y"} & set(vars(scan))
    for array in (scan.amplitude, scan.probe, scan.positions_px):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_the_unit_scale_makes_the_probe_explain_the_photons() -> None:
    scan = make_scan()
    photons = np.square(scan.amplitude, dtype=np.float64).sum() / len(scan)
    assert np.square(np.abs(scan.unit_scale * scan.probe)).sum() == pytest.approx(photons, rel=1e-5)


def test_the_illumination_is_the_sum_of_the_shifted_probes() -> None:
    scan = make_scan(n=1)
    whole = replace(scan, positions_px=np.array([[17.0, 20.0]]), probe=scan.probe.copy())
    found = illumination(whole.probe, whole.positions_px, SHAPE)
    expected = np.zeros(SHAPE)
    expected[11:23, 12:28] = np.abs(whole.probe) ** 2
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    many = illumination(scan.probe, np.repeat(whole.positions_px, 70, axis=0), SHAPE)
    np.testing.assert_allclose(many, 70 * expected, rtol=1e-4, atol=1e-4)


def test_flat_is_constant_and_explains_the_mean_number_of_photons() -> None:
    scan = make_scan()
    found = run_method(Flat(), scan, Budget(), np.random.default_rng(0))
    assert len(np.unique(found.obj)) == 1
    power = np.square(np.abs(scan.probe * found.obj[0, 0])).sum()
    assert power == pytest.approx(np.square(scan.amplitude, dtype=np.float64).sum() / len(scan), rel=1e-4)
    assert isinstance(Flat(), Method)
    assert unavailable(Flat()) is None


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda s: None, naming("Reconstruction", "NoneType")),
        (lambda s: np.ones(SHAPE), naming("Reconstruction", "ndarray")),
        (lambda s: replace(good(s), obj=cast("Any", np.ones(SHAPE))), naming("object", "complex64", "float64")),
        (lambda s: replace(good(s), obj=np.ones(SHAPE, complex)), naming("object", "complex64", "complex128")),
        (lambda s: replace(good(s), obj=cast("Any", [[1j]])), naming("object", "complex64", "list")),
        (lambda s: replace(good(s), obj=good(s).obj.T), naming("object", "(40, 34)", "(34, 40)")),
        (lambda s: replace(good(s), obj=with_nan(good(s).obj)), naming("object", 1, 1360)),
        (lambda s: replace(good(s), probe=s.probe.real), naming("probe", "complex64", "float32")),
        (lambda s: replace(good(s), probe=s.probe[:-1]), naming("probe", "(12, 16)", "(11, 16)")),
        (lambda s: replace(good(s), probe=with_nan(s.probe)), naming("probe", 1, 192)),
        (lambda s: replace(good(s), losses=(1.0,)), r"(?<!\w)1 \w+ \w+ 0 "),
        (lambda s: replace(good(s), losses=(np.nan,), seconds=(1.0,)), naming("losses", "[nan]")),
        (lambda s: replace(good(s), steps_s={"a": -1.0}), naming(0, "{'a': -1.0}")),
    ],
)
def test_what_breaks_the_interface_is_refused_in_one_sentence(make: Callable[..., Any], sentence: str) -> None:
    scan = make_scan()
    assert check_reconstruction(good(scan), scan).obj.shape == SHAPE
    with pytest.raises(RunError, match=sentence) as caught:
        check_reconstruction(make(scan), scan)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        ({"epochs": 0}, naming("epoch", 1_000_000, 0)),
        ({"epochs": 1_000_001}, naming(1_000_000, 1_000_001)),
        ({"seconds": 1.1e6}, naming("1e+06", "1.1e+06")),
        ({"epochs": -3}, naming("-3")),
        ({"epochs": True}, naming("True")),
        ({"seconds": 0}, r"(?<!\w)0 .* 1e\+06\D*0$"),
        ({"seconds": -1.0}, naming("1e+06", "-1")),
        ({"seconds": float("nan")}, naming("1e+06", "nan")),
        ({"seconds": float("inf")}, naming("1e+06", "inf")),
    ],
)
def test_an_impossible_budget_is_refused(limits: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        Budget(**limits)


def test_needs_have_defaults_for_the_simplest_method() -> None:
    assert Needs() == Needs(training=False, probe="known", iterates=False)


@pytest.mark.parametrize("uses", ["mask", ("truth",), ("mask", "positions"), (1,)])
def test_a_method_cannot_ask_for_what_nobody_tells(uses: Any) -> None:
    with pytest.raises(InputError, match=naming("mask", "saturation", f"{uses!r}")):
        Needs(uses=uses)


def test_the_unit_scale_counts_the_light_of_all_modes_that_are_told() -> None:
    plain = make_scan()
    told = replace(plain, told=Told(further_modes=np.stack([plain.probe, plain.probe])))
    assert told.unit_scale == pytest.approx(plain.unit_scale / np.sqrt(3), rel=1e-6)
    with pytest.raises(ValueError, match="read-only"):
        told.told.further_modes[0] = 0  # type: ignore[index]


def refining(scan: BlindScan) -> BlindScan:
    """The scan, for a method that is to refine its positions."""
    return replace(scan, position_knowledge="estimated")


def test_refined_positions_are_returned_where_they_are_asked_for() -> None:
    scan = make_scan()
    inside = np.clip(scan.positions_px + 0.1, 8, None)
    found = replace(good(scan), positions_px=inside)
    assert check_reconstruction(found, refining(scan)) is found
    with pytest.raises(RunError, match=naming("positions")):
        check_reconstruction(found, scan)
    with pytest.raises(RunError, match=naming("positions", "NoneType")):
        check_reconstruction(good(scan), refining(scan))


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda px: px.astype(np.float32), "float32"),
        (lambda px: px[:-1], "(8, 2)"),
        (lambda px: np.where(px == px[3, 1], np.nan, px), "1 not finite"),
        (lambda px: px + np.array([0.0, 30.0]), "index 0"),
        (lambda px: px - np.array([30.0, 0.0]), "index 0"),
    ],
)
def test_refined_positions_that_cannot_be(change: Callable[[Any], Any], what: str) -> None:
    scan = make_scan()
    with pytest.raises(RunError, match=naming(what)):
        check_reconstruction(replace(good(scan), positions_px=change(scan.positions_px)), refining(scan))
