"""Enumeration of trainings: the matrix is accounted for, and nothing on disk changes."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptyproof.errors import InputError, ManifestError
from ptyproof.io.schema import validate
from ptyproof.study.builtin import builtin_study
from ptyproof.study.cells import Enumeration, Job, Skip
from ptyproof.study.design import StudyDesign
from ptyproof.study.exposures import Exposure
from ptyproof.study.jobs import JobFilters, TrainingJob, build_training_jobs
from ptyproof.study.layout import HALVES, OVERLAP_MANIFEST, job_folder, phase_c_file, phase_d_file
from tests.helpers.messages import naming
from tests.strategies.designs import designs

EXAMPLE = Path(__file__).parents[1] / "schemas" / "examples" / "overlap_manifest" / "valid"
FLY64 = builtin_study("fly64")

Cell = tuple[Exposure, str]


@dataclass(frozen=True)
class Tree:
    """Phase C and D roots with some of a study's files, and Phase D's record."""

    design: StudyDesign
    root: Path
    recorded: frozenset[Cell]
    missing: frozenset[Cell]

    def build(self, **options: Any) -> Enumeration[TrainingJob]:
        """Enumerate over this tree."""
        return build_training_jobs(self.design, self.root / "c", self.root / "d", self.root / "e", **options)


def rejected_cell(exposure: Exposure, view: str, gridsize: int) -> dict[str, Any]:
    """Return a schema-valid record of a rejected view."""
    for path in sorted(EXAMPLE.glob("*.json")):
        found = json.loads(path.read_text())["rejected_views"]
        if found:
            return {**found[0], **exposure.as_dict(), "view": view, "gridsize": gridsize}
    raise AssertionError("no example holds a rejected view")


def manifest(design: StudyDesign, recorded: frozenset[Cell]) -> dict[str, Any]:
    """Return a schema-valid overlap manifest with the recorded rejections."""
    table: dict[str, Any] = json.loads(next(iter(sorted(EXAMPLE.glob("*.json")))).read_text())
    gridsizes = {view.name: view.gridsize for view in design.views}
    rejected = [rejected_cell(exposure, view, gridsizes[view]) for exposure, view in sorted(recorded)]
    return {**table, "views": [], "rejected_views": rejected}


@contextmanager
def tree(design: StudyDesign, recorded: frozenset[Cell], missing: frozenset[Cell]) -> Iterator[Tree]:
    """Make the files of a study on disk, without those of recorded and missing cells."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / "c").mkdir()
        (root / "d").mkdir()
        for exposure in design.exposures:
            dose, replicate = exposure
            for half in HALVES:
                files = [phase_c_file(root / "c", dose, half, replicate)]
                for view in design.views:
                    if not view.reads_phase_c and (exposure, view.name) not in recorded | missing:
                        files.append(phase_d_file(root / "d", dose, view.name, half, replicate))
                for file in files:
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.touch()
        if recorded:
            table = manifest(design, recorded)
            validate(table, "overlap_manifest", "test")
            (root / "d" / OVERLAP_MANIFEST).write_text(json.dumps(table))
        yield Tree(design, root, recorded, missing)


@st.composite
def situations(draw: st.DrawFn) -> tuple[StudyDesign, frozenset[Cell], frozenset[Cell]]:
    """A design, with a state for each cell that reads Phase D: present, recorded as rejected, or missing."""
    design = draw(designs())
    cells = [(e, v.name) for e in design.exposures for v in design.views if not v.reads_phase_c]
    states = [draw(st.sampled_from(["present", "recorded", "missing"])) for _ in cells]
    recorded = frozenset(cell for cell, state in zip(cells, states, strict=True) if state == "recorded")
    missing = frozenset(cell for cell, state in zip(cells, states, strict=True) if state == "missing")
    return design, recorded, missing


def subsets(values: list[Any]) -> st.SearchStrategy[tuple[Any, ...] | None]:
    """None, or some of the values in any order."""
    return st.none() | st.lists(st.sampled_from(values), min_size=1, unique=True).map(tuple)


def on_disk(root: Path) -> list[tuple[str, int, int]]:
    """Return every path with its size and time."""
    return sorted((str(p), p.stat().st_size, p.stat().st_mtime_ns) for p in root.rglob("*"))


