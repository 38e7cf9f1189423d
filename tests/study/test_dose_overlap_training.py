"""The training phase of a dose and overlap study, on real phases, files and trainings: `ptyproof train`.

The study is small and wide: two doses, and a scan step that leaves room for the sparse view, which is accepted.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from ptyproof.cli import main
from ptyproof.errors import InputError
from ptyproof.io.file_record import file_is_whole
from ptyproof.io.hashing import sha256_file
from ptyproof.phases.base import load_base
from ptyproof.phases.c_simulate.generate import generate
from ptyproof.phases.d_overlap.overlap import overlap
from ptyproof.records.manifest import read_manifest
from ptyproof.study.builtin import builtin_study
from ptyproof.study.design import BaseDesign, StudyDesign
from ptyproof.study.jobs import JobFilters, build_training_jobs
from ptyproof.study.layout import phase_c_file, phase_d_file
from ptyproof.study.training import NetworkDesign, TrainingDesign
from ptyproof.training.module import PatchTraining
from tests.helpers.known import known
from tests.helpers.messages import names, naming, numbers

DOSES = (1e3, 1e4)


def wide_study() -> StudyDesign:
    """Return a study whose sparse view the scan can give, with trainings of two steps."""
    return replace(
        builtin_study("fly64-smoke"),
        name="wide",
        doses_photons_per_pattern=DOSES,
        base=BaseDesign(scan_rows=18, scan_cols=8, step_px=14.0, jitter_px=0.5, probe_diameter_px=10.0),
        training=TrainingDesign(
            max_epochs=1, steps_per_epoch=2, network=NetworkDesign(n_stages=1, channels=4, n_blocks=1, shrink=4)
        ),
    )


class Study:
    """The folders of a study, and `ptyproof train` in them."""

    def __init__(self, root: Path) -> None:
        self.design = wide_study()
        self.c, self.d, self.a = root / "c", root / "d", root / "a"

    def train(self, *more: str) -> int:
        """Run `ptyproof train` and return its exit status."""
        roots = ["--phase-c-root", self.c, "--phase-d-root", self.d, "--artifact-root", self.a]
        options = ["--accelerator", "cpu", "--deterministic", "--num-workers", "0", "--logger", "csv"]
        try:
            return main(["train", *map(str, roots), *options, *more])
        except SystemExit as error:  # argparse
            return int(str(error.code))

    @property
    def manifest(self) -> dict[str, Any]:
        """The training manifest, checked against its schema."""
        return dict(read_manifest(self.a / "training_manifest.json", "training_manifest"))

    def statuses(self) -> dict[str, str]:
        """Return the status of each recorded job."""
        return {entry["job"]: entry["result"]["status"] for entry in self.manifest["jobs"]}

    def remove(self, dose: float, view: str) -> None:
        """Remove a view's files as if nobody had made them."""
        for half in ("train", "test"):
            phase_d_file(self.d, dose, view, half).unlink()


