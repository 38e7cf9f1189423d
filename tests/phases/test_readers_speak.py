"""Commands that read a measurement say what reading changed and what is odd, as `validate` does."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptyproof.assessment.assess import AssessmentPlan, assess
from ptyproof.cli import main
from ptyproof.console import Console
from ptyproof.errors import DataError
from ptyproof.io.dataset import read_dataset, write_dataset
from ptyproof.phases.base import base_of_reconstruction
from ptyproof.phases.measurement import with_found_probe
from ptyproof.phases.predict import predict_dataset
from ptyproof.training.device import RunOptions
from tests.helpers.bundles import write_small_bundle
from tests.helpers.measurements import WINDOW, legacy, legacy_arrays
from tests.helpers.messages import names
from tests.strategies.datasets import make_dataset
from tests.strategies.reconstructions import write_result

PLAIN = legacy_arrays()


def odd(path: Path) -> Path:
    """Fractions under diffraction, and positions in a unit that makes the scan small."""
    return legacy(
        path,
        diff3d=None,
        diffraction=(PLAIN["diff3d"] * 0.3).astype("f4"),
        xcoords=PLAIN["xcoords"] / 10 + 20,
        ycoords=PLAIN["ycoords"] / 10 + 20,
    )


def test_assess_speaks_before_it_judges(tmp_path: Path) -> None:
    said = io.StringIO()
    path = legacy(tmp_path / "a.npz", **{name: array[:3] for name, array in PLAIN.items() if name != "probeGuess"})
    with pytest.raises(DataError, match="3 patterns"):
        assess(path, tmp_path / "out", [], AssessmentPlan(), RunOptions(accelerator="cpu"), console=Console(said))
    assert "diffraction: " in said.getvalue()
    assert not (tmp_path / "out").exists()


def test_predict_speaks_before_it_predicts(tmp_path: Path) -> None:
    said = io.StringIO()
    bundle = write_small_bundle(tmp_path)
    with pytest.raises(DataError):
        predict_dataset(bundle, odd(tmp_path / "a.npz"), tmp_path / "out.npz", Console(said))
    assert names(said.getvalue(), "diffraction: float32", "scan: ")


def test_base_keeps_the_modes_of_a_probe_by_power(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arrays = dict(np.load(_base_of_smoke(tmp_path / "plain.npz", capsys)))
    probe = np.stack([0.1 * arrays["probeGuess"], arrays["probeGuess"]], axis=2)
    np.savez(tmp_path / "modes.npz", **{**arrays, "probeGuess": probe})
    out = tmp_path / "new.npz"
    assert main(["base", "--out", str(out), "--study", "fly64-smoke", "--probe-from", str(tmp_path / "modes.npz")]) == 0
    assert "probeGuess" in capsys.readouterr().out
    dataset = read_dataset(out).dataset
    np.testing.assert_array_equal(dataset.modes, np.moveaxis(probe, 2, 0)[::-1])
    detail: Any = dataset.metadata["transformations"][-1]["detail"]
    assert len(detail["changes"]) == 1


def _base_of_smoke(path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    assert main(["base", "--out", str(path), "--study", "fly64-smoke"]) == 0
    capsys.readouterr()
    return path


@pytest.mark.parametrize("make", [base_of_reconstruction, with_found_probe])
def test_an_archive_with_its_probe_at_the_edge_is_refused_by_its_own_name(tmp_path: Path, make: object) -> None:
    dataset = make_dataset(window=WINDOW, role="measurement", extras=False)
    write_dataset(tmp_path / "measured.npz", dataset)
    obj = np.ones((WINDOW[0] + 13, WINDOW[1] + 9), "c8")
    edge = replace(dataset, obj=obj, probe=np.fft.ifftshift(PLAIN["probeGuess"], axes=1))
    write_result(tmp_path / "fit.npz", edge, obj)
    with pytest.raises(DataError, match="left") as caught:
        make(tmp_path / "measured.npz", tmp_path / "fit.npz")  # type: ignore[operator]
    assert caught.value.path == tmp_path / "fit.npz"


def test_a_simulation_is_not_given_a_found_probe(tmp_path: Path) -> None:
    dataset = make_dataset(window=WINDOW, role="simulation", extras=False)
    assert dataset.obj is not None
    write_dataset(tmp_path / "sim.npz", dataset)
    write_result(tmp_path / "fit.npz", dataset, dataset.obj)
    with pytest.raises(DataError, match="simulation") as caught:
        with_found_probe(tmp_path / "sim.npz", tmp_path / "fit.npz")
    assert caught.value.path == tmp_path / "sim.npz"