def cells_of(found: Enumeration[TrainingJob]) -> list[Cell]:
    """Return all cells of an enumeration."""
    every: list[Job | Skip] = [*found.jobs, *found.not_selected, *found.skipped]
    return [cell_of(one) for one in every]


def cell_of(found: Skip | Job) -> Cell:
    """Return the cell of a job or skip."""
    return Exposure(found.dose, found.replicate), found.view


@given(situations(), st.data())
def test_the_matrix_is_accounted_for(
    situation: tuple[StudyDesign, frozenset[Cell], frozenset[Cell]], data: st.DataObject
) -> None:
    design, recorded, missing = situation
    doses = data.draw(subsets(list(design.doses_photons_per_pattern)))
    replicates = data.draw(subsets(list(range(1, design.replicates + 1))))
    filters = JobFilters(doses=doses, replicates=replicates)
    with tree(design, recorded, missing) as made:
        before = on_disk(made.root)
        found = made.build(filters=filters, allow_missing_phase_d=True)
        assert on_disk(made.root) == before
    exposures = [
        (dose, replicate)
        for dose in design.doses_photons_per_pattern
        for replicate in range(1, design.replicates + 1)
        if (doses is None or dose in doses) and (replicates is None or replicate in replicates)
    ]
    matrix = [(Exposure(*exposure), view.name) for exposure in exposures for view in design.views]
    assert sorted(cells_of(found)) == sorted(matrix)
    assert found.n_enumerated == len(matrix)
    assert {cell_of(s) for s in found.skipped if s.measured} == {c for c in recorded if c[0] in exposures}
    assert {cell_of(s) for s in found.skipped if not s.measured} == {c for c in missing if c[0] in exposures}
    parts: tuple[tuple[Job | Skip, ...], ...] = (found.jobs, found.skipped)
    for part in parts:
        order = [matrix.index(cell_of(cell)) for cell in part]
        assert order == sorted(order)
    folders = [job.artifact_dir for job in found.jobs]
    assert len(set(folders)) == len(folders) == len({job.key for job in found.jobs})
    assert all(folder.is_relative_to(made.root / "e") for folder in folders)
    assert all(job.neighbor_count >= job.gridsize**2 for job in found.jobs)
    assert json.loads(json.dumps([skip.as_dict() for skip in found.skipped], allow_nan=False)) is not None


@given(situations(), st.data())
def test_strict_raises_exactly_when_a_selected_unrecorded_view_is_missing(
    situation: tuple[StudyDesign, frozenset[Cell], frozenset[Cell]], data: st.DataObject
) -> None:
    design, recorded, missing = situation
    filters = JobFilters(views=data.draw(subsets([view.name for view in design.views])))
    wanted = {view.name for view in design.views if filters.selects(view)}
    with tree(design, recorded, missing) as made:
        if any(view in wanted for _, view in missing):
            with pytest.raises(InputError, match=r"\bdose \S+, (replicate \d, )?view \S+: .*\.npz"):
                made.build(filters=filters)
        else:
            assert made.build(filters=filters) == made.build(filters=filters, allow_missing_phase_d=True)


@given(situations(), st.data())
def test_filters_commute_and_only_choose(
    situation: tuple[StudyDesign, frozenset[Cell], frozenset[Cell]], data: st.DataObject
) -> None:
    design, recorded, missing = situation
    doses = data.draw(subsets(list(design.doses_photons_per_pattern)))
    views = data.draw(subsets([view.name for view in design.views]))
    with tree(design, recorded, missing) as made:
        by_dose = made.build(filters=JobFilters(doses=doses), allow_missing_phase_d=True)
        by_view = made.build(filters=JobFilters(views=views), allow_missing_phase_d=True)
        both = made.build(filters=JobFilters(doses=doses, views=views), allow_missing_phase_d=True)
    assert set(both.jobs) == set(by_dose.jobs) & set(by_view.jobs)
    assert [s.key for s in both.skipped] == [s.key for s in by_dose.skipped]
    assert all(s.selected == (views is None or s.view in views) for s in both.skipped)


def fly64(missing: set[Cell] | None = None, recorded: set[Cell] | None = None) -> Any:
    """Return the tree of the canonical study, sparse recorded as rejected unless told otherwise."""
    sparse = {(Exposure(dose), "sparse") for dose in FLY64.doses_photons_per_pattern}
    return tree(FLY64, frozenset(sparse if recorded is None else recorded), frozenset(missing or ()))