@pytest.fixture(scope="module")
def phases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Phases C and D of the wide study, made once; tests work on copies."""
    root = tmp_path_factory.mktemp("wide")
    design = wide_study()
    generate(design, load_base(design, "builtin"), root / "c")
    assert overlap(root / "c", root / "d")["rejected_views"] == []
    return root


@pytest.fixture
def study(phases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """A copy of the wide study, in the current folder."""
    shutil.copytree(phases, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return Study(Path())


def test_build_training_jobs_skips_missing_view(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    study.remove(1e3, "sparse")
    with pytest.raises(InputError, match=naming("dose 1000", "view sparse", "sparse_train.npz", "ptyproof overlap")):
        build_training_jobs(study.design, study.c, study.d, study.a)
    found = build_training_jobs(study.design, study.c, study.d, study.a, allow_missing_phase_d=True)
    assert [(skip.dose, skip.view, skip.gridsize, skip.code) for skip in found.skipped] == [
        (1e3, "sparse", 2, "missing_without_record")
    ]
    assert "sparse_train.npz" in found.skipped[0].reason
    assert [job.key for job in found.jobs] == [
        "dose1000-baseline-gs1",
        "dose1000-dense-gs2",
        "dose10000-baseline-gs1",
        "dose10000-dense-gs2",
        "dose10000-sparse-gs2",
    ]
    assert study.train("--allow-missing-phase-d", "--dry-run") == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(names(line, "dose1000-sparse-gs2", found.skipped[0].reason) for line in lines)


def test_training_cli_manifest_and_bridging(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    study.remove(1e3, "sparse")
    assert study.train("--allow-missing-phase-d") == 0
    manifest = study.manifest
    (skip,) = manifest["skipped_views"]
    assert (skip["dose"], skip["view"], skip["gridsize"]) == (1e3, "sparse", 2)
    assert skip["code"] == "missing_without_record"
    assert "sparse_train.npz" in skip["reason"]
    assert manifest["skipped_count"] == 1
    summary = read_manifest(study.a / manifest["skip_summary_path"], "skip_summary")
    assert (summary["skipped_views"], summary["skipped_count"]) == ([skip], 1)
    assert json.loads(json.dumps(manifest, allow_nan=False)) == manifest
    assert manifest["account"] == {
        "n_enumerated": 6,
        "n_success": 5,
        "n_failed": 0,
        "n_lost": 0,
        "n_skipped": 1,
        "n_not_selected": 0,
    }
    assert (manifest["phase_c_root"], manifest["phase_d_root"], manifest["artifact_root"]) == ("../c", "../d", ".")
    for entry in manifest["jobs"]:
        folder, result = study.a / entry["artifact_dir"], entry["result"]
        bundle = {"path": "bundle_path", "sha256": "bundle_sha256", "size_bytes": "bundle_size_bytes"}
        assert file_is_whole({key: result[name] for key, name in bundle.items()}, folder)
        assert (folder / result["checkpoint_path"]).is_file()
        assert (study.a / entry["log_path"]).is_file()
        for half in ("train", "test"):
            assert file_is_whole(entry["datasets"][half], study.a)
            assert entry[f"{half}_data_path"] == entry["datasets"][half]["path"]
    said = capsys.readouterr().out
    assert any(numbers(line) == [5, 5, 0, 1] and "a/training_manifest.json" in line for line in said.splitlines())
    assert all(entry["result"]["bundle_sha256"][:16] in said for entry in manifest["jobs"])
    assert sorted(path.name for path in Path().iterdir()) == ["a", "c", "d"]


def test_training_cli_skips_what_phase_d_rejected(smoke_c: Any, smoke_d: Any, tmp_path: Path) -> None:
    roots = ["--phase-c-root", smoke_c.root, "--phase-d-root", smoke_d.root, "--artifact-root", tmp_path / "a"]
    argv = ["train", *map(str, roots), "--dose", "1000", "--view", "baseline", "--gridsize", "1"]
    assert main([*argv, "--max-epochs", "1", "--accelerator", "cpu"]) == 0
    manifest = read_manifest(tmp_path / "a" / "training_manifest.json", "training_manifest")
    assert manifest["filters"] == {"dose": [1000.0], "view": ["baseline"], "gridsize": [1]}
    assert [entry["job"] for entry in manifest["jobs"]] == ["dose1000-baseline-gs1"]
    (skip,) = manifest["skipped_views"]
    (record,) = [cell for cell in smoke_d.manifest["rejected_views"] if cell["dose"] == 1e3]
    assert (skip["dose"], skip["view"], skip["selected"]) == (1e3, "sparse", False)
    assert (skip["code"], skip["reason"]) == ("rejected_by_phase_d", record["reason"])
    assert known(skip["measured"])["train"]["acceptance_rate"] == record["train"]["acceptance_rate"]
    assert [(cell["dose"], cell["view"]) for cell in manifest["not_selected"]] == [(1e3, "dense")]
    assert str(tmp_path) not in json.dumps(manifest)


def test_training_cli_calls_into_one_root_merge(study: Study) -> None:
    assert study.train("--dose", "1000", "--view", "baseline", "dense") == 0
    first = study.manifest
    assert first["account"]["n_not_selected"] == 1
    assert study.train("--dose", "10000", "--view", "baseline") == 0
    second = study.manifest
    assert second["jobs"][:2] == first["jobs"]
    assert second["calls"][:1] == first["calls"]
    assert [call["jobs"] for call in second["calls"]] == [
        ["dose1000-baseline-gs1", "dose1000-dense-gs2"],
        ["dose10000-baseline-gs1"],
    ]
    assert [(cell["dose"], cell["view"]) for cell in second["not_selected"]] == [
        (1e3, "sparse"),
        (1e4, "dense"),
        (1e4, "sparse"),
    ]


def test_training_cli_reuses_a_whole_bundle_and_mends_a_damaged_one(
    study: Study, capsys: pytest.CaptureFixture[str]
) -> None:
    only = ("--dose", "1000", "--view", "baseline")
    assert study.train(*only) == 0
    (entry,) = study.manifest["jobs"]
    bundle = study.a / entry["artifact_dir"] / entry["result"]["bundle_path"]
    assert study.train(*only) == 0
    assert "dose1000-baseline-gs1: reused" in capsys.readouterr().out
    assert study.manifest["jobs"] == [entry]
    bundle.write_bytes(bundle.read_bytes()[:-1])
    assert study.train(*only) == 0
    (mended,) = study.manifest["jobs"]
    assert mended["result"]["bundle_sha256"] == entry["result"]["bundle_sha256"] == sha256_file(bundle)
    assert mended["earlier_results"] == [entry["result"]]


def test_training_cli_fails_one_job_and_runs_the_rest(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    damaged = phase_d_file(study.d, 1e3, "dense", "train")
    damaged.write_bytes(damaged.read_bytes()[:-200])
    assert study.train("--dose", "1000") == 1
    assert study.statuses() == {
        "dose1000-baseline-gs1": "success",
        "dose1000-dense-gs2": "failed",
        "dose1000-sparse-gs2": "success",
    }
    error = study.manifest["jobs"][1]["result"]["error"]
    assert error.startswith("../d/dose_1000/dense/dense_train.npz: ")
    said = capsys.readouterr().out
    assert any(names(line, "dose1000-dense-gs2", error) for line in said.splitlines())
    assert any(numbers(line)[:4] == [2, 3, 1, 0] for line in said.splitlines())


def test_training_cli_trains_a_failed_job_again(phases: Path, study: Study) -> None:
    file = phase_c_file(Path("c"), 1e3, "train")
    file.write_bytes(b"")
    only = ("--dose", "1000", "--view", "baseline")
    assert study.train(*only) == 1
    shutil.copy(phases / file, file)
    assert study.train(*only) == 1, "what failed stands until somebody asks for it again"
    assert study.train(*only, "--retry", "failed") == 0
    (entry,) = study.manifest["jobs"]
    assert [result["status"] for result in entry["earlier_results"]] == ["failed"]


def test_training_cli_stops_a_diverging_job_with_its_reason(
    study: Study, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Designs and readers refuse what would diverge, so the optimiser is exchanged for one that does.
    def wild(module: PatchTraining) -> torch.optim.Optimizer:
        return torch.optim.SGD(module.parameters(), lr=1e30)

    monkeypatch.setattr(PatchTraining, "configure_optimizers", wild)
    assert study.train("--dose", "1000", "--view", "baseline", "--in-process") == 1
    result = study.manifest["jobs"][0]["result"]
    assert result["status"] == "failed"
    assert names(result["error"], "epoch 1", "step 2", "learning_rate")
    assert result["bundle_path"] is None
    assert names(capsys.readouterr().out, f"dose1000-baseline-gs1: FAILED: {result['error']}")


def test_training_cli_dry_run_writes_nothing(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    assert study.train("--dry-run") == 0
    said = capsys.readouterr().out
    jobs = re.findall(r"\bdose\d+-\w+-gs\d\b", said)
    assert len(jobs) == len(set(jobs)) == 6
    assert not study.a.exists()


def missing_c(study: Study) -> None:
    """Remove Phase C of one dose."""
    phase_c_file(study.c, 1e4, "test").unlink()


def swapped(study: Study) -> None:
    """Put Phase D where Phase C is expected, and the other way round."""
    study.c, study.d = study.d, study.c


def no_d(study: Study) -> None:
    """Remove Phase D."""
    shutil.rmtree(study.d)


def sparse_missing(study: Study) -> None:
    """Remove a view without a record."""
    study.remove(1e4, "sparse")


def file_as_root(study: Study) -> None:
    """Put a file where artifacts are to go."""
    study.a.write_text("x")


def other_study(study: Study) -> None:
    """Leave the record of another study in the artifact root."""
    other = Study(Path())
    path = other.a / "training_manifest.json"
    assert other.train("--dose", "1000", "--view", "baseline") == 0
    text = path.read_text().replace(other.design.digest(), "0" * 64)
    path.write_text(text)


@pytest.mark.parametrize(
    ("prepare", "options", "named"),
    [
        (None, ["--dose", "123"], ("--dose", "1000, 10000", "123")),
        (None, ["--dose", "-1"], ("--dose", "> 0", "'-1'")),
        (None, ["--view", "densest"], ("--view", "baseline, dense, sparse", "'densest'")),
        (None, ["--gridsize", "3"], ("--gridsize", "1, 2", "3")),
        (None, ["--view", "baseline", "--gridsize", "2"], ("--view", "--gridsize", "baseline (gridsize 1)")),
        (None, ["--num-workers", "-1"], ("--num-workers", ">= 0", "-1")),
        (None, ["--threads", "0"], ("--threads", ">= 1", "0")),
        (None, ["--logger", "wandb"], ("--logger", "csv", "none", "'wandb'")),
        (None, ["--accelerator", "tpu"], ("--accelerator", "cpu, gpu, auto", "'tpu'")),
        (None, ["--max-epochs", "0"], ("--max-epochs", "0")),
        (None, ["--study", "fly65"], ("'fly65'", "fly64")),
        (missing_c, [], ("dose 10000", "c/dose_10000/patched_test.npz")),
        (swapped, [], ("--phase-c-root d", "run_manifest.json")),
        (swapped, ["--study", "fly64-smoke"], ("--phase-c-root d", "overlap_manifest.json")),
        (no_d, [], ("--phase-d-root", "d")),
        (sparse_missing, [], ("dose 10000", "view sparse", "sparse_train.npz")),
        (file_as_root, [], ("--artifact-root",)),
        (other_study, [], ("a/training_manifest.json", "study wide", "--artifact-root")),
    ],
)
def test_training_cli_refuses_with_one_sentence(
    study: Study,
    capsys: pytest.CaptureFixture[str],
    prepare: Callable[[Study], None] | None,
    options: list[str],
    named: tuple[str, ...],
) -> None:
    if prepare is not None:
        prepare(study)
        capsys.readouterr()
    before = sorted((str(path), path.stat().st_mtime_ns) for path in Path().rglob("*"))
    assert study.train(*options) == 2
    assert names(capsys.readouterr().err.strip().splitlines()[-1], *named)
    assert sorted((str(path), path.stat().st_mtime_ns) for path in Path().rglob("*")) == before


def test_training_cli_refuses_a_gpu_where_there_is_none(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    assert study.train("--accelerator", "gpu") == 2  # the last of two accelerators counts
    assert names(capsys.readouterr().err, "torch", "GPU")
    assert not study.a.exists()


def test_training_cli_missing_phase_c_of_one_dose_blocks_only_that_dose(study: Study) -> None:
    missing_c(study)
    assert study.train("--dose", "1000", "--view", "baseline") == 0
    assert study.statuses() == {"dose1000-baseline-gs1": "success"}


def test_a_job_alone_gives_the_bundle_that_it_gives_in_the_matrix(study: Study) -> None:
    assert study.train("--dose", "1000") == 0
    together = {entry["job"]: entry["result"]["bundle_sha256"] for entry in study.manifest["jobs"]}
    study.a = Path("alone")
    assert study.train("--dose", "1000", "--view", "sparse") == 0
    (entry,) = study.manifest["jobs"]
    assert entry["result"]["bundle_sha256"] == together["dose1000-sparse-gs2"]
    assert len(set(together.values())) == 3


def test_enumeration_filters_are_those_of_the_command(study: Study) -> None:
    filters = JobFilters(doses=(1e4,), views=("dense",), gridsizes=(2,))
    found = build_training_jobs(study.design, study.c, study.d, study.a, filters)
    assert study.train("--dose", "1e4", "--view", "dense", "--gridsize", "2") == 0
    assert list(study.statuses()) == [job.key for job in found.jobs] == ["dose10000-dense-gs2"]
