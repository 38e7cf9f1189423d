"""Jobs that are trained twice: the same bits are certified, and whatever makes another bit is found and named."""

from __future__ import annotations

import faulthandler
import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ptyproof.certificate import repeat_process as certify_process
from ptyproof.certificate.attempts import describe
from ptyproof.certificate.certificate import Certificate, account_of, all_reproduced, certify, study_of
from ptyproof.certificate.repeat_training import Certification, certify_job
from ptyproof.checking import check_manifest
from ptyproof.checking.hub import verify_hub
from ptyproof.cli import main
from ptyproof.console import Console
from ptyproof.errors import InputError
from ptyproof.hub.index import Hub
from ptyproof.hub.layout import CERTIFICATE
from ptyproof.io import schema
from ptyproof.phases.e_train.train import TrainingPhase
from ptyproof.phases.e_train.train_worker import task_of
from ptyproof.records.manifest import read_manifest
from ptyproof.records.training_ledger import TrainingLedger
from ptyproof.report.summary import write_summary
from ptyproof.study.builtin import DEFAULT_STUDY, builtin_study
from ptyproof.study.design import StudyDesign
from ptyproof.study.jobs import JobFilters, TrainingJob
from ptyproof.study.training import NetworkDesign, TrainingDesign
from ptyproof.training.device import RunOptions
from ptyproof.training.engine import Callback
from ptyproof.training.runner import TrainingTask
from ptyproof_schemas.types.certificate import Attempt
from tests.helpers.known import known
from tests.helpers.messages import names, naming, numbers
from tests.helpers.phases import Phase
from tests.helpers.repeats import SHORT_STUDY, forked

CPU = RunOptions(accelerator="cpu", threads=1, logger="none")
EPOCHS, STEPS = 2, 3
SHORT = TrainingDesign(
    max_epochs=EPOCHS,
    steps_per_epoch=STEPS,
    patterns_per_step=8,
    network=NetworkDesign(channels=8, n_blocks=1, start_iterations=2),
)


class Noise(Callback):
    """Changes the last bit of a weight before a step."""

    def __init__(self, epoch: int, step: int) -> None:
        self.place = (epoch, step)

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        """Change it."""
        if (trainer.current_epoch + 1, batch_idx + 1) == self.place:
            import torch

            weight = next(iter(pl_module.network.parameters())).data.view(-1)
            weight[0] = torch.nextafter(weight[0], weight[0] + 1)


def with_watcher(watcher: Callback) -> Any:
    """Return what makes the trainings of a process have one more callback."""

    def disturb() -> None:
        of_process: Any = certify_process
        train = of_process.train
        of_process.train = lambda *args: train(*args[:-1], [watcher, *args[-1]])

    return disturb


@pytest.fixture(scope="module")
def design(smoke: StudyDesign) -> StudyDesign:
    return replace(smoke, training=SHORT)


@pytest.fixture(scope="module")
def phase(
    design: StudyDesign, smoke_c: Phase, smoke_d: Phase, tmp_path_factory: pytest.TempPathFactory
) -> TrainingPhase:
    ledger = TrainingLedger(design, smoke_c.root, smoke_d.root, tmp_path_factory.mktemp("artifacts"))
    return TrainingPhase(ledger, CPU)


@pytest.fixture(scope="module")
def job(phase: TrainingPhase) -> TrainingJob:
    (found,) = phase.enumerate(JobFilters((1000.0,), ("dense",))).jobs
    return found


@pytest.fixture(scope="module")
def task(phase: TrainingPhase, job: TrainingJob) -> TrainingTask:
    return task_of(phase.ledger.design, phase.training, job)


@pytest.fixture(scope="module")
def certified(task: TrainingTask, job: TrainingJob) -> Attempt:
    """An attempt that found nothing different."""
    with nothing_left():
        return certify_job(task, job, Certification(CPU, launch=forked()))


