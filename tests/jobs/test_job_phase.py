"""The runner of jobs, with a phase whose work takes no time: an attempt is recorded from its start to its end."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from ptyproof import clock
from ptyproof.console import Console
from ptyproof.errors import DataError
from ptyproof.jobs.attempt import Attempt, EndedJob
from ptyproof.jobs.ends import stands
from ptyproof.jobs.local import LocalExecutor
from ptyproof.jobs.phase import Words
from ptyproof.jobs.queue import JobQueue
from ptyproof.phases.e_train.train import TrainingPhase
from ptyproof.records.cell_book import Record
from ptyproof.records.cell_ledger import NOT_ENDED
from ptyproof.records.training_ledger import TrainingLedger
from ptyproof.runs.phase_run import PhaseRun
from ptyproof.study.builtin import builtin_study
from ptyproof.study.jobs import JobFilters, TrainingJob
from ptyproof.study.layout import HALVES, phase_c_file, phase_d_file
from ptyproof.training.device import RunOptions
from ptyproof_schemas.types.training_manifest import Success

KEY = "dose1000-dense-gs2"
DENSE = JobFilters(doses=(1e3,), views=("dense",))
DIGEST = "0" * 64
ENVIRONMENT = dict.fromkeys(
    ("python", "system", "machine", "numpy", "scipy", "torch", "lightning", "safetensors", "cpu", "cpu_capability"), "1"
) | {"threads": 1, "device": "cpu", "deterministic": True, "num_workers": 0}
DATASETS = {half: {"path": "../d.npz", "sha256": DIGEST, "size_bytes": 1} for half in HALVES}
PAIR = {"start": 2.0, "network": 1.0, "improvement": 0.5}
SCORES = {"half": "test", "n_patterns": 7, "no_truth_because": None, "beats_start": True} | dict.fromkeys(
    ("poisson_loss", "complex_error", "patch_poisson_loss", "patch_complex_error"), PAIR
)
RESULT = {
    "status": "success",
    "error": None,
    "final_loss": 1.0,
    "validation_loss": 1.0,
    "epochs_completed": 1,
    "bundle_epoch": 1,
    "resumed_from_epoch": 0,
    "checkpoint_path": "checkpoint.ckpt",
    "bundle_path": "model.safetensors",
    "bundle_sha256": DIGEST,
    "bundle_size_bytes": 1,
    "metrics_path": None,
    "loss_curve_path": "loss_curve.png",
    "recipe_sha256": DIGEST,
}


def nothing(attempt: Attempt[TrainingJob]) -> None:
    """Find nothing out of the way."""


@dataclass(frozen=True, eq=False)
class Quick(TrainingPhase):
    """Phase E without its trainings: `way` is called between start and success."""

    way: Callable[[Attempt[TrainingJob]], None] = nothing
    calls: list[str] = field(default_factory=list)

    def environment(self) -> Record:
        return dict(ENVIRONMENT)

    def work(self, attempt: Attempt[TrainingJob]) -> EndedJob[TrainingJob]:
        self.calls.append(attempt.job.key)
        earlier = attempt.earlier(DIGEST)
        if earlier is not None:
            return attempt.reuse(earlier, "bundle")
        attempt.begin()
        self.way(attempt)
        attempt.facts["datasets"] = DATASETS
        return attempt.succeed(
            RESULT | {"started": attempt.started, "finished": clock.stamp(), "duration_s": 0.0}, scores=SCORES
        )


@pytest.fixture
def phase(tmp_path: Path) -> Iterator[Quick]:
    """The phase of a study whose data are empty files."""
    design = builtin_study("fly64-smoke")
    for dose in design.doses_photons_per_pattern:
        for half in HALVES:
            views = [phase_d_file(tmp_path / "d", dose, view, half) for view in ("dense", "sparse")]
            for path in (phase_c_file(tmp_path / "c", dose, half), *views):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
    yield Quick(TrainingLedger(design, tmp_path / "c", tmp_path / "d", tmp_path / "a"), RunOptions("cpu", threads=1))
    assert not list(tmp_path.rglob("*job_state.json"))


def run(phase: Quick) -> tuple[EndedJob[TrainingJob], list[str]]:
    """Run the dense view of dose 1000; return how it ended, and the lines."""
    said = io.StringIO()
    (done,) = phase.run(phase.enumerate(DENSE), DENSE, False, Console(said, None))
    return done, said.getvalue().splitlines()


def fails(attempt: Attempt[TrainingJob]) -> None:
    """Find the data damaged."""
    raise DataError(str(attempt.job.train_data_path), "is cut off")


def divides(attempt: Attempt[TrainingJob]) -> None:
    """Make a mistake."""
    1 / 0  # noqa: B018


def test_the_log_says_where_code_of_others_failed_and_the_record_says_why(phase: Quick) -> None:
    done, lines = run(replace(phase, way=divides))
    assert done.error == "ZeroDivisionError: division by zero"
    (frame,) = [line for line in lines if "in divides" in line]
    assert f"test_job_phase.py:{divides.__code__.co_firstlineno + 2}" in frame
    assert str(Path.home()) not in frame
    assert not [line for line in lines if "jobs/phase.py" in line]
    _, lines = run(replace(phase, way=fails, redo=True))
    assert not [line for line in lines if "test_job_phase.py" in line]


def test_a_success_is_recorded_with_its_times_and_its_place(phase: Quick) -> None:
    done, lines = run(phase)
    assert (done.status, done.error, done.reused) == ("success", None, False)
    assert done.entry == phase.ledger.entry(done.job)
    assert list(done.entry["result"]) == [key for key in Success.__annotations__ if key != "reused_from"]
    assert done.entry["result"]["started"] <= done.entry["result"]["finished"]
    assert (done.entry["scores"], done.entry["environment"]) == (SCORES, ENVIRONMENT)
    assert done.bundle_path == done.job.artifact_dir / "model.safetensors"
    assert lines[0] == f"[1/1] {KEY}: training"
    assert lines[1].startswith(f"{KEY}: success, ")


def test_a_result_is_taken_over_unless_it_is_to_be_done_again(phase: Quick) -> None:
    first, _ = run(phase)
    again, _ = run(phase)
    assert (again.reused, again.entry["result"]) == (True, first.entry["result"])
    anew, _ = run(replace(phase, redo=True))
    assert (anew.reused, anew.entry["earlier_results"]) == (False, [first.entry["result"]])


def test_a_failure_keeps_nothing_of_the_success_before_it(phase: Quick) -> None:
    run(phase)
    done, lines = run(replace(phase, redo=True, way=fails))
    assert done.status == "failed"
    assert done.error == "../d/dose_1000/dense/dense_train.npz: is cut off"
    assert lines[-1] == f"{KEY}: FAILED: {done.error}"
    assert (done.entry["scores"], done.entry["datasets"], done.bundle_path) == (None, None, None)
    assert len(done.entry["earlier_results"]) == 1


def test_a_failure_keeps_what_was_found_before_it(phase: Quick) -> None:
    def finds_and_fails(attempt: Attempt[TrainingJob]) -> None:
        attempt.facts["datasets"] = DATASETS
        fails(attempt)

    done, _ = run(replace(phase, way=finds_and_fails))
    assert (done.status, done.entry["datasets"]) == ("failed", DATASETS)


@pytest.mark.parametrize(
    ("change", "n_calls"),
    [({}, 1), ({"retry": frozenset({"failed"})}, 2), ({"redo": True}, 2), ({"max_epochs": 1}, 2)],
    ids=["same", "retry", "redo", "another budget"],
)
def test_a_failure_stands_unless_the_job_is_done_in_another_way(
    phase: Quick, change: dict[str, Any], n_calls: int
) -> None:
    run(replace(phase, way=fails))
    done, _ = run(replace(phase, way=fails, **change))
    assert done.status == "failed"
    assert done.reused == (n_calls == 1)
    assert phase.calls == [KEY] * n_calls


@pytest.mark.parametrize(
    ("attempt", "same"),
    [
        ({}, True),
        ({"remedies": [], "probe": None}, True),
        ({"probe": "true"}, False),
        ({"budget": {"n": 1}}, True),
    ],
    ids=["nothing", "not known yet", "other", "same"],
)
def test_an_attempt_is_compared_by_what_is_known_before_it(attempt: dict[str, Any], same: bool, tmp_path: Path) -> None:
    failed = {"result": {"status": "failed"}, "remedies": ["scaled"], "probe": "estimated", "budget": {"n": 1}}
    assert stands(failed, attempt, tmp_path) == same
    assert not stands(failed | {"result": {"status": "lost"}}, attempt, tmp_path)


def test_a_job_is_running_and_its_end_is_not_recorded_while_it_is_done(phase: Quick) -> None:
    seen: list[Any] = []

    def look(attempt: Attempt[TrainingJob]) -> None:
        entry = phase.ledger.entry(attempt.job)
        assert entry is not None
        seen.extend([phase.state(attempt.job), entry["result"]["status"], entry["result"]["error"]])

    done, _ = run(replace(phase, way=look))
    assert seen == ["running", "lost", NOT_ENDED]
    assert phase.state(done.job) == "success"


def test_a_job_that_ends_while_its_state_is_asked_for_is_not_lost(
    phase: Quick, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its entry is read while it runs, and its state file is gone after that."""
    seen: list[str | None] = []
    read = TrainingLedger.entry

    def look(attempt: Attempt[TrainingJob]) -> None:
        def ended(ledger: TrainingLedger, job: TrainingJob) -> Record | None:
            entry = read(ledger, job)
            job.state_path.unlink()
            return entry

        monkeypatch.setattr(TrainingLedger, "entry", ended)
        seen.append(phase.state(attempt.job))
        monkeypatch.setattr(TrainingLedger, "entry", read)

    run(replace(phase, way=look))
    assert seen == ["running"]


