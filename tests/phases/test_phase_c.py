"""Phase C on the smoke study: photons, halves, reproducibility, and what is never lost."""

from __future__ import annotations

import io
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ptyproof.console import Console
from ptyproof.errors import DataError, DesignError, InputError
from ptyproof.io.dataset import read_dataset, write_dataset
from ptyproof.io.file_record import file_is_whole
from ptyproof.io.hashing import sha256_file
from ptyproof.phases.base import load_base, make_base, write_base
from ptyproof.phases.c_simulate.generate import generate
from ptyproof.records.manifest import read_manifest
from ptyproof.study.builtin import STUDY_NAMES, builtin_study
from ptyproof.study.design import StudyDesign
from ptyproof.study.views import AllPositions, View
from tests.helpers.folders import snapshot, untimed
from tests.helpers.known import known
from tests.helpers.messages import naming
from tests.helpers.phases import Phase

DOSES = [1e3, 1e4, 1e5]


def file_of(phase: Phase, dose: float, half: str) -> Path:
    """Return the archive of a dose and half."""
    entry = next(entry for entry in phase.manifest["datasets"] if entry["dose"] == dose)
    return phase.root / str(entry[half]["file"]["path"])


def test_the_manifest_on_disk_is_the_one_returned_and_obeys_its_schema(smoke_c: Phase) -> None:
    assert read_manifest(smoke_c.root / "run_manifest.json", "run_manifest") == smoke_c.manifest
    assert [entry["dose"] for entry in smoke_c.manifest["datasets"]] == DOSES
    for entry in smoke_c.manifest["datasets"]:
        assert all(file_is_whole(entry[half]["file"], smoke_c.root) for half in ("train", "test"))


def test_expected_photons_are_the_dose_on_average_over_the_scan(smoke_c: Phase) -> None:
    for entry in smoke_c.manifest["datasets"]:
        n = [entry[half]["n_patterns"] for half in ("train", "test")]
        expected = [entry[half]["photons_per_pattern_expected"] for half in ("train", "test")]
        assert np.average(expected, weights=n) == pytest.approx(entry["dose"], rel=1e-5)


@pytest.mark.parametrize("half", ["train", "test"])
@pytest.mark.parametrize("dose", DOSES)
def test_counts_come_back_whole_and_are_poisson_about_the_forward_model(smoke_c: Phase, dose: float, half: str) -> None:
    with np.load(file_of(smoke_c, dose, half), allow_pickle=False) as archive:
        counts = archive["diffraction"].astype(np.float64) ** 2
        exit_wave = archive["probeGuess"].astype(np.complex128) * archive["Y"]
    np.testing.assert_allclose(counts, np.rint(counts), rtol=3e-7, atol=1e-6)
    counts = np.rint(counts)
    rate = np.abs(np.fft.fftshift(np.fft.fft2(exit_wave, norm="ortho"), axes=(-2, -1))) ** 2
    record = next(e for e in smoke_c.manifest["datasets"] if e["dose"] == dose)[half]
    assert counts.sum() / len(counts) == pytest.approx(record["photons_per_pattern_measured"], rel=1e-12)
    assert counts.max() == record["max_count"]
    assert rate.sum() / len(rate) == pytest.approx(record["photons_per_pattern_expected"], rel=1e-5)
    bright = rate > 5
    chi_square = ((counts - rate)[bright] ** 2 / rate[bright]).sum()
    assert abs(chi_square - bright.sum()) < 5 * np.sqrt(2 * bright.sum())
    total_deviation = (counts.sum() - rate.sum()) / np.sqrt(rate.sum())
    assert abs(total_deviation) < 5


