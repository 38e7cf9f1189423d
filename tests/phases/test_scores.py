"""Held-out scores: their definitions, what a perfect network would get, and what they do without a truth."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

from ptyproof.io.dataset import read_dataset
from ptyproof.methods.network_prediction import canvas_shape, illuminations, joint_estimate, predict
from ptyproof.metrics.improvement import beats_start, by_how_much, verdict
from ptyproof.phases.e_train.held_out import describe_scores, held_out_scores
from ptyproof.physics.forward import expected_counts
from ptyproof.physics.metrics import scaled_error
from ptyproof.reconstruction.method import illumination
from ptyproof.study.layout import phase_c_file, phase_d_file
from ptyproof.study.seeds import stream
from ptyproof.study.training import NetworkDesign
from ptyproof.training.bundle import read_bundle
from ptyproof.training.network import GroupNetwork
from ptyproof.training.projection import Group
from ptyproof.training.runner import train
from ptyproof.training.scan import NormalizedScan, read_scan
from tests.helpers.messages import names, numbers
from tests.helpers.phases import Phase
from tests.helpers.short_training import CPU, task

FLOOR = 1e-3


def as_measurement(path: Path, out: Path) -> Path:
    """Write a dataset again as if it had been measured: nobody knows its object."""
    with np.load(path) as archive:
        members = {name: archive[name] for name in archive if name not in {"objectGuess", "Y"}}
    metadata = json.loads(str(members["_metadata"])) | {"role": "measurement"}
    np.savez(out, **(members | {"_metadata": np.array(json.dumps(metadata))}))
    return out


SIZES = NetworkDesign(n_stages=1, channels=4, n_blocks=1, shrink=4, start_iterations=2)


def untrained() -> GroupNetwork:
    """Return a network that is its own start: its only stage takes no step."""
    torch.manual_seed(0)
    network = GroupNetwork(SIZES)
    with torch.no_grad():
        torch.nn.init.zeros_(next(value for name, value in network.named_parameters() if name.endswith("step")))
    return network.eval()


class Oracle(GroupNetwork):
    """A network that gives the patches that it was made with, in the order in which it is asked, again and again."""

    def __init__(self, patches: np.ndarray) -> None:
        super().__init__(SIZES)
        self.patches = torch.from_numpy(patches)
        self.asked = 0

    def forward(self, patterns: Group, start: torch.Tensor | None = None) -> torch.Tensor:
        """Return the next patches."""
        first, n = self.asked % len(self.patches), len(patterns.canvas.corners_px)
        self.asked += n
        return self.patches[first : first + n]


class Seer(GroupNetwork):
    """A network that gives the object that it was made with, on the canvas of a whole scan."""

    def __init__(self, obj: np.ndarray) -> None:
        super().__init__(SIZES)
        self.obj = torch.from_numpy(obj)

    def forward(self, patterns: Group, start: torch.Tensor | None = None) -> torch.Tensor:
        """Return the object on the canvas, which may leave the object's grid."""
        found = torch.ones(1, *patterns.canvas.shape, dtype=torch.complex64)
        rows, cols = (min(pair) for pair in zip(patterns.canvas.shape, self.obj.shape, strict=True))
        found[0, :rows, :cols] = self.obj[:rows, :cols]
        return found


def true_patches(path: Path, scan: NormalizedScan) -> npt.NDArray[np.complex64]:
    """Return the object in each window, in the network's unit, each with a phase of its own."""
    obj = read_dataset(path).dataset.obj
    assert obj is not None
    height, width = scan.window
    rng = np.random.default_rng(5)
    turns = np.exp(2j * np.pi * rng.random(len(scan))) / scan.object_scale
    windows = [obj[r : r + height, c : c + width] for r, c in scan.corners_px]
    patches: npt.NDArray[np.complex64] = (np.stack(windows) * turns[:, None, None]).astype(np.complex64)
    return patches


@pytest.fixture(scope="module")
def test_half(smoke_c: Phase) -> Path:
    return phase_c_file(smoke_c.root, 1e4, "test")


@pytest.mark.parametrize("grouped", [True, False])
def test_an_untrained_network_is_exactly_its_start(test_half: Path, grouped: bool) -> None:
    scores = held_out_scores(untrained(), test_half, FLOOR, grouped)
    for metric in ("poisson_loss", "complex_error", "patch_poisson_loss", "patch_complex_error"):
        assert scores[metric]["network"] == scores[metric]["start"]
        assert scores[metric]["improvement"] == 0
    assert scores["beats_start"] is False


