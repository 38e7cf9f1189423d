"""Methods that are broken in one way: the check of that finds it, and the same method without it passes."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from ptyproof.conformance.checks import CHECKS
from ptyproof.conformance.scenes import ARRAYS, make_scene
from ptyproof.conformance.subject import EPOCHS, Subject
from ptyproof.conformance.trial import try_check
from ptyproof.io.hashing import sha256_array, sha256_json
from ptyproof.new_method import write_package
from ptyproof.physics.fourier import fourier_shift
from ptyproof.reconstruction import method as interface
from ptyproof.reconstruction.flat import Flat
from ptyproof.reconstruction.method import BlindScan, Budget, Needs, Reconstruction

Reconstruct = Callable[[BlindScan, Budget, np.random.Generator], Reconstruction]
Change = Callable[[Reconstruct, BlindScan, Budget, np.random.Generator], Reconstruction]
Fails = Callable[[str, Change], bool]


CHILD = (sys.executable, "-S", "-c")
READS = "import sys, os; print(os.path.exists(sys.argv[1]) and open(sys.argv[1], 'rb').read(1))"


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


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test in a folder of its own, where methods leave files."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def fails(template: Any) -> Fails:
    """A function that tells whether a check finds something wrong with the template's method, changed."""
    kept: dict[str, Reconstruction] = {}

    def once(scan: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
        if budget != Budget(EPOCHS):
            found: Reconstruction = template.reconstruct(scan, budget, rng)
            return found
        key = sha256_json([sha256_array(getattr(scan, name)) for name in ARRAYS])
        if key not in kept:
            kept[key] = template.reconstruct(scan, budget, rng)
        return replace(kept[key], obj=kept[key].obj.copy())

    def run(check: str, change: Change) -> bool:
        return try_check(Subject(Broken(partial(change, once))), check, {}).outcome == "failed"

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


def of_a_child(make: Reconstruct, scan: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
    """What a child process reads is not seen; that it changes the result is."""
    found = make(scan, budget, rng)
    said = subprocess.run([*CHILD, READS, "truth.npz"], capture_output=True, check=True).stdout
    return replace(found, obj=found.obj * np.complex64(1 + len(said)))


def searches(make: Reconstruct, scan: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
    """Opens the first dataset below the current folder, and makes nothing of it."""
    for path in sorted(Path().rglob("patched_*.npz")):
        path.read_bytes()
    return make(scan, budget, rng)


def writes_here(make: Reconstruct, scan: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
    Path("cache.bin").write_bytes(b"1")
    return make(scan, budget, rng)


def scribbles(make: Reconstruct, scan: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
    """Writes a file and removes it again."""
    writes_here(make, scan, budget, rng)
    Path("cache.bin").unlink()
    return make(scan, budget, rng)


def writes_by_a_child(make: Reconstruct, scan: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
    subprocess.run([*CHILD, "open('cache.bin', 'w').write('1')"], check=True)
    return make(scan, budget, rng)


def writes_elsewhere(make: Reconstruct, scan: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
    folder = Path.home() / ".cache"
    folder.mkdir(exist_ok=True)
    return make(scan, budget, rng)


def removes(make: Reconstruct, scan: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
    for path in Path().glob("*.npz"):
        path.unlink()
    return make(scan, budget, rng)


def temporary(make: Reconstruct, scan: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
    """Not broken: its files are temporary ones."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "work").mkdir()
        (Path(folder) / "work" / "scratch.bin").write_bytes(b"1")
    return make(scan, budget, rng)


class WarmStart:
    """Begins where the last call ended."""

    def __init__(self) -> None:
        self.last: np.ndarray | None = None

    def __call__(self, make: Reconstruct, scan: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
        found = make(scan, budget, rng)
        if self.last is not None and self.last.shape == found.obj.shape:
            found = replace(found, obj=(0.999 * found.obj + 0.001 * self.last).astype(np.complex64))
        self.last = found.obj
        return found


class FirstScan:
    """Keeps what it made of the first scan of a shape."""

    def __init__(self) -> None:
        self.kept: dict[object, Reconstruction] = {}

    def __call__(self, make: Reconstruct, scan: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
        return self.kept.setdefault(scan.object_shape, make(scan, budget, rng))


class FirstCall:
    """Is another method from its second call on."""

    def __init__(self) -> None:
        self.n = 0

    def __call__(self, make: Reconstruct, scan: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
        self.n += 1
        found = make(scan, budget, rng)
        return found if self.n == 1 else replace(found, obj=found.obj * np.complex64(1.001))


class OneBuffer:
    """Returns the same array at each call."""

    def __init__(self) -> None:
        self.buffers: dict[object, np.ndarray] = {}

    def __call__(self, make: Reconstruct, scan: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
        found = make(scan, budget, rng)
        buffer = self.buffers.setdefault(scan.object_shape, np.empty_like(found.obj))
        buffer[:] = found.obj
        return replace(found, obj=buffer)


def entropy(make: Reconstruct, scan: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
    return make(scan, budget, np.random.default_rng())


def not_a_number(make: Reconstruct, scan: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
    found = make(scan, budget, rng)
    found.obj[0, 0] = np.nan
    return found


def even_light(make: Reconstruct, scan: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
    """Takes no account of where the probe has its light."""
    flat = np.full_like(scan.probe, np.sqrt(np.mean(np.abs(scan.probe) ** 2)))
    return make(replace(scan, probe=flat), budget, rng)


def transposed(make: Reconstruct, scan: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
    found = make(scan, budget, rng)
    return replace(found, obj=np.ascontiguousarray(found.obj.T))


def even_sides_alone(make: Reconstruct, scan: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
    height, width = scan.window
    scan.amplitude.reshape(len(scan), 2, height // 2, 2, width // 2)
    return make(scan, budget, rng)


def opens_the_lock(make: Reconstruct, scan: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
    """Changes arrays that the caller has locked."""
    scan.amplitude.flags.writeable = True
    scan.amplitude[0] = 0
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
        ("files", of_a_child),
        ("files", searches),
        ("writes", writes_here),
        ("writes", scribbles),
        ("writes", writes_by_a_child),
        ("writes", removes),
        ("state", WarmStart()),
        ("state", FirstScan()),
        ("state", FirstCall()),
        ("state", OneBuffer()),
        ("determinism", entropy),
        ("perfect_data", not_a_number),
        ("perfect_data", even_light),
        ("perfect_data", transposed),
        ("odd_window", even_sides_alone),
        ("input_unchanged", mutates),
        ("input_unchanged", opens_the_lock),
        ("epochs", one_epoch_more),
        ("epochs", always_two),
        ("epochs", quiet),
        ("seconds", endless),
    ],
)
def test_a_broken_method_fails(check: str, change: Change, fails: Fails) -> None:
    assert fails(check, change)


def test_a_folder_outside_of_the_temporary_ones_is_not_to_be_written(
    fails: Fails, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    assert fails("writes", writes_elsewhere)


def test_temporary_files_are_allowed(fails: Fails) -> None:
    assert not fails("writes", temporary)
    assert not fails("files", temporary)


def test_what_a_method_does_to_its_arrays_reaches_no_other_call(fails: Fails) -> None:
    assert not fails("perfect_data", as_it_is)
    assert fails("input_unchanged", opens_the_lock)
    assert not fails("perfect_data", as_it_is)


class Refining(Broken):
    """A method that says it refines positions."""

    needs = Needs(iterates=True, positions="either")


def refined(share: float, also_given: bool = False) -> Reconstruct:
    """A method that leaves a share of the errors of positions; it knows them, as no other method can."""

    def reconstruct(scan: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
        true_px = make_scene().scan.positions_px
        found = Reconstruction(np.ones(scan.object_shape, np.complex64), scan.probe)
        if scan.position_knowledge == "given" and not also_given:
            return found
        return replace(found, positions_px=true_px + share * (scan.positions_px - true_px) + np.array([0.5, -0.25]))

    return reconstruct


def no_positions(scan: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
    return Reconstruction(np.ones(scan.object_shape, np.complex64), scan.probe)


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (refined(0.5), "passed"),
        (refined(1.0), "failed"),
        (refined(-0.9), "failed"),
        (refined(0.5, also_given=True), "failed"),
        (no_positions, "failed"),
    ],
)
def test_a_method_that_refines_positions_returns_better_ones_and_only_where_it_is_asked(
    body: Reconstruct, outcome: str
) -> None:
    assert try_check(Subject(Refining(body)), "refined_positions", {}).outcome == outcome


def test_a_method_that_takes_positions_as_they_are_is_not_asked_for_better_ones() -> None:
    assert try_check(Subject(Broken(no_positions)), "refined_positions", {}).outcome == "passed"


@pytest.mark.parametrize("check", CHECKS)
def test_the_same_method_passes_where_it_is_not_broken(check: str, fails: Fails) -> None:
    assert not fails(check, as_it_is)


def test_without_the_door_bad_input_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    assert CHECKS["bad_input"](Subject(Flat())) == []
    monkeypatch.setattr(interface, "check_scan", lambda *_: None)
    assert CHECKS["bad_input"](Subject(Flat()))
