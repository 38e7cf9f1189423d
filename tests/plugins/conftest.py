"""Pytest runs of the plugin in processes of their own, on a study that trains within a second.

A real run costs seconds, so the runs that many tests look at are made once; those tests change nothing.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import torch  # noqa: F401 - it can be imported once alone, and pytester unloads what a run in this process imported

from tests import forked
from tests.processes import LOADED, plugin_alone
from tests.sharing import made_once

BASELINE, DENSE, SPARSE = "dose1000-baseline-gs1", "dose1000-dense-gs2", "dose1000-sparse-gs2"
METHODS = ("flat", "pinn", "lsqml")
# neither belongs to the plugin, and both leave a folder behind
QUIET = ("-p", "no:cacheprovider", "-p", "no:benchmark")
PLAIN = ("-p", "plain_pictures")
STUDY_AS_TESTS = ("--pyargs", "pytest_ptyproof.real_run", "-m", "real_run", "--ptyproof-accelerator=cpu")

# the smallest scan of these columns whose halves give the dense view a group to train on and one to validate with
TINY = """\
name = "tiny"
pattern_size_px = 32
doses_photons_per_pattern = [1000.0]

[base]
scan_rows = 20
scan_cols = 8
step_px = 4.0
jitter_px = 0.75
probe_diameter_px = 10.0
object = "grains"
probe = "zone_plate"

[training]
max_epochs = 1
steps_per_epoch = 2

[training.network]
channels = 8
n_blocks = 1
start_iterations = 2

[reconstruction]
methods = [{name = "flat"}, {name = "pinn"}, {name = "lsqml", epochs = 1}]

[[views]]
name = "baseline"
gridsize = 1
selection = "all"

[[views]]
name = "dense"
gridsize = 2
selection = "spacing"
overlap_fraction = 0.7

[[views]]
name = "sparse"
gridsize = 2
selection = "spacing"
overlap_fraction = 0.2
"""

# AdamW multiplies the weights by 1 - learning_rate * weight_decay = -9 in each step: single precision ends at 9^41
DIVERGING = TINY.replace("steps_per_epoch = 2\n", "steps_per_epoch = 100\nlearning_rate = 10.0\nweight_decay = 1.0\n")

# cuts off the end of the dense view's train half as soon as Phase D has made it
DAMAGE = """\
import pytest

@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef):
    made = yield
    if fixturedef.argname == "ptyproof_phase_d":
        path = made.root / "dose_1000" / "dense" / "dense_train.npz"
        path.write_bytes(path.read_bytes()[:-1000])
    return made
"""


@dataclass(frozen=True)
class Item:
    """How a test item of a run ended: `passed`, `failed`, `error` or `skipped`, and why."""

    outcome: str
    message: str


@dataclass(frozen=True)
class Run:
    """A pytest run that has ended: exit status, screen, items by name, current folder, and artifact hub."""

    status: int
    screen: str
    items: dict[str, Item]
    cwd: Path
    hub: Path

    @property
    def manifest(self) -> dict[str, Any]:
        """The training manifest as it lies in the hub."""
        return self.record("training_manifest.json")

    def record(self, name: str) -> dict[str, Any]:
        """Return a JSON file of `real_run/`."""
        record: dict[str, Any] = json.loads((self.hub / "real_run" / name).read_text(encoding="utf-8"))
        return record

    def log(self, name: str) -> list[str]:
        """Return the lines of a log of `real_run/`."""
        return (self.hub / "real_run" / name).read_text(encoding="utf-8").splitlines()

    def entry(self, job: str) -> dict[str, Any]:
        """Return a job's entry in the manifest."""
        (entry,) = [entry for entry in self.manifest["jobs"] if entry["job"] == job]
        return dict(entry)

    @property
    def reconstructions(self) -> dict[str, Any]:
        """The reconstruction manifest as it lies in the hub."""
        return self.record("reconstruction_manifest.json")

    def datasets(self) -> list[str]:
        """Return the archives that lie under `work/`."""
        return sorted(path.relative_to(self.hub).as_posix() for path in (self.hub / "work").rglob("*.npz"))

    def outcomes(self) -> dict[str, str]:
        """Return the outcome of each item."""
        return {name: item.outcome for name, item in self.items.items()}