def test_patches_of_the_truth_score_no_error_and_their_object_that_of_the_gauge(test_half: Path) -> None:
    scan, truth = read_scan(test_half), read_dataset(test_half).dataset.obj
    assert truth is not None
    scores = held_out_scores(Oracle(true_patches(test_half, scan)).eval(), test_half, FLOOR, grouped=False)
    assert scores["patch_complex_error"]["network"] < 1e-3
    covered = illumination(scan.probe, scan.positions_px, truth.shape)
    gauge = scaled_error(joint_estimate(untrained(), scan, truth.shape), truth, covered).nrmse
    assert 0.5 * gauge < scores["complex_error"]["network"] < gauge
    assert scores["beats_start"] is True


def test_the_truth_of_a_whole_scan_scores_no_complex_error(test_half: Path) -> None:
    scan, truth = read_scan(test_half), read_dataset(test_half).dataset.obj
    assert truth is not None
    row, col = scan.corners_px.min(axis=0)
    seen = truth[row:, col:] * np.complex64(np.exp(1j) / scan.object_scale)
    scores = held_out_scores(Seer(seen).eval(), test_half, FLOOR, grouped=True)
    assert scores["complex_error"]["network"] < 1e-3
    assert scores["patch_complex_error"]["network"] < 1e-3
    assert scores["poisson_loss"]["network"] == pytest.approx(scores["patch_poisson_loss"]["network"], rel=1e-6)
    assert scores["poisson_loss"]["network"] < scores["poisson_loss"]["start"]
    assert scores["beats_start"] is True


@pytest.mark.parametrize("grouped", [True, False])
def test_the_poisson_loss_is_that_of_the_forward_model_in_numpy(test_half: Path, grouped: bool) -> None:
    scan = read_scan(test_half)
    network = untrained()
    scores = held_out_scores(network, test_half, FLOOR, grouped)
    shown, hidden = scan.divided(0.9, stream(0, "held-out photons"))
    patches = predict(network, shown, canvas_shape(scan), grouped=grouped).patches / np.float32(scan.object_scale)
    probes = scan.probes(np.arange(len(scan)))
    whole = np.stack([expected_counts(p, o[None])[0] for p, o in zip(probes, patches, strict=True)]) + FLOOR
    with np.errstate(divide="ignore", invalid="ignore"):
        loss = 0.1 * whole - hidden + np.where(hidden > 0, hidden * np.log(hidden / (0.1 * whole)), 0)
    assert scores["patch_poisson_loss"]["network"] == pytest.approx(10 * loss.mean(), rel=1e-4)


def test_fitting_the_noise_that_is_seen_does_not_pay(smoke_c: Phase) -> None:
    path = phase_c_file(smoke_c.root, 1e3, "test")
    scan, truth = read_scan(path), read_dataset(path).dataset.obj
    assert truth is not None
    row, col = scan.corners_px.min(axis=0)
    seer = Seer(truth[row:, col:] / np.complex64(scan.object_scale)).eval()
    seer.design = dataclasses.replace(SIZES, start_iterations=40)
    scores = held_out_scores(seer, path, FLOOR, grouped=True)
    assert scores["poisson_loss"]["improvement"] > 0.01, "the truth has to beat a start that fits noise"


def test_patches_of_single_patterns_are_in_the_phase_of_their_object(test_half: Path) -> None:
    scan = read_scan(test_half)
    turned = Oracle(true_patches(test_half, scan)).eval()
    found = predict(turned, scan, canvas_shape(scan), grouped=False)
    weights = illuminations(scan)
    products = (found.shown_at(np.arange(len(scan))).conj() * found.patches * weights).sum(axis=(1, 2))
    assert np.abs(np.angle(products)).max() < 0.1
    some = np.array([3, 40, 7])
    np.testing.assert_array_equal(found.patches_at(some), found.patches[some])


