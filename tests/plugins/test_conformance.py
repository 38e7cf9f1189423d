"""The conformance suite of methods: a method that is broken in one way fails the check of that, and others pass."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from ptyproof.conformance import checks, exceptions
from ptyproof.conformance.checks import CHECKS, Subject
from ptyproof.errors import InputError
from ptyproof.methods.registry import SHIPPED
from ptyproof.new_method import write_package
from ptyproof.physics.fourier import fourier_shift
from ptyproof.reconstruction import method as interface
from ptyproof.reconstruction.flat import Flat
from ptyproof.reconstruction.method import BlindScan, Budget, Needs, Reconstruction
from tests.helpers.runs import Run

Reconstruct = Callable[[BlindScan, Budget, np.random.Generator], Reconstruction]
Change = Callable[[Reconstruct, BlindScan, Budget, np.random.Generator], Reconstruction]
Fails = Callable[[str, Change], bool]
SUITE = ("--pyargs", "pytest_ptyproof.conformance")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The method of the template, as `ptyproof new-method` writes it."""
    folder = write_package("my-method", tmp_path_factory.mktemp("new"))
    module = ModuleType("my_method")
    exec(compile((folder / "src/my_method/__init__.py").read_text(), "my_method", "exec"), vars(module))
    return module.Method()


