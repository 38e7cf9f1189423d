"""`cluster.toml`: what is refused, and what batch scripts dask-jobqueue makes of it for each batch system."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from ptyproof.console import Console
from ptyproof.errors import DataError, InputError
from ptyproof.io.toml import read_toml
from ptyproof.jobs import clusters
from ptyproof.jobs.cluster_options import ClusterOptions, cluster_options, n_bytes
from ptyproof.jobs.clusters import CLUSTERS, arguments, open_cluster
from ptyproof.jobs.executor import Needs
from ptyproof.jobs.executor_check import check_executor
from ptyproof.jobs.process import JobProcesses
from ptyproof.provenance.revision import code_tree
from tests.helpers import batch
from tests.helpers.light_jobs import sleep_only_once

FILE = """\
memory = "16 GiB"
cores = 8
gpus = 2
account = "beamline"
jobs = 4
prologue = ["module load cuda"]
interface = "lo"
python = "/shared/bin/python"
local_directory = "/scratch"
log_directory = "LOGS"
tls = false
"""
OF_QUEUES = 'queue = "short"\nwalltime = "02:30:00"\n'


@pytest.fixture
def options(tmp_path: Path) -> Callable[[str], ClusterOptions]:
    """A function that reads the options of a text."""

    def read(text: str) -> ClusterOptions:
        path = tmp_path / "cluster.toml"
        path.write_text(text)
        return cluster_options(path, read_toml(path, 10_000))

    return read


def script(kind: str, options: ClusterOptions) -> list[str]:
    """Return the lines of the batch script of an allocation."""
    dask_jobqueue = pytest.importorskip("dask_jobqueue", reason="needs the extra cluster")
    found = arguments(kind, options)
    for name in ("scheduler_options", "silence_logs"):  # of the cluster alone
        del found[name]
    job = getattr(dask_jobqueue, CLUSTERS[kind][0]).job_cls("tcp://login1:8786", name="0", **found)
    return [line for line in job.job_script().splitlines() if line]


EXPECTED = {
    "slurm": {
        "#SBATCH -p short",
        "#SBATCH -A beamline",
        "#SBATCH --cpus-per-task=8",
        "#SBATCH --mem=16G",
        "#SBATCH -t 02:30:00",
        "#SBATCH --gres=gpu:2",
        "#SBATCH -X",
    },
    "pbs": {
        "#PBS -q short",
        "#PBS -A beamline",
        "#PBS -l select=1:ncpus=8:mem=16GB:ngpus=2",
        "#PBS -l walltime=02:30:00",
        "#PBS -X",
    },
    "lsf": {
        "#BSUB -q short",
        '#BSUB -P "beamline"',
        "#BSUB -n 8",
        "#BSUB -W 02:30",
        '#BSUB -gpu "num=2"',
        "#BSUB -X",
    },
    "sge": {"#$ -q short", "#$ -P beamline", "#$ -l h_rt=02:30:00", "#$ -l gpu=2", "#$ -X"},
}


@pytest.mark.parametrize("kind", EXPECTED)
def test_the_file_stands_in_the_batch_script(
    kind: str, options: Callable[[str], ClusterOptions], tmp_path: Path
) -> None:
    found = options(FILE.replace("LOGS", str(tmp_path)) + OF_QUEUES + 'directives = ["-X"]\n')
    lines = script(kind, found)
    assert EXPECTED[kind] - set(lines) == set()
    assert lines[-2] == "module load cuda"
    worker = lines[-1].split()
    assert worker[0] == "/shared/bin/python"
    assert [worker[worker.index(word) + 1] for word in ("--interface", "--local-directory", "--resources")] == [
        "lo",
        "/scratch",
        "GPU=2",
    ]
    assert worker[len(worker) - worker[::-1].index("--nthreads")] == "8"  # the last one counts
    assert any(str(tmp_path) in line for line in lines[:-2])


def test_htcondor_has_attributes_in_place_of_directives(
    options: Callable[[str], ClusterOptions], tmp_path: Path
) -> None:
    found = options(FILE.replace("LOGS", str(tmp_path)) + 'directives = ["+Project = x"]\ndisk = "3 GiB"\n')
    lines = script("htcondor", found)
    assert {
        "accounting_group = beamline",
        "request_gpus = 2",
        "+Project = x",
        "MY.DaskWorkerCores = 8",
        f"MY.DaskWorkerDisk = {3 * 2**30}",
        f"MY.DaskWorkerMemory = {16 * 2**30}",
    } - set(lines) == set()
    assert any("module load cuda; /shared/bin/python" in line for line in lines)
    with pytest.raises(InputError, match="NAME = VALUE"):
        script("htcondor", options('memory = "1 GiB"\ntls = false\ndirectives = ["-X"]'))


@pytest.mark.parametrize(
    ("walltime", "lifetime"),
    [("02:30:00", ("8700s", "150s")), ("00:10:00", ("540s", "30s")), ("00:00:05", ("5s", "0s"))],
)
def test_a_worker_closes_before_its_allocation_ends(
    options: Callable[[str], ClusterOptions], walltime: str, lifetime: tuple[str, str]
) -> None:
    worker = script("slurm", options(f'memory = "1 GiB"\ntls = false\nwalltime = "{walltime}"'))[-1].split()
    assert (worker[worker.index("--lifetime") + 1], worker[worker.index("--lifetime-stagger") + 1]) == lifetime


@pytest.mark.parametrize("kind", ["slurm", "pbs", "lsf", "sge"])
def test_a_walltime_that_dask_jobqueue_asks_for_counts_as_well(
    kind: str, options: Callable[[str], ClusterOptions]
) -> None:
    dask = pytest.importorskip("dask", reason="needs the extra cluster")
    without = options('memory = "1 GiB"\ntls = false')
    assert "--lifetime 1620s" in script(kind, without)[-1]  # of its own 30 minutes
    for walltime, lifetime in (("01:00:00", "--lifetime 3300s"), (None, ""), ("1-00:00:00", "")):
        with dask.config.set({f"jobqueue.{kind}.walltime": walltime}):
            worker = script(kind, without)[-1]
            assert lifetime in worker
            assert ("--lifetime" in worker) == bool(lifetime)


@pytest.mark.parametrize(
    ("text", "at_fault"),
    [
        ("cores = 1", "memory"),
        ('memory = "16"', "memory"),
        ("memory = 16", "memory"),
        ('memory = "1 GiB"\nmemmory = "x"', "memmory"),
        ('memory = "1 GiB"\ncores = 0', "cores"),
        ('memory = "1 GiB"\ncores = true', "cores"),
        ('memory = "1 GiB"\ngpus = -1', "gpus"),
        ('memory = "1 GiB"\nwalltime = "02:00"', "walltime"),
        ('memory = "1 GiB"\nqueue = ""', "queue"),
        ('memory = "1 GiB"\nqueue = "a\\nb"', "queue"),
        ('memory = "1 GiB"\nprologue = "module load"', "prologue"),
        ('memory = "1 GiB"\ndirectives = ["a", 1]', "directives"),
        ('memory = "1 GiB"\njobs = 2\nmaximum = 3', "jobs"),
        ('memory = "1 GiB"\nminimum = 3\nmaximum = 2', "maximum"),
        ('memory = "1 GiB"\nminimum = 3', "maximum"),
        ('memory = "1 GiB"\nmaximum = 0', "maximum"),
        ('memory = "1 GiB"\ntls = "no"', "tls"),
    ],
)
def test_a_key_that_cannot_be_meant_is_refused(
    text: str, at_fault: str, options: Callable[[str], ClusterOptions]
) -> None:
    with pytest.raises(DataError) as caught:
        options(text)
    assert caught.value.member == at_fault
    assert caught.value.path.name == "cluster.toml"


def test_jobs_is_the_least_and_the_most_and_maximum_alone_lets_all_go(
    options: Callable[[str], ClusterOptions],
) -> None:
    found = [
        options(f'memory = "1 GiB"\n{text}') for text in ("", "jobs = 3", "maximum = 4", "minimum = 2\nmaximum = 4")
    ]
    assert [(one.minimum, one.maximum) for one in found] == [(1, 1), (3, 3), (0, 4), (2, 4)]


@pytest.mark.parametrize(
    ("cores", "memory", "gpus", "threads", "slots"),
    [
        (8, "64 GiB", 0, 1, 8),
        (8, "64 GiB", 0, 3, 2),
        (8, "4 GiB", 0, 1, 2),
        (1, "512 MiB", 0, 2, 1),
        (1, "2 GiB", 4, 1, 4),
    ],
)
def test_an_allocation_runs_as_many_jobs_as_cores_and_memory_hold(
    cores: int, memory: str, gpus: int, threads: int, slots: int
) -> None:
    assert ClusterOptions(memory, cores, gpus).slots(threads) == slots


def test_units_of_memory() -> None:
    assert [n_bytes(text) for text in ("1 GiB", "2.5MB", "3 TB", "4KiB")] == [2**30, 2_500_000, 3 * 10**12, 4096]


SMALL = ClusterOptions("2 GiB")


def test_an_allocation_that_is_refused_is_one_sentence_and_leaves_no_key(
    sbatch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="slurm refused an allocation: sbatch: error: Invalid partition"):
        open_cluster("slurm", ClusterOptions("2 GiB", queue="refused"))
    assert not list(tmp_path.glob(".ptyproof*"))


def test_the_key_of_a_run_is_for_this_user_alone_goes_with_it_and_is_no_file_of_the_tree(tmp_path: Path) -> None:
    pytest.importorskip("cryptography", reason="needs the extra cluster")
    left = tmp_path / ".ptyproof-tls-left"
    left.mkdir()
    (left / "key.pem").touch()
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    with clusters._certificate(tmp_path), ThreadPoolExecutor(1) as other_run:
        other = clusters._certificate(tmp_path)
        other_run.submit(other.__enter__).result()
        folders = list(tmp_path.glob(".ptyproof*"))
        assert len(folders) == 2
        assert left not in folders
        assert {oct(folder.stat().st_mode)[-3:] for folder in folders} == {"700"}
        assert code_tree(tmp_path).digests == {}
        other_run.submit(other.__exit__, None, None, None).result()
    assert not list(tmp_path.glob(".ptyproof*"))


@pytest.mark.campaign
def test_jobs_run_in_allocations_and_an_allocation_that_ends_is_replaced(
    sbatch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dask = pytest.importorskip("dask")
    monkeypatch.chdir(tmp_path)
    with dask.config.set({"distributed.deploy.lost-worker-timeout": "1s"}):
        executor = open_cluster("slurm", SMALL)
        try:
            assert [answer for answer in check_executor(executor, tmp_path, 60) if not answer.works] == []
            work = partial(sleep_only_once, tmp_path / "pid")
            future = executor.submit(work, JobProcesses(), Needs(), Console.silent())
            batch.wait_for(tmp_path / "pid")
            batch.end(sbatch / "1.pid")
            assert future.result(60) == "again"
            assert {path.name for path in sbatch.glob("*.pid")} == {"1.pid", "2.pid"}
        finally:
            executor.close()
    assert not list(tmp_path.glob(".ptyproof*"))
    assert all(batch.has_ended(path) for path in sbatch.glob("*.pid"))
