"""Phases C and D on the probe and positions of a real measurement (Siemens star, N = 128)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ptyproof.errors import DataError
from ptyproof.evidence.base import load_base
from ptyproof.evidence.phase_c import generate
from ptyproof.evidence.phase_d import overlap
from ptyproof.io.dataset import read_dataset, write_dataset
from ptyproof.io.importers import import_foreign
from ptyproof.study.builtin import builtin_study

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
    assert views["rejected_views"][0]["train"]["selection"]["threshold_px"] == pytest.approx(102.4)
    with np.load(STAR) as star:
        gaps = np.diff(star["scan"][0].astype(float), axis=0)
    np.testing.assert_allclose(np.diff(dataset.positions_px, axis=0), gaps, atol=1e-4)


def test_the_measurement_keeps_its_counts_and_has_no_object(tmp_path: Path) -> None:
    measured, changes = import_foreign(STAR)
    write_dataset(tmp_path / "measured.npz", measured)
    read = read_dataset(tmp_path / "measured.npz").dataset
    assert read.obj is None
    assert any("zero frequency moved from the corner to the middle" in change for change in changes)
    with np.load(STAR) as star:
        expected = np.fft.fftshift(star["data"][0], axes=(-2, -1))
    np.testing.assert_array_equal(read.counts(), expected)
    with pytest.raises(DataError, match="ptyproof import FILE --object NAME"):
        load_base(builtin_study("fly001"), str(tmp_path / "measured.npz"))
