"""Fixtures of the plugin in a user's tests."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from ptyproof.phases.base import write_base
from ptyproof.study.builtin import builtin_study
from ptyproof.study.toml_form import load_study
from tests.helpers.runs import BASELINE, DENSE, PLAIN, SPARSE, Run, run_pytest

InFolder = Callable[..., Run]

FIXTURES = (
    "artifact_hub",
    "ptyproof_artifact_hub",
    "ptyproof_base_dataset",
    "ptyproof_matrix_run",
    "ptyproof_phase_c",
    "ptyproof_phase_d",
    "ptyproof_reconstruct",
    "ptyproof_reconstruction_job",
    "ptyproof_reconstruction_manifest",
    "ptyproof_reconstruction_method",
    "ptyproof_study_design",
    "ptyproof_train_job",
    "ptyproof_training_job",
    "ptyproof_training_manifest",
    "ptyproof_validate_manifest",
)

MINE = '''
"""What a user's own tests of a study may look like."""

import hashlib

import numpy as np
import pytest

pytestmark = pytest.mark.real_run

def test_study_and_base(ptyproof_study_design, ptyproof_base_dataset):
    assert [view.name for view in ptyproof_study_design.views] == ["baseline", "dense", "sparse"]
    assert ptyproof_base_dataset.dataset.probe.shape == (32, 32)
    assert np.iscomplexobj(ptyproof_base_dataset.dataset.obj)
    assert ptyproof_base_dataset.dataset.positions_px.shape == (160, 2)


def test_phases(ptyproof_phase_c, ptyproof_phase_d, artifact_hub, ptyproof_validate_manifest):
    for phase, kind in ((ptyproof_phase_c, "run_manifest"), (ptyproof_phase_d, "overlap_manifest")):
        assert ptyproof_validate_manifest(phase.manifest_path) == phase.manifest
        assert phase.manifest["kind"] == kind
        assert phase.manifest_path.parent == phase.root
        assert phase.root.is_relative_to(artifact_hub)
    assert (ptyproof_phase_c.root / "dose_1000" / "patched_train.npz").is_file()


def test_job(ptyproof_training_job):
    assert ptyproof_training_job.key in {"dose1000-baseline-gs1", "dose1000-dense-gs2"}
    assert ptyproof_training_job.train_data_path.is_file()
    assert ptyproof_training_job.test_data_path.is_file()


@pytest.mark.parametrize("turn", ["first", "second"])
def test_training(ptyproof_training_job, ptyproof_train_job, turn):
    done = ptyproof_train_job(ptyproof_training_job)
    assert done.status == "success", done.error
    assert done.error is None
    assert hashlib.sha256(done.bundle_path.read_bytes()).hexdigest() == done.entry["result"]["bundle_sha256"]
    assert len((ptyproof_training_job.artifact_dir / "train.log").read_text().split("train on")) == 2


def test_manifest(ptyproof_training_manifest, artifact_hub, ptyproof_validate_manifest):
    path = artifact_hub / "real_run" / "training_manifest.json"
    assert ptyproof_validate_manifest(path) == ptyproof_training_manifest
    assert ptyproof_training_manifest["account"]["n_success"] == 2


class TestInAClass:
    def test_job(self, ptyproof_training_job, ptyproof_study_design):
        assert ptyproof_training_job.dose in ptyproof_study_design.doses_photons_per_pattern
