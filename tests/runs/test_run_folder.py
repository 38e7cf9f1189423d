"""The hub of a real run: when datasets may go, and logs without absolute paths."""

from __future__ import annotations

import json
import re
import shutil
from contextlib import ExitStack
from pathlib import Path

import pytest

from ptyproof.console import Console
from ptyproof.runs.folder import RunFolder
from tests.helpers.hub_processes import process
from tests.helpers.messages import names
from tests.helpers.phases import Phase


@pytest.fixture
def folder(smoke_c: Phase, smoke_d: Phase, smoke_e: Phase, tmp_path: Path) -> RunFolder:
    """A hub with the smoke study's phases, as a real run leaves it before it tidies up."""
    folder = RunFolder(tmp_path / "hub")
    shutil.copytree(smoke_c.root, folder.phase_c_root)
    shutil.copytree(smoke_d.root, folder.phase_d_root)
    shutil.copytree(smoke_e.root, folder.real_run)
    return folder


def datasets(folder: RunFolder) -> list[str]:
    """Return the names of the datasets that are there."""
    return sorted(path.relative_to(folder.hub).as_posix() for path in (folder.hub / "work").rglob("*.npz"))


def change(folder: RunFolder, **values: int) -> None:
    """Change the account of the training manifest."""
    manifest = json.loads(folder.manifest_path.read_text())
    manifest["account"] |= values
    folder.manifest_path.write_text(json.dumps(manifest))


def test_recorded_datasets_go_and_manifests_stay(folder: RunFolder) -> None:
    before = datasets(folder)
    removed = folder.remove_datasets()
    assert sorted(path.relative_to(folder.hub).as_posix() for path in removed) == before
    assert len(before) == 12
    assert datasets(folder) == []
    assert (folder.phase_c_root / "run_manifest.json").is_file()
    assert (folder.phase_d_root / "overlap_manifest.json").is_file()
    assert [path.name for path in folder.phase_c_root.iterdir()] == ["run_manifest.json"]


def test_a_file_that_is_not_the_recorded_one_stays(folder: RunFolder) -> None:
    changed = folder.phase_c_root / "dose_1000" / "patched_train.npz"
    own = folder.phase_c_root / "dose_1000" / "mine.npz"
    changed.write_bytes(changed.read_bytes() + b"x")
    own.write_bytes(b"mine")
    folder.remove_datasets()
    assert datasets(folder) == [path.relative_to(folder.hub).as_posix() for path in (own, changed)]


@pytest.mark.parametrize("count", ["n_failed", "n_lost"])
def test_datasets_stay_where_a_job_did_not_end_well(folder: RunFolder, count: str) -> None:
    change(folder, **{count: 1})
    assert folder.remove_datasets() == []
    assert len(datasets(folder)) == 12


@pytest.mark.parametrize("name", ["real_run/training_manifest.json", "work/phase_d/overlap_manifest.json"])
def test_datasets_stay_where_a_record_is_damaged(folder: RunFolder, name: str) -> None:
    (folder.hub / name).write_text("{")
    assert folder.remove_datasets() == []
    assert len(datasets(folder)) == 12


BUNDLE = "real_run/dose_1000/dense/gs2/model.safetensors"


def test_datasets_stay_where_a_bundle_is_not_the_recorded_one(folder: RunFolder) -> None:
    path = folder.hub / BUNDLE
    path.write_bytes(path.read_bytes() + b"x")
    assert ": error PM302 at $.jobs[1].result.bundle_size_bytes" in str(folder.datasets_stay())
    assert folder.remove_datasets() == []
    path.unlink()
    assert "error PM301 at $.jobs[1].result.bundle_path" in str(folder.datasets_stay())
    assert folder.remove_datasets() == []
    assert len(datasets(folder)) == 12


def test_datasets_stay_where_others_were_trained_on_than_the_phases_recorded(folder: RunFolder) -> None:
    manifest = json.loads(folder.manifest_path.read_text())
    manifest["jobs"][0]["datasets"]["train"]["sha256"] = "0" * 64
    folder.manifest_path.write_text(json.dumps(manifest))
    assert "error PM906 at $.jobs[0].datasets.train.sha256" in str(folder.datasets_stay())
    assert folder.remove_datasets() == []


def test_errors_in_a_manifest_are_those_of_the_judge_of_hubs(folder: RunFolder) -> None:
    assert folder.errors_in(folder.manifest_path) == []
    manifest = json.loads(folder.manifest_path.read_text())
    manifest["jobs"][0]["result"]["status"] = "failed"
    folder.manifest_path.write_text(json.dumps(manifest))
    found = folder.errors_in(folder.manifest_path)
    assert any("PM704 at $.jobs[0]" in error for error in found)
    assert folder.errors_in(folder.reconstruction_manifest_path) == []


@pytest.mark.parametrize("name", ["real_run/training_manifest.json", "work/phase_c/run_manifest.json"])
def test_datasets_stay_where_a_record_is_missing(folder: RunFolder, name: str) -> None:
    (folder.hub / name).unlink()
    assert name in str(folder.datasets_stay())
    assert folder.remove_datasets() == []
    assert len(datasets(folder)) == 12


def test_datasets_stay_while_another_run_may_read_them(folder: RunFolder) -> None:
    with process("print(open_run(), flush=True); time.sleep(600)", folder.hub) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "run-0001\n"
        assert names(str(folder.datasets_stay()), "run-0001")
        assert folder.remove_datasets() == []
        other.kill()
    assert folder.datasets_stay() is None
    assert len(folder.remove_datasets()) == 12


def test_datasets_stay_where_another_run_begins_while_the_judge_looks(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExitStack() as others:

        def began(_: RunFolder) -> None:
            other = others.enter_context(process("print(open_run(), flush=True); time.sleep(600)", folder.hub))
            assert other.stdout is not None
            assert other.stdout.readline() == "run-0001\n"
            others.callback(other.kill)

        monkeypatch.setattr(RunFolder, "datasets_stay", began)
        assert folder.remove_datasets() == []
    assert len(datasets(folder)) == 12


def test_no_file_outside_the_hub_is_removed(folder: RunFolder) -> None:
    outside = folder.hub.parent / "outside.npz"
    shutil.copy(folder.phase_c_root / "dose_1000" / "patched_train.npz", outside)
    path = folder.phase_c_root / "run_manifest.json"
    path.write_text(path.read_text().replace('"dose_1000/patched_train.npz"', '"../../../outside.npz"'))
    before = datasets(folder)
    assert names(str(folder.datasets_stay()), "work/phase_c/run_manifest.json")
    assert re.search(r"\bPM\d{3}\b", str(folder.datasets_stay()))
    assert folder.remove_datasets() == []
    assert outside.is_file()
    assert datasets(folder) == before


def test_a_hub_without_trainings_has_no_datasets_to_remove(tmp_path: Path) -> None:
    assert RunFolder(tmp_path).remove_datasets() == []


def test_logs_are_appended_to_and_hold_no_absolute_path(folder: RunFolder) -> None:
    for number in range(2):
        with folder.log("some.log", Console.silent()) as console:
            console.say(f"{number}: {folder.hub}/work/x.npz and {folder.hub}/real_run/y")
    text = (folder.real_run / "some.log").read_text()
    assert text == "0: work/x.npz and real_run/y\n1: work/x.npz and real_run/y\n"
