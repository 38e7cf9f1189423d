"""Phases C to E on the probe and positions of a real measurement (Siemens star, N = 128)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptyproof.assessment.assess import AssessmentPlan, Task, assess
from ptyproof.console import Console
from ptyproof.errors import DataError
from ptyproof.io.dataset import read_dataset, write_dataset
from ptyproof.io.importers import import_foreign
from ptyproof.methods.registry import registry
from ptyproof.phases.base import load_base
from ptyproof.phases.c_simulate.generate import generate
from ptyproof.phases.d_overlap.overlap import overlap
from ptyproof.phases.e_train.train import TrainingPhase
from ptyproof.study.builtin import builtin_study
from ptyproof.study.jobs import JobFilters
from ptyproof.study.training import NetworkDesign, TrainingDesign
from ptyproof.training.device import RunOptions
from tests.helpers.measurements import some_of
from tests.helpers.messages import naming

STAR = Path(__file__).parents[3] / "shared" / "data" / "siemens-star" / "siemens-star-small.npz"

pytestmark = pytest.mark.skipif(not STAR.is_file(), reason="the measured Siemens star does not lie beside the project")


def test_a_study_runs_on_the_measurement_s_probe_and_positions(tmp_path: Path) -> None:
    dataset, _ = import_foreign(STAR, object_name="siemens")
    write_dataset(tmp_path / "base.npz", dataset)
    design = builtin_study("fly001")
    run = generate(design, load_base(design, str(tmp_path / "base.npz")), tmp_path / "c", (1e4,))
    assert run["base"]["n_positions"] == 516
    assert run["split"]["n_train"] + run["split"]["n_test"] + run["split"]["n_left_out"] == 516
    views = overlap(tmp_path / "c", tmp_path / "d")
    assert [cell["view"] for cell in views["views"]] == ["baseline", "dense"]
    assert [cell["view"] for cell in views["rejected_views"]] == ["sparse"]
    selection: Any = views["rejected_views"][0]["train"]["selection"]
    assert selection["threshold_px"] == pytest.approx(102.4)
    with np.load(STAR) as star:
        gaps = np.diff(star["scan"][0].astype(float), axis=0)
    np.testing.assert_allclose(np.diff(dataset.positions_px, axis=0), gaps, atol=1e-4)


def test_the_measurement_keeps_its_counts_and_has_no_object(tmp_path: Path) -> None:
    measured, changes = import_foreign(STAR)
    write_dataset(tmp_path / "measured.npz", measured)
    read = read_dataset(tmp_path / "measured.npz").dataset
    assert read.obj is None
    assert changes
    with np.load(STAR) as star:
        expected = np.fft.fftshift(star["data"][0], axes=(-2, -1))
    np.testing.assert_array_equal(read.counts(), expected)
    with pytest.raises(DataError, match=naming("measured.npz", "ptyproof import", "--object")):
        load_base(builtin_study("fly001"), str(tmp_path / "measured.npz"))


def test_a_study_trains_on_the_measurement_s_probe_and_positions(tmp_path: Path) -> None:
    dataset, _ = import_foreign(STAR, object_name="siemens")
    write_dataset(tmp_path / "base.npz", dataset)
    budget = TrainingDesign(
        max_epochs=1, steps_per_epoch=2, network=NetworkDesign(n_stages=1, channels=4, n_blocks=1, shrink=4)
    )
    study = builtin_study("fly001")
    design = replace(
        study, name="star", doses_photons_per_pattern=(1e4,), views=study.views[1:], training=budget
    )  # of single patterns, the scores alone take most of a minute
    generate(design, load_base(design, str(tmp_path / "base.npz")), tmp_path / "c")
    overlap(tmp_path / "c", tmp_path / "d")
    phase = TrainingPhase.opened(
        tmp_path / "c", tmp_path / "d", tmp_path / "a", RunOptions(accelerator="cpu", threads=1)
    )
    ended = phase.run(phase.enumerate(JobFilters()), JobFilters(), False, Console.silent())
    assert [(done.job.key, done.status) for done in ended] == [
        ("dose10000-dense-gs2", "success"),
    ]
    manifest = phase.ledger.read()
    assert manifest is not None
    assert manifest["account"]["n_skipped"] == 1
    for done in ended:
        assert done.entry["scores"]["complex_error"]["network"] < 1


@pytest.mark.campaign
def test_the_star_is_found_in_its_patterns(tmp_path: Path) -> None:
    """LSQML on the middle of the scan, a few epochs, explains held-out patterns far better than a constant object."""
    whole, _ = import_foreign(STAR)
    from_middle = np.abs(whole.positions_px - whole.positions_px.mean(axis=0)).max(axis=1)
    write_dataset(tmp_path / "middle.npz", some_of(whole, np.sort(np.argsort(from_middle)[:100])))
    tasks = [Task(registry(builtin_study("fly001"))[name], epochs) for name, epochs in (("lsqml", 5), ("flat", None))]
    options = RunOptions(accelerator="cpu", threads=1)
    record = assess(tmp_path / "middle.npz", tmp_path / "out", tasks, AssessmentPlan(batch_size=16), options)
    values: list[dict[str, Any]] = [
        {found["metric"]: found["value"] for found in entry["measures"]} for entry in record["methods"]
    ]
    lsqml, flat = values
    assert lsqml["r_factor"] < 0.35 < flat["r_factor"]
    assert lsqml["held_out_r_factor"] < 0.6 * flat["held_out_r_factor"]
    assert lsqml["half_scan_phase_frc_halfbit_px"] is not None
    assert flat["half_scan_phase_frc_halfbit_px"] is None
