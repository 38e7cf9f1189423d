"""Without a package of an extra: what needs none of it works, and what does names the extra, exit status 2."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ptyproof.extras import TRAINING, broken, missing, needs
from tests.helpers.messages import names
from tests.helpers.runs import BASELINE, TINY, Run

ROOT = Path(__file__).parents[2]
TRAIN, ITERATIVE = "pip install 'pytest-ptyproof[train]'", "pip install 'pytest-ptyproof[iterative]'"
COMMANDS = (
    *("study", "base", "import", "validate", "generate", "overlap", "train", "reconstruct", "compare", "assess"),
    *("predict", "certify", "report", "hub", "check", "explain", "schema", "migrate", "docs"),
)
ENGINES = ("ptychi", "h5py")
OF_PRODUCT = {"h5py": ITERATIVE, "all": "pip install 'pytest-ptyproof[train,iterative]'"}
C, D, R = "hub/work/phase_c", "hub/work/phase_d", "hub/real_run"
TEST_HALF, BUNDLE = f"{C}/dose_1000/patched_test.npz", f"{R}/dose_1000/baseline/gs1/model.safetensors"
PHASES = ["--phase-c-root", C, "--phase-d-root", D]
ONLY = ["--dose", "1000", "--view", "baseline"]
QUICK = ["--accelerator", "cpu", "--threads", "1", "--in-process"]
LOADED = ["-p", "pytest_ptyproof.plugin", "-p", "no:cacheprovider"]
STUDY = [*LOADED, "--pyargs", "pytest_ptyproof.real_run", "-m", "real_run", "--ptyproof-study=tiny.toml"]

# what needs no extra, with its exit status
FREE = {
    "study list": 0,
    "base --study tiny.toml --out base.npz": 0,
    f"import {TEST_HALF} --out imported.npz": 0,
    f"validate {TEST_HALF}": 0,
    "generate --study tiny.toml --base-npz builtin --output-root c": 0,
    "overlap --phase-c-root c --output-root d": 0,
    f"compare --artifact-root {R} --phase-c-root {C} --phase-d-root {D} --out compared": 0,
    "hub verify hub": 0,
    "report --hub hub": 0,
    "check hub": 0,
    "explain PM401": 0,
    "schema": 0,
    "pytest -p pytest_ptyproof.plugin -p no:cacheprovider hub": 0,
    "pytest -p pytest_ptyproof.plugin -p no:cacheprovider test_own.py --artifact-hub=own --evidence=green": 0,
}
TRAINS = ["train", *PHASES, "--artifact-root", "trained", *ONLY, *QUICK]
RECONSTRUCTS = ["reconstruct", *PHASES, "--artifact-root", "found", *ONLY, "--method", "flat", "lsqml", *QUICK[2:]]
PRODUCT = [*RECONSTRUCTS[:-1], "--format", "ptychodus", "--in-process"]
PREDICTS = ["predict", BUNDLE, TEST_HALF, "--out", "predicted.npz"]
CERTIFIES = ["certify", "--study", "tiny.toml", "--hub", "certified", *ONLY, *QUICK[:-1], "--epochs", "1"]
ASSESSES = ["assess", TEST_HALF, "--out", "assessed", "--method", "flat", "--threads", "1"]
TRAINS_OF_ITS_OWN = [*ASSESSES, "--method", "pinn", "--train"]
REAL = ["pytest", *STUDY, "--ptyproof-accelerator=cpu", "-k", BASELINE]

# what needs an extra: by the packages without which it ends with 2 (pytest: 4)
NEEDS = {
    "train": (TRAINS, TRAINING),
    "reconstruct": (RECONSTRUCTS, ("torch", "safetensors")),
    "product": (PRODUCT, ("torch", "safetensors", "h5py")),
    "predict": (PREDICTS, ("torch", "safetensors")),
    "certify": (CERTIFIES, TRAINING),
    "assess": (ASSESSES, ("torch", "safetensors", "matplotlib")),
    "assess --train": (TRAINS_OF_ITS_OWN, TRAINING),
    "real run": (REAL, TRAINING),
    "phases as tests": (["pytest", *STUDY, "-k", "phase_c or phase_d"], ()),
}
SLOW = {"certify", "assess --train", "real run", "phases as tests"}  # tried where they are refused


def run_without(
    packages: tuple[str, ...], commands: list[list[str]], folder: Path, *first: Path
) -> list[tuple[int, str]]:
    """Return exit status and screen of commands in a process that cannot import some packages, or other ones first."""
    path = os.pathsep.join(map(str, (*first, ROOT)))
    environment = os.environ | {"PYTHONPATH": path, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "OMP_NUM_THREADS": "1"}
    words = [sys.executable, "-m", "tests.helpers.blocked", ",".join(packages)]
    done = subprocess.run(
        words, cwd=folder, env=environment, input=json.dumps(commands), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [(status, screen) for status, screen in json.loads(done.stdout)]


@pytest.fixture
def folder(mended: Run, tmp_path: Path) -> Path:
    """A folder with the tiny study, a real run's hub with its datasets, and a test."""
    shutil.copytree(mended.hub, tmp_path / "hub")
    (tmp_path / "tiny.toml").write_text(TINY, encoding="utf-8")
    (tmp_path / "test_own.py").write_text("def test_own(): pass\n", encoding="utf-8")
    return tmp_path


