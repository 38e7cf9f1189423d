"""A process for each job: the record distinguishes every way to end, and no other job ends with it."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
import torch

from ptyproof.console import Console
from ptyproof.errors import InputError, PtyproofError, RunError
from ptyproof.jobs import process as job_process
from ptyproof.jobs.process import Died, JobProcesses, n_bytes
from ptyproof.phases.e_train.train import TrainingPhase
from ptyproof.records.training_ledger import TrainingLedger
from ptyproof.study.jobs import JobFilters
from ptyproof.training.device import RunOptions
from tests.helpers.job_bodies import MEMORY, STARTED, Sabotaged, die, die_before_it_begins, fail, speak
from tests.helpers.known import known
from tests.helpers.messages import names, naming
from tests.helpers.phases import Phase

NO_LIMITS = JobProcesses()


@pytest.fixture(scope="module", autouse=True)
def server() -> None:
    job_process.start_server(TrainingPhase.PRELOADED)


def run(work: Any, limits: JobProcesses = NO_LIMITS, console: Console | None = None) -> Any:
    return job_process.run(work, limits, console or Console.silent())


def test_what_a_job_says_and_returns_reaches_the_one_who_asked() -> None:
    lines, bars = io.StringIO(), io.StringIO()
    told = run(speak, console=Console(lines, bars))
    assert lines.getvalue() == "eins\nzwei ü\n"
    assert "bar:   0%" in bars.getvalue()
    assert told["pid"] != os.getpid()
    assert not told["cuda"]
    assert told["folder"] == str(Path.cwd())
    assert run(speak)["pid"] != told["pid"]


@pytest.mark.parametrize(
    ("given", "spin"),
    [({}, "10000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "PASSIVE"}, None)],
    ids=["nothing", "count", "policy"],
)
def test_threads_of_jobs_spin_shortly_unless_the_user_says_how_they_wait(
    given: dict[str, str], spin: str | None
) -> None:
    lines = [
        "from ptyproof.console import Console",
        "from ptyproof.jobs import process",
        "from tests.helpers.job_bodies import speak",
        "process.start_server(('ptyproof.jobs.server',))",
        "print(process.run(speak, process.JobProcesses(), Console.silent())['spin'])",
    ]
    inherited = {name: value for name, value in os.environ.items() if name not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], env=inherited | given, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(spin)


@pytest.mark.parametrize(
    ("way", "status", "named"),
    [
        ("abort", "failed", "SIGABRT"),
        ("segfault", "failed", "SIGSEGV"),
        ("exit", "failed", "status 7"),
        ("exit-well", "failed", "status 0"),
        ("term", "lost", "SIGTERM"),
        ("kill", "lost", "SIGKILL"),
    ],
)
def test_every_way_to_die_is_told_apart(way: str, status: str, named: str) -> None:
    died = run(partial(die, way))
    assert isinstance(died, Died)
    assert (died.status, died.began) == (status, STARTED)
    assert names(died.reason, named)


def test_a_process_that_died_before_its_job_began_says_so() -> None:
    died = run(die_before_it_begins)
    assert isinstance(died, Died)
    assert (died.status, died.began) == ("lost", None)
    assert names(died.reason, "SIGTERM")


@pytest.mark.parametrize("way", ["sleep", "sleep-deaf"])
def test_a_job_that_hangs_is_ended(way: str) -> None:
    died = run(partial(die, way), JobProcesses(timeout_s=0.5))
    assert isinstance(died, Died)
    assert (died.status, died.began) == ("failed", STARTED)
    assert names(died.reason, "--job-timeout 0.5 s")


def test_out_of_memory_by_the_system_is_told_apart_from_a_kill(monkeypatch: pytest.MonkeyPatch) -> None:
    killed = iter([4, 5])
    monkeypatch.setattr(job_process, "n_killed_for_memory", lambda: next(killed))
    died = run(partial(die, "kill"))
    assert isinstance(died, Died)
    assert died.status == "failed"
    assert names(died.reason, "SIGKILL")


@pytest.mark.parametrize(
    ("what", "kind", "text"),
    [
        ("input", InputError, "view"),
        ("data", InputError, "a.npz: diffraction: "),
        ("other", RunError, "ValueError: "),
        ("memory", RunError, MEMORY),
        (
            "extra",
            RunError,
            "ImportError: x",
        ),
    ],
)
def test_an_error_is_raised_where_the_job_was_asked_for(what: str, kind: type[PtyproofError], text: str) -> None:
    with pytest.raises(kind) as caught:
        run(partial(fail, what))
    assert text in str(caught.value)


@pytest.mark.parametrize("way", ["sleep", "sleep-deaf"])
def test_an_interrupt_ends_the_job_and_stays_one(way: str) -> None:
    pids: list[int] = []
    times: list[float] = []

    class Interrupting:
        def write(self, text: str) -> None:
            pids.append(int(text))
            times.append(time.monotonic())
            raise KeyboardInterrupt

        def flush(self) -> None:
            pass

    with pytest.raises(KeyboardInterrupt):
        run(partial(_say_pid_and_die, way), console=Console(Interrupting(), None))
    assert time.monotonic() - times[0] < 5
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


def _say_pid_and_die(way: str, console: Console, began: Callable[[str], None]) -> None:
    console.say(str(os.getpid()))
    die(way, console, began)


def test_sizes_of_memory() -> None:
    assert [n_bytes(text) for text in ("7", "500M", "4G")] == [7, 500 * 2**20, 4 * 2**30]
    for text in ("", "4 G", "4g", "-1", "1e9", "٣"):
        with pytest.raises(InputError, match=naming("--job-memory", "500M", "4G", repr(text))):
            n_bytes(text)


@pytest.mark.parametrize("limits", [{"timeout_s": 0.0}, {"timeout_s": float("nan")}, {"memory_bytes": 0}], ids=str)
def test_limits_that_cannot_be(limits: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"^--job-(timeout|memory)\b"):
        JobProcesses(**limits)


def phase(smoke_c: Phase, smoke_d: Phase, root: Path, way: str, **how: Any) -> Sabotaged:
    from ptyproof.study.builtin import builtin_study

    ledger = TrainingLedger(builtin_study("fly64-smoke"), smoke_c.root, smoke_d.root, root)
    limits = JobProcesses(how.pop("timeout_s", None), how.pop("memory_bytes", None))
    return Sabotaged(ledger, RunOptions(accelerator="cpu", threads=1), max_epochs=1, processes=limits, way=way, **how)


def train(made: Sabotaged, *views: str) -> tuple[dict[str, str], str]:
    """Train dose 1000; return each job's status, and what was said."""
    filters, said = JobFilters(doses=(1e3,), views=views or None), io.StringIO()
    ended = made.run(made.enumerate(filters), filters, False, Console(said, None))
    return {done.job.view: done.status for done in ended}, said.getvalue()


