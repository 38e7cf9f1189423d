"""The cells of a phase: selected by name, found by name, listed in lines, and sent to another process."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from ptyproof.methods.reconstruction_jobs import Plan, ReconstructionCell, ReconstructionJob
from ptyproof.study.cells import Cell, Enumeration, Skip
from ptyproof.study.jobs import TrainingJob

DENSE, SPARSE, BASELINE = Cell(1e3, "dense", 2), Cell(1e3, "sparse", 2), Cell(1e3, "baseline", 1)


def job(cell: Cell) -> TrainingJob:
    """Return a training whose files do not exist."""
    folder = Path("/a", cell.key)
    return TrainingJob(cell, 7, folder / "train.npz", folder / "test.npz", folder)


def reconstruction(method: str, needs_training: bool) -> ReconstructionJob:
    """Return a reconstruction whose files do not exist."""
    cell = ReconstructionCell(1e3, "dense", 2, "test", method)
    plan: Plan = {
        "provider": {"name": "mine", "version": None},
        "needs_training": needs_training,
        "probe": "true",
        "options": {},
        "budget": {"epochs": None, "seconds": None},
        "seed": {"root": 1, "key": [method]},
    }
    return ReconstructionJob(cell, Path("/d.npz"), Path(f"/a/{method}.npz"), job(DENSE), plan=plan)


FOUND = Enumeration((job(BASELINE),), (job(DENSE),), (Skip(SPARSE, "rejected_by_phase_d", "too sparse", True),))


@pytest.mark.parametrize("cell", [DENSE, ReconstructionCell(0.5, "dense", 2, "test", "lsqml")], ids=lambda c: c.key)
def test_a_cell_is_what_its_record_says(cell: Cell) -> None:
    assert type(cell).of(cell.as_dict() | {"result": None}) == cell


def test_names_of_cells() -> None:
    assert DENSE.key == "dose1000-dense-gs2"
    assert ReconstructionCell(0.5, "dense", 2, "test", "lsqml").key == "dose0.5-dense-gs2-test-lsqml"


def test_an_enumeration_without_a_choice_stays_as_it_is() -> None:
    assert FOUND.narrowed(None) is FOUND
    assert FOUND.n_enumerated == 3


@pytest.mark.parametrize("keys", [(), ("dose1000-dense-gs2",), ("dose1000-baseline-gs1", "dose1000-sparse-gs2")])
def test_the_chosen_cells_alone_are_selected_and_none_is_lost(keys: tuple[str, ...]) -> None:
    found = FOUND.narrowed(frozenset(keys))
    selected = [*(j.key for j in found.jobs), *(s.key for s in found.skipped if s.selected)]
    assert sorted(selected) == sorted(keys)
    assert found.n_enumerated == 3
    assert {j.key for j in (*found.jobs, *found.not_selected)} == {BASELINE.key, DENSE.key}


def test_a_cell_is_found_by_its_name() -> None:
    assert FOUND.cell(DENSE.key) == job(DENSE)
    assert FOUND.cell(SPARSE.key) == FOUND.skipped[0]
    assert FOUND.cell("dose1000-dense-gs1") is None


def test_skips_with_one_reason_share_a_line_where_their_cells_are_shown_together() -> None:
    def skip(method: str, reason: str, selected: bool = True) -> Skip:
        return Skip(ReconstructionCell(1e3, "dense", 2, "test", method), "method_unavailable", reason, selected)

    found: Enumeration[ReconstructionJob] = Enumeration(
        (), (), (skip("a", "x"), skip("b", "y"), skip("c", "x"), skip("d", "x", selected=False))
    )
    assert found.lines("reconstruct")[1:] == [
        "skipped dose1000-dense-gs2-test, a, c: x",
        "skipped dose1000-dense-gs2-test, b: y",
        "skipped dose1000-dense-gs2-test, d (not selected): x",
    ]
    assert FOUND.lines("train")[1:] == [str(FOUND.skipped[0])] == ["skipped dose1000-sparse-gs2: too sparse"]


@pytest.mark.parametrize("made", [job(DENSE), reconstruction("pinn", needs_training=True)], ids=lambda j: j.key)
def test_a_job_goes_to_another_process_with_all_that_it_needs(made: TrainingJob | ReconstructionJob) -> None:
    there = pickle.loads(pickle.dumps(made))
    assert there == made
    assert (there.key, there.dose, there.view, there.gridsize) == (made.key, 1e3, "dense", 2)
    assert made.output in made.paths
    assert made.state_path.parent in (made.output, made.output.parent)


def test_a_reconstruction_by_a_network_needs_the_training_of_its_cell() -> None:
    assert reconstruction("pinn", needs_training=True).needs == (job(DENSE),)
    assert reconstruction("flat", needs_training=False).needs == ()
