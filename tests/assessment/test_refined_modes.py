"""Modes of the probe that a method refines: checked, stored, judged with their object, and given to other methods."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptyproof.assessment.assess import AssessmentPlan, Task, assess
from ptyproof.cli import main
from ptyproof.errors import DataError, RunError
from ptyproof.io.dataset import Dataset, in_its_version, read_dataset, write_dataset
from ptyproof.methods.registry import OURS, Registered
from ptyproof.phases.base import load_base
from ptyproof.phases.c_simulate.generate import generate
from ptyproof.reconstruction.method import BlindScan, Budget, Needs, Reconstruction, run_method
from ptyproof.records.archive import arrays_digest, read_archive
from ptyproof.study.builtin import builtin_study
from ptyproof.study.design import design_from_dict
from ptyproof.study.layout import phase_c_file
from ptyproof.training.device import RunOptions
from tests.helpers.known import known

OPTIONS = RunOptions(accelerator="cpu", threads=1)
MASK = slice(3, 7)


class Knows:
    """A method of a test that knows object and modes, and returns some of them as refined."""

    name = "knows"
    needs = Needs(probe="either", uses=("mask",))

    def __init__(self, truth: Dataset, modes: np.ndarray | None) -> None:
        self._obj, self._probe, self._modes = known(truth.obj), truth.probe, modes

    def reconstruct(self, dataset: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
        rows, cols = dataset.object_shape
        return Reconstruction(self._obj[:rows, :cols].copy(), self._probe, further_modes=self._modes)


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """A simulated scan by a beam of three modes."""
    root = tmp_path_factory.mktemp("modes")
    design = design_from_dict(builtin_study("fly64-smoke").as_dict() | {"beam": {"mode_powers": [0.6, 0.3, 0.1]}})
    generate(design, load_base(design, "builtin"), root, doses=(1e4,))
    return read_dataset(phase_c_file(root, 1e4, "test")).dataset


@pytest.fixture
def measured(truth: Dataset, tmp_path: Path) -> Path:
    """The scan as a measurement of one mode, with a mask."""
    valid = np.ones(truth.probe.shape, bool)
    valid[MASK] = False
    amplitude = np.where(valid, known(truth.diffraction), np.float32(0))
    photons = float(np.square(amplitude, dtype=np.float64).sum(axis=(1, 2)).mean())
    metadata = truth.metadata | {"role": "measurement", "split": "all", "photons_per_pattern_measured": photons}
    one = replace(
        truth, obj=None, patches=None, further_modes=None, diffraction=amplitude, valid_pixels=valid, metadata=metadata
    )
    write_dataset(tmp_path / "measured.npz", in_its_version(one))
    return tmp_path / "measured.npz"


def deviance(measured: Path, out: Path, method: Knows) -> float:
    record = assess(measured, out, [Task(Registered(method, OURS, None), None)], AssessmentPlan(), OPTIONS)
    assert record["methods"][0]["status"] == "success", record["methods"][0]["error"]
    measures = {found["metric"]: found["value"] for found in record["methods"][0]["measures"]}
    return known(measures["held_out_poisson_deviance"])


def test_modes_that_were_refined_are_stored_and_judged(truth: Dataset, measured: Path, tmp_path: Path) -> None:
    further = known(truth.further_modes)
    one = deviance(measured, tmp_path / "one", Knows(truth, None))
    three = deviance(measured, tmp_path / "three", Knows(truth, further))
    assert three < 0.8 * one
    archive = read_archive(tmp_path / "three" / "knows" / "fit.npz")
    np.testing.assert_array_equal(archive.further_modes, further)
    assert archive.record["arrays_sha256"] == arrays_digest(archive)
    assert arrays_digest(archive) != arrays_digest(replace(archive, further_modes=None))
    assert read_archive(tmp_path / "one" / "knows" / "fit.npz").further_modes is None


def test_a_measurement_takes_the_modes_that_a_reconstruction_found(
    truth: Dataset, measured: Path, tmp_path: Path
) -> None:
    deviance(measured, tmp_path / "three", Knows(truth, known(truth.further_modes)))
    archive, out = tmp_path / "three" / "knows" / "fit.npz", tmp_path / "modes.npz"
    assert main(["import", str(measured), "--probe-from", str(archive), "--out", str(out)]) == 0
    np.testing.assert_array_equal(read_dataset(out).dataset.modes, truth.modes)
    # and a reconstruction with one mode takes them away
    deviance(measured, tmp_path / "one", Knows(truth, None))
    archive = tmp_path / "one" / "knows" / "fit.npz"
    assert main(["import", str(out), "--probe-from", str(archive), "--out", str(tmp_path / "one.npz")]) == 0
    assert read_dataset(tmp_path / "one.npz").dataset.further_modes is None


def scan_of(truth: Dataset, **changed: Any) -> BlindScan:
    given: dict[str, Any] = {"probe_knowledge": "estimated"} | changed
    return BlindScan(known(truth.diffraction), truth.probe, truth.positions_px, known(truth.obj).shape, **given)


@pytest.mark.parametrize("kind", ["another window", "no number", "another type", "no stack"])
def test_modes_that_break_the_interface_are_refused(truth: Dataset, kind: str) -> None:
    modes: Any = known(truth.further_modes).copy()
    if kind == "no number":
        modes[1, 2, 3] = np.nan
    wrong = {
        "another window": modes[:, :-1],
        "no number": modes,
        "another type": modes.astype(complex),
        "no stack": 1.0,
    }
    with pytest.raises(RunError):
        run_method(Knows(truth, wrong[kind]), scan_of(truth), Budget(), np.random.default_rng(0))


def test_modes_that_were_to_be_held_fixed_are_not_returned(truth: Dataset) -> None:
    scan, modes = scan_of(truth, probe_knowledge="true"), known(truth.further_modes)
    with pytest.raises(RunError):
        run_method(Knows(truth, modes), scan, Budget(), np.random.default_rng(0))
    run_method(Knows(truth, None), scan, Budget(), np.random.default_rng(0))


def test_a_damaged_member_is_refused(truth: Dataset, measured: Path, tmp_path: Path) -> None:
    deviance(measured, tmp_path / "three", Knows(truth, known(truth.further_modes)))
    path = tmp_path / "three" / "knows" / "fit.npz"
    with np.load(path) as archive:
        members = dict(archive)
    for wrong in (members["further_modes"][:, 1:], members["further_modes"][:0], members["further_modes"][0]):
        np.savez(path, **members | {"further_modes": wrong})
        with pytest.raises(DataError) as refused:
            read_archive(path)
        assert refused.value.member == "further_modes"


def study(path: Path, tells: str, options: str) -> Path:
    """Write a study of `start` and a `map-tv` with options."""
    import tomllib

    text = (
        f"name = 'mine'\npattern_size_px = 32\ndoses_photons_per_pattern = [1e4]\ntells = {tells}\n"
        f"[reconstruction]\nprobe_knowledge = 'true'\nmethods = [{{name = 'start'}}, {{name = 'map-tv', epochs = 2, "
        f"options = {options}}}]\n[[views]]\nname = 'all'\ngridsize = 1\nselection = 'all'\n"
    )
    table = builtin_study("fly64-smoke").as_dict() | tomllib.loads(text)
    assert design_from_dict(table).reconstruction.methods[1].epochs == 2
    path.write_text(text, encoding="utf-8")
    return path


def test_a_study_says_which_methods_with_which_options_are_told_what(measured: Path, tmp_path: Path) -> None:
    common = ["assess", str(measured), "--threads", "1", "--quiet"]
    mine = study(tmp_path / "mine.toml", "['mask', 'positions']", "{weight = 4.0, projections = 2}")
    assert main([*common, "--out", str(tmp_path / "a"), "--study", str(mine)]) == 0
    record = json.loads((tmp_path / "a" / "assessment.json").read_text(encoding="utf-8"))
    assert [(one["method"], one["epochs"]) for one in record["methods"]] == [("start", None), ("map-tv", 2)]
    assert record["methods"][1]["options"]["weight"] == 4.0
    assert record["plan"]["probe"] == "true"
    assert record["plan"]["positions"] == "estimated"
    assert all("mask" in one["told"] for one in record["methods"])
    bare = study(tmp_path / "bare.toml", "[]", "{weight = 4.0}")
    options = ["--method", "start", "--probe", "estimated", "--study", str(bare)]
    assert main([*common, "--out", str(tmp_path / "b"), *options]) == 0
    record = json.loads((tmp_path / "b" / "assessment.json").read_text(encoding="utf-8"))
    assert [one["method"] for one in record["methods"]] == ["start"]
    assert record["methods"][0]["told"] == []
    assert "mask" in record["methods"][0]["not_told"]
    assert (record["plan"]["probe"], record["plan"]["positions"]) == ("estimated", "given")


def test_a_study_that_does_not_exist_is_a_wrong_call(measured: Path, tmp_path: Path) -> None:
    assert main(["assess", str(measured), "--out", str(tmp_path / "a"), "--study", "nonsense"]) == 2
    assert not (tmp_path / "a").exists()