def run_pytest(folder: Path, *args: str, hub: Path | None = None, fresh: bool = False) -> Run:
    """Run pytest in `folder` (made if it is missing), in a process of its own, with its temporary files beside it.

    Without a `hub`, the run's hub is the one that the screen names. The process is a fork of one that has imported
    what takes seconds, unless a `fresh` one is asked for.
    """
    folder.mkdir(exist_ok=True)
    temporary = folder.parent / f"{folder.name}-tmp"
    temporary.mkdir(exist_ok=True)
    junit = temporary / "items.xml"
    words = (
        ["-m", "pytest", f"--junitxml={junit}", *QUIET] + ([] if hub is None else [f"--artifact-hub={hub}"]) + [*args]
    )
    env = plugin_alone() | {"TMPDIR": str(temporary), "PYTHONPATH": str(LOADED)}
    if fresh:
        done = subprocess.run([sys.executable, *words], cwd=folder, env=env, capture_output=True, text=True)
    else:
        done = forked.run(words, folder, env)
    return _ended(done.returncode, done.stdout + done.stderr, junit, folder, hub)


def _ended(status: int, screen: str, junit: Path, folder: Path, hub: Path | None) -> Run:
    if hub is None:
        named = [line.removeprefix("hub: ") for line in screen.splitlines() if line.startswith("hub: ")]
        hub = Path(named[0]) if named else folder / "no hub was named"
    items = _items(junit) if junit.is_file() else {}
    junit.unlink(missing_ok=True)
    return Run(status, screen, items, folder, (folder / hub).resolve())


def _items(junit: Path) -> dict[str, Item]:
    items = {}
    for case in ElementTree.parse(junit).iter("testcase"):
        found = [child for child in case if child.tag in {"failure", "error", "skipped"}]
        outcome = {"failure": "failed"}.get(found[0].tag, found[0].tag) if found else "passed"
        items[case.attrib["name"]] = Item(outcome, found[0].attrib["message"] if found else "")
    return items


@pytest.fixture(scope="session")
def study_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """TOML file of the tiny study."""
    path = tmp_path_factory.mktemp("studies") / "tiny.toml"
    path.write_text(TINY, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def whole(study_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The study as tests, from an empty folder, with a hub that is given relative to it; warnings are errors.

    Everything of it is imported and started anew, as on a command line.
    """
    args = (*STUDY_AS_TESTS, f"--ptyproof-study={study_file}", "-rs", "-v", "-W", "error")
    return made_once(
        tmp_path_factory, "whole", lambda root: run_pytest(root / "empty", *args, hub=Path("../hub"), fresh=True)
    )


@pytest.fixture(scope="session")
def parallel(study_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The study as tests in two processes, in a temporary hub."""
    args = (*STUDY_AS_TESTS, f"--ptyproof-study={study_file}", *PLAIN, "-p", "xdist", "-n", "2")
    return made_once(tmp_path_factory, "parallel", lambda root: run_pytest(root / "cwd", *args))


@pytest.fixture(scope="session")
def damaged(study_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The study as tests, with a dataset that is damaged before its training."""

    def run(root: Path) -> Run:
        cwd = root / "cwd"
        cwd.mkdir()
        (cwd / "damage.py").write_text(DAMAGE, encoding="utf-8")
        return run_pytest(
            cwd, *STUDY_AS_TESTS, f"--ptyproof-study={study_file}", "-p", "damage", *PLAIN, hub=root / "hub"
        )

    return made_once(tmp_path_factory, "damaged", run)


@pytest.fixture(scope="session")
def mended(damaged: Run, study_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The run after the damaged one, on its hub, which was moved and lost its datasets; it keeps those it makes."""

    def run(root: Path) -> Run:
        shutil.copytree(damaged.hub, root / "hub", ignore=shutil.ignore_patterns("*.npz"))
        args = (
            *STUDY_AS_TESTS,
            f"--ptyproof-study={study_file}",
            "--ptyproof-keep-datasets",
            "--ptyproof-retry=failed",
            *PLAIN,
        )
        return run_pytest(root / "cwd", *args, hub=root / "hub")

    return made_once(tmp_path_factory, "mended", run)


@pytest.fixture(scope="session")
def diverged(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The baseline's cell alone, with a training that diverges, in a temporary hub."""

    def run(root: Path) -> Run:
        study = root / "diverging.toml"
        study.write_text(DIVERGING, encoding="utf-8")
        return run_pytest(root / "cwd", *STUDY_AS_TESTS, f"--ptyproof-study={study}", "-k", "baseline", *PLAIN)

    return made_once(tmp_path_factory, "diverged", run)


@pytest.fixture
def in_folder(pytester: pytest.Pytester) -> Callable[..., Run]:
    """A function that runs pytest in the test's own folder and process: for runs that train nothing."""

    def run(*args: str) -> Run:
        junit = pytester.path.with_name(f"{pytester.path.name}.xml")
        result = pytester.runpytest_inprocess(f"--junitxml={junit}", *QUIET, *args)
        return _ended(int(result.ret), f"{result.stdout}\n{result.stderr}", junit, pytester.path, None)

    return run
