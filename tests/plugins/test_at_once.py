"""Two real runs at once on one hub, as two jobs of a cluster: nothing is lost or mixed, and both end truthfully."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ptyproof.checking.hub import verify_hub
from ptyproof.hub.index import Hub
from ptyproof_schemas.types.hub_index import HubIndex
from tests.helpers.messages import names
from tests.helpers.runs import BASELINE, DENSE, STUDY_AS_TESTS, Run, run_pytest

FAILING = """\
import pytest

@pytest.mark.real_run
def test_of_mine():
    assert False, "this one fails"
"""
FOLDERS = {BASELINE: "dose_1000/baseline/gs1", DENSE: "dose_1000/dense/gs2"}


@pytest.fixture(scope="module")
def both(study_file: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    """The runs of two cells, begun at once on a new hub, with temporary folders of their own; the second fails."""
    root = tmp_path_factory.mktemp("at once")
    (root / "second").mkdir()
    (root / "second" / "test_mine.py").write_text(FAILING, encoding="utf-8")

    def run(name: str, *args: str) -> Run:
        return run_pytest(root / name, *STUDY_AS_TESTS, f"--ptyproof-study={study_file}", *args, hub=root / "hub")

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(run, "first", "-k", f"test_training and {BASELINE}")
        second = pool.submit(run, "second", "test_mine.py", "-k", f"test_of_mine or test_training and {DENSE}")
        return {BASELINE: first.result(), DENSE: second.result()}


@pytest.fixture(scope="module")
def index(both: dict[str, Run]) -> HubIndex:
    """The index of the hub."""
    found = Hub(both[BASELINE].hub).read()
    assert found is not None
    return found


def test_both_ran_at_the_same_time(index: dict[str, Any]) -> None:
    one, other = index["runs"]
    assert max(one["started"], other["started"]) <= min(one["ended"], other["ended"])


def test_each_ends_with_what_its_own_tests_did(both: dict[str, Run], index: dict[str, Any]) -> None:
    assert both[BASELINE].status == 0, both[BASELINE].screen
    assert both[DENSE].status == 1, both[DENSE].screen
    assert both[BASELINE].outcomes() == {f"test_training[{BASELINE}]": "passed"}
    assert both[DENSE].outcomes() == {f"test_training[{DENSE}]": "passed", "test_of_mine": "failed"}
    ended = {run["exit_status"]: run["outcomes"] for run in index["runs"]}
    assert ended == {0: {"passed": 1}, 1: {"passed": 1, "failed": 1}}
    for run in index["runs"]:
        log = (both[BASELINE].hub / run["log_path"]).read_text(encoding="utf-8")
        assert ("test_of_mine" in log) == bool(run["exit_status"])


def test_every_entry_of_both_is_in_the_manifest(both: dict[str, Run]) -> None:
    manifest = both[BASELINE].manifest
    assert [entry["job"] for entry in manifest["jobs"]] == [BASELINE, DENSE]
    assert [entry["result"]["status"] for entry in manifest["jobs"]] == ["success", "success"]
    assert all(entry["earlier_results"] == [] for entry in manifest["jobs"])
    assert sorted(call["jobs"] for call in manifest["calls"]) == [[BASELINE], [DENSE]]
    assert (manifest["account"]["n_success"], manifest["account"]["n_skipped"]) == (2, 1)


def test_no_file_is_mixed(both: dict[str, Run]) -> None:
    hub = both[BASELINE].hub
    for job, folder in FOLDERS.items():
        lines = (hub / "real_run" / folder / "train.log").read_text(encoding="utf-8").splitlines()
        assert all(job in line or "dose1000" not in line for line in lines)
        assert sum(names(line, job, "success", "model.safetensors") for line in lines) == 1
    made = [line for line in both[BASELINE].log("phase_c_generation.log") if line.startswith("dose 1000: ")]
    assert ["reused" in line for line in made] == [False, True]
    assert verify_hub(hub) == []
    assert not [path for path in hub.rglob(".*") if path.is_file()]


def test_the_bundles_are_those_of_runs_one_after_the_other(both: dict[str, Run], whole: Run) -> None:
    for job in FOLDERS:
        assert both[job].entry(job)["result"]["bundle_sha256"] == whole.entry(job)["result"]["bundle_sha256"]
