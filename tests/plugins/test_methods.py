"""Reconstruction methods of users, in a conftest or a test module, and the fixtures that run them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ptyproof.io.hashing import sha256_file
from tests.helpers.messages import names
from tests.helpers.runs import BASELINE, DENSE, PLAIN, SPARSE, STUDY_AS_TESTS, Run, run_pytest

METHOD = """
import numpy as np
from ptyproof.reconstruction.method import Needs, Reconstruction


class Ones:
    name = "ones"
    needs = Needs()

    def reconstruct(self, dataset, budget, rng):
        return Reconstruction(np.ones(dataset.object_shape, np.complex64), dataset.probe)


def ptyproof_register_methods():
    return [Ones]
"""
OWN = """
import numpy as np
import pytest
from ptyproof.reconstruction.method import BlindScan


@pytest.fixture(scope="session")
def scan():
    rng = np.random.default_rng(0)
    amplitude = rng.random((4, 16, 16)).astype(np.float32)
    positions = 8.0 + 5 * rng.random((4, 2))
    return BlindScan(amplitude, np.ones((16, 16), np.complex64), positions, (24, 30))


def test_own_scan(ptyproof_reconstruction_method, ptyproof_reconstruct, scan):
    if not ptyproof_reconstruction_method.needs.training:
        found = ptyproof_reconstruct(ptyproof_reconstruction_method, scan, epochs=1)
        assert found.obj.shape == (24, 30)
        assert np.isfinite(found.obj).all()
"""


def code_of(path: Path) -> str:
    """Return the version of a method without a package, from its file."""
    return f"code {sha256_file(path)[:16]}"


def reconstructed(run: Run) -> dict[str, str]:
    """Return the outcomes of the reconstructions by the method of a test."""
    return {name: outcome for name, outcome in run.outcomes().items() if "-ones]" in name}


def test_a_method_in_a_test_file_is_run_by_the_suite(study_file: Path, tmp_path: Path) -> None:
    cwd = tmp_path / "cwd"
    cwd.mkdir()
    (cwd / "test_mine.py").write_text(METHOD + OWN)
    args = ("test_mine.py", *STUDY_AS_TESTS[:2], f"--ptyproof-study={study_file}", "-m", "real_run or not real_run")
    run = run_pytest(cwd, *args, "-k", "ones or own_scan", *PLAIN, hub=tmp_path / "hub")
    assert run.status == 0, run.screen
    assert reconstructed(run) == {
        f"test_reconstruction[{BASELINE}-test-ones]": "passed",
        f"test_reconstruction[{DENSE}-test-ones]": "passed",
        f"test_reconstruction[{SPARSE}-test-ones]": "skipped",
    }
    assert {name for name in run.outcomes() if "own_scan" in name} == {
        f"test_own_scan[{name}]" for name in ("flat", "pinn", "lsqml", "ones")
    }
    jobs = run.reconstructions["jobs"]
    assert {job["method"] for job in jobs} == {"ones"}
    assert jobs[0]["provider"] == {"name": "test_mine.py", "version": code_of(cwd / "test_mine.py")}
    assert run.reconstructions["account"]["n_not_selected"] == 6
    assert not (run.hub / "real_run" / "training_manifest.json").exists()


def test_a_method_whose_code_has_changed_is_run_again_and_no_other(study_file: Path, tmp_path: Path) -> None:
    cwd = tmp_path / "cwd"
    cwd.mkdir()
    cell = f"{BASELINE}-test-ones"

    def run(text: str) -> dict[str, Any]:
        (cwd / "test_mine.py").write_text(text)
        args = ("test_mine.py", *STUDY_AS_TESTS, f"--ptyproof-study={study_file}", "-k", cell, *PLAIN)
        (job,) = run_pytest(cwd, *args, hub=tmp_path / "hub").reconstructions["jobs"]
        result: dict[str, Any] = job["result"]
        return result

    first, again, changed = run(METHOD), run(METHOD), run(METHOD.replace("np.ones(", "2 * np.ones("))
    assert (again["started"], again["arrays_sha256"]) == (first["started"], first["arrays_sha256"])
    assert changed["arrays_sha256"] != first["arrays_sha256"]


def test_a_method_in_a_conftest_joins_and_reconstructs_after_its_training(study_file: Path, tmp_path: Path) -> None:
    cwd = tmp_path / "cwd"
    cwd.mkdir()
    network = METHOD.replace('"ones"', '"copy"').replace("Needs()", "Needs(training=True)")
    (cwd / "conftest.py").write_text(network)
    run = run_pytest(
        cwd,
        ".",
        *STUDY_AS_TESTS,
        f"--ptyproof-study={study_file}",
        "-k",
        f"{DENSE}-test-copy",
        *PLAIN,
        hub=tmp_path / "hub",
    )
    assert run.status == 0, run.screen
    assert run.outcomes() == {f"test_reconstruction[{DENSE}-test-copy]": "passed"}
    assert run.manifest["account"]["n_success"] == 1
    (job,) = run.reconstructions["jobs"]
    assert job["provider"] == {"name": "conftest.py", "version": code_of(cwd / "conftest.py")}
    assert job["bundle"]["sha256"] == run.entry(DENSE)["result"]["bundle_sha256"]


def test_a_method_that_comes_too_late_or_breaks_the_interface_is_refused(study_file: Path, tmp_path: Path) -> None:
    cwd = tmp_path / "cwd"
    cwd.mkdir()
    (cwd / "test_mine.py").write_text(METHOD + OWN)
    study = (f"--ptyproof-study={study_file}", "-m", "real_run", "--collect-only")
    late = run_pytest(cwd, *STUDY_AS_TESTS[:2], "test_mine.py", *study)
    assert late.status != 0
    assert any(line.startswith("E ") and names(line, "test_mine.py") for line in late.screen.splitlines())
    (cwd / "conftest.py").write_text(METHOD.replace('"ones"', '"lsqml"'))
    (cwd / "test_mine.py").unlink()
    taken = run_pytest(cwd, ".", *STUDY_AS_TESTS[:2], *study)
    assert taken.status != 0
    assert any(names(line, "lsqml", "pytest-ptyproof", "conftest.py") for line in taken.screen.splitlines())