class Broken:
    """The template's method with another `reconstruct`."""

    name = "broken"
    needs = Needs(iterates=True)

    def __init__(self, body: Reconstruct) -> None:
        self._body = body

    def reconstruct(self, dataset: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
        """Do what the test wants."""
        return self._body(dataset, budget, rng)


@pytest.fixture(scope="module")
def fails(template: Any) -> Fails:
    """A function that tells whether a check finds something wrong with the template's method, changed."""
    kept: dict[int, tuple[BlindScan, Reconstruction]] = {}

    def once(scan: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
        if budget != Budget(checks.EPOCHS):
            found: Reconstruction = template.reconstruct(scan, budget, rng)
            return found
        if id(scan) not in kept:
            kept[id(scan)] = scan, template.reconstruct(scan, budget, rng)
        return kept[id(scan)][1]

    def run(check: str, change: Change) -> bool:
        return bool(CHECKS[check](Subject(Broken(partial(change, once)))))

    return run


def as_it_is(make: Reconstruct, scan: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
    return make(scan, budget, rng)


def conjugate(make: Reconstruct, scan: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
    found = make(scan, budget, rng)
    return replace(found, obj=found.obj.conj())


def half_a_pixel_off(make: Reconstruct, scan: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
    found = make(scan, budget, rng)
    return replace(found, obj=fourier_shift(found.obj[None], np.array([[0.5, 0.0]]))[0].astype(np.complex64))


def whole_pixels(make: Reconstruct, scan: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
    return make(replace(scan, positions_px=np.floor(scan.positions_px)), budget, rng)


def real_probe(make: Reconstruct, scan: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
    return make(replace(scan, probe=scan.probe.real.astype(np.complex64)), budget, rng)


def upright(make: Reconstruct, scan: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
    found = make(scan, budget, rng)
    ramp = 1 + 0.5 * np.linspace(0, 1, found.obj.shape[0])[:, None]
    return replace(found, obj=(found.obj * ramp).astype(np.complex64))


def fixed_unit(make: Reconstruct, scan: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
    shrunk = np.maximum(scan.amplitude - 20, 0)
    return make(replace(scan, amplitude=shrunk), budget, rng)


def best_in_the_dark(make: Reconstruct, scan: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
    found = make(scan, budget, rng)
    bright = np.square(scan.amplitude).sum() / len(scan) > 1e4
    return replace(found, obj=np.tri(*found.obj.shape).astype(np.complex64)) if bright else found


def global_random(make: Reconstruct, scan: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
    return make(scan, budget, np.random.default_rng(int(np.random.randint(1000))))  # noqa: NPY002 - as it is broken


def reseeding(make: Reconstruct, scan: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
    np.random.seed(0)  # noqa: NPY002 - as it is broken
    return make(scan, budget, rng)


def reads_the_truth(make: Reconstruct, scan: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
    if Path("truth.npz").is_file():
        with np.load("truth.npz") as truth:
            return replace(make(scan, budget, rng), obj=truth["objectGuess"])
    return make(scan, budget, rng)


def mutates(make: Reconstruct, scan: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
    if scan.amplitude.flags.writeable:
        scan.amplitude[0] = 0
    return make(scan, budget, rng)


def one_epoch_more(make: Reconstruct, scan: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
    return make(scan, replace(budget, epochs=(budget.epochs or 7) + 1), rng)


def always_two(make: Reconstruct, scan: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
    return make(scan, replace(budget, epochs=2), rng)


def quiet(make: Reconstruct, scan: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
    return make(scan, Budget(budget.epochs, budget.seconds), rng)


def endless(make: Reconstruct, scan: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
    return make(scan, replace(budget, seconds=None, epochs=budget.epochs or 20), rng)


@pytest.mark.parametrize(
    ("check", "change"),
    [
        ("perfect_data", conjugate),
        ("odd_window", conjugate),
        ("even_window", conjugate),
        ("subpixel_positions", conjugate),
        ("place", half_a_pixel_off),
        ("place", whole_pixels),
        ("probe_phase", real_probe),
        ("brightness", fixed_unit),
        ("turned_scan", upright),
        ("dose", best_in_the_dark),
        ("determinism", global_random),
        ("determinism", reseeding),
        ("files", reads_the_truth),
        ("input_unchanged", mutates),
        ("epochs", one_epoch_more),
        ("epochs", always_two),
        ("epochs", quiet),
        ("seconds", endless),
    ],
)
def test_a_broken_method_fails(check: str, change: Change, fails: Fails) -> None:
    assert fails(check, change)


@pytest.mark.parametrize("check", CHECKS)
def test_the_same_method_passes_where_it_is_not_broken(check: str, fails: Fails) -> None:
    assert not fails(check, as_it_is)


def test_without_the_door_bad_input_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    assert CHECKS["bad_input"](Subject(Flat())) == []
    monkeypatch.setattr(interface, "check_scan", lambda *_: None)
    assert CHECKS["bad_input"](Subject(Flat()))


def test_the_flat_object_passes_with_its_exceptions(in_folder: Callable[..., Run]) -> None:
    run = in_folder(*SUITE, "--ptyproof-method=flat", "-p", "no:cacheprovider")
    assert run.status == 0, run.screen
    assert len(run.items) == len(CHECKS)


@pytest.mark.parametrize("words", [(), ("--ptyproof-method=no-such",)])
def test_no_method_or_an_unknown_one_is_refused(words: tuple[str, ...], in_folder: Callable[..., Run]) -> None:
    run = in_folder(*SUITE, *words)
    assert run.status != 0
    assert "--ptyproof-method" in run.screen


def test_exceptions_name_methods_and_checks_that_exist() -> None:
    table = exceptions.known_exceptions()
    assert {method for method, _ in table} <= set(SHIPPED)
    assert {check for _, check in table} <= set(CHECKS)
    assert all(table.values())


@pytest.mark.parametrize("name", ["class 1", "1st", "lsqml/2", ""])
def test_an_impossible_name_is_refused_and_nothing_written(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        write_package(name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_exists_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    with pytest.raises(InputError, match="mine"):
        write_package("mine", tmp_path)
    assert not list((tmp_path / "mine").iterdir())


@pytest.mark.campaign
def test_a_new_package_passes_its_own_tests(tmp_path: Path) -> None:
    python = (sys.executable, "-m")
    made = subprocess.run([*python, "ptyproof", "new-method", "my-method"], cwd=tmp_path, check=False)
    assert made.returncode == 0
    options = ("-q", "--no-index", "--no-deps", "--no-build-isolation", "--target", str(tmp_path / "installed"))
    subprocess.run([*python, "pip", "install", "./my-method", *options], cwd=tmp_path, check=True)
    environment = {"PYTHONPATH": str(tmp_path / "installed"), "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"}
    words = [*python, "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        words, cwd=tmp_path / "my-method", env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(CHECKS)} passed" in done.stdout