def without(package: str) -> tuple[str, ...]:
    """Return the packages that are absent."""
    return (*TRAINING, "ptychi", "torchvision", "h5py") if package == "all" else (package,)


@pytest.mark.parametrize(
    "package", ["all", "torch", *(pytest.param(one, marks=pytest.mark.long) for one in (*TRAINING[1:], *ENGINES))]
)
def test_what_needs_no_extra_works_without_any(package: str, folder: Path) -> None:
    helps, free = [[name, "--help"] for name in COMMANDS], [line.split() for line in FREE]
    ended = run_without(without(package), [*helps, *free], folder)
    assert [status for status, _ in ended[: len(helps)]] == [0] * len(helps)
    said = dict(zip(FREE, ended[len(helps) :], strict=True))
    assert not [screen for _, screen in said.values() if "Traceback" in screen]
    assert {line: said[line][0] for line in FREE} == FREE, said


# the packages of which each is missing alone take seconds in a process of their own; the others show how that is said
@pytest.mark.parametrize(
    "package",
    [
        *("all", "torch", "lightning", "ptychi"),
        *(pytest.param(one, marks=pytest.mark.campaign) for one in ("safetensors", "matplotlib", "h5py")),
    ],
)
def test_every_command_works_or_names_the_extra(package: str, folder: Path) -> None:
    absent = without(package)
    wants = {name: not set(absent).isdisjoint(packages) for name, (_, packages) in NEEDS.items()}
    works = {"reconstruct", "product"} if package in ENGINES else set(NEEDS) - SLOW
    works |= {"phases as tests"} if package == "all" else set()
    tried = [name for name in NEEDS if wants[name] or name in works]
    said = dict(zip(tried, run_without(absent, [NEEDS[name][0] for name in tried], folder), strict=True))
    assert not [screen for _, screen in said.values() if "Traceback" in screen]
    for name in tried:
        status, screen = said[name]
        refused = {True: 4 if name == "real run" else 2, False: 0}[wants[name]]
        assert status == refused, (name, screen)
        if wants[name]:
            command = OF_PRODUCT.get(package, TRAIN) if name == "product" else TRAIN
            (sentence,) = [line for line in screen.splitlines() if command in line]
            assert all(one in sentence for one in absent if one in NEEDS[name][1])
    assert not wants["train"] or not (folder / "trained").exists()
    if package == "ptychi":
        assert any(names(line, "lsqml", "ptychi", ITERATIVE) for line in said["reconstruct"][1].splitlines())
        assert "-flat: success" in said["reconstruct"][1]
    if package == "all":
        assert "2 passed" in said["phases as tests"][1]


