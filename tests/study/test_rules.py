"""The study's rules that no other test holds: the backend, configuration, and the page that names them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.helpers.phases import Phase

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "findings.md"
OTHER_BACKENDS = ("tensorflow", "keras", "jax", "cupy", "mxnet")

IMPORT_ALL = """
import json, pkgutil, sys, importlib
import ptyproof, pytest_ptyproof
for package in (ptyproof, pytest_ptyproof):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
print(json.dumps(sorted(sys.modules)))
"""

ENUMERATE = """
import sys
from pathlib import Path
from ptyproof.records.training_ledger import TrainingLedger
from ptyproof.study.builtin import builtin_study
from ptyproof.study.jobs import JobFilters, build_training_jobs
c, d, a = map(Path, sys.argv[1:])
design = builtin_study("fly64-smoke")
found = build_training_jobs(design, c, d, a)
TrainingLedger(design, c, d, a).open_call(found, JobFilters(), False, "pure")
print(len(found.jobs), "torch" in sys.modules, "lightning" in sys.modules)
"""

STATE = """
import random, numpy, torch
try:
    import rich.progress  # Lightning imports it where it is installed, and it draws random numbers
except ImportError:
    pass
def state():
    return (
        torch.get_num_threads(), torch.get_default_dtype(), torch.are_deterministic_algorithms_enabled(),
        torch.initial_seed(), torch.get_rng_state().tolist(), torch.backends.cudnn.benchmark,
        random.getstate(), repr(numpy.random.get_state()), torch.get_default_device(),
    )
"""


def python(code: str, *argv: object) -> str:
    """Run code in a process of its own and return what it printed."""
    done = subprocess.run([sys.executable, "-c", code, *map(str, argv)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def imported() -> list[str]:
    """What a process says that imports all of the project: the loaded modules, then whether its state is kept."""
    return python(f"{STATE}\nbefore = state()\n{IMPORT_ALL}\nprint(state() == before)").splitlines()


def test_policy_001_no_other_backend_is_needed_or_loaded(imported: list[str]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [
        *project["dependencies"],
        *(name for names in project["optional-dependencies"].values() for name in names),
    ]
    names = {re.split(r"[<>=!~\[; ]", requirement)[0] for requirement in wanted}
    assert "torch" in names
    assert names.isdisjoint(OTHER_BACKENDS)
    loaded = json.loads(imported[0])
    assert "torch" in loaded
    assert set(loaded).isdisjoint(OTHER_BACKENDS)


def test_config_001_importing_configures_nothing(imported: list[str]) -> None:
    assert imported[1:] == ["True"]


def test_config_001_enumeration_and_manifest_need_no_torch(smoke_c: Phase, smoke_d: Phase, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    assert python(ENUMERATE, smoke_c.root, smoke_d.root, tmp_path / "a").split() == ["6", "False", "False"]
    assert (tmp_path / "a" / "training_manifest.json").is_file()


@pytest.mark.parametrize("rule", ["POLICY-001", "CONFIG-001", "DATA-001", "OVERSAMPLING-001"])
def test_every_rule_on_the_page_names_tests_that_exist(rule: str) -> None:
    section = PAGE.read_text(encoding="utf-8").split(f"## {rule}")[1].split("\n## ")[0]
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", section)
    assert named, f"{rule} names no test"
    for file, test in named:
        assert re.search(rf"^def {test}\(", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE), f"{file}::{test}"