@pytest.mark.parametrize(
    ("way", "limits", "status", "words"),
    [
        ("abort", {}, "failed", "SIGABRT"),
        ("numpy", {"memory_bytes": 2**31}, "failed", "16.0 GiB"),
        ("torch", {"memory_bytes": 2**31}, "failed", "alloc_cpu.cpp"),
        ("bit-by-bit", {"memory_bytes": 2**30}, "failed", "memory"),
        ("sleep", {"timeout_s": 4.0}, "failed", "--job-timeout 4 s"),
        ("kill", {}, "lost", "SIGKILL"),
    ],
)
def test_a_job_that_dies_is_recorded_and_touches_no_other(
    smoke_c: Phase, smoke_d: Phase, tmp_path: Path, way: str, limits: dict[str, Any], status: str, words: str
) -> None:
    made = phase(smoke_c, smoke_d, tmp_path, way, **limits)
    views = ("dense",) if way in {"numpy", "torch", "sleep", "kill"} else ()
    statuses, said = train(made, *views)
    assert statuses == ({"dense": status} if views else {"baseline": "success", "dense": status})
    assert f"dose1000-dense-gs2: {status.upper()}: " in said
    manifest = made.ledger.read()
    assert manifest is not None
    (entry,) = [entry for entry in manifest["jobs"] if entry["view"] == "dense"]
    assert words in known(entry["result"]["error"])
    assert (entry["result"]["status"], entry["result"]["bundle_sha256"]) == (status, None)
    assert known(entry["environment"])["threads"] == 1
    assert entry["datasets"] is not None  # it had come as far as its training
    account = cast("dict[str, int]", manifest["account"])
    assert account["n_enumerated"] == sum(value for key, value in account.items() if key != "n_enumerated")
    assert account[f"n_{status}"] == 1
    folder = tmp_path / "dose_1000" / "dense" / "gs2"
    assert [path.name for path in folder.iterdir()] == ["train.log"]
    assert words in (folder / "train.log").read_text() or "memory_bytes" in limits


def test_failed_is_run_again_only_on_request_and_lost_always(smoke_c: Phase, smoke_d: Phase, tmp_path: Path) -> None:
    def again(way: str, **how: Any) -> tuple[dict[str, Any], str]:
        made = phase(smoke_c, smoke_d, tmp_path, way, **how)
        _, said = train(made, "dense")
        entry = made.ledger.entry(made.enumerate(JobFilters(doses=(1e3,), views=("dense",))).jobs[0])
        assert entry is not None
        return entry, said

    lost, _ = again("kill")
    failed, said = again("abort")
    assert names(said, "dose1000-dense-gs2", lost["result"]["started"])
    assert failed["earlier_results"] == []
    kept, said = again("kill")
    assert kept == failed
    assert names(said, "dose1000-dense-gs2", "--retry failed", "--ptyproof-retry", failed["result"]["error"])
    once_more, _ = again("exit", retry=frozenset({"failed"}))
    assert once_more["earlier_results"] == [failed["result"]]
    assert names(once_more["result"]["error"], "status 7")
    assert lost["result"]["finished"] is None


def test_the_process_that_asks_initialises_no_cuda(
    smoke_c: Phase, smoke_d: Phase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_available() -> bool:
        assert os.environ.get("PYTORCH_NVML_BASED_CUDA_CHECK") == "1"  # asked otherwise, CUDA would be initialised
        return False

    def never(*_: Any) -> None:
        pytest.fail("CUDA was to be initialised")

    monkeypatch.setattr(torch.cuda, "is_available", is_available)
    for name in ("_lazy_init", "get_device_name", "device_count", "current_device"):
        monkeypatch.setattr(torch.cuda, name, never)
    options = RunOptions(accelerator="auto", threads=1)
    made = TrainingPhase.opened(smoke_c.root, smoke_d.root, tmp_path, options, max_epochs=1, processes=NO_LIMITS)
    filters = JobFilters(doses=(1e3,), views=("dense",))
    (done,) = made.run(made.enumerate(filters), filters, False, Console.silent())
    assert (done.status, known(done.entry["environment"])["threads"]) == ("success", 1)


def test_threads_that_nobody_asked_for_are_pinned_to_those_of_the_one_who_asks() -> None:
    assert RunOptions().pinned().threads == torch.get_num_threads()
    assert RunOptions(threads=3).pinned().threads == 3


def test_a_job_in_another_thread_than_the_main_one() -> None:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(run(speak)))
    thread.start()
    thread.join()
    assert found[0]["pid"] != os.getpid()