@contextmanager
def nothing_left() -> Iterator[None]:
    """Check that the temporary folder is as it was."""
    import tempfile

    def here() -> set[str]:
        return {path.name for path in Path(tempfile.gettempdir()).glob("ptyproof-certify-*")}

    before = here()
    yield
    assert here() <= before


def test_the_same_bits_are_certified(certified: Attempt, job: TrainingJob) -> None:
    attempt = certified
    assert (attempt["status"], attempt["divergence"], attempt["error"]) == ("reproduced", None, None)
    assert [epoch["epoch"] for epoch in attempt["epochs"]] == [1, 2]
    assert {epoch["n_steps"] for epoch in attempt["epochs"]} == {STEPS}
    one, other = attempt["trainings"]
    assert one["bundle_sha256"] == other["bundle_sha256"]
    assert one["environment"] == other["environment"]
    assert names(describe(attempt), f"{job.key} (twice)", "reproduced")
    assert numbers(describe(attempt)) == [2, 2, 6]


def test_a_training_that_was_killed_and_resumed_gives_the_same_bits(
    certified: Attempt, task: TrainingTask, job: TrainingJob
) -> None:
    whole = certified
    attempt = certify_job(task, job, Certification(CPU, "resume", launch=forked()))
    assert attempt["status"] == "reproduced", describe(attempt)
    assert (attempt["killed_after_epoch"], [run["n_processes"] for run in attempt["trainings"]]) == (1, [1, 2])
    assert attempt["epochs"] == whole["epochs"]
    assert {run["bundle_sha256"] for run in (*attempt["trainings"], *whole["trainings"])} == {
        whole["trainings"][0]["bundle_sha256"]
    }


@pytest.mark.parametrize("disturbed", [1, 2])
@pytest.mark.parametrize("place", [(1, 1), (2, 3)])
def test_the_last_bit_of_one_weight_is_found(
    task: TrainingTask, job: TrainingJob, disturbed: int, place: tuple[int, int]
) -> None:
    launch = forked({disturbed: with_watcher(Noise(*place))})
    attempt = certify_job(task, job, Certification(CPU, launch=launch))
    assert attempt["status"] == "diverged"
    found = known(attempt["divergence"])
    assert (found["epoch"], found["step"]) == place
    assert found["quantity"] in {"loss", "weights"}
    assert found["first"] != found["second"]
    assert len(attempt["epochs"]) == place[0] - 1
    assert names(describe(attempt), "DIVERGED", f"epoch {place[0]}", f"step {place[1]}")


def test_a_generator_that_a_resumed_training_does_not_take_up_is_found(task: TrainingTask, job: TrainingJob) -> None:
    from ptyproof.training import runner

    def forget() -> None:
        runner._Generators.load_state_dict = lambda self, state_dict: None  # type: ignore[method-assign]

    attempt = certify_job(task, job, Certification(CPU, "resume", launch=forked({2: forget})))
    assert attempt["status"] == "diverged"
    found = known(attempt["divergence"])
    assert (found["epoch"], found["quantity"]) == (2, "rng")


def test_the_first_epochs_alone_can_be_compared(task: TrainingTask, job: TrainingJob) -> None:
    attempt = certify_job(task, job, Certification(CPU, epochs=1, launch=forked({2: with_watcher(Noise(2, 1))})))
    assert (attempt["status"], attempt["n_epochs_asked"], len(attempt["epochs"])) == ("reproduced", 1, 1)
    assert "1 of 2 epochs" in describe(attempt)


