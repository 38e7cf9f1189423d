"""The kinds of executors: by name, of other packages, and what `ptyproof executor check` says of them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from pathlib import Path
from typing import Any

import pytest

from ptyproof.cli import main
from ptyproof.errors import DataError, InputError
from ptyproof.jobs import process as job_process
from ptyproof.jobs.executor_check import check_executor
from ptyproof.jobs.executors import ExecutorChoice, opener
from ptyproof.jobs.local import LocalExecutor

MODULE = """\
from ptyproof.errors import InputError
from ptyproof.jobs.local import LocalExecutor

def good(options):
    return LocalExecutor(options.get("n", 1))

def refuses(options):
    raise InputError("options must have a queue")

def broken(options):
    return options["queue"]

def nothing(options):
    return None
"""
POINTS = """\
[ptyproof.executors]
mine = executors_of_others:good
refuses = executors_of_others:refuses
broken = executors_of_others:broken
nothing = executors_of_others:nothing
absent = executors_of_nobody:good
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package with entry points for executors."""
    (tmp_path / "executors_of_others.py").write_text(MODULE)
    info = tmp_path / "executors_of_others-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: executors-of-others\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(POINTS)
    monkeypatch.syspath_prepend(tmp_path)


def test_an_executor_of_another_package_gets_the_table_of_the_file(package: None, tmp_path: Path) -> None:
    (tmp_path / "options.toml").write_text("n = 3")
    executor = opener(ExecutorChoice("mine", tmp_path / "options.toml"))()
    assert isinstance(executor, LocalExecutor)
    assert executor.n_jobs == 3


@pytest.mark.parametrize("name", ["refuses", "broken", "nothing", "absent"])
def test_an_executor_that_cannot_be_opened_is_one_sentence(package: None, name: str) -> None:
    with pytest.raises(InputError) as caught:
        opener(ExecutorChoice(name))()
    assert "\n" not in str(caught.value)
    assert name == "refuses" or name in str(caught.value)


@pytest.mark.parametrize(
    "choice",
    [
        ExecutorChoice("moon"),
        ExecutorChoice("slurm"),
        ExecutorChoice("local", scheduler="tcp://a:1"),
        ExecutorChoice("local", Path("cluster.toml")),
        ExecutorChoice("local", jobs="many"),
        ExecutorChoice("dask"),
        ExecutorChoice("dask", scheduler="tcp://a:1", jobs="2"),
        ExecutorChoice("slurm", Path("missing.toml")),
    ],
)
def test_a_choice_that_cannot_be_meant_is_refused(choice: ExecutorChoice) -> None:
    with pytest.raises((InputError, FileNotFoundError)):
        opener(choice)


def test_the_file_of_the_executor_dask_has_the_scheduler_alone(tmp_path: Path) -> None:
    path = tmp_path / "dask.toml"
    path.write_text('scheduler = "tcp://a:1"\nqueue = "x"')
    with pytest.raises(DataError) as caught:
        opener(ExecutorChoice("dask", path))
    assert caught.value.member == "queue"


def test_an_unknown_executor_is_exit_status_2_for_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["executor", "check", "--executor", "moon"]) == 2
    assert "moon" in capsys.readouterr().err


@pytest.fixture
def server() -> None:
    job_process.start_server(("ptyproof.jobs.executor_check",))


def test_all_of_this_machine_works(server: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["executor", "check", "--artifact-root", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["ok", word] for word in ("worker:", "versions:", "files:", "files:", "lines:", "ends:", "processors:")
    ]
    assert not list(tmp_path.iterdir())


class Deaf(LocalExecutor):
    """An executor that loses lines, and cannot end a job."""

    def submit(self, work: Any, limits: Any, needs: Any, console: Any) -> Future[Any]:
        """Run a job without its console."""
        return super().submit(work, limits, needs, type(console).silent())

    def cancel(self, futures: Any) -> None:
        """Leave them."""


class Silent(LocalExecutor):
    """An executor that runs nothing."""

    def submit(self, work: Any, limits: Any, needs: Any, console: Any) -> Future[Any]:
        """Return a future that never ends."""
        return Future()


def failed(executor: LocalExecutor, folder: Path) -> Iterator[str]:
    """Yield what does not work."""
    for answer in check_executor(executor, folder, 0.5):
        if not answer.works:
            yield answer.line.partition(":")[0]


def test_what_does_not_work_is_found(server: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ptyproof.jobs.executor_check.SOON_S", 0.5)
    assert list(failed(Silent(1), tmp_path)) == ["worker"]
    deaf = Deaf(2)
    monkeypatch.setattr("ptyproof.jobs.executor_check.TIMEOUT_S", 30.0)
    found = [answer.line.partition(":")[0] for answer in check_executor(deaf, tmp_path, 30) if not answer.works]
    assert found == ["lines", "ends"]
    running = list(deaf._stops)
    LocalExecutor.cancel(deaf, running)
    assert [isinstance(one.exception(), CancelledError) for one in running] == [True]
    deaf.close()
