"""The page about clusters: its steps for Slurm, done as they are written; the process that submits jobs is killed."""

from __future__ import annotations

import os
import signal
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from ptyproof.hub.index import is_incomplete
from tests.cluster.slurm import Slurm
from tests.cluster.studies import BASELINE, DENSE, SMALL, SOON, StudyRun, meet
from tests.helpers.processes import plain_pictures
from tests.helpers.tutorials import TUTORIALS, do, prepared, steps

pytestmark = pytest.mark.cluster

PAGE = TUTORIALS.parent / "clusters.md"


def test_the_steps_for_slurm(slurm: Slurm, alone: StudyRun, tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text(SMALL, encoding="utf-8")
    other = f"--ptyproof-study {tmp_path}/s.toml --ptyproof-keep-datasets"
    found = [replace(one, text=one.text.replace("--ptyproof-study fly64-smoke", other)) for one in steps(PAGE, "Slurm")]
    options, check, run, look, end, again = found
    here, environment = prepared(tmp_path, slurm.environment | plain_pictures() | SOON)
    do(options, here, environment)
    assert do(check, here, environment).count("ok ") == 7
    with subprocess.Popen(["bash", "-euc", f"exec {run.text}"], cwd=here, env=environment) as process:
        try:
            met = meet(here / "hub", [BASELINE, DENSE], lambda: None)
            shown = do(look, here, environment)
            assert shown.count(" ptyproof ") == 2
            assert shown.count("(running)") == 2
        finally:
            os.kill(process.pid, signal.SIGKILL)
    for one in met:
        one.go_on()
    study = StudyRun(here, slurm)
    study.nothing_is_left()
    do(end, here, environment)
    do(again, here, environment)
    study.check(alone, BASELINE, DENSE)
    assert [is_incomplete(one) for one in study.runs()] == [True, False]
    names = {path.name for path in here.iterdir()} - {".pytest_cache", "__pycache__", ".benchmarks"}
    assert names == {"cluster.toml", "hub", "logs"}