def test_an_interrupt_leaves_a_lost_job_that_is_run_again(phase: Quick) -> None:
    def interrupt(attempt: Attempt[TrainingJob]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(replace(phase, way=interrupt))
    (job,) = phase.enumerate(DENSE).jobs
    assert phase.state(job) == "lost"
    done, lines = run(phase)
    assert done.status == "success"
    assert lines[1].startswith(f"{KEY}: ")


def test_a_job_that_fails_keeps_no_other_from_running(phase: Quick) -> None:
    def fails_once(attempt: Attempt[TrainingJob]) -> None:
        if attempt.job.key == KEY:
            fails(attempt)

    filters = JobFilters(doses=(1e3,))
    made = replace(phase, way=fails_once)
    ended = made.run(made.enumerate(filters), filters, False, Console.silent())
    assert [done.status for done in ended] == ["success", "failed", "success"]


def test_jobs_that_are_not_announced_have_their_number_at_their_success(phase: Quick) -> None:
    class Silent(Quick):
        WORDS = Words("train", "trained", bar="trainings")

    bars, lines = io.StringIO(), io.StringIO()
    made = Silent(phase.ledger, phase.options)
    made.run(made.enumerate(DENSE), DENSE, False, Console(lines, bars))
    assert "trainings:   0%" in bars.getvalue()
    assert [line.partition(",")[0] for line in lines.getvalue().splitlines()] == [f"[1/1] {KEY}: success"]


def test_a_call_of_several_processes_has_one_record(phase: Quick) -> None:
    phase.ledger.artifact_root.mkdir()
    found = phase.enumerate(DENSE)
    calls = [phase.open_call(found, DENSE, False, call_id) for call_id in ("one", "one", None)]
    assert calls[0] == calls[1] != calls[2]
    manifest = phase.ledger.read()
    assert manifest is not None
    assert manifest["calls"] == calls[1:]


def run_of(phase: Quick, call_id: str) -> PhaseRun[TrainingJob]:
    """Return a run of the dense view of dose 1000 under a name."""
    queue = JobQueue(LocalExecutor(1))
    return PhaseRun(phase, lambda: phase.enumerate(DENSE), DENSE, None, call_id, nullcontext, queue)


def done_by(run: PhaseRun[TrainingJob]) -> EndedJob[TrainingJob]:
    """Return how the one job of a run ended in it."""
    (job,) = run.cells.jobs
    return run.do(job, Console.silent())


@pytest.mark.parametrize("seconds", [[0] * 60, range(59, -1, -1)], ids=["stands still", "runs back"])
def test_a_run_knows_its_own_results_whatever_the_clock_says(
    phase: Quick, seconds: Iterable[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    stamps = (f"2026-01-01T00:00:{second:02}Z" for second in seconds)
    monkeypatch.setattr(clock, "stamp", lambda: next(stamps))
    done_by(run_of(phase, "one"))
    again = run_of(replace(phase, redo=True), "two")
    assert done_by(again).entry["call"] == "two"
    assert done_by(again).entry["call"] == "two"
    assert phase.calls == [KEY, KEY]
    assert done_by(run_of(phase, "three")).reused


def test_processes_of_one_run_share_its_failure_and_a_later_run_may_try_again(phase: Quick) -> None:
    failing = replace(phase, way=fails, retry=frozenset({"failed"}))
    assert [done_by(run_of(failing, call_id)).status for call_id in ("one", "one", "two")] == ["failed"] * 3
    assert phase.calls == [KEY, KEY]
