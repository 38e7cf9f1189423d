"""A base of several modes through the phases: all of them are simulated, and records say what methods are not told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptyproof.console import Console
from ptyproof.io.dataset import in_its_version, read_dataset, write_dataset
from ptyproof.methods.reconstruction_input import read_reconstruction_input
from ptyproof.methods.reconstruction_jobs import ReconstructionFilters
from ptyproof.phases.base import load_base, make_base, write_base
from ptyproof.phases.c_simulate.generate import generate
from ptyproof.phases.d_overlap.overlap import overlap
from ptyproof.phases.f_reconstruct.reconstruct import ReconstructionPhase
from ptyproof.physics.probes import defocused, encircled_diameter_px
from ptyproof.records.manifest import read_manifest
from ptyproof.study.builtin import builtin_study
from ptyproof.study.jobs import JobFilters
from ptyproof.study.layout import phase_c_file, phase_d_file
from ptyproof.training.device import RunOptions
from ptyproof.training.scan import read_scan
from tests.helpers.known import known

SMOKE = builtin_study("fly64-smoke")
BASE = make_base(SMOKE)
FURTHER = np.stack([np.roll(0.6 * BASE.probe, 2, axis=0), np.roll(0.3 * BASE.probe, -2, axis=1)])
DOSE = 1e4


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("modes")
    write_dataset(root / "base.npz", in_its_version(replace(BASE, further_modes=FURTHER)))
    generate(SMOKE, load_base(SMOKE, str(root / "base.npz")), root / "c", doses=(DOSE,))
    overlap(root / "c", root / "d")
    return root


def test_patterns_are_the_sum_over_the_modes(made: Path) -> None:
    dataset = read_dataset(phase_c_file(made / "c", DOSE, "test")).dataset
    assert dataset.metadata["schema_version"] == "2.0.0"
    assert dataset.modes.shape == (3, 32, 32)
    # the dose is shared by all modes, in the proportions of the base
    power = [float(np.sum(np.abs(mode) ** 2, dtype=np.float64)) for mode in dataset.modes]
    np.testing.assert_allclose(np.array(power) / power[0], [1, 0.36, 0.09], rtol=1e-5)
    waves = dataset.modes.astype(np.complex128)[:, None] * known(dataset.patches)
    rate = np.square(np.abs(np.fft.fftshift(np.fft.fft2(waves, norm="ortho"), axes=(2, 3)))).sum(axis=0)
    counts = dataset.counts()
    bright = rate > 5
    chi_square = ((counts - rate)[bright] ** 2 / rate[bright]).sum()
    assert abs(chi_square - bright.sum()) < 5 * np.sqrt(2 * bright.sum())


def test_views_have_all_modes_and_discs_of_all_their_light(made: Path) -> None:
    whole = read_dataset(phase_c_file(made / "c", DOSE, "test")).dataset
    view = read_dataset(phase_d_file(made / "d", DOSE, "dense", "test")).dataset
    np.testing.assert_array_equal(view.modes, whole.modes)
    manifest: Any = read_manifest(made / "d" / "overlap_manifest.json", "overlap_manifest")
    found = manifest["views"][0]["train"]["overlap"]["probe_diameter_px"]
    assert found == pytest.approx(encircled_diameter_px(whole.modes), rel=1e-5)
    assert found > 1.02 * encircled_diameter_px(whole.probe)


def test_methods_get_the_strongest_mode_and_the_record_says_so(made: Path) -> None:
    path = phase_c_file(made / "c", DOSE, "test")
    given = read_reconstruction_input(path, "test", made)
    np.testing.assert_array_equal(given.probe, read_dataset(path).dataset.probe)
    assert (given.record["told"], given.record["not_told"]) == ([], ["modes"])
    assert read_scan(path).not_told == ("modes",)
    filters = ReconstructionFilters(JobFilters(doses=(DOSE,), views=("baseline",)), methods=("flat",))
    phase = ReconstructionPhase.opened(made / "c", made / "d", made / "f", RunOptions(accelerator="cpu", threads=1))
    phase.run(phase.enumerate(filters), filters, False, Console.silent())
    manifest: Any = phase.ledger.read()
    (job,) = [job for job in manifest["jobs"] if job["result"]["status"] == "success"]
    assert (job["dataset"]["told"], job["dataset"]["not_told"]) == ([], ["modes"])


def test_modes_that_are_told_beside_a_probe_to_be_refined_are_not_the_truth(made: Path) -> None:
    given = read_reconstruction_input(phase_c_file(made / "c", DOSE, "test"), "test", made).to_be_told(("modes",))
    fixed, start = (known(given.scan(estimated, 10.0, 64, None).told.further_modes) for estimated in (False, True))
    np.testing.assert_array_equal(fixed, known(given.known.further_modes))
    assert start.dtype == np.complex64
    for mode, true in zip(start, fixed, strict=True):
        np.testing.assert_allclose(mode, defocused(true, 10.0), rtol=1e-6)
        assert np.abs(np.vdot(mode, true)) < 0.95 * np.linalg.norm(mode) * np.linalg.norm(true)


def test_a_base_with_the_probe_of_a_file_has_its_modes(made: Path, tmp_path: Path) -> None:
    base = write_base(SMOKE, tmp_path / "base.npz", probe_from=made / "base.npz")
    np.testing.assert_array_equal(base.modes, np.concatenate([BASE.probe[None], FURTHER]))
    assert base.metadata["schema_version"] == "2.0.0"
