"""pty-chi as a method: conventions to a fraction of a pixel, the probe, budgets, and nothing left changed behind."""

from __future__ import annotations

import logging
import random
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from ptyproof.io.dataset_arrays import Dataset
from ptyproof.methods.reconstruction_input import defocused
from ptyproof.phases.base import make_base
from ptyproof.physics.align import align, illumination_crop
from ptyproof.physics.dose import scale_probe_to_dose
from ptyproof.physics.forward import expected_counts, object_patches
from ptyproof.physics.metrics import scaled_error
from ptyproof.reconstruction.iterative import PtyChi
from ptyproof.reconstruction.method import BlindScan, Budget, Reconstruction, illumination, run_method
from ptyproof.study.builtin import builtin_study
from ptyproof.study.reconstruction import Value
from tests.helpers.known import known
from tests.helpers.messages import names

pytest.importorskip("ptychi", reason="pty-chi is not installed: pip install 'pytest-ptyproof[iterative]'")

DOSE = 1e5


@pytest.fixture(scope="module")
def base() -> Dataset:
    """Object, probe and positions of a small scan with the smoke study's kind of object."""
    study = builtin_study("fly64-smoke")
    design = replace(known(study.base), scan_rows=8, scan_cols=8, step_px=3.0, jitter_px=1.5, probe_diameter_px=14.0)
    made = make_base(replace(study, base=design))
    # half the phase: engines need many epochs for the slow waves of a strong object
    obj = np.abs(known(made.obj)) * np.exp(0.5j * np.angle(known(made.obj)))
    return replace(made, obj=obj.astype(np.complex64))


def noise_free(
    base: Dataset, offset: float = 0.0
) -> tuple[BlindScan, npt.NDArray[np.complex64], npt.NDArray[np.float64]]:
    """Return (scan, object, illuminated weight): the expected counts themselves, at whole pixels plus an offset."""
    obj = known(base.obj)
    positions = np.rint(base.positions_px) + offset
    half = np.array(base.probe.shape) // 2
    inside = ((positions >= half) & (positions <= np.array(obj.shape) - base.probe.shape + half)).all(axis=1)
    positions = positions[inside]
    probe = scale_probe_to_dose(base.probe, obj, positions, DOSE)
    counts = expected_counts(probe, object_patches(obj, positions, base.probe.shape))
    covered = illumination(probe, positions, obj.shape)
    scan = BlindScan(np.sqrt(counts).astype(np.float32), probe, positions, obj.shape)
    return scan, obj, (covered >= 0.1 * covered.max()).astype(float)


def run(name: str, scan: BlindScan, epochs: int, seed: int = 1, **settings: Value) -> Reconstruction:
    """Run an engine; `settings` are options that differ from its defaults."""
    return run_method(PtyChi(name, settings), scan, Budget(epochs), np.random.default_rng(seed))


@pytest.mark.parametrize("offset", [0.0, 0.5], ids=["whole pixels", "half a pixel"])
def test_lsqml_finds_the_object_of_noise_free_data(base: Dataset, offset: float) -> None:
    scan, obj, lit = noise_free(base, offset)
    found = run("lsqml", scan, 30)
    assert scaled_error(found.obj, obj, lit).nrmse < 0.02
    np.testing.assert_array_equal(found.probe, scan.probe)
    assert found.stopped_by == "epochs"
    assert len(found.losses) == len(found.seconds) == 30
    assert found.losses[-1] < 0.05 * found.losses[0]
    assert list(found.seconds) == sorted(found.seconds)


def test_the_modulus_is_in_the_unit_of_the_datasets_probe(base: Dataset) -> None:
    scan, obj, lit = noise_free(base)
    tenfold = replace(scan, probe=10 * scan.probe)
    scale = abs(scaled_error(run("lsqml", tenfold, 10).obj, obj, lit).scale)
    assert scale == pytest.approx(10, rel=0.02)


@pytest.mark.parametrize(("name", "limit"), [("epie", 0.08), ("rpie", 0.12)])
def test_the_other_engines_converge_to_the_object(base: Dataset, name: str, limit: float) -> None:
    scan, obj, lit = noise_free(base, 0.5)
    flat = scaled_error(np.ones(obj.shape, np.complex64), obj, lit).nrmse
    assert scaled_error(run(name, scan, 10).obj, obj, lit).nrmse < limit < 0.6 * flat


def test_a_probe_is_refined_from_one_out_of_focus(base: Dataset) -> None:
    scan, obj, lit = noise_free(base)
    start = defocused(scan.probe, 10.0)
    found = run("lsqml", replace(scan, probe=start.copy(), probe_knowledge="estimated"), 45)

    def likeness(probe: npt.NDArray[np.complex64]) -> np.float32:
        return abs(np.vdot(probe, scan.probe)) / (np.linalg.norm(probe) * np.linalg.norm(scan.probe))

    assert likeness(start) < 0.9
    assert likeness(found.probe) > 0.99
    assert np.linalg.norm(found.probe) == pytest.approx(np.linalg.norm(scan.probe), rel=0.05)
    # object and probe may share a shift and a ramp, which no pattern tells
    aligned = align(found.obj, obj, illumination_crop(lit, 0.5))
    assert scaled_error(aligned.result, aligned.truth, aligned.mask.astype(float)).nrmse < 0.06


