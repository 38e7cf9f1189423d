"""Trainings and reconstructions inside a cluster's allocation are those of a process of its own, byte for byte."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ptyproof.study.layout import BUNDLE, CHECKPOINT
from ptyproof.training.runner import METRICS
from tests.helpers.short_training import ROOT

pytestmark = pytest.mark.campaign

SLURM = {"SLURM_JOB_ID": "7", "SLURM_JOB_NAME": "study", "SLURM_PROCID": "1", "SLURM_LOCALID": "1", "SLURM_NODEID": "0"}
TASKS = {"SLURM_NTASKS": "2", "SLURM_NTASKS_PER_NODE": "2", "SLURM_NNODES": "1", "SLURM_NODELIST": "node[1-2]"}
TORCHRUN = {"RANK": "1", "LOCAL_RANK": "1", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "GROUP_RANK": "0"}
TORCHRUN |= {"ROLE_RANK": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29517", "TORCHELASTIC_RUN_ID": "none"}
LSF = {
    "LSB_JOBID": "7",
    "LSB_DJOB_RANKFILE": "/no/such/file",
    "JSM_NAMESPACE_LOCAL_RANK": "1",
    "JSM_NAMESPACE_SIZE": "2",
}
LSF |= {"JSM_NAMESPACE_RANK": "1"}
KUBEFLOW = {
    "KUBERNETES_PORT": "tcp://127.0.0.1:443",
    "MASTER_ADDR": "a",
    "MASTER_PORT": "1",
    "WORLD_SIZE": "2",
    "RANK": "1",
}
PLACES = {"srun": {}, "slurm": SLURM | TASKS, "torchrun": TORCHRUN, "lsf": LSF, "kubeflow": KUBEFLOW}

# the ranks that Lightning reads when it is imported are those of the process; `srun` is on its path
TRAIN = """
import json, os, sys, warnings
from pathlib import Path
warnings.simplefilter("error")
from ptyproof.training.runner import train
from ptyproof.training.scan import read_scan
from tests.helpers.short_training import CPU, task

scan, places = read_scan(sys.argv[1]), json.loads(sys.argv[2])
left = dict(os.environ)
for name, variables in places.items():
    os.environ.clear()
    os.environ.update(left | variables)
    folder = Path(name)
    folder.mkdir()
    train(task(), scan, folder, CPU)
    assert variables.items() <= os.environ.items(), name
"""
RECONSTRUCT = """
import os
import numpy as np
from ptyproof.reconstruction.iterative import PtyChi
from ptyproof.reconstruction.method import BlindScan, Budget
from ptyproof.study.seeds import stream

positions = np.stack(np.meshgrid(np.arange(8.0, 24, 4), np.arange(8.0, 24, 4), indexing="ij"), -1).reshape(-1, 2)
rng = np.random.default_rng(1)
amplitude = np.sqrt(rng.poisson(3.0, (len(positions), 16, 16))).astype(np.float32)
scan = BlindScan(amplitude, np.ones((16, 16), np.complex64), positions, (32, 32))
before = dict(os.environ)
found = PtyChi("lsqml").reconstruct(scan, Budget(epochs=1), stream(1, "reconstruct"))
assert len(found.losses) == 1
assert before.items() <= os.environ.items(), set(before.items()) - set(os.environ.items())
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment with `srun` on the path, which says that it was started."""
    srun = tmp_path / "bin" / "srun"
    srun.parent.mkdir()
    srun.write_text(f"#!/bin/sh\ntouch {tmp_path}/srun_was_started\n")
    srun.chmod(0o755)
    path = f"{srun.parent}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {"PATH": path, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def test_a_cluster_changes_no_byte_of_a_training(
    reference: Path, npz: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    words = [sys.executable, "-c", TRAIN, str(npz), json.dumps(PLACES)]
    done = subprocess.run(words, cwd=tmp_path, env=environment | SLURM, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    for name in PLACES:
        for file in (BUNDLE, METRICS, CHECKPOINT):
            assert (tmp_path / name / file).read_bytes() == (reference / file).read_bytes(), (name, file)
    assert not (tmp_path / "srun_was_started").exists()


def test_pty_chi_does_not_wait_for_processes_that_a_launcher_would_have_started(
    environment: dict[str, str], tmp_path: Path
) -> None:
    pytest.importorskip("ptychi", reason="pty-chi is not installed: pip install 'pytest-ptyproof[iterative]'")
    words = [sys.executable, "-c", RECONSTRUCT]
    done = subprocess.run(words, env=environment | TORCHRUN, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
