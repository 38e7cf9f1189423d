"""No phase writes what its own reader refuses: tiny scans of every kind, most of them at an edge, through C and D."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st

from ptyproof.checking import check
from ptyproof.errors import DataError, InputError
from ptyproof.io.dataset import Dataset, new_metadata, read_dataset, write_dataset
from ptyproof.phases.base import load_base
from ptyproof.phases.c_simulate.generate import generate
from ptyproof.phases.d_overlap.overlap import overlap
from ptyproof.records.manifest import read_manifest
from ptyproof.study.builtin import builtin_study
from ptyproof.study.design import StudyDesign
from ptyproof.study.views import AllPositions, Sampling, Spacing, View
from tests.strategies.scans import complex_noise

N = 8
SIDE = (44, 20)
VIEWS = (
    View("all", 1, AllPositions()),
    View("pairs", 2, AllPositions()),
    View("near", 1, Spacing(0.9)),
    View("far", 1, Spacing(0.0)),
    View("half", 1, Sampling(0.5, 3)),
    View("few", 1, Sampling(0.05, 1)),
)


def probe_of(kind: str, size: float) -> np.ndarray[Any, np.dtype[np.complex64]]:
    """A probe by its kind; `size` is its largest modulus."""
    rows, cols = np.mgrid[:N, :N] - N // 2
    made = np.exp(-(rows**2 + cols**2) / 4.0).astype(np.complex128)
    if kind == "narrow":
        made[np.abs(rows) > 1] = 0
    if kind == "tilted":  # its light falls on the corner of the detector
        made *= (-1.0) ** (rows + cols)
    if kind == "pixel":
        made[:] = 0
        made[N // 2, N // 2] = 1
    if kind == "noise":
        made = complex_noise((N, N), 1).astype(np.complex128)
    scaled: np.ndarray[Any, np.dtype[np.complex64]] = (made / np.abs(made).max() * size).astype(np.complex64)
    return scaled


def object_of(kind: str, size: float) -> np.ndarray[Any, np.dtype[np.complex64]]:
    """An object by its kind; `size` scales it."""
    made = np.ones(SIDE, np.complex128)
    if kind == "noise":
        made = complex_noise(SIDE, 2).astype(np.complex128)
    if kind == "half dark":
        made[: SIDE[0] // 2] = 0
    if kind == "a pixel":
        made[:] = 0
        made[6, 6] = 1
    if kind == "dim half":
        made[: SIDE[0] // 2] = 0.1
    return (made * size).astype(np.complex64)


@st.composite
def scans(draw: st.DrawFn) -> tuple[Dataset, float]:
    """Bases with few positions, many of them equal or in a corner, and a dose."""
    rows = st.sampled_from([4.0, 4.5, 5.0, 12.0, 20.0, 30.0, 39.0, 39.5, 40.0]) | st.floats(4.0, 40.0)
    cols = st.sampled_from([4.0, 7.5, 16.0]) | st.floats(4.0, 16.0)
    size = draw(st.sampled_from([1.0, 1.0, 1.0, 1e-30, 1e-12, 1e-8, 1e8, 1e12, 1e30]))
    dataset = Dataset(
        obj=object_of(draw(st.sampled_from(["ones", "noise", "half dark", "a pixel", "dim half"])), size),
        probe=probe_of(
            draw(st.sampled_from(["round", "narrow", "narrow", "tilted", "pixel", "noise"])),
            draw(st.sampled_from([1.0, 1.0, 1e-9, 1e9])),
        ),
        positions_px=np.array(draw(st.lists(st.tuples(rows, cols), min_size=2, max_size=12)), np.float64),
        metadata=new_metadata("base", "made", {"for": "a test"}),
    )
    return dataset, draw(st.sampled_from([1e-6, 0.1, 3.0, 30.0, 1e3, 1e5, 1e7, 1e9]))


def study(dose: float) -> StudyDesign:
    """A study of one dose with a view of every kind."""
    return replace(
        builtin_study("fly64-smoke"), pattern_size_px=N, doses_photons_per_pattern=(dose,), views=VIEWS, base=None
    )


def first(rows: list[float], probe: str = "narrow", obj: str = "ones") -> tuple[Dataset, float]:
    """A scan of positions above each other."""
    positions = np.array([[row, 6.0 + k % 3] for k, row in enumerate(rows)])
    return Dataset(object_of(obj, 1.0), probe_of(probe, 1.0), positions, new_metadata("base", "made", "a test")), 1e3


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(scans())
@example(first([4.0, 40.0]))
@example(first([4.0, 40.0, 40.0]))
@example(first([4.0, 5.0, 39.0, 40.0]))
@example(first([4.0, 5.0, 6.0, 38.0, 39.0, 40.0], "tilted"))
@example(first([4.0, 5.0, 6.0, 38.0, 39.0, 40.0], "narrow", "half dark"))
@example(first([4.0, 5.0, 6.0, 38.0, 39.0, 40.0], "narrow", "dim half"))
@example(first([float(row) for row in range(4, 16)] + [float(row) for row in range(28, 40)]))
def test_what_phases_write_is_read_again_or_nothing_is_written(found: tuple[Dataset, float]) -> None:
    through_the_phases(*found)


@pytest.mark.long
@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(scans())
def test_what_phases_write_of_400_scans_is_read_again(found: tuple[Dataset, float]) -> None:
    through_the_phases(*found)


def through_the_phases(dataset: Dataset, dose: float) -> None:
    """Run the phases in a folder of their own."""
    root = Path(tempfile.mkdtemp())
    try:
        phases(dataset, dose, root)
    finally:
        shutil.rmtree(root)


def phases(dataset: Dataset, dose: float, root: Path) -> None:
    """Run C and D, and read whatever they leave by the project's own readers."""
    try:
        write_dataset(root / "base.npz", dataset)
    except DataError:
        event("the base breaks the contract")
        assert not list(root.iterdir())
        return
    design = study(dose)
    base = load_base(design, str(root / "base.npz"))
    try:
        generate(design, base, root / "c")
    except InputError as error:
        refusal = str(error)
    else:
        refusal = ""
    if refusal:
        event(f"refused: {refusal.partition(':')[0][:30]}")
        assert "\n" not in refusal
        assert [path.name for path in root.iterdir()] == ["base.npz"]
        return
    manifest = overlap(root / "c", root / "d")
    event(f"written, {len(manifest['views'])} of {len(VIEWS)} views accepted")
    archives = [path for folder in ("c", "d") for path in (root / folder).rglob("*.npz")]
    assert len(archives) == 2 + 2 * sum(not view["reads_phase_c"] for view in manifest["views"])
    for path in archives:
        read_dataset(path)
    assert read_manifest(root / "d" / "overlap_manifest.json", "overlap_manifest") == manifest
    for path in [path for folder in ("c", "d") for path in (root / folder).rglob("*.json")]:
        assert not [finding for finding in check(path) if finding.severity == "error"], path