def test_the_bundle_of_the_hub_is_compared(certified: Attempt, task: TrainingTask, job: TrainingJob) -> None:
    once, how = certified, Certification(CPU, launch=forked())
    bundle = once["trainings"][0]["bundle_sha256"]
    result = {"status": "success", "recipe_sha256": once["recipe_sha256"], "bundle_sha256": bundle}
    environment = once["trainings"][0]["environment"]
    entry = {"result": result, "environment": environment}
    again = certify_job(task, job, how, entry)
    assert (again["status"], again["recorded_bundle"]) == ("reproduced", {"sha256": bundle})
    assert len(describe(again)) > len(describe(once))
    other = certify_job(task, job, how, entry | {"result": result | {"bundle_sha256": "f" * 64}})
    assert (other["status"], known(other["divergence"])["quantity"]) == ("diverged", "recorded_bundle")
    elsewhere = entry | {"environment": {**environment, "cpu": "another"}}
    assert certify_job(task, job, how, elsewhere)["recorded_bundle"] is None


def abort() -> None:
    """End as a library does that finds itself broken, without a report on the screen."""
    faulthandler.disable()
    os.abort()


ENDS = {
    "killed": (lambda: os.kill(os.getpid(), signal.SIGKILL), ("training 2", "SIGKILL")),
    "silent": (lambda: os._exit(0), ("training 2", "status 0")),
    "aborted": (abort, ("training 2", "SIGABRT")),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_training_that_ends_badly_is_no_certificate(task: TrainingTask, job: TrainingJob, end: str) -> None:
    how, named = ENDS[end]
    with nothing_left():
        attempt = certify_job(task, job, Certification(CPU, epochs=1, launch=forked({2: how})))
    assert attempt["status"] == "failed"
    assert names(known(attempt["error"]), *named)
    assert (attempt["trainings"], attempt["epochs"], attempt["divergence"]) == ([], [], None)
    assert names(describe(attempt), f"{job.key} (twice)", "NOT CERTIFIED", attempt["error"])


def test_an_error_of_a_training_is_told_without_its_folders(task: TrainingTask, job: TrainingJob) -> None:
    lost = replace(job, train_data_path=job.train_data_path.with_name("none.npz"))
    attempt = certify_job(task, lost, Certification(CPU, launch=forked()))
    assert attempt["status"] == "failed"
    assert names(known(attempt["error"]), "training 1", "none.npz")
    assert "/" not in known(attempt["error"])


def test_a_budget_that_cannot_be_killed_between_two_epochs_is_refused(task: TrainingTask, job: TrainingJob) -> None:
    with pytest.raises(InputError, match=naming("--mode resume", 2)):
        certify_job(task, job, Certification(CPU, "resume", epochs=1))


def test_attempts_are_added_and_a_divergence_stays(
    phase: TrainingPhase, design: StudyDesign, job: TrainingJob, tmp_path: Path
) -> None:
    hub = Hub(tmp_path / "hub")
    certificate = Certificate(hub.root, design)
    launches = [forked({2: with_watcher(Noise(1, 1))}), forked(), forked({1: abort})]
    for number, launch in enumerate(launches):
        attempts = certify(certificate, phase, [job], Certification(CPU, epochs=1, launch=launch), Console.silent())
        assert all_reproduced(attempts) == (number == 1)
    record = read_manifest(hub.root / CERTIFICATE, "certificate")
    assert [attempt["status"] for attempt in record["attempts"]] == ["diverged", "reproduced", "failed"]
    assert record["account"] == {"n_attempts": 3, "n_reproduced": 1, "n_diverged": 1, "n_failed": 1}
    assert {finding.code for finding in check_manifest(hub.root / CERTIFICATE).findings} == {"PM713", "PM705"}
    hub.write(lambda: write_summary(hub.root))
    found = verify_hub(hub.root)
    assert [(finding.code, finding.file, finding.json_path) for finding in found if finding.severity == "error"] == [
        ("PM713", CERTIFICATE, "$.attempts[0].status")
    ]
    text = (hub.root / "docs" / "summary.md").read_text(encoding="utf-8")
    assert text.index("DIVERGED in epoch 1, step 1") < text.index("\n## ")
    assert [1, 1, 1] in [numbers(line)[-3:] for line in text.splitlines()]
    assert any(names(line, "NOT CERTIFIED", "training 1", "SIGABRT") for line in text.splitlines())
    other = replace(design, name="other", training=replace(SHORT, seed=5))
    with pytest.raises(InputError, match=naming(CERTIFICATE, "fly64-smoke")):
        Certificate(hub.root, other).read()


def test_an_account_counts_every_status() -> None:
    statuses = ["failed", "reproduced", "diverged", "reproduced"]
    attempts: Any = [{"status": status} for status in statuses]
    found = account_of(attempts)
    assert found == {"n_attempts": 4, "n_reproduced": 2, "n_diverged": 1, "n_failed": 1}


# The command; tests/plugins/test_certificate.py runs fresh processes


@pytest.fixture
def study(tmp_path: Path) -> Path:
    path = tmp_path / "short.toml"
    path.write_text(SHORT_STUDY, encoding="utf-8")
    return path


def test_the_command_writes_a_certificate_into_a_hub_that_is_sound(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ptyproof.certificate.repeat_training.launch", forked())
    hub = tmp_path / "hub"
    words = ["certify", "--study", str(study), "--hub", str(hub), "--accelerator", "cpu", "--threads", "1"]
    with nothing_left():
        assert main([*words, "--mode", "resume"]) == 0
    said = capsys.readouterr().out
    (line,) = (line for line in said.splitlines() if "dose1000-baseline-gs1 (resume): " in line)
    assert numbers(line.partition("): ")[2]) == [2, 2, 4]
    record = json.loads((hub / CERTIFICATE).read_text(encoding="utf-8"))
    schema.validate(record, "certificate", CERTIFICATE)
    assert record["attempts"][0]["trainings"][1]["n_processes"] == 2
    assert str(tmp_path) not in json.dumps(record)
    assert verify_hub(hub) == []
    assert main(["check", str(hub)]) == 0
    assert sorted(path.name for path in hub.iterdir()) == ["cli", "docs", "hub.json", "real_run"]
    monkeypatch.setattr("ptyproof.certificate.repeat_training.launch", forked({2: with_watcher(Noise(1, 1))}))
    assert main([*words, "--epochs", "1"]) == 1
    said = capsys.readouterr().out
    assert names(said, "dose1000-baseline-gs1 (twice): DIVERGED", "epoch 1, step 1", "0 of 1")
    assert main(["check", str(hub)]) == 1
    assert main(["hub", "verify", str(hub)]) == 1


def test_a_hub_with_trainings_names_its_study(design: StudyDesign, tmp_path: Path) -> None:
    assert study_of(tmp_path) == builtin_study(DEFAULT_STUDY)
    ledger = TrainingLedger(design, tmp_path / "c", tmp_path / "d", (tmp_path / CERTIFICATE).parent)
    ledger.artifact_root.mkdir()
    with ledger.changing() as book:
        book.is_renewed = True
    ledger.fold()
    assert study_of(tmp_path) == design


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--mode", "thrice"], ("--mode", "twice, resume", "'thrice'")),
        (["--epochs", "0"], ("--epochs", ">= 1", 0)),
        (["--mode", "resume", "--epochs", "1"], ("--mode resume", 2)),
        (["--dose", "5"], ("--dose", 1000, "5")),
        (["--view", "thin"], ("--view", "'thin'")),
        (["--other-threads", "0"], ("--other-threads", ">= 1", 0)),
    ],
)
def test_what_cannot_be_certified_is_refused(
    options: list[str], named: tuple[object, ...], study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub = tmp_path / "hub"
    assert main(["certify", "--study", str(study), "--hub", str(hub), "--accelerator", "cpu", *options]) == 2
    said = capsys.readouterr()
    assert names(said.err, *named)
    assert "simulating" not in said.out, "what is wrong is said before anything is made"
    assert not (hub / CERTIFICATE).exists()
