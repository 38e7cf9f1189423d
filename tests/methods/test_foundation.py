"""The method `foundation`: what it makes of scans, its options and their records, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from ptyproof.conformance.checks import CHECKS
from ptyproof.conformance.scenes import make_scene
from ptyproof.conformance.subject import Subject
from ptyproof.conformance.trial import try_check
from ptyproof.errors import DataError, DesignError, RunError
from ptyproof.foundation.batches import Batch
from ptyproof.foundation.bundle import read_bundle
from ptyproof.foundation.design import design_of
from ptyproof.foundation.initial import fitted
from ptyproof.foundation.scans import in_network_unit
from ptyproof.foundation.scenes import Scene
from ptyproof.foundation.shipped import shipped
from ptyproof.io.hashing import sha256_file
from ptyproof.io.told import Told
from ptyproof.methods.foundation import LARGEST_EXCESS_NATS, Foundation, excess_nats
from ptyproof.methods.network import whole_object
from ptyproof.methods.registry import known_methods, method_order
from ptyproof.reconstruction.method import Budget, run_method
from ptyproof.study.builtin import STUDY_NAMES, builtin_study
from ptyproof.study.reconstruction import MethodDesign
from ptyproof.study.training import NetworkDesign
from tests.helpers.foundation import DESIGN, write_shared_bundle

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # After four steps, corrections of a larger rate do not turn with the scan yet.
    design = replace(DESIGN, network=replace(DESIGN.network, start_iterations=20), learning_rate=5e-4)
    return write_shared_bundle(tmp_path_factory.mktemp("shared"), design)


def method(path: Path) -> Foundation:
    return Foundation(NetworkDesign(start_iterations=6), str(path))


def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: Path, **options: Any) -> Any:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nets").mkdir(exist_ok=True)
    (tmp_path / "nets" / made.name).write_bytes(made.read_bytes())
    design = builtin_study("fly64-smoke")
    entry = MethodDesign("foundation", options={"bundle": f"nets/{made.name}", **options})
    return replace(design, reconstruction=replace(design.reconstruction, methods=(entry,)))


def test_built_in_studies_have_it_but_that_of_flaws() -> None:
    without = [name for name in STUDY_NAMES if "foundation" not in method_order(builtin_study(name), [])]
    assert without == ["fly64-flaws"]


def test_the_digest_of_the_bundle_is_among_the_options_that_are_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bundle: Path
) -> None:
    digest = sha256_file(bundle)
    known = known_methods(study(tmp_path, monkeypatch, bundle))["foundation"]
    assert known.options == {"bundle": f"nets/{bundle.name}", "bundle_sha256": digest}
    assert known.unavailable is None
    assert not known.needs_training
    pinned = known_methods(study(tmp_path, monkeypatch, bundle, bundle_sha256=digest))["foundation"]
    assert pinned.options == known.options


def test_another_bundle_than_the_study_wants_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bundle: Path
) -> None:
    design = study(tmp_path, monkeypatch, bundle, bundle_sha256="0" * 64)
    with pytest.raises(DesignError, match=sha256_file(bundle)):
        known_methods(design)


@pytest.mark.parametrize(
    "options",
    [
        {"bundle": "/absolute.safetensors"},
        {"bundle": "weights.pt"},
        {"bundle": "a\\b.safetensors"},
        {"bundle_sha256": "abc"},
        {"bundle": 5},
    ],
)
def test_an_impossible_option_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bundle: Path, options: Any
) -> None:
    with pytest.raises(DesignError):
        known_methods(study(tmp_path, monkeypatch, bundle, **options))


def test_bundles_are_not_tuned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bundle: Path) -> None:
    design = study(tmp_path, monkeypatch, bundle)
    names = ("shipped", f"nets/{bundle.name}")
    entry = replace(design.reconstruction.methods[0], options={}, tuning={"bundle": names})
    tuned = replace(design, reconstruction=replace(design.reconstruction, methods=(entry,)))
    with pytest.raises(DesignError, match=r"tuning\.bundle"):
        known_methods(tuned)


def test_a_bundle_that_is_missing_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bundle: Path) -> None:
    with pytest.raises(DataError, match=r"none\.safetensors"):
        known_methods(study(tmp_path, monkeypatch, bundle, bundle="none.safetensors"))


def test_the_network_improves_on_nothing_and_differs_from_its_start(bundle: Path) -> None:
    scene = make_scene()
    found = run_method(method(bundle), scene.scan, Budget(), RNG)
    assert scene.error(found.obj) < 0.3
    assert list(found.steps_s) == ["initial estimate", "penalized fit", "inference"]


def test_a_scan_is_corrected_from_what_the_network_was_trained_to_correct(bundle: Path) -> None:
    scene = make_scene(noisy=True, dose=1e4)
    shared = read_bundle(bundle)
    with torch.no_grad():
        for stage in shared.network.stages:  # a network that adds nothing
            for weight in stage.parameters():
                weight.zero_()
        batch = Batch.of(Scene(scene.scan, scene.obj, "known"), design_of(shared.record["design"]))
    first = whole_object(shared.network, scene.scan, start_only=True).obj
    record = shared.record["design"]
    start = fitted(scene.scan, first, record["fit_iterations"], record["fit_weight"])
    found = whole_object(shared.network, scene.scan, start=start).obj
    lit = found != 0
    assert np.abs(start[lit] - first[lit]).max() > 1e-2
    np.testing.assert_allclose(found[lit], start[lit], rtol=1e-5)
    unit = np.float32(in_network_unit(scene.scan).object_scale)
    np.testing.assert_allclose(batch.start[0].numpy()[lit] * unit, start[lit], atol=1e-4)


def test_it_uses_what_it_is_told(bundle: Path) -> None:
    scene = make_scene(noisy=True, dose=1e4)
    valid = np.ones(scene.scan.window, dtype=bool)
    valid[8:11] = False
    amplitude = scene.scan.amplitude * valid
    scan = replace(scene.scan, amplitude=amplitude)
    untold = run_method(method(bundle), scan, Budget(), RNG)
    told = run_method(method(bundle), replace(scan, told=Told(valid_pixels=valid)), Budget(), RNG)
    assert scene.error(told.obj) < scene.error(untold.obj)


def test_positions_are_refined_where_they_are_estimated(bundle: Path) -> None:
    scene = make_scene()
    scan = replace(scene.scan, position_knowledge="estimated")
    found = run_method(method(bundle), scan, Budget(), RNG)
    assert found.positions_px is not None
    assert found.positions_px.shape == scan.positions_px.shape


def test_patterns_of_a_size_that_is_far_from_the_training_are_refused(bundle: Path) -> None:
    small = make_scene().scan
    margins = ((16, 16), (16, 16))
    scan = replace(
        small,
        amplitude=np.pad(small.amplitude, ((0, 0), *margins)),
        probe=np.pad(small.probe, margins),
        positions_px=small.positions_px + 16,
        object_shape=(small.object_shape[0] + 32, small.object_shape[1] + 32),
    )
    with pytest.raises(DataError, match=f"{bundle.name}.*16 to 24.*48.*56 x 56"):
        run_method(method(bundle), scan, Budget(), RNG)


def test_unknown_counts_are_refused(bundle: Path) -> None:
    with pytest.raises(RunError):
        run_method(method(bundle), replace(make_scene().scan, counts_known=False), Budget(), RNG)


def test_a_bundle_that_changes_meanwhile_is_refused(bundle: Path, tmp_path: Path) -> None:
    copy = tmp_path / bundle.name
    copy.write_bytes(bundle.read_bytes())
    ready = method(copy)
    copy.write_bytes(bundle.read_bytes()[:-4] + b"\0\0\0\1")
    with pytest.raises(RunError, match=bundle.name):
        run_method(ready, make_scene().scan, Budget(), RNG)


@pytest.mark.parametrize("check", CHECKS)
def test_it_keeps_what_every_method_has_to_keep(bundle: Path, subject: Subject, check: str) -> None:
    trial = try_check(subject, check, {})
    assert trial.outcome == "passed", trial.said


@pytest.fixture(scope="module")
def subject(bundle: Path) -> Subject:
    return Subject(method(bundle))


@pytest.mark.parametrize(("dose", "is_kept"), [(1e3, True), (1e4, True), (1e7, False)])
def test_an_object_that_noise_does_not_explain_is_not_the_result(dose: float, is_kept: bool) -> None:
    """The bundle that comes with ptyproof, on a scan unlike those of its training: small patterns of a round probe."""
    scene = make_scene(noisy=True, dose=dose)
    found = run_method(Foundation(NetworkDesign()), scene.scan, Budget(), RNG)
    assert (found.remedies == ()) is is_kept
    estimate = corrected_estimate(scene)
    lit = found.obj != 0
    assert np.array_equal(found.obj[lit], estimate[lit]) is not is_kept
    assert scene.error(found.obj) < 1.02 * scene.error(estimate)


def test_a_true_object_is_less_likely_than_a_fit_by_no_more_than_noise_does() -> None:
    for dose in (1e3, 1e4, 1e5):
        scene = make_scene(noisy=True, dose=dose)
        excess = excess_nats(scene.scan, scene.obj, corrected_estimate(scene))
        assert 0 < excess <= LARGEST_EXCESS_NATS
        assert excess_nats(scene.scan, 1.2 * scene.obj, scene.obj) > LARGEST_EXCESS_NATS
    assert excess_nats(scene.scan, scene.obj, scene.obj) == 0


def test_a_network_that_fails_leaves_the_estimate_that_it_corrects(bundle: Path, tmp_path: Path) -> None:
    weights = load_file(bundle)
    with safe_open(bundle, framework="pt") as file:
        metadata = file.metadata()
    broken = {name: value + 5 if name.endswith("head.bias") else value for name, value in weights.items()}
    save_file(broken, tmp_path / bundle.name, metadata)
    scene = make_scene(noisy=True, dose=1e4)
    found = run_method(method(tmp_path / bundle.name), scene.scan, Budget(), RNG)
    assert len(found.remedies) == 1
    assert scene.error(found.obj) < 0.2


def corrected_estimate(scene: Any) -> Any:
    """Return what the bundle that comes with ptyproof corrects, complex64 (M, M')."""
    path = shipped()
    assert path is not None
    shared = read_bundle(path)
    design = shared.record["design"]
    first = whole_object(shared.network, scene.scan, start_only=True).obj
    return fitted(scene.scan, first, design["fit_iterations"], design["fit_weight"])
