"""Verification of Phase F in a hub: whatever is not as its manifest and the others have it is found and named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ptyproof.checking.hub import verify_hub
from ptyproof.console import Console
from ptyproof.hub.index import Hub
from ptyproof.hub.layout import RECONSTRUCTION
from ptyproof.methods.reconstruction_jobs import ReconstructionFilters
from ptyproof.phases.f_reconstruct.reconstruct import ReconstructionPhase
from ptyproof.runs.folder import RunFolder
from ptyproof.study.jobs import JobFilters
from ptyproof.training.device import RunOptions
from tests.helpers.hubs import edit, make_hub, places, take_stock
from tests.helpers.phases import Phase

FLAT = "real_run/reconstructions/dose_1000/dense/gs2/test/flat.npz"
Change = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def pristine(smoke_c: Phase, smoke_d: Phase, smoke_e: Phase, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound hub with reconstructions of dose 1000 by two methods, without its datasets."""
    hub = make_hub(tmp_path_factory.mktemp("hubs") / "hub", smoke_c, smoke_d, smoke_e)
    folder = RunFolder(hub.root)
    options = RunOptions(accelerator="cpu", threads=1)
    phase = ReconstructionPhase.opened(folder.phase_c_root, folder.phase_d_root, folder.real_run, options)
    filters = ReconstructionFilters(JobFilters(doses=(1e3,)), methods=("flat", "pinn"))
    phase.run(phase.enumerate(filters), filters, False, Console.silent())
    assert len(folder.remove_datasets()) == 12
    take_stock(hub)
    return hub.root


@pytest.fixture
def hub(pristine: Path, tmp_path: Path) -> Hub:
    """A copy that a test may change."""
    shutil.copytree(pristine, tmp_path / "hub")
    return Hub(tmp_path / "hub")


def test_a_sound_hub_has_no_problem(pristine: Path) -> None:
    assert (pristine / FLAT).is_file()
    assert verify_hub(pristine) == []


def test_archives_must_be_the_recorded_ones_and_no_others(hub: Hub) -> None:
    path = hub.root / FLAT
    path.write_bytes(path.read_bytes()[:-1])
    take_stock(hub)
    assert (RECONSTRUCTION, "PM302", "$.jobs[2].result.reconstruction.size_bytes") in places(verify_hub(hub.root))
    path.rename(path.with_name("other.npz"))
    take_stock(hub)
    found = places(verify_hub(hub.root))
    assert (FLAT.replace("flat", "other"), "PM901", "$") in found
    assert (RECONSTRUCTION, "PM301", "$.jobs[2].result.reconstruction.path") in found


def test_what_a_lost_job_has_left_is_no_stray_file(hub: Hub) -> None:
    edit(hub.root / RECONSTRUCTION, lost)
    (hub.root / FLAT).with_name("flat.h5").write_bytes(b"product")
    stray = (hub.root / FLAT).with_name("flat2.npz")
    shutil.copy(hub.root / FLAT, stray)
    take_stock(hub)
    found = {(name, code) for name, code, _ in places(verify_hub(hub.root)) if code in ("PM705", "PM901")}
    assert found == {(RECONSTRUCTION, "PM705"), (stray.relative_to(hub.root).as_posix(), "PM901")}


def lost(manifest: dict[str, Any]) -> None:
    """Let the job of `FLAT` have been ended between its file and its record."""
    (job,) = [job for job in manifest["jobs"] if job["job"] == "dose1000-dense-gs2-test-flat"]
    job["result"] = dict.fromkeys(job["result"]) | {
        "status": "lost",
        "error": "killed",
        "started": job["result"]["started"],
    }
    manifest["account"]["n_success"] -= 1
    manifest["account"]["n_lost"] += 1


@pytest.mark.parametrize(
    ("change", "code", "place"),
    [
        (lambda m: m["account"].update(n_skipped=0), "PM201", "$.account.n_skipped"),
        (lambda m: m["account"].update(n_enumerated=1), "PM202", "$.account.n_enumerated"),
        (lambda m: m["jobs"].append(m["jobs"][0]), "PM203", "$.jobs[4]"),
        (lambda m: m["jobs"][0].update(job="dose1000-dense-gs2-test-lsqml"), "PM205", "$.jobs[0].job"),
        (lambda m: m["jobs"][0].update(view="fine", job="dose1000-fine-gs1-test-flat"), "PM204", "$.jobs[0]"),
        (lambda m: m["jobs"][0]["dataset"].update(sha256="0" * 64), "PM906", "$.jobs[0].dataset.sha256"),
        (lambda m: m["jobs"][1]["bundle"].update(sha256="0" * 64), "PM306", "$.jobs[1].bundle.sha256"),
        (
            lambda m: m["jobs"][0]["result"].update(reused_from="dose1-a-gs1-test-b"),
            "PM712",
            "$.jobs[0].result.reused_from",
        ),
        (lambda m: m["skipped"][0].update(reason="it took long"), "PM802", "$.skipped[0].reason"),
        (lambda m: m.update(design_digest="0" * 64), "PM905", "$.design_digest"),
        (lambda m: m.update(study="another"), "PM905", "$.study"),
        (lambda m: m["jobs"][0].update(probe="guessed"), "PM101", "$.jobs[0].probe"),
    ],
)
def test_what_the_manifest_says_must_agree_with_the_others(hub: Hub, change: Change, code: str, place: str) -> None:
    edit(hub.root / RECONSTRUCTION, change)
    take_stock(hub)
    assert (RECONSTRUCTION, code, place) in places(verify_hub(hub.root))


def test_a_skip_of_the_newest_run_has_the_manifests_reason(hub: Hub) -> None:
    manifest = json.loads((hub.root / RECONSTRUCTION).read_text())
    skip = manifest["skipped"][0]
    cell = f"dose1000-sparse-gs2-test-{skip['method']}"

    def said(reason: str) -> list[tuple[str, str, str]]:
        index = hub.read()
        assert index is not None
        run = index["runs"][-1]["id"]
        hub.update_run(run, skips=[{"test": "t", "reason": f"{cell}: {reason}"}], outcomes={"passed": 1, "skipped": 1})
        return places(verify_hub(hub.root))

    assert said(skip["reason"]) == []
    assert ("hub.json", "PM802", "$.runs[0].skips[0].reason") in said("another reason")


@pytest.mark.parametrize(
    ("skip", "code"),
    [
        ({"reason": "Skipped: {reason}", "cell": "{cell}"}, None),
        ({"reason": "Skipped: another", "cell": "{cell}"}, "PM802"),
        ({"reason": "Skipped: {cell}: {reason}"}, None),  # as indexes before version 1.4 have it
        ({"reason": "Skipped: {cell}: another"}, "PM802"),
        ({"reason": "Skipped: no beam today"}, None),  # a test's own
    ],
)
def test_a_skip_as_pytest_reports_it_is_held_against_its_cell(hub: Hub, skip: dict[str, str], code: str | None) -> None:
    own = json.loads((hub.root / RECONSTRUCTION).read_text())["skipped"][0]
    words = {"cell": f"dose1000-sparse-gs2-test-{own['method']}", "reason": own["reason"]}
    index = hub.read()
    assert index is not None
    said = {key: value.format(**words) for key, value in skip.items()}
    hub.update_run(index["runs"][-1]["id"], skips=[{"test": "t", **said}], outcomes={"passed": 1, "skipped": 1})
    assert {found for _, found, _ in places(verify_hub(hub.root))} == (set() if code is None else {code})
