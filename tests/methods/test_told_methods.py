"""What methods make of beam and detector when they are told: nearly as good as without a flaw."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from ptyproof.io.dataset import read_dataset
from ptyproof.io.knowledge import KNOWLEDGE
from ptyproof.io.told import Told
from ptyproof.io.unit_scale import unit_scale
from ptyproof.methods.map import MapFit
from ptyproof.methods.network import Pinn, Start
from ptyproof.methods.reconstruction_input import read_reconstruction_input
from ptyproof.phases.base import load_base
from ptyproof.phases.c_simulate.generate import generate
from ptyproof.physics.align import align, illumination_crop
from ptyproof.physics.detector import Detector
from ptyproof.physics.fourier import fft2c
from ptyproof.physics.metrics import scaled_error
from ptyproof.physics.positions import rms_error
from ptyproof.reconstruction.method import BlindScan, Budget, Method, illumination, run_method
from ptyproof.study.builtin import builtin_study
from ptyproof.study.design import design_from_dict
from ptyproof.study.layout import phase_c_file
from ptyproof.study.training import NetworkDesign, TrainingDesign
from ptyproof.training.bundle import write_bundle
from ptyproof.training.network import GroupNetwork
from tests.helpers.bundles import record
from tests.helpers.known import known

DOSE = 1e4
START = Start(replace(NetworkDesign(), start_iterations=20))
# told against clean at most, untold against told at least
FLAWS: dict[str, tuple[dict[str, Any], float, float]] = {
    "mask": ({"detector": {"gap_rows": [[12, 1]], "dead_pixel_fraction": 0.01}}, 1.15, 1.5),
    "background": ({"detector": {"background_counts": 0.3}}, 1.15, 1.3),
    "modes": ({"beam": {"mode_powers": [0.85, 0.15]}}, 1.15, 1.1),
    "psf": ({"detector": {"psf_sigma_px": 0.5}}, 1.16, 1.1),
    "intensity": ({"beam": {"intensity_error": 0.2}}, 1.1, 1.2),
    "saturation": ({"detector": {"saturation_of_peak": 0.4}}, 1.35, 1.3),
}


TABLES = {"": {}, "positions": {"beam": {"position_error_px": 0.5}}} | {name: flaw[0] for name, flaw in FLAWS.items()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("told")


def scans(folder: Path, flaw: str) -> tuple[BlindScan, BlindScan, npt.NDArray[np.complex64]]:
    """Return the test half of a study with a flaw, told and untold, and its object."""
    table: dict[str, Any] = {**builtin_study("fly64-smoke").as_dict(), **TABLES[flaw]}
    design, root = design_from_dict(table), folder / (flaw or "clean")
    path = phase_c_file(root, DOSE, "test")
    if not path.exists():
        generate(design, load_base(design, "builtin"), root, doses=(DOSE,))
    given = read_reconstruction_input(path, "test", root)
    told, untold = (given.to_be_told(words).scan(False, 0.0, 64, None) for words in (KNOWLEDGE, ()))
    return told, untold, known(read_dataset(path).dataset.obj)


def error(method: Method, scan: BlindScan, truth: npt.NDArray[np.complex64]) -> float:
    """The error of a result where the light is, without phase, ramp and scale."""
    obj = run_method(method, scan, Budget(), np.random.default_rng(0)).obj
    light = illumination(scan.probe, scan.positions_px, scan.object_shape)
    aligned = align(obj, truth, illumination_crop(light, 0.05))
    return scaled_error(aligned.result, aligned.truth, aligned.mask.astype(float)).nrmse


@pytest.mark.parametrize("flaw", FLAWS)
def test_a_start_that_is_told_of_a_flaw_is_nearly_as_good_as_without_it(folder: Path, flaw: str) -> None:
    _, of_clean, of_untold = FLAWS[flaw]
    (_, clean, truth), (told, untold, _) = scans(folder, ""), scans(folder, flaw)
    assert told.told.words == (flaw,)
    best, found, worst = error(START, clean, truth), error(START, told, truth), error(START, untold, truth)
    assert found < of_clean * best
    assert worst > of_untold * found


@pytest.mark.parametrize("flaw", FLAWS)
@pytest.mark.parametrize("gridsize", [1, 2])
def test_a_network_that_is_told_of_a_flaw_corrects_as_the_measurement_asks(
    folder: Path, tmp_path: Path, flaw: str, gridsize: int
) -> None:
    """A network without a training takes the steps of the measurement alone: told, they are those of a clean scan."""
    _, of_clean, _ = FLAWS[flaw]
    training = TrainingDesign()
    changes = {"gridsize": gridsize, "pattern_shape_px": [32, 32], "training": training.as_dict()}
    bundle = write_bundle(tmp_path, GroupNetwork(training.network), record(**changes))
    assert Pinn.needs.uses == KNOWLEDGE
    found = []
    for name in ("", flaw):
        told, untold, truth = scans(folder, name)
        found.append([error(Pinn(), replace(scan, bundle_path=bundle), truth) for scan in (told, untold)])
    (_, clean), (told_error, untold_error) = found
    assert told_error < of_clean * clean
    if gridsize > 1:  # single patterns are joined in the gauge of the joint start, which is told as well
        assert untold_error > 1.05 * told_error


def test_a_transparent_object_has_the_unit_in_which_its_modulus_is_one() -> None:
    """Whatever the flaw, patterns of a transparent object have the unit scale 1."""
    rng = np.random.default_rng(3)
    window, n = (12, 15), 5
    modes = (rng.standard_normal((2, *window)) + 1j * rng.standard_normal((2, *window))).astype(np.complex64)
    light = np.square(np.abs(fft2c(modes))).sum(axis=0)
    factors, background = rng.uniform(0.5, 2, n), rng.uniform(0.1, 5, window).astype(np.float32)
    valid = rng.uniform(size=(n, *window)) > 0.3
    rates = Detector(0.6, factors, background).expected(np.repeat(light[None], n, axis=0))
    told = Told(valid, modes[1:], background, 0.6, factors)
    amplitude = np.sqrt(np.where(valid, rates, 0)).astype(np.float32)
    assert unit_scale(amplitude, modes[0], told) == pytest.approx(1, rel=1e-5)
    assert unit_scale(3 * np.sqrt(light[None]).astype(np.float32), modes[0], Told(further_modes=modes[1:])) == (
        pytest.approx(3, rel=1e-5)
    )
    dark = Told(background=np.full(window, 1e6, np.float32))
    assert unit_scale(amplitude, modes[0], dark) == unit_scale(amplitude, modes[0], Told())


@pytest.mark.parametrize("method", [START, MapFit("map", NetworkDesign())], ids=["start", "map"])
def test_refined_positions_make_up_for_most_of_their_error(folder: Path, method: Method) -> None:
    (_, clean, truth), (_, scan, _) = scans(folder, ""), scans(folder, "positions")
    dataset = read_dataset(phase_c_file(folder / "positions", DOSE, "test")).dataset
    true_px = known(dataset.positions_true_px)
    refining = replace(scan, position_knowledge="estimated")
    found = run_method(method, refining, Budget(), np.random.default_rng(0))
    best, bad = error(method, clean, truth), error(method, scan, truth)
    good = error(method, refining, truth)
    before, after = rms_error(scan.positions_px, true_px), rms_error(known(found.positions_px), true_px)
    assert after < 0.5 * before
    assert good - best < 0.5 * (bad - best)
    np.testing.assert_allclose(known(found.positions_px).mean(axis=0), scan.positions_px.mean(axis=0), atol=1e-6)
    assert run_method(method, scan, Budget(2), np.random.default_rng(0)).positions_px is None


def test_a_budget_of_few_iterations_is_kept_while_positions_are_refined(folder: Path) -> None:
    _, scan, _ = scans(folder, "positions")
    refining = replace(scan, position_knowledge="estimated")
    for epochs in (3, 25):
        found = run_method(MapFit("map", NetworkDesign()), refining, Budget(epochs), np.random.default_rng(0))
        assert (len(found.losses), found.stopped_by) == (epochs, "epochs")