def test_a_users_test_that_trains_ends_in_the_sentence_alone(folder: Path) -> None:
    (folder / "test_mine.py").write_text(
        "def test_mine(ptyproof_training_job): pass\ndef test_other(): pass\n", encoding="utf-8"
    )
    words = ["pytest", *LOADED, "--ptyproof-study=tiny.toml", "test_mine.py"]
    ((status, screen),) = run_without(("torch",), [words], folder)
    assert status == 1
    assert "1 passed, 3 errors" in screen
    assert screen.count(TRAIN) >= 3
    assert "Traceback" not in screen


def test_a_gpu_is_not_asked_for_without_torch(folder: Path) -> None:
    ((status, screen),) = run_without(("torch",), [["pytest", *STUDY, "--ptyproof-accelerator=gpu"]], folder)
    assert status == pytest.ExitCode.USAGE_ERROR
    assert TRAIN in screen
    assert "Traceback" not in screen


def test_one_command_installs_what_is_missing() -> None:
    assert missing(("json", "no_such_package")) == ["no_such_package"]
    assert names(needs("this", ["torch"]), "this", "torch", TRAIN)
    assert names(needs("this", ["torch", "ptychi"]), "this", "torch", "ptychi", ITERATIVE)
    assert names(needs("this", ["lightning", "torch", "h5py"]), "pip install 'pytest-ptyproof[train,iterative]'")
    assert names(needs("this", ["cdtools", "xptycho"]), "pip install 'pytest-ptyproof[engines]'")
    assert names(needs("this", ["lightning", "cdtools"]), "pip install 'pytest-ptyproof[train,engines]'")


BROKEN = {
    "library of the system": ("raise ImportError('libcudart.so.12: cannot open')", "libcudart.so.12"),
    "loader": ("raise OSError('libtorch_cpu.so: undefined symbol')", "libtorch_cpu.so"),
    "package of its own": ("import no_such_package_of_its_own", "no_such_package_of_its_own"),
    "other": ("raise AttributeError('numpy has no bool_type')", "bool_type"),
}


@pytest.mark.parametrize(("body", "part"), BROKEN.values(), ids=list(BROKEN))
def test_a_package_that_cannot_be_imported_is_named_in_one_sentence(body: str, part: str, folder: Path) -> None:
    (folder / "path" / "torch").mkdir(parents=True)
    (folder / "path" / "torch" / "__init__.py").write_text(f"{body}\n", encoding="utf-8")
    wanted = ("train", "reconstruct", "predict", "assess", "real run")
    commands = [["validate", TEST_HALF], *(NEEDS[name][0] for name in wanted)]
    free, *ended = run_without((), commands, folder, folder / "path")
    assert free[0] == 0
    assert [status for status, _ in ended] == [2, 2, 2, 2, 4]
    for _, screen in ended:
        assert "Traceback" not in screen
        (sentence,) = [line for line in screen.splitlines() if names(line, "torch", part)]
        assert "pip install" not in sentence
    assert not (folder / "trained").exists()


def test_a_folder_with_the_name_of_a_package_is_no_package(folder: Path) -> None:
    (folder / "path" / "no_package_in_it").mkdir(parents=True)
    words = [sys.executable, "-c", "from ptyproof.extras import missing; print(missing(('no_package_in_it',)))"]
    said = subprocess.run(
        words, env=os.environ | {"PYTHONPATH": str(folder / "path")}, capture_output=True, text=True, check=True
    )
    assert "no_package_in_it" in said.stdout


def test_an_error_of_another_package_is_raised_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "of_a_user.py").write_text("raise KeyError('mine')\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(KeyError, match="mine"):
        broken("it", ("of_a_user",))
    assert broken("it", ("json",)) is None