def test_the_canonical_study_has_six_jobs_and_three_skips_in_order() -> None:
    with fly64() as made:
        found = made.build()
    assert [job.key for job in found.jobs] == [
        f"dose{dose}-{view}" for dose in (1000, 10000, 100000) for view in ("baseline-gs1", "dense-gs2")
    ]
    assert [skip.key for skip in found.skipped] == [f"dose{dose}-sparse-gs2" for dose in (1000, 10000, 100000)]
    assert found.skipped[0].code == "rejected_by_phase_d"
    assert found.skipped[0].measured is not None
    assert found.skipped[0].measured["train"]["selection"]["threshold_px"] > 0
    assert found.jobs[0].train_data_path == made.root / "c" / "dose_1000" / "patched_train.npz"
    assert found.jobs[1].test_data_path == made.root / "d" / "dose_1000" / "dense" / "dense_test.npz"
    assert found.jobs[1].artifact_dir == job_folder(made.root / "e", 1000.0, "dense", 2)


def test_a_dose_filter_looks_at_nothing_else() -> None:
    with fly64(missing={(Exposure(1e4), "dense")}) as made:
        phase_c_file(made.root / "c", 1e5, "test").unlink()
        found = made.build(filters=JobFilters(doses=(1e3,)))
        assert (len(found.jobs), len(found.skipped)) == (2, 1)
        with pytest.raises(InputError, match=naming("dose 100000", "patched_test.npz")):
            made.build(filters=JobFilters(doses=(1e5,), views=("dense",)))


def test_stray_files_of_a_rejected_view_do_not_bring_it_back() -> None:
    with fly64() as made:
        for half in HALVES:
            stray = phase_d_file(made.root / "d", 1e3, "sparse", half)
            stray.parent.mkdir(parents=True, exist_ok=True)
            stray.touch()
        assert len(made.build().skipped) == 3


@pytest.mark.parametrize(
    ("filters", "words"),
    [
        (JobFilters(doses=(123.0,)), naming("--dose", "1000, 10000, 100000", 123)),
        (JobFilters(views=("thin",)), naming("--view", "baseline, dense, sparse", "'thin'")),
        (JobFilters(gridsizes=(3,)), naming("--gridsize", "1, 2", 3)),
        (
            JobFilters(views=("baseline",), gridsizes=(2,)),
            naming("--view", "--gridsize", "baseline (gridsize 1), dense"),
        ),
        (JobFilters(doses=()), naming("--dose")),
        (JobFilters(replicates=(2,)), naming("--replicate", 1, 2)),
    ],
)
def test_filters_that_match_nothing_list_the_choices(filters: JobFilters, words: str) -> None:
    with fly64() as made, pytest.raises(InputError, match=words):
        made.build(filters=filters)


def test_roots_that_are_swapped_or_missing_are_named() -> None:
    with fly64() as made:
        (made.root / "c" / "run_manifest.json").write_text("{}")
        swapped = (made.root / "d", made.root / "c", made.root / "e")
        with pytest.raises(InputError, match=naming("--phase-c-root", "overlap_manifest.json", "run_manifest.json")):
            build_training_jobs(FLY64, *swapped)
        with pytest.raises(InputError, match=naming("--phase-d-root", made.root / "none")):
            build_training_jobs(FLY64, made.root / "c", made.root / "none", made.root / "e")


def test_a_damaged_record_is_an_error_and_not_an_absence() -> None:
    with fly64() as made:
        (made.root / "d" / OVERLAP_MANIFEST).write_text('{"rejected_views": []')
        with pytest.raises(ManifestError) as caught:
            made.build(allow_missing_phase_d=True)
        assert caught.value.path == made.root / "d" / OVERLAP_MANIFEST


def test_groups_need_neighbours_even_where_the_view_is_skipped() -> None:
    """OVERSAMPLING-001: K >= C is checked with the design, before it is known which views can run."""
    with pytest.raises(InputError, match=naming("neighbor_count", "'dense'", "gridsize^2 = 4", 3)):
        replace(FLY64, neighbor_count=3)


def test_a_view_of_all_positions_that_phase_d_rejected_is_skipped() -> None:
    with tree(FLY64, frozenset({(Exposure(1e3), "baseline")}), frozenset()) as made:
        found = made.build()
    assert [(skip.key, skip.code) for skip in found.skipped] == [("dose1000-baseline-gs1", "rejected_by_phase_d")]
    assert len(found.jobs) == 8