def test_the_start_decides_nothing_where_data_do_and_stays_where_no_light_falls(base: Dataset) -> None:
    scan, obj, lit = noise_free(base)
    engine = PtyChi("lsqml")
    start = np.full(obj.shape, 0.7 + 0.3j, np.complex64)
    found = engine.refine(scan, Budget(15), np.random.default_rng(1), start)
    assert scaled_error(found.obj, obj, lit).nrmse < 0.06
    np.testing.assert_array_equal(start, np.complex64(0.7 + 0.3j))
    grown = replace(scan, object_shape=(obj.shape[0] + 30, obj.shape[1] + 7))
    wide = run("lsqml", grown, 2)
    assert wide.obj.shape == grown.object_shape
    np.testing.assert_array_equal(wide.obj[obj.shape[0] + 3 :], wide.obj[-1, -1])


@pytest.mark.parametrize(
    ("settings", "draws"),
    [({}, False), ({"batching": "random", "n_batches": 8}, True), ({"batching": "compact", "n_batches": 4}, None)],
    ids=["all at once", "random batches", "compact batches"],
)
def test_the_same_seed_gives_the_same_bits(base: Dataset, settings: dict[str, Any], draws: bool | None) -> None:
    scan, _, _ = noise_free(base)
    first, second, other = (run("lsqml", scan, 2, seed, **settings).obj for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, second)
    if draws is not None:  # clusters may come out the same
        assert np.array_equal(first, other) != draws


def test_momentum_and_batches_are_what_the_options_say(base: Dataset) -> None:
    scan, obj, lit = noise_free(base)
    usual, without, several = (
        scaled_error(run("lsqml", scan, 12, **settings).obj, obj, lit).nrmse
        for settings in ({}, {"momentum": 0.0}, {"n_batches": 8})
    )
    assert usual < 0.8 * without
    assert several != usual
    # pty-chi knows no momentum of the object in other modes, and gives the probe none here
    one, other = (run("lsqml", scan, 2, batching="random", momentum=momentum).obj for momentum in (0.0, 0.5))
    np.testing.assert_array_equal(one, other)


def test_a_time_budget_ends_after_the_epoch_that_exceeds_it(base: Dataset) -> None:
    scan, _, _ = noise_free(base)
    seen: list[Any] = []
    budget = Budget(seconds=1e-6, on_epoch=seen.append)
    found = PtyChi("epie").reconstruct(scan, budget, np.random.default_rng(0))
    assert (found.stopped_by, len(found.losses), seen) == ("seconds", 1, [1])
    both = PtyChi("epie").reconstruct(scan, Budget(2, 1000.0), np.random.default_rng(0))
    assert (both.stopped_by, len(both.losses)) == ("epochs", 2)


@pytest.mark.parametrize("n", [1, 2])
def test_one_and_two_positions_without_overlap_are_reconstructed(base: Dataset, n: int) -> None:
    scan, _, _ = noise_free(base)
    where = np.array([[20.0, 20.0], [70.5, 70.5]])[:n]
    few = BlindScan(scan.amplitude[:n].copy(), scan.probe.copy(), where.copy(), (100, 100))
    found = run("lsqml", few, 2)
    assert np.isfinite(found.obj).all()


def process_state() -> dict[str, Any]:
    """Everything that pty-chi changes when it is left to itself, as comparable values."""
    return {
        "dtype": torch.get_default_dtype(),
        "device": str(torch.get_default_device()),
        "torch": torch.get_rng_state().tolist(),
        "python": random.getstate(),
        "numpy": np.random.get_state(legacy=False)["state"]["key"].tolist(),  # noqa: NPY002
        "handlers": list(logging.getLogger().handlers),
        "level": logging.getLogger().level,
        "disabled": logging.getLogger().manager.disable,
        "threads": torch.get_num_threads(),
    }


def test_the_process_is_afterwards_as_it_was(base: Dataset, capfd: pytest.CaptureFixture[str]) -> None:
    scan, _, _ = noise_free(base)
    torch.set_default_dtype(torch.float64)
    try:
        before = process_state()
        run("lsqml", scan, 1)
        assert process_state() == before
        with pytest.raises(ValueError, match="diffraction_data"):
            PtyChi("lsqml").reconstruct(replace(scan, amplitude=scan.amplitude[0]), Budget(1), np.random.default_rng(1))
        assert process_state() == before
    finally:
        torch.set_default_dtype(torch.float32)
    assert capfd.readouterr() == ("", "")


WITHOUT = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "ptychi":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocker())
import importlib.util
real = importlib.util.find_spec
def find_spec(name, package=None):
    try:
        return real(name, package)
    except ModuleNotFoundError:
        return None
importlib.util.find_spec = find_spec
"""


def test_without_pty_chi_the_methods_say_how_it_is_installed() -> None:
    code = WITHOUT + (
        "from ptyproof.reconstruction.iterative import PtyChi\n"
        "from ptyproof.methods.registry import registry\n"
        "from ptyproof.study.builtin import builtin_study\n"
        "for entry in registry(builtin_study('fly64')).methods.values(): print(entry.name, entry.unavailable)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    said = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    assert {name for name, reason in said.items() if reason == "None"} == {"flat", "start", "pinn", "map", "map-tv"}
    for name in ("lsqml", "rpie", "epie", "start+lsqml", "pinn+lsqml"):
        engine = name.rpartition("+")[2]
        assert names(said[name], engine, "ptychi", "pip install 'pytest-ptyproof[iterative]'")
