"""A first look at an import: the orientation that explains the patterns is proposed, and a sheet is drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ptyproof.assessment.quick_look import neighbors, quick_look, tried_orientations, undecided
from ptyproof.cli import main
from ptyproof.io.dataset import Dataset, read_dataset
from ptyproof.io.importers import import_foreign
from ptyproof.physics.dose import scale_probe_to_dose
from ptyproof.physics.forward import simulate_counts
from ptyproof.physics.names import ORIENTATIONS
from ptyproof.physics.objects import make_object
from ptyproof.physics.orientation import composed, inverse, oriented_positions
from ptyproof.physics.probes import make_probe
from ptyproof.physics.scans import object_shape_for, raster_scan, scan_origin_px

STAR = Path(__file__).parents[3] / "shared" / "data" / "siemens-star" / "siemens-star-small.npz"


@pytest.fixture(scope="module")
def scan() -> dict[str, np.ndarray]:
    """Counts, positions and probe of a simulated scan with a window that is not square."""
    rng, window = np.random.default_rng(8), (48, 40)
    positions = raster_scan((11, 13), 4.0, 1.0, scan_origin_px(window, 1.0), rng)
    obj = make_object("grains", object_shape_for(positions, window), rng)
    probe = scale_probe_to_dose(make_probe("zone_plate", window), obj, positions, 1e5)
    counts = np.concatenate(list(simulate_counts(obj, probe, positions, rng)))
    return {"counts": counts.astype(np.uint32), "positions": positions, "probe": probe}


def imported(folder: Path, scan: dict[str, np.ndarray], stored: str, *options: str) -> Path:
    """Import the scan, whose positions are stored in an orientation."""
    positions = oriented_positions(scan["positions"] - scan["positions"].mean(axis=0), stored)
    np.savez(folder / "scan.npz", counts=scan["counts"], positions=positions, probe=scan["probe"])
    roles = [f"--array={role}={name}" for role, name in zip(("patterns", "positions", "probe"), scan, strict=True)]
    how = ["--reader", "arrays", "--positions-unit", "px", "--center", "middle", *roles]
    out = folder / "out.npz"
    assert main(["import", str(folder / "scan.npz"), "--out", str(out), *how, *options]) == 0
    return out


def said(capsys: pytest.CaptureFixture[str]) -> str:
    lines = capsys.readouterr().out.splitlines()
    return next(line.partition("orientation: ")[2] for line in lines if ": orientation: " in line)


@pytest.mark.parametrize("stored", ["as-is", "flip-cols", "transpose", "rotate-90"])
def test_the_orientation_that_turns_positions_back_is_proposed_and_not_taken(
    stored: str, scan: dict[str, np.ndarray], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = imported(tmp_path, scan, stored).read_bytes()
    capsys.readouterr()
    out, right = imported(tmp_path, scan, stored, "--try-orientations"), inverse(stored)
    assert out.read_bytes() == plain
    answer = said(capsys)
    assert answer.startswith(right)
    assert (f"--orient-positions {right};" in answer) == (stored != "as-is")


def test_what_was_turned_already_is_part_of_the_proposal(
    scan: dict[str, np.ndarray], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    imported(tmp_path, scan, "rotate-90", "--orient-positions", "flip-rows", "--try-orientations")
    assert said(capsys).startswith("rotate-270 fits better than flip-rows")
    imported(tmp_path, scan, "rotate-90", "--orient-positions", "rotate-270", "--try-orientations")
    assert said(capsys).startswith("rotate-270 fits best")


def test_orientations_that_explain_equally_well_are_not_told_apart(scan: dict[str, np.ndarray], tmp_path: Path) -> None:
    dataset = read_dataset(imported(tmp_path, scan, "as-is")).dataset
    trials = tried_orientations(dataset)
    assert [trial.r_factor for trial in trials] == sorted(trial.r_factor for trial in trials)
    assert undecided(trials) == ["as-is"]
    assert undecided([trials[0], trials[0], trials[-1]]) == ["as-is", "as-is"]


@pytest.mark.parametrize("first", ORIENTATIONS)
@pytest.mark.parametrize("then", ORIENTATIONS)
def test_an_orientation_after_another_is_one_of_the_eight(first: str, then: str) -> None:
    positions = np.random.default_rng(0).normal(size=(5, 2))
    expected = oriented_positions(oriented_positions(positions, first), then)
    np.testing.assert_array_equal(oriented_positions(positions, composed(first, then)), expected)
    assert composed(first, inverse(first)) == "as-is"


@pytest.mark.skipif(not STAR.exists(), reason="needs the measured star in ../shared/data")
def test_the_known_orientation_of_the_measured_star_is_confirmed() -> None:
    dataset, _ = import_foreign(STAR)
    assert undecided(tried_orientations(dataset)) == ["as-is"]


def test_a_look_is_taken_at_the_middle_of_the_scan(scan: dict[str, np.ndarray], tmp_path: Path) -> None:
    dataset: Dataset = read_dataset(imported(tmp_path, scan, "as-is")).dataset
    index = neighbors(dataset, 30)
    away = np.linalg.norm(dataset.positions_px - np.median(dataset.positions_px, axis=0), axis=1)
    assert len(index) == 30
    assert away[index].max() <= np.delete(away, index).min()
    look = quick_look(dataset, index, 32)
    assert look.n_patterns == 30
    assert 0 < look.r_factor < 0.5
    assert ((look.obj != 0) <= (look.illumination > 0)).all()


def test_a_sheet_is_drawn_and_equal_imports_give_equal_sheets(scan: dict[str, np.ndarray], tmp_path: Path) -> None:
    sheets = []
    for name in ("one.png", "two.png"):
        imported(tmp_path, scan, "as-is", "--sheet", str(tmp_path / name))
        sheets.append((tmp_path / name).read_bytes())
    assert sheets[0].startswith(b"\x89PNG")
    assert sheets[0] == sheets[1]


def test_no_sheet_of_what_has_no_patterns(scan: dict[str, np.ndarray], tmp_path: Path) -> None:
    path = imported(tmp_path, scan, "as-is")
    call = ["import", str(path), "--object", "grains", "--out", str(tmp_path / "base.npz")]
    for option in (["--sheet", str(tmp_path / "a.png")], ["--try-orientations"]):
        assert main([*call, *option]) == 2
    assert main([*call, "--sheet", str(tmp_path / "absent" / "a.png")]) == 2
    assert not (tmp_path / "base.npz").exists()
    assert not (tmp_path / "a.png").exists()
