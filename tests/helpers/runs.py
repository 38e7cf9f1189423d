"""Pytest runs of the plugin in processes of their own, on a study that trains within a second."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from tests.helpers import forked
from tests.helpers.processes import LOADED, plugin_alone

BASELINE, DENSE, SPARSE = "dose1000-baseline-gs1", "dose1000-dense-gs2", "dose1000-sparse-gs2"
METHODS = ("flat", "pinn", "lsqml")
# neither belongs to the plugin, and both leave a folder behind
QUIET = ("-p", "no:cacheprovider", "-p", "no:benchmark")
PLAIN = ("-p", "plain_pictures")
HUB_LINE = re.compile(r"^(?:artifact )?hub: (.+)$", re.MULTILINE)
# packages that a run without a study does not load
HEAVY = ("torch", "lightning", "numpy", "scipy", "skimage", "matplotlib", "jsonschema")
# options whose names had no prefix once
OLD_NAMES = (
    *("study", "base-npz", "accelerator", "retry", "job-timeout", "job-memory", "certify", "certify-mode"),
    *("certify-epochs", "keep-datasets", "anonymous", "collect-stray"),
)
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
    return ended(done.returncode, done.stdout + done.stderr, junit, folder, hub)


def ended(status: int, screen: str, junit: Path, folder: Path, hub: Path | None) -> Run:
    """Return a run that has ended; its JUnit file is read and removed."""
    if hub is None:
        named = HUB_LINE.search(screen)
        hub = Path(named[1]) if named else folder / "no hub was named"
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
