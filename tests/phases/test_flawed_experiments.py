"""Beam and detector of a study in its data: flaws as archives state them, Poisson about the model, told or not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptyproof.checking import check
from ptyproof.console import Console
from ptyproof.errors import InputError
from ptyproof.io.dataset import Dataset, in_its_version, read_dataset, write_dataset
from ptyproof.io.knowledge import KNOWLEDGE, knowledge_in
from ptyproof.methods.reconstruction_input import read_reconstruction_input, subset
from ptyproof.methods.reconstruction_jobs import ReconstructionFilters
from ptyproof.methods.registry import Provider
from ptyproof.phases.base import load_base, make_base
from ptyproof.phases.c_simulate.generate import generate
from ptyproof.phases.d_overlap.overlap import overlap
from ptyproof.phases.f_reconstruct.reconstruct import ReconstructionPhase
from ptyproof.physics.detector import Detector
from ptyproof.physics.forward import expected_counts
from ptyproof.reconstruction.method import BlindScan, Budget, Needs, Reconstruction
from ptyproof.study.builtin import builtin_study
from ptyproof.study.design import StudyDesign, design_from_dict
from ptyproof.study.jobs import JobFilters
from ptyproof.study.layout import phase_c_file, phase_d_file
from ptyproof.training.device import RunOptions
from tests.helpers.known import known
from tests.helpers.messages import naming

SMOKE = builtin_study("fly64-smoke")
DOSE = 1e4
ALL: dict[str, Any] = {
    "detector": {
        "gap_rows": [[20, 1]],
        "dead_pixel_fraction": 0.02,
        "saturation_of_peak": 0.7,
        "background_counts": 1.5,
        "psf_sigma_px": 0.6,
    },
    "beam": {
        "mode_powers": [0.8, 0.2],
        "coherence_length_px": 40.0,
        "fly_scan_blur_px": 1.0,
        "intensity_error": 0.1,
        "position_error_px": 0.4,
    },
    "tells": ["mask", "modes", "psf"],
}


def study(**tables: Any) -> StudyDesign:
    return design_from_dict(SMOKE.as_dict() | tables)


def made(root: Path, design: StudyDesign = SMOKE, base: str = "builtin", **how: Any) -> Path:
    generate(design, load_base(design, base), root, doses=how.pop("doses", (DOSE,)), **how)
    return root


def half(root: Path, name: str = "test", dose: float = DOSE, replicate: int = 1) -> Dataset:
    return read_dataset(phase_c_file(root, dose, name, replicate)).dataset


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("flaws")
    made(root / "c", study(**ALL), doses=(1e3, DOSE))
    overlap(root / "c", root / "d")
    return root


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("clean") / "c")


@pytest.mark.parametrize("name", ["train", "test"])
def test_counts_are_poisson_about_what_the_archive_states(whole: Path, name: str) -> None:
    dataset = half(whole / "c", name)
    assert knowledge_in(dataset) == KNOWLEDGE
    modes, patches = dataset.modes.astype(np.complex128), known(dataset.patches).astype(np.complex128)
    detector = Detector(
        dataset.detector_psf_sigma_px,
        dataset.intensity_factors,
        known(dataset.background).astype(np.float64),
        dataset.saturation_counts,
        dataset.valid_pixels,
    )
    rates, counts = detector.expected(expected_counts(modes, patches)), dataset.counts()
    assert not counts[:, ~known(dataset.valid_pixels)].any()
    assert counts.max() == dataset.saturation_counts
    seen = (rates > 1) & (rates < 0.5 * known(dataset.saturation_counts)) & known(dataset.valid_pixels)
    chi_square = ((counts - rates)[seen] ** 2 / rates[seen]).sum()
    assert abs(chi_square - seen.sum()) < 5 * np.sqrt(3 * seen.sum())
    recorded = detector.mean_recorded(rates)
    assert counts.sum() == pytest.approx(recorded.sum(), abs=5 * np.sqrt(recorded.sum()))


def test_the_record_agrees_with_the_counts_and_is_sound(whole: Path) -> None:
    assert [str(one) for one in check(whole / "c" / "run_manifest.json")] == []


def test_the_detector_is_one_for_halves_and_doses(whole: Path) -> None:
    masks = [known(half(whole / "c", name, dose).valid_pixels) for name in ("train", "test") for dose in (1e3, DOSE)]
    for mask in masks[1:]:
        np.testing.assert_array_equal(mask, masks[0])
    assert not masks[0][20].any()
    assert (~np.delete(masks[0], 20, axis=0)).sum() in range(15, 21)  # 20 dead pixels, some of them in the gap
    limits = {
        dose: {half(whole / "c", name, dose).saturation_counts for name in ("train", "test")} for dose in (1e3, DOSE)
    }
    assert all(len(found) == 1 for found in limits.values())
    assert known(limits[1e3].pop()) < known(limits[DOSE].pop())


def test_doses_compare_the_same_errors(whole: Path) -> None:
    one, other = half(whole / "c", "test", 1e3), half(whole / "c", "test", DOSE)
    np.testing.assert_array_equal(one.positions_px, other.positions_px)
    np.testing.assert_array_equal(one.intensity_factors, other.intensity_factors)
    train = half(whole / "c", "train")
    errors = [known(each.positions_true_px) - each.positions_px for each in (train, other)]
    assert np.concatenate(errors).std() == pytest.approx(0.4, rel=0.15)
    assert np.concatenate([known(each.intensity_factors) for each in (train, other)]).std() == pytest.approx(
        0.1, rel=0.2
    )


def test_patches_and_true_positions_are_those_of_the_clean_study(whole: Path, clean: Path) -> None:
    flawed, plain = half(whole / "c"), half(clean)
    np.testing.assert_array_equal(flawed.positions_true_px, plain.positions_px)
    np.testing.assert_array_equal(flawed.patches, plain.patches)
    np.testing.assert_array_equal(flawed.obj, plain.obj)


def test_draws_are_those_of_a_study_without_tables(tmp_path: Path, clean: Path) -> None:
    """Errors of positions change no count, and a flaw alone is drawn as it is among others."""
    moved = half(made(tmp_path / "moved", study(beam={"position_error_px": 0.4})))
    plain = half(clean)
    np.testing.assert_array_equal(moved.diffraction, plain.diffraction)
    assert (moved.positions_px != plain.positions_px).all()
    dead = half(made(tmp_path / "dead", study(detector={"dead_pixel_fraction": 0.02})))
    np.testing.assert_array_equal(dead.counts(), np.where(known(dead.valid_pixels), plain.counts(), 0))
    assert plain.metadata["schema_version"] == "1.0.0"
    assert moved.metadata["schema_version"] == dead.metadata["schema_version"] == "2.0.0"


def test_a_flaw_is_the_same_alone_and_among_others(tmp_path: Path, whole: Path) -> None:
    alone = half(made(tmp_path / "a", study(beam={"intensity_error": 0.1}, detector={"dead_pixel_fraction": 0.02})))
    among = half(whole / "c")
    np.testing.assert_array_equal(alone.intensity_factors, among.intensity_factors)
    mask = known(among.valid_pixels).copy()
    mask[20] = known(alone.valid_pixels)[20]
    np.testing.assert_array_equal(mask, alone.valid_pixels)


def test_replicates_have_flaws_of_their_own(tmp_path: Path) -> None:
    design = replace(study(beam={"position_error_px": 0.3}, detector={"dead_pixel_fraction": 0.05}), replicates=2)
    root = made(tmp_path / "c", design)
    one, two = half(root), half(root, replicate=2)
    np.testing.assert_array_equal(one.positions_true_px, two.positions_true_px)
    assert (one.positions_px != two.positions_px).all()
    assert (known(one.valid_pixels) != two.valid_pixels).any()
    again = made(tmp_path / "again", design, replicates=(2,))
    assert phase_c_file(again, DOSE, "test", 2).read_bytes() == phase_c_file(root, DOSE, "test", 2).read_bytes()


def test_a_folder_of_another_detector_is_refused(tmp_path: Path) -> None:
    root = made(tmp_path / "c", study(detector={"psf_sigma_px": 0.5}))
    for tables in ({"detector": {"psf_sigma_px": 0.6}}, {}, {"beam": {"intensity_error": 0.01}}):
        with pytest.raises(InputError, match=naming("run_manifest.json")):
            made(root, study(**tables))
    # what methods are told changes no data
    made(root, study(detector={"psf_sigma_px": 0.5}, tells=["psf"]))


def test_beams_that_cannot_be_made_are_refused_before_a_file_is_written(tmp_path: Path) -> None:
    base = make_base(SMOKE)
    several = in_its_version(replace(base, further_modes=(0.5 * base.probe)[None]))
    write_dataset(tmp_path / "modes.npz", several)
    with pytest.raises(InputError, match=naming("beam.mode_powers", 2)):
        made(tmp_path / "c", study(beam={"mode_powers": [0.9, 0.1]}), str(tmp_path / "modes.npz"))
    with pytest.raises(InputError, match=naming("ycoords")):  # windows leave the object
        made(tmp_path / "c", study(beam={"position_error_px": 16.0}))
    loud = study(detector={"background_fraction": 100.0}, doses_photons_per_pattern=[1e8])
    with pytest.raises(InputError, match=naming("photons on one pixel")):
        made(tmp_path / "c", loud, doses=(1e8,))
    assert [path.name for path in tmp_path.iterdir()] == ["modes.npz"]


def test_views_carry_what_belongs_to_their_patterns(whole: Path) -> None:
    source = half(whole / "c")
    view = read_dataset(phase_d_file(whole / "d", DOSE, "dense", "test")).dataset
    index = [known(source.scan_index).tolist().index(number) for number in known(view.scan_index)]
    assert 2 <= len(index) < len(source)
    np.testing.assert_array_equal(view.intensity_factors, known(source.intensity_factors)[index])
    np.testing.assert_array_equal(view.positions_true_px, known(source.positions_true_px)[index])
    for name in ("valid_pixels", "background", "modes"):
        np.testing.assert_array_equal(getattr(view, name), getattr(source, name))
    assert view.metadata["saturation_counts"] == source.metadata["saturation_counts"]


class Asks:
    """A method of a test: it keeps what it was told."""

    def __init__(self, name: str, uses: Any) -> None:
        self.name, self.needs = name, Needs(uses=uses)
        self.seen: BlindScan | None = None

    def reconstruct(self, dataset: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
        self.seen = dataset
        return Reconstruction(np.ones(dataset.object_shape, np.complex64), dataset.probe)


def test_a_method_is_told_what_the_study_tells_and_it_uses(whole: Path, tmp_path: Path) -> None:
    methods = [Asks("deaf", ()), Asks("some", ("mask", "background")), Asks("all", KNOWLEDGE)]
    others = tuple((method, Provider("mine", "1.0")) for method in methods)
    cpu = RunOptions(accelerator="cpu", threads=1)
    phase = ReconstructionPhase.opened(whole / "c", whole / "d", tmp_path / "f", cpu, others=others)
    names = tuple(method.name for method in methods)
    filters = ReconstructionFilters(JobFilters(doses=(DOSE,), views=("baseline",)), methods=names)
    phase.run(phase.enumerate(filters), filters, False, Console.silent())
    manifest: Any = phase.ledger.read()
    assert [str(one) for one in check(tmp_path / "f" / "reconstruction_manifest.json") if one.code == "PM307"] == []
    records = {job["method"]: job["dataset"] for job in manifest["jobs"]}
    told = {name: records[name]["told"] for name in names}
    assert told == {"deaf": [], "some": ["mask"], "all": ["mask", "modes", "psf"]}
    for record in records.values():
        assert [word for word in KNOWLEDGE if word not in record["told"]] == record["not_told"]
    assert len({record["scan_sha256"] for record in records.values()}) == 3
    assert (
        records["deaf"]["scan_sha256"]
        == read_reconstruction_input(phase_c_file(whole / "c", DOSE, "test"), "test", whole).record["scan_sha256"]
    )
    for method in methods:
        seen = known(method.seen)
        assert list(seen.told.words) == told[method.name]
        # nothing that a method holds is the truth
        truth = known(half(whole / "c").positions_true_px)
        held = [value for value in (*vars(seen).values(), *vars(seen.told).values()) if isinstance(value, np.ndarray)]
        assert not any(value.shape == truth.shape and np.array_equal(value, truth) for value in held)


def test_parts_of_a_scan_are_told_what_belongs_to_them(whole: Path) -> None:
    given = read_reconstruction_input(phase_c_file(whole / "c", DOSE, "test"), "test", whole)
    index = np.array([5, 2, 9])
    scan = subset(given, index).to_be_told(KNOWLEDGE).scan(False, 0.0, 8, None)
    np.testing.assert_array_equal(scan.told.intensity_factors, known(given.known.intensity_factors)[index])
    np.testing.assert_array_equal(scan.told.valid_pixels, given.known.valid_pixels)
    assert scan.told.words == KNOWLEDGE
    assert given.to_be_told(()).scan(False, 0.0, 8, None).told.words == ()