@pytest.mark.parametrize("name", ["a\nb.npz", "a\\b.npz", "é" * 100 + ".npz", "b\udcff.npz"])
def test_a_base_of_any_name_gives_data_that_can_be_read(name: str, tmp_path: Path) -> None:
    dataset, _ = first([float(row) for row in range(4, 16)] + [float(row) for row in range(28, 40)])
    write_dataset(tmp_path / "base.npz", dataset)
    path = (tmp_path / "base.npz").rename(tmp_path / name)
    design = study(1e3)
    generate(design, load_base(design, str(path)), tmp_path / "c")
    read_manifest(tmp_path / "c" / "run_manifest.json", "run_manifest")
    halves = [read_dataset(tmp_path / "c" / "dose_1000" / f"patched_{half}.npz").dataset for half in ("train", "test")]
    assert sum(len(half) for half in halves) == len(dataset)


def test_a_view_of_equal_positions_is_rejected_and_the_others_are_made(tmp_path: Path) -> None:
    rows = [4.0] * 11 + [9.0] + [40.0] * 11 + [35.0]
    positions = np.array([[row, 6.0] for row in rows])
    base = Dataset(object_of("ones", 1.0), probe_of("narrow", 1.0), positions, new_metadata("base", "made", "a test"))
    write_dataset(tmp_path / "base.npz", base)
    views = (View("two", 1, Sampling(0.17, 1)), View("all", 1, AllPositions()))
    design = replace(study(1e3), views=views)
    generate(design, load_base(design, str(tmp_path / "base.npz")), tmp_path / "c")
    manifest = overlap(tmp_path / "c", tmp_path / "d")
    assert [view["view"] for view in manifest["views"]] == ["all"]
    (rejected,) = manifest["rejected_views"]
    assert (rejected["view"], rejected["code"]) == ("two", "selection_breaks_contract")
    assert rejected["reason"]
    assert not list((tmp_path / "d" / "dose_1000" / "two").glob("*.npz"))
    assert not check(tmp_path / "d" / "overlap_manifest.json")
