"""The network's methods: which looks at a whole scan and which stitches, what they refuse, and what they say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ptyproof.errors import DataError, RunError
from ptyproof.io.dataset import read_dataset
from ptyproof.methods.network import Pinn, Start, ThenLsqml
from ptyproof.methods.network_prediction import illuminations
from ptyproof.physics.gauge import fit_ramps, turned
from ptyproof.reconstruction.iterative import PtyChi
from ptyproof.reconstruction.method import BlindScan, Budget, Needs, Reconstruction
from ptyproof.reconstruction.stitching import cut, stitch
from ptyproof.study.layout import phase_c_file
from ptyproof.study.reconstruction import Value
from ptyproof.training.bundle import read_bundle, write_bundle
from ptyproof.training.network import GroupNetwork
from ptyproof.training.prediction import predict_object, predict_patches
from ptyproof.training.scan import normalized_scan, scan_of
from tests.helpers.bundles import SIZES, network, record
from tests.helpers.messages import naming
from tests.helpers.phases import Phase

RNG = np.random.default_rng(0)
BUDGET = Budget(epochs=1)


@pytest.fixture(scope="module")
def blind(smoke_c: Phase) -> BlindScan:
    dataset = read_dataset(phase_c_file(smoke_c.root, 1e4, "test")).dataset
    assert dataset.obj is not None
    scan = scan_of(dataset, "test")
    unscaled = scan.probe / np.float32(scan.object_scale)
    return BlindScan(scan.amplitude.copy(), unscaled, scan.positions_px.copy(), dataset.obj.shape)


def bundle_for(blind: BlindScan, folder: Path, gridsize: int, window: tuple[int, int] | None = None) -> Path:
    """Write a network whose weights are small and random."""
    made = network()
    for parameter in made.parameters():
        parameter.data *= 0.01
    changes = {"gridsize": gridsize, "pattern_shape_px": list(window or blind.window)}
    return write_bundle(folder, made, record(**changes))


def own(blind: BlindScan, bundle: Path | None, *, grouped: bool, start_only: bool = False) -> np.ndarray:
    """Return the object as the parts give it that the methods are made of."""
    scan = normalized_scan(blind.amplitude, blind.probe, blind.positions_px, "")
    judge = GroupNetwork(SIZES).eval() if bundle is None else read_bundle(bundle).network
    if grouped:
        return predict_object(judge, scan, blind.object_shape, start_only=start_only)
    patches = predict_patches(judge, scan, start_only=start_only)
    gauge = predict_object(judge, scan, blind.object_shape, start_only=True)
    shown = cut(gauge, scan.corners_px, scan.window)
    ramped = turned(patches, *fit_ramps(patches, shown, illuminations(scan)))
    joined = stitch(ramped, illuminations(scan), scan.corners_px, blind.object_shape, synchronize=False)
    return np.asarray(joined.obj)


@pytest.mark.parametrize("gridsize", [1, 2])
def test_a_network_looks_at_as_many_patterns_as_it_was_trained_on(
    blind: BlindScan, tmp_path: Path, gridsize: int
) -> None:
    bundle = bundle_for(blind, tmp_path, gridsize)
    found = Pinn().reconstruct(replace(blind, bundle_path=bundle), BUDGET, RNG)
    np.testing.assert_allclose(found.obj, own(blind, bundle, grouped=gridsize > 1), rtol=1e-5, atol=1e-5)
    assert np.abs(found.obj - own(blind, bundle, grouped=gridsize == 1)).max() > 0.01
    assert_steps(found, ["initial estimate", "inference"], stitched=gridsize == 1)


@pytest.mark.parametrize("grouped", [True, False])
def test_the_start_looks_at_patterns_as_the_cell_does(blind: BlindScan, grouped: bool) -> None:
    found = Start(SIZES).reconstruct(replace(blind, grouped=grouped), BUDGET, RNG)
    np.testing.assert_allclose(found.obj, own(blind, None, grouped=grouped, start_only=True), rtol=1e-5, atol=1e-5)
    assert np.abs(found.obj - own(blind, None, grouped=not grouped, start_only=True)).max() > 0.01
    assert_steps(found, ["initial estimate"], stitched=not grouped)


def test_lsqml_goes_on_from_the_joint_start_whatever_the_cell_looks_at(blind: BlindScan) -> None:
    pytest.importorskip("ptychi", reason="pty-chi is not installed: pip install 'pytest-ptyproof[iterative]'")
    method = ThenLsqml(Start(SIZES))
    uses = PtyChi("lsqml").needs.uses
    assert (method.name, method.needs) == ("start+lsqml", Needs(iterates=True, positions="either", uses=uses))
    joint, alone = (
        method.reconstruct(replace(blind, grouped=grouped), BUDGET, np.random.default_rng(1))
        for grouped in (True, False)
    )
    np.testing.assert_array_equal(joint.obj, alone.obj)
    assert list(joint.steps_s) == ["initial estimate", "set-up", "iterations"]
    assert joint.stopped_by == "epochs"
    start = Start(SIZES).reconstruct(blind, BUDGET, RNG).obj
    lit = start != 0
    moved = np.abs(joint.obj - start)[lit].mean() / np.abs(start[lit]).mean()
    assert 0 < moved < 0.5  # an epoch changes the start, and leaves most of it
    other = method.configured({**defaults(method), "batching": "random", "n_batches": 4})
    assert not np.array_equal(other.reconstruct(blind, BUDGET, np.random.default_rng(1)).obj, joint.obj)


def defaults(method: ThenLsqml) -> dict[str, Value]:
    return {name: option.default for name, option in method.options.items()}


def assert_steps(found: Reconstruction, steps: list[str], *, stitched: bool) -> None:
    assert list(found.steps_s) == [*steps, *(["joint initial estimate", "stitching"] if stitched else [])]
    assert found.gauge == ("joint_initial_estimate" if stitched else None)
    assert all(value > 0 for value in found.steps_s.values())


def test_a_network_of_another_window_is_refused(blind: BlindScan, tmp_path: Path) -> None:
    bundle = bundle_for(blind, tmp_path, 2, (64, 48))
    with pytest.raises(DataError, match=naming("64 x 48 px", "32 x 32 px")):
        Pinn().reconstruct(replace(blind, bundle_path=bundle), BUDGET, RNG)


def test_what_a_network_cannot_do_without_is_said(blind: BlindScan, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=naming("pinn", "bundle")):
        Pinn().reconstruct(blind, BUDGET, RNG)
    with pytest.raises(RunError, match="counts"):
        Start(SIZES).reconstruct(replace(blind, counts_known=False), BUDGET, RNG)