def test_no_illuminated_pixel_is_in_both_halves(smoke_c: Phase) -> None:
    lit = {}
    for half in ("train", "test"):
        with np.load(file_of(smoke_c, 1e3, half), allow_pickle=False) as archive:
            painted = np.zeros(archive["objectGuess"].shape, dtype=bool)
            bright = archive["probeGuess"] != 0
            rows, cols = bright.shape
            for y, x in zip(archive["ycoords"] - rows // 2, archive["xcoords"] - cols // 2, strict=True):
                for r in {int(np.floor(y)), int(np.ceil(y))}:
                    for c in {int(np.floor(x)), int(np.ceil(x))}:
                        painted[r : r + rows, c : c + cols] |= bright
        lit[half] = painted
    assert not (lit["train"] & lit["test"]).any()
    split = smoke_c.manifest["split"]
    assert split["n_train"] + split["n_test"] + split["n_left_out"] == split["n_positions"] == 28 * 12
    assert split["n_left_out"] > 0


def test_the_halves_share_no_position_and_keep_the_scan_s_order(smoke_c: Phase) -> None:
    halves = [read_dataset(file_of(smoke_c, 1e3, half)).dataset for half in ("train", "test")]
    index = [known(half.scan_index) for half in halves]
    assert not set(index[0]) & set(index[1])
    assert all(np.all(np.diff(i) > 0) for i in index)
    assert halves[0].positions_px[:, 0].max() < halves[1].positions_px[:, 0].min()


def test_positions_are_between_pixels_and_that_matters(smoke_c: Phase) -> None:
    dataset = read_dataset(file_of(smoke_c, 1e5, "train")).dataset
    assert dataset.obj is not None
    assert dataset.patches is not None
    fraction = dataset.positions_px % 1
    assert ((fraction > 0.05) & (fraction < 0.95)).mean() > 0.8
    whole = np.floor(dataset.positions_px).astype(int) - 16
    crops = np.stack([dataset.obj[r : r + 32, c : c + 32] for r, c in whole])
    assert np.linalg.norm(crops - dataset.patches) / np.linalg.norm(dataset.patches) > 0.02


def test_metadata_say_what_was_done_in_order(smoke_c: Phase) -> None:
    metadata = read_dataset(file_of(smoke_c, 1e4, "test")).dataset.metadata
    assert [step["step"] for step in metadata["transformations"]] == ["built-in base", "split", "simulate"]
    assert (metadata["split"], metadata["photons_per_pattern_requested"]) == ("test", 1e4)
    assert metadata["seed"] == {"root": 42, "key": ["phase_c", "dose_10000", "test"]}
    assert known(metadata["source"])["sha256"] == smoke_c.manifest["base"]["arrays_sha256"]


def test_made_again_everything_is_identical(smoke: StudyDesign, smoke_c: Phase, tmp_path: Path) -> None:
    again = generate(smoke, load_base(smoke, "builtin"), tmp_path / "c")
    assert untimed(again) == untimed(smoke_c.manifest)
    first, second = snapshot(smoke_c.root), snapshot(tmp_path / "c")
    assert {k: v for k, v in first.items() if k.endswith(".npz")} == {
        k: v for k, v in second.items() if k.endswith(".npz")
    }


def test_one_dose_alone_is_the_same_and_calls_add_up(smoke: StudyDesign, smoke_c: Phase, tmp_path: Path) -> None:
    base = load_base(smoke, "builtin")
    root = tmp_path / "c"
    for dose in (1e4, 1e5, 1e3):
        generate(smoke, base, root, (dose,))
    manifest = read_manifest(root / "run_manifest.json", "run_manifest")
    assert untimed(manifest) == untimed(smoke_c.manifest)


def test_whole_files_are_reused_and_damaged_ones_made_again(smoke: StudyDesign, smoke_c: Phase, tmp_path: Path) -> None:
    root = tmp_path / "c"
    shutil.copytree(smoke_c.root, root)
    before = snapshot(root)
    victim = root / "dose_1000" / "patched_test.npz"
    victim.write_bytes(victim.read_bytes()[:-1] + b"?")
    heard = io.StringIO()
    generate(smoke, load_base(smoke, "builtin"), root, console=Console(heard))
    assert snapshot(root) == before | {"run_manifest.json": (root / "run_manifest.json").read_bytes()}
    assert heard.getvalue().count("reused") == 2
    assert "dose 1000: 120 train" in heard.getvalue()


def test_a_root_of_another_recipe_is_left_alone(smoke: StudyDesign, smoke_c: Phase, tmp_path: Path) -> None:
    root = tmp_path / "c"
    shutil.copytree(smoke_c.root, root)
    before = snapshot(root)
    other = replace(smoke, name="other", seeds=replace(smoke.seeds, simulation=43))
    with pytest.raises(InputError, match=naming("run_manifest.json", "fly64-smoke", "--output-root", "study other")):
        generate(other, load_base(other, "builtin"), root)
    assert snapshot(root) == before


def test_other_views_do_not_make_the_data_anew(smoke: StudyDesign, smoke_c: Phase, tmp_path: Path) -> None:
    root = tmp_path / "c"
    shutil.copytree(smoke_c.root, root)
    other = replace(smoke, views=(View("only", 1, AllPositions()),))
    heard = io.StringIO()
    manifest = generate(other, load_base(other, "builtin"), root, console=Console(heard))
    assert heard.getvalue().count("reused") == 3
    assert manifest["design"] == other.as_dict()


def test_an_unknown_dose_lists_the_choices_and_writes_nothing(smoke: StudyDesign, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=naming("--dose", "1000, 10000, 100000", 5)):
        generate(smoke, load_base(smoke, "builtin"), tmp_path / "c", (5.0,))
    assert list(tmp_path.iterdir()) == []


def test_a_split_that_leaves_a_half_empty_is_refused(smoke: StudyDesign, tmp_path: Path) -> None:
    assert smoke.base is not None
    narrow = replace(smoke, base=replace(smoke.base, scan_rows=6))
    with pytest.raises(InputError, match="train"):
        generate(narrow, load_base(narrow, "builtin"), tmp_path / "c")
    assert list(tmp_path.iterdir()) == []


def test_a_dose_without_a_photon_is_refused_and_nothing_written(smoke: StudyDesign, tmp_path: Path) -> None:
    dark = replace(smoke, doses_photons_per_pattern=(1e3, 1e-6))
    with pytest.raises(InputError, match=r"dose 1e-06 .*0\.000\d* .* 120 train"):
        generate(dark, load_base(dark, "builtin"), tmp_path / "c")
    assert list(tmp_path.iterdir()) == []


def test_counts_beyond_what_a_float32_amplitude_gives_back_are_refused(smoke: StudyDesign, tmp_path: Path) -> None:
    bright = replace(smoke, doses_photons_per_pattern=(1e3, 1e9))
    words = (
        r"dose 1e\+09 photons per pattern puts .* on one pixel, more than the \d+ .* the largest dose for this base is"
    )
    with pytest.raises(InputError, match=words):
        generate(bright, load_base(bright, "builtin"), tmp_path / "c")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", [name for name in STUDY_NAMES if builtin_study(name).base])
def test_a_built_in_base_is_deterministic_and_written_under_the_contract(name: str, tmp_path: Path) -> None:
    design = builtin_study(name)
    for file in ("a.npz", "b.npz"):
        write_base(design, tmp_path / file)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    read = load_base(design, str(tmp_path / "a.npz"))
    assert read.sha256 == load_base(design, "builtin").sha256
    assert read.changes == ()


def test_a_base_from_a_file_gives_the_same_data_as_the_built_in_one(
    smoke: StudyDesign, smoke_c: Phase, tmp_path: Path
) -> None:
    write_base(smoke, tmp_path / "base.npz")
    manifest = generate(smoke, load_base(smoke, str(tmp_path / "base.npz")), tmp_path / "c", (1e3,))
    assert manifest["base"]["name"] == "base.npz"
    assert (
        manifest["datasets"][0]["train"]["arrays_sha256"] == smoke_c.manifest["datasets"][0]["train"]["arrays_sha256"]
    )


def test_a_base_with_the_probe_of_a_file_has_that_probe_and_says_so(smoke: StudyDesign, tmp_path: Path) -> None:
    other = make_base(smoke)
    turned = replace(other, probe=np.ascontiguousarray(other.probe.T) * np.complex64(2j))
    write_dataset(tmp_path / "other.npz", turned)
    write_base(smoke, tmp_path / "base.npz", tmp_path / "other.npz")
    base = load_base(smoke, str(tmp_path / "base.npz")).dataset
    np.testing.assert_array_equal(base.probe, turned.probe)
    assert base.obj is not None
    np.testing.assert_array_equal(base.obj, other.obj)
    np.testing.assert_array_equal(base.positions_px, other.positions_px)
    last = base.metadata["transformations"][-1]
    assert last["step"] == "probe of a file"
    assert last["detail"] == {"name": "other.npz", "sha256": sha256_file(tmp_path / "other.npz")}


def test_a_probe_of_another_size_is_refused_and_nothing_written(smoke: StudyDesign, tmp_path: Path) -> None:
    write_base(builtin_study("fly64"), tmp_path / "large.npz")
    with pytest.raises(DataError, match=naming("large.npz", "probeGuess", "64 x 64 px", "N = 32")):
        write_base(smoke, tmp_path / "base.npz", tmp_path / "large.npz")
    assert not (tmp_path / "base.npz").exists()


def test_a_study_without_a_built_in_base_says_so() -> None:
    with pytest.raises(DesignError, match=naming("fly001", "--base-npz")):
        make_base(builtin_study("fly001"))
