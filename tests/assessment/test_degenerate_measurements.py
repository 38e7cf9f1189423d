"""Measurements and methods at the edge: refused before anything is written, or a record of a failure; others go on."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ptyproof.assessment.assess import ASSESSMENT, AssessmentPlan, Task, assess
from ptyproof.checking import check
from ptyproof.errors import DataError, InputError
from ptyproof.io.dataset import Dataset, read_dataset, write_dataset
from ptyproof.io.validation import BRIGHTEST_PROBE, DIMMEST_PROBE, dataset_problems
from ptyproof.methods.registry import OURS, Registered
from ptyproof.reconstruction.flat import Flat
from ptyproof.reconstruction.method import BlindScan, Budget, Needs, Reconstruction
from ptyproof.study.layout import phase_c_file
from ptyproof.training.device import RunOptions
from ptyproof.training.scan import normalized_scan
from tests.helpers.known import known
from tests.helpers.messages import naming
from tests.helpers.phases import Phase

OPTIONS = RunOptions(accelerator="cpu", threads=1)
Result = Callable[[BlindScan], Reconstruction]


class Method:
    """A method that does what it is told."""

    needs = Needs()

    def __init__(self, result: Result, name: str = "odd") -> None:
        self.name = name
        self._result = result

    def reconstruct(self, dataset: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
        return self._result(dataset)


def task(method: object) -> Task:
    """Return a method as a task."""
    return Task(Registered(method, OURS, None), None)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def scan(smoke_c: Phase) -> Dataset:
    """Forty patterns of a simulated scan, as a measurement."""
    whole = read_dataset(phase_c_file(smoke_c.root, 1e4, "test")).dataset
    metadata = whole.metadata | {"role": "measurement", "split": "all"}
    for key in ("photons_per_pattern_requested", "photons_per_pattern_measured"):
        metadata[key] = None
    assert whole.diffraction is not None
    return replace(
        whole,
        obj=None,
        patches=None,
        metadata=metadata,
        positions_px=whole.positions_px[:40],
        diffraction=whole.diffraction[:40],
        scan_index=None,
    )


def lit_only(scan: Dataset, which: slice | list[int]) -> Dataset:
    """Return the scan with light in some patterns alone."""
    assert scan.diffraction is not None
    diffraction = np.zeros_like(scan.diffraction)
    diffraction[which] = scan.diffraction[which]
    return replace(scan, diffraction=diffraction)


@pytest.mark.parametrize("which", [[0], [39], [3, 4]], ids=["the first alone", "the last alone", "two of one half"])
def test_a_scan_whose_halves_do_not_both_hold_light_is_refused(scan: Dataset, tmp_path: Path, which: list[int]) -> None:
    plan = AssessmentPlan()
    if len(which) == 2:
        which = plan.parts(40)[0]["half_a"][:2].tolist()
    write_dataset(tmp_path / "m.npz", lit_only(scan, which))
    with pytest.raises(DataError, match=naming("m.npz", "diffraction", f"{len(which)} of 40")):
        assess(tmp_path / "m.npz", tmp_path / "out", [task(Flat())], plan, OPTIONS)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("which", [slice(0, 20), slice(1, None, 2), slice(0, 39)])
def test_dark_patterns_in_both_halves_are_no_fault(scan: Dataset, tmp_path: Path, which: slice) -> None:
    write_dataset(tmp_path / "m.npz", lit_only(scan, which))
    record = assess(tmp_path / "m.npz", tmp_path / "out", [task(Flat())], AssessmentPlan(), OPTIONS)
    assert record["methods"][0]["status"] == "success"


def raising(error: Exception) -> Result:
    """Return what a method does that ends by an error."""

    def result(_: BlindScan) -> Reconstruction:
        raise error

    return result


@pytest.mark.parametrize(
    "error",
    [
        IndexError("of an index"),
        RuntimeError("of torch"),
        ZeroDivisionError(),
        KeyError("key"),
        MemoryError("too much"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_whatever_ends_a_method_is_in_the_record_and_the_others_go_on(
    scan: Dataset, tmp_path: Path, error: Exception
) -> None:
    write_dataset(tmp_path / "m.npz", scan)
    tasks = [task(Flat()), task(Method(raising(error))), task(Method(lambda s: ones(s, 1), "after"))]
    record = assess(tmp_path / "m.npz", tmp_path / "out", tasks, AssessmentPlan(), OPTIONS)
    assert [entry["status"] for entry in record["methods"]] == ["success", "failed", "success"]
    reason = known(record["methods"][1]["error"])
    assert "\n" not in reason
    assert type(error).__name__ in reason or isinstance(error, MemoryError)
    assert all(str(part) in reason for part in error.args)
    assert json.loads((tmp_path / "out" / ASSESSMENT).read_text()) == record
    assert {found.code for found in check(tmp_path / "out" / ASSESSMENT)} == {"PM705"}  # a method failed


def ones(scan: BlindScan, factor: float, probe: float = 1.0) -> Reconstruction:
    """Return a constant object and a scaled probe."""
    obj = np.full(scan.object_shape, factor, np.complex64)
    return Reconstruction(obj, (scan.probe * np.float32(probe)).astype(np.complex64))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("factor", [0.0, 1e-38, 1e-20, 1e20, 3e38])
@pytest.mark.parametrize("of", ["object", "probe"])
def test_results_beyond_all_measure_leave_a_record(scan: Dataset, tmp_path: Path, factor: float, of: str) -> None:
    write_dataset(tmp_path / "m.npz", scan)
    result = Method(lambda s: ones(s, factor) if of == "object" else ones(s, 1.0, min(factor, 1e30)))
    record = assess(tmp_path / "m.npz", tmp_path / "out", [task(result), task(Flat())], AssessmentPlan(), OPTIONS)
    assert record["methods"][1]["status"] == "success"
    assert {found.code for found in check(tmp_path / "out" / ASSESSMENT)} <= {"PM705"}  # a method failed
    assert "Error" not in (record["methods"][0]["error"] or "")


@pytest.mark.parametrize("largest", [1e-38, 1e-30, 0.9 * DIMMEST_PROBE, 1.1 * BRIGHTEST_PROBE, 1e18, 1e30])
def test_a_probe_whose_square_float32_does_not_hold_is_refused(scan: Dataset, tmp_path: Path, largest: float) -> None:
    probe = (scan.probe / np.abs(scan.probe).max() * largest).astype(np.complex64)
    odd = replace(scan, probe=probe)
    assert [problem.member for problem in dataset_problems(odd)] == ["probeGuess"]
    with pytest.raises(DataError, match=naming("probeGuess", f"{DIMMEST_PROBE:g}", f"{BRIGHTEST_PROBE:g}")):
        write_dataset(tmp_path / "m.npz", odd)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("largest", [2 * DIMMEST_PROBE, 1.0, 0.5 * BRIGHTEST_PROBE])
def test_a_probe_of_any_unit_within_float32_gives_the_same_measures(
    scan: Dataset, tmp_path: Path, largest: float
) -> None:
    found = []
    for name, probe in (("m", scan.probe), ("odd", scan.probe / np.abs(scan.probe).max() * np.float32(largest))):
        write_dataset(tmp_path / f"{name}.npz", replace(scan, probe=probe.astype(np.complex64)))
        record = assess(tmp_path / f"{name}.npz", tmp_path / name, [task(Flat())], AssessmentPlan(), OPTIONS)
        found.append({one["metric"]: one["value"] for one in record["methods"][0]["measures"]})
    assert found[1]["r_factor"] == pytest.approx(found[0]["r_factor"], rel=1e-4)
    assert found[1]["held_out_poisson_deviance"] == pytest.approx(found[0]["held_out_poisson_deviance"], rel=1e-4)


@pytest.mark.parametrize(("amplitude", "probe"), [(0.0, 1.0), (1.0, 0.0), (np.nan, 1.0), (1.0, np.inf)])
def test_what_holds_no_light_is_no_scan_for_a_network(amplitude: float, probe: float) -> None:
    with pytest.raises(InputError):
        normalized_scan(
            np.full((3, 8, 8), amplitude, np.float32), np.full((8, 8), probe, np.complex64), np.zeros((3, 2)), ""
        )
