"""Held-out scores: their definitions, what a perfect network would get, and what they do without a truth."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from ptyproof.evidence.scores import canvas_shape, describe_scores, held_out_scores, illuminations, predict
from ptyproof.evidence.verdict import beats_start, by_how_much, verdict
from ptyproof.io.dataset import read_dataset
from ptyproof.physics.forward import expected_counts
from ptyproof.study.layout import phase_c_file
from ptyproof.study.training import NetworkDesign
from ptyproof.training.bundle import read_bundle
from ptyproof.training.data import Scan, read_scan
from ptyproof.training.network import PatchNetwork
from tests.conftest import Phase

FLOOR = 1e-3


def as_measurement(path: Path, out: Path) -> Path:
    """Write a dataset again as if it had been measured: nobody knows its object."""
    with np.load(path) as archive:
        members = {name: archive[name] for name in archive if name not in {"objectGuess", "Y"}}
    metadata = json.loads(str(members["_metadata"])) | {"role": "measurement"}
    np.savez(out, **(members | {"_metadata": np.array(json.dumps(metadata))}))
    return out


def untrained() -> PatchNetwork:
    """Return a network that is its own start."""
    torch.manual_seed(0)
    return PatchNetwork(NetworkDesign(channels=8, n_blocks=1)).eval()


class Oracle(PatchNetwork):
    """A network that gives the patches it was made with, in the order in which it is asked."""

    def __init__(self, patches: np.ndarray) -> None:
        super().__init__(NetworkDesign(channels=8, n_blocks=1))
        self.patches = torch.from_numpy(patches)
        self.asked = 0

    def forward(self, amplitude: torch.Tensor, probes: torch.Tensor) -> torch.Tensor:
        """Return the next patches."""
        first, self.asked = self.asked, self.asked + len(amplitude)
        return self.patches[first : self.asked]


def true_patches(path: Path, scan: Scan) -> np.ndarray:
    """Return the object in each window, in the network's unit, each with a phase of its own."""
    obj = read_dataset(path).dataset.obj
    assert obj is not None
    height, width = scan.window
    rng = np.random.default_rng(5)
    turns = np.exp(2j * np.pi * rng.random(len(scan))) / scan.object_scale
    windows = [obj[r : r + height, c : c + width] for r, c in scan.corners_px]
    return (np.stack(windows) * turns[:, None, None]).astype(np.complex64)


@pytest.fixture(scope="module")
def test_half(smoke_c: Phase) -> Path:
    return phase_c_file(smoke_c.root, 1e4, "test")


def test_an_untrained_network_is_exactly_its_start(test_half: Path) -> None:
    scores = held_out_scores(untrained(), test_half, FLOOR)
    for measure in ("poisson_loss", "complex_error", "patch_poisson_loss", "patch_complex_error"):
        assert scores[measure]["network"] == scores[measure]["start"]
        assert scores[measure]["improvement"] == 0
    assert scores["beats_start"] is False


def test_the_truth_scores_no_complex_error_whatever_the_phases_of_its_patches(test_half: Path) -> None:
    scan = read_scan(test_half)
    scores = held_out_scores(Oracle(true_patches(test_half, scan)).eval(), test_half, FLOOR)
    assert scores["complex_error"]["network"] < 1e-3
    assert scores["patch_complex_error"]["network"] < 1e-3
    assert scores["beats_start"] is True


def test_the_poisson_loss_is_that_of_the_forward_model_in_numpy(test_half: Path) -> None:
    scan = read_scan(test_half)
    network = untrained()
    scores = held_out_scores(network, test_half, FLOOR)
    patches = predict(network, scan, canvas_shape(scan)).patches / np.float32(scan.object_scale)
    probes = scan.probes(np.arange(len(scan)))
    rate = np.stack([expected_counts(p, o[None])[0] for p, o in zip(probes, patches, strict=True)]) + FLOOR
    counts = np.rint(scan.amplitude.astype(np.float64) ** 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        loss = rate - counts + np.where(counts > 0, counts * np.log(counts / rate), 0)
    assert scores["patch_poisson_loss"]["network"] == pytest.approx(loss.mean(), rel=1e-4)


def test_without_a_truth_the_complex_errors_are_unknown_with_the_reason(test_half: Path, tmp_path: Path) -> None:
    path = as_measurement(test_half, tmp_path / "measured.npz")
    scores = held_out_scores(untrained(), path, FLOOR)
    assert scores["complex_error"] == {"start": None, "network": None, "improvement": None}
    assert scores["no_truth_because"] == "the dataset has no objectGuess"
    assert "complex error (NRMSE) of the stitched object: not known" in describe_scores(scores)[2]
    assert "complex error" not in verdict(scores)


def test_training_pays_on_the_smoke_study(smoke_c: Phase, smoke_e: Phase) -> None:
    (entry,) = [job for job in smoke_e.manifest["jobs"] if job["job"] == "dose100000-baseline-gs1"]
    bundle = read_bundle(smoke_e.root / entry["artifact_dir"] / entry["result"]["bundle_path"])
    scores = held_out_scores(bundle.network, phase_c_file(smoke_c.root, 1e5, "test"), FLOOR)
    assert scores == entry["scores"]
    assert scores["patch_poisson_loss"]["improvement"] > 0


def test_illuminations_are_the_shifted_probes_intensities(test_half: Path) -> None:
    scan = read_scan(test_half)
    weights = illuminations(scan)
    assert weights.shape == scan.amplitude.shape
    energy = float((np.abs(scan.probe) ** 2).sum())
    np.testing.assert_allclose(weights.sum(axis=(1, 2)), energy, rtol=1e-4)


def improved(poisson: float | None, error: float | None) -> dict[str, dict[str, float | None]]:
    """Return scores with these improvements."""
    return {
        measure: {"start": 1.0, "network": 0.5, "improvement": value}
        for measure, value in (("poisson_loss", poisson), ("complex_error", error))
    }


@pytest.mark.parametrize(
    ("poisson", "error", "beats"),
    [(0.1, 0.1, True), (0.1, -0.1, False), (-0.1, 0.1, False), (0.0, 0.1, False), (0.1, None, True)],
)
def test_a_network_beats_its_start_only_in_both_measures(poisson: float, error: float | None, beats: bool) -> None:
    assert beats_start(improved(poisson, error)) is beats


def test_a_verdict_names_both_measures() -> None:
    scores = {**improved(0.025, -0.12), "beats_start": False}
    assert verdict(scores) == "does NOT beat its start (held-out Poisson loss 2.5% better, complex error 12.0% worse)"
    assert by_how_much(None) == "no ratio: the start is perfect"
