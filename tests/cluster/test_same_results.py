"""A study whose jobs run on the nodes of a Slurm gives what it gives on one machine: bundles, archives, account."""

from __future__ import annotations

from pathlib import Path

import pytest

from ptyproof.cli import main
from tests.cluster.slurm import NODES, Slurm
from tests.cluster.studies import BASELINE, DENSE, StudyRun
from tests.helpers.equal_hubs import differences

pytestmark = pytest.mark.cluster


def test_results_through_slurm_are_those_of_this_machine(slurm: Slurm, alone: StudyRun, tmp_path: Path) -> None:
    run = StudyRun.made(tmp_path / "run", slurm)
    with run.begun():
        met = run.meet(BASELINE, DENSE)
        assert {one.node for one in met} == set(NODES)
        for one in met:
            one.go_on()
        run.end()
    for name, key in (("training_manifest.json", "bundle_sha256"), ("reconstruction_manifest.json", "arrays_sha256")):
        here, there = alone.manifest(name), run.manifest(name)
        digests = {entry["job"]: entry["result"][key] for entry in here["jobs"]}
        assert None not in digests.values()
        assert {entry["job"]: entry["result"][key] for entry in there["jobs"]} == digests
        assert there["account"] == here["account"]
        assert here["account"]["n_success"] == len(digests) > 0
    assert run.manifest()["skipped_views"] == alone.manifest()["skipped_views"]
    assert differences(run.hub, alone.hub) == []
    assert main(["hub", "verify", str(run.hub)]) == 0
    assert set(slurm.jobs().values()) <= {"COMPLETED", "CANCELLED"}