def test_patches_of_a_whole_scan_are_what_its_object_shows(test_half: Path) -> None:
    scan = read_scan(test_half)
    shape = canvas_shape(scan)
    found = predict(untrained(), scan, shape, grouped=True)
    height, width = scan.window
    for patch, (row, col) in zip(found.patches, scan.corners_px, strict=True):
        np.testing.assert_array_equal(patch, found.obj[row : row + height, col : col + width])
    illuminated = np.zeros(shape)
    for weight, (row, col) in zip(illuminations(scan), scan.corners_px, strict=True):
        illuminated[row : row + height, col : col + width] += weight
    np.testing.assert_allclose(found.illumination, illuminated, rtol=1e-3, atol=1e-4 * illuminated.max())
    assert found.n_components == 1


def test_parts_of_a_scan_that_share_no_light_are_counted(test_half: Path) -> None:
    scan = read_scan(test_half)
    two = scan.subset(np.array([0, 1]))
    away = np.array([[0.0, 0.0], [3 * scan.window[0], 0.0]])
    apart = dataclasses.replace(two, positions_px=np.full((2, 2), 40.0) + away)
    for grouped in (True, False):
        assert predict(untrained(), apart, canvas_shape(apart), grouped=grouped).n_components == 2


def test_without_a_truth_the_complex_errors_are_unknown_with_the_reason(test_half: Path, tmp_path: Path) -> None:
    path = as_measurement(test_half, tmp_path / "measured.npz")
    scores = held_out_scores(untrained(), path, FLOOR, grouped=True)
    assert scores["complex_error"] == {"start": None, "network": None, "improvement": None}
    assert names(scores["no_truth_because"], "objectGuess")
    assert not numbers(describe_scores(scores)[2])
    assert verdict(scores).count("%") == 1


@pytest.mark.parametrize(("job", "grouped"), [("dose100000-baseline-gs1", False), ("dose100000-dense-gs2", True)])
def test_a_jobs_scores_are_those_of_its_bundle(
    smoke_c: Phase, smoke_d: Phase, smoke_e: Phase, job: str, grouped: bool
) -> None:
    (entry,) = [entry for entry in smoke_e.manifest["jobs"] if entry["job"] == job]
    bundle = read_bundle(smoke_e.root / entry["artifact_dir"] / entry["result"]["bundle_path"])
    path = phase_d_file(smoke_d.root, 1e5, "dense", "test") if grouped else phase_c_file(smoke_c.root, 1e5, "test")
    scores = held_out_scores(bundle.network, path, FLOOR, grouped)
    assert scores == entry["scores"]


@pytest.mark.parametrize("gridsize", [1, 2])
def test_training_pays_on_the_half_that_it_did_not_see(smoke_c: Phase, tmp_path: Path, gridsize: int) -> None:
    train_half, test_half = (phase_c_file(smoke_c.root, 1e5, half) for half in ("train", "test"))
    made = task(gridsize, max_epochs=4, steps_per_epoch=10, learning_rate=3e-3, shown_fraction=0.5)
    trained = train(made, read_scan(train_half), tmp_path, CPU)
    network = read_bundle(trained.bundle_path).network
    scores = held_out_scores(network, test_half, FLOOR, grouped=gridsize > 1)
    assert scores["patch_poisson_loss"]["improvement"] > 0.02


def test_illuminations_are_the_shifted_probes_intensities(test_half: Path) -> None:
    scan = read_scan(test_half)
    weights = illuminations(scan)
    assert weights.shape == scan.amplitude.shape
    energy = float((np.abs(scan.probe) ** 2).sum())
    np.testing.assert_allclose(weights.sum(axis=(1, 2)), energy, rtol=1e-4)


def improved(poisson: float | None, error: float | None) -> dict[str, dict[str, float | None]]:
    """Return scores with these improvements."""
    return {
        metric: {"start": 1.0, "network": 0.5, "improvement": value}
        for metric, value in (("poisson_loss", poisson), ("complex_error", error))
    }


@pytest.mark.parametrize(
    ("poisson", "error", "beats"),
    [(0.1, 0.1, True), (0.1, -0.1, False), (-0.1, 0.1, False), (0.0, 0.1, False), (0.1, None, True)],
)
def test_a_network_beats_its_start_only_in_both_metrics(poisson: float, error: float | None, beats: bool) -> None:
    assert beats_start(improved(poisson, error)) is beats


def test_a_verdict_names_both_metrics() -> None:
    scores = {**improved(0.025, -0.12), "beats_start": False}
    assert names(verdict(scores), "NOT", "2.5%", "12.0%")
    assert verdict(scores).index("2.5%") < verdict(scores).index("12.0%")
    assert not re.search(r"\d", by_how_much(None))