'''

JOBS_ALONE = """
import pytest

@pytest.mark.real_run
def test_job(ptyproof_training_job):
    assert ptyproof_training_job.train_data_path.is_file()
"""


def test_a_users_own_tests_of_a_study_train_the_same_bundles(whole: Run, study_file: Path, tmp_path: Path) -> None:
    cwd = tmp_path / "mine"
    cwd.mkdir()
    (cwd / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\naddopts = --strict-markers\n")
    (cwd / "test_mine.py").write_text(MINE)
    base = tmp_path / "base.npz"
    write_base(load_study(str(study_file)), base)
    run = run_pytest(
        cwd,
        "-m",
        "real_run",
        f"--ptyproof-study={study_file}",
        f"--ptyproof-base-npz={base}",
        "--ptyproof-accelerator=cpu",
        *PLAIN,
    )
    assert run.status == 0, run.screen
    cells = {BASELINE: "passed", DENSE: "passed", SPARSE: "skipped"}
    expected = dict.fromkeys(("test_study_and_base", "test_phases", "test_manifest"), "passed")
    expected |= {f"test_job[{cell}]": outcome for cell, outcome in cells.items()}
    assert expected.items() <= run.outcomes().items()
    turns = {name: outcome for name, outcome in run.outcomes().items() if name.startswith("test_training[")}
    assert len(turns) == 6
    assert sorted(turns.values()) == ["passed"] * 4 + ["skipped"] * 2
    assert run.hub.is_relative_to(tmp_path)
    for job in (BASELINE, DENSE):
        assert run.entry(job)["result"]["bundle_sha256"] == whole.entry(job)["result"]["bundle_sha256"]
    assert run.datasets() == []
    assert sorted(path.name for path in cwd.iterdir() if path.name != "__pycache__") == ["pytest.ini", "test_mine.py"]


def test_a_job_can_be_asked_for_without_training_it(study_file: Path, tmp_path: Path) -> None:
    cwd = tmp_path / "cwd"
    cwd.mkdir()
    (cwd / "test_jobs.py").write_text(JOBS_ALONE)
    run = run_pytest(
        cwd,
        "-m",
        "real_run",
        f"--ptyproof-study={study_file}",
        "--ptyproof-accelerator=cpu",
        *PLAIN,
        hub=tmp_path / "hub",
    )
    assert run.status == 0, run.screen
    assert run.outcomes() == {
        f"test_job[{BASELINE}]": "passed",
        f"test_job[{DENSE}]": "passed",
        f"test_job[{SPARSE}]": "skipped",
    }
    assert [run.entry(job)["result"]["status"] for job in (BASELINE, DENSE)] == ["lost", "lost"]
    assert list(run.hub.rglob("*.safetensors")) == []
    assert len(run.datasets()) == 4
    (line,) = [line for line in run.screen.splitlines() if line.startswith("lost 2 cells: ")]
    assert all(job in line for job in (BASELINE, DENSE))


def test_the_study_is_fly64_unless_another_is_named(pytester: pytest.Pytester, in_folder: InFolder) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.real_run
        def test_study(ptyproof_study_design):
            assert ptyproof_study_design.name == "fly64"

        @pytest.mark.real_run
        def test_job(ptyproof_training_job):
            raise AssertionError("only collected")
        """
    )
    design = builtin_study("fly64")
    run = in_folder("-m", "real_run", "-k", "test_study")
    assert run.outcomes() == {"test_study": "passed"}
    collected = in_folder("-m", "real_run", "--collect-only", "-q")
    ids = re.findall(r"::test_job\[(.+)\]$", collected.screen, re.MULTILINE)
    assert ids == [
        f"dose{dose:.0f}-{view.name}-gs{view.gridsize}"
        for dose in design.doses_photons_per_pattern
        for view in design.views
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (json.dumps({"kind": "skip_summary", "schema_version": "1.0.0"}), ["skip_summary 1", "$.skipped_count"]),
        (json.dumps({"kind": "shopping_list"}), ["'shopping_list'", "training_manifest"]),
        (json.dumps([1, 2]), ["training_manifest"]),
        ('{"kind": NaN}', ["NaN"]),
        ("", ["made.json"]),
        (None, ["made.json"]),
    ],
    ids=["incomplete", "unknown-kind", "a-list", "nan", "empty", "missing"],
)
def test_a_broken_manifest_fails_a_test_in_one_sentence(
    text: str | None, words: list[str], pytester: pytest.Pytester, in_folder: InFolder
) -> None:
    if text is not None:
        (pytester.path / "made.json").write_text(text)
    pytester.makepyfile("def test_it(ptyproof_validate_manifest): ptyproof_validate_manifest('made.json')")
    run = in_folder()
    assert run.status == 1
    assert run.outcomes() == {"test_it": "failed"}
    (sentence,) = run.items["test_it"].message.splitlines()
    assert "made.json" in sentence
    assert all(word in sentence for word in words)
    assert "Error" not in run.screen.split("= FAILURES =")[1].split("= short test summary info =")[0]


def test_every_fixture_is_listed_with_what_it_is(in_folder: InFolder) -> None:
    screen = in_folder("--fixtures").screen
    for name in FIXTURES:
        found = re.search(rf"^{name} \[session scope\] -- \S+\n    (\S.+)$", screen, re.MULTILINE)
        assert found is not None, name
        assert "no docstring" not in found[1]
        assert len(found[1].split()) >= 5
    ours = re.split(r"^-+ fixtures defined from (\S+) -+$", screen, flags=re.MULTILINE)
    defined = [re.findall(r"^(\w+) \[", text, re.MULTILINE) for text in ours[2::2]]
    modules = dict(zip(ours[1::2], defined, strict=True))
    files = [modules[f"pytest_ptyproof.{name}"] for name in ("hub", "study", "reconstruction")]
    assert sorted(name for names in files for name in names) == sorted(FIXTURES)
