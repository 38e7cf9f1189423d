"""What a training is told of beam and detector: in its batches, in what a step lowers, and in its recipe."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import poisson

from ptyproof.io.knowledge import KNOWLEDGE, Tell
from ptyproof.phases.base import load_base
from ptyproof.phases.c_simulate.generate import generate
from ptyproof.phases.e_train.held_out import held_out_scores
from ptyproof.physics.detector import Detector
from ptyproof.study.builtin import builtin_study
from ptyproof.study.design import design_from_dict
from ptyproof.study.layout import phase_c_file
from ptyproof.study.training import NetworkDesign, TrainingDesign
from ptyproof.training.canvas import Canvas
from ptyproof.training.data import Draw, GroupedScan
from ptyproof.training.module import PatchTraining
from ptyproof.training.network import GroupNetwork
from ptyproof.training.projection import start_estimate
from ptyproof.training.scan import NormalizedScan, read_scan
from ptyproof.training.told_batch import ToldBatch
from tests.helpers.known import known
from tests.helpers.short_training import task

DOSE = 1e4
ALL: dict[str, Any] = {
    "detector": {
        "gap_rows": [[12, 1]],
        "dead_pixel_fraction": 0.01,
        "saturation_of_peak": 0.5,
        "background_counts": 0.3,
        "psf_sigma_px": 0.5,
    },
    "beam": {"mode_powers": [0.85, 0.15], "intensity_error": 0.2},
}
FLAWS: dict[str, dict[str, Any]] = {
    "mask": {"detector": {"gap_rows": [[12, 2]]}},
    "background": {"detector": {"background_counts": 0.3}},
    "modes": {"beam": {"mode_powers": [0.85, 0.15]}},
    "psf": {"detector": {"psf_sigma_px": 0.7}},
    "intensity": {"beam": {"intensity_error": 0.2}},
    "saturation": {"detector": {"saturation_of_peak": 0.4}},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("told")


def half(folder: Path, name: str, split: str = "train") -> Path:
    """Return a half of a study that has the flaws of that name, all of them, or none."""
    flaws = ALL if name == "all" else FLAWS.get(name, {})
    design = design_from_dict({**builtin_study("fly64-smoke").as_dict(), **flaws})
    path = phase_c_file(folder / name, DOSE, split)
    if not path.exists():
        generate(design, load_base(design, "builtin"), folder / name, doses=(DOSE,))
    return path


def batch_of(scan: NormalizedScan, shown_fraction: float) -> dict[str, torch.Tensor]:
    """Return two groups of four patterns as a training step gets them."""
    groups = np.arange(8).reshape(2, 4)
    found = GroupedScan(scan, shown_fraction)[Draw(groups, 3, ("told",))]
    return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in found.items()}


def shifted(array: np.ndarray) -> np.ndarray:
    return np.fft.fftshift(array, axes=(-2, -1))


@pytest.mark.parametrize("shown_fraction", [0.75, 1.0])
def test_a_loss_that_is_told_is_what_numpy_and_scipy_say(folder: Path, shown_fraction: float) -> None:
    scan = read_scan(half(folder, "all"), KNOWLEDGE)
    assert scan.told == KNOWLEDGE
    batch = batch_of(scan, shown_fraction)
    judged = 1 - shown_fraction if shown_fraction < 1 else 1.0
    rng = np.random.default_rng(0)
    patches = np.exp(1j * rng.normal(scale=0.4, size=(2, 4, *scan.window))).astype(np.complex64)
    floor = 0.02
    told = ToldBatch.of(batch)
    found = told.loss(batch["probes"], torch.from_numpy(patches), batch["hidden"], judged, floor)
    modes = [batch["probes"].numpy(), *known(batch.get("further")).numpy()]
    light = sum(np.square(np.abs(np.fft.fft2(mode.astype(complex) * patches, norm="ortho"))) for mode in modes)
    index = np.arange(8)
    flat = shifted(np.asarray(light)).reshape(8, *scan.window)
    rates = Detector(scan.psf_sigma_px, background=scan.background).expected(flat, index)
    counts = scan.counts(index)
    seen = known(scan.valid_pixels) & (counts < known(scan.saturation_counts))
    hidden = shifted(batch["hidden"].numpy()).reshape(8, *scan.window)
    best = np.where(hidden > 0, poisson.logpmf(hidden, np.maximum(hidden, 1e-300)), 0.0)
    expected = (best - poisson.logpmf(hidden, judged * rates + floor))[seen].mean()
    assert 0.005 < 1 - seen.mean() < 0.5
    assert found.item() == pytest.approx(expected, rel=1e-4)


def test_what_is_shown_is_told_for_as_many_photons(folder: Path) -> None:
    scan = read_scan(half(folder, "all"), KNOWLEDGE)
    batch = batch_of(scan, 0.25)
    canvas = Canvas.around(batch["corners_px"], scan.window, 2)
    from ptyproof.training.projection import Patterns

    shown = ToldBatch.of(batch).shown(Patterns(batch["shown"].sqrt(), batch["probes"] / 2, canvas, 4), 0.25)
    for mode, whole in zip(shown.modes, (batch["probes"], *batch["further"]), strict=True):
        torch.testing.assert_close(mode, whole / 2)
    torch.testing.assert_close(known(shown.background), 0.25 * batch["background"])
    assert (known(shown.blur).rows is not None, known(shown.blur).background) == (True, None)
    alone = replace(shown, valid=None)
    # values in pixels that do not count have no part in the start
    other = replace(shown, amplitude=shown.amplitude.where(known(shown.valid), torch.tensor(30.0)))
    torch.testing.assert_close(start_estimate(other, 2), start_estimate(shown, 2))
    assert not torch.allclose(start_estimate(replace(other, valid=None), 2), start_estimate(alone, 2))


@pytest.mark.parametrize("flaw", FLAWS)
def test_a_step_that_is_told_of_a_flaw_has_a_smaller_loss(folder: Path, flaw: str) -> None:
    sizes = NetworkDesign(n_stages=1, channels=4, n_blocks=1, shrink=4, start_iterations=10)
    module = PatchTraining(TrainingDesign(network=sizes), "")
    with torch.no_grad():
        told, untold = (
            module.loss(batch_of(read_scan(half(folder, flaw), tells), 0.9)).item() for tells in (KNOWLEDGE, ())
        )
    assert told < 0.99 * untold


def test_a_scan_without_anything_to_tell_is_the_same_told_or_not(folder: Path) -> None:
    told, untold = (read_scan(half(folder, "clean"), tells) for tells in (KNOWLEDGE, ()))
    assert (told.told, told.not_told, told.arrays_sha256) == ((), (), untold.arrays_sha256)
    assert batch_of(told, 0.9).keys() == {"shown", "hidden", "probes", "corners_px", "dark_px"}
    assert task().recipe_sha256(told) == replace(task(), tells=KNOWLEDGE).recipe_sha256(untold)


def test_what_is_told_is_part_of_the_recipe(folder: Path) -> None:
    tells: tuple[tuple[Tell, ...], ...] = ((), ("mask",), ("mask", "psf"))
    scans = [read_scan(half(folder, "all"), words) for words in tells]
    assert [scan.told for scan in scans] == list(tells)
    assert scans[1].not_told == tuple(word for word in KNOWLEDGE if word != "mask")
    assert len({task().recipe_sha256(scan) for scan in scans}) == 3


@pytest.mark.parametrize("flaw", FLAWS)
def test_scores_of_the_held_out_half_are_told_as_well(folder: Path, flaw: str) -> None:
    network = GroupNetwork(NetworkDesign(start_iterations=10)).eval()

    path = half(folder, flaw, "test")
    told, untold = (held_out_scores(network, path, 1e-3, True, None, tells) for tells in (KNOWLEDGE, ()))
    assert told["poisson_loss"]["network"] < 0.95 * untold["poisson_loss"]["network"]
    assert told["complex_error"]["network"] < untold["complex_error"]["network"]
