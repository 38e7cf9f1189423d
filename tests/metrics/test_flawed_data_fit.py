"""How well a result explains patterns of a flawed experiment: by the model of their dataset, over measured pixels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptyproof.assessment.assess import AssessmentPlan, Task, assess
from ptyproof.io.dataset import Dataset, in_its_version, read_dataset, write_dataset
from ptyproof.io.knowledge import KNOWLEDGE
from ptyproof.methods.registry import OURS, Registered
from ptyproof.metrics.data_fit import data_fit_metrics
from ptyproof.metrics.protocol import Recipe
from ptyproof.phases.base import load_base
from ptyproof.phases.c_simulate.generate import generate
from ptyproof.physics.detector import Detector
from ptyproof.physics.forward import expected_counts
from ptyproof.physics.metrics import poisson_deviance
from ptyproof.reconstruction.method import BlindScan, Budget, Needs, Reconstruction, illumination
from ptyproof.records.archive import ReconstructionArchive
from ptyproof.study.builtin import builtin_study
from ptyproof.study.design import design_from_dict
from ptyproof.study.layout import phase_c_file
from ptyproof.training.device import RunOptions
from tests.helpers.known import known

FLAWS: dict[str, Any] = {
    "detector": {
        "gap_rows": [[17, 1]],
        "dead_pixel_fraction": 0.03,
        "saturation_of_peak": 0.6,
        "background_counts": 0.5,
        "psf_sigma_px": 0.7,
    },
    "beam": {"mode_powers": [0.7, 0.3], "intensity_error": 0.2},
}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    root = tmp_path_factory.mktemp("flawed")
    design = design_from_dict(builtin_study("fly64-smoke").as_dict() | FLAWS)
    generate(design, load_base(design, "builtin"), root, doses=(1e4,))
    return read_dataset(phase_c_file(root, 1e4, "test")).dataset


def truth_of(dataset: Dataset, gain: float = 1.0) -> ReconstructionArchive:
    covered = illumination(dataset.probe, dataset.positions_px, known(dataset.obj).shape)
    none: Any = np.empty(0)
    obj, probe = known(dataset.obj) * np.complex64(gain), dataset.probe / np.complex64(gain)
    return ReconstructionArchive(obj, probe, covered, (covered > 0).astype(np.int32), none, none, none, {})


def fit(dataset: Dataset, result: ReconstructionArchive | None = None) -> dict[str, float]:
    found = data_fit_metrics(result or truth_of(dataset), dataset, Recipe())
    return {each.metric: known(each.value) for each in found}


def test_the_deviance_of_the_truth_is_that_of_its_model_over_measured_pixels(dataset: Dataset) -> None:
    modes, patches = dataset.modes.astype(np.complex128), known(dataset.patches).astype(np.complex128)
    detector = Detector(0.7, dataset.intensity_factors, known(dataset.background).astype(np.float64))
    rates, counts = detector.expected(expected_counts(modes, patches)), dataset.counts()
    seen = (counts < known(dataset.saturation_counts)) & known(dataset.valid_pixels)
    wanted = poisson_deviance(rates[seen], counts[seen], Recipe().rate_floor)
    found = fit(dataset)["poisson_deviance"]
    assert found == pytest.approx(wanted, rel=2e-3)
    # an estimate whose probe and object have other scales fits as well
    assert fit(dataset, truth_of(dataset, 3.0))["poisson_deviance"] == pytest.approx(found, rel=1e-4)


@pytest.mark.parametrize("field", ["valid_pixels", "further_modes", "background", "intensity_factors"])
def test_a_model_without_a_flaw_fits_worse(dataset: Dataset, field: str) -> None:
    less: Any = {field: None}
    whole, without = fit(dataset), fit(replace(dataset, **less))
    assert without["poisson_deviance"] > 1.02 * whole["poisson_deviance"]


def test_excluded_pixels_have_no_say(dataset: Dataset) -> None:
    marked = np.where(known(dataset.valid_pixels), known(dataset.diffraction), np.float32(40))
    assert fit(replace(dataset, diffraction=marked)) == fit(dataset)


class Asks:
    """A method of a test: it keeps what it was told."""

    name = "asks"
    needs = Needs(uses=("mask", "background"))

    def __init__(self) -> None:
        self.seen: list[BlindScan] = []

    def reconstruct(self, scan: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
        self.seen.append(scan)
        return Reconstruction(np.ones(scan.object_shape, np.complex64), scan.probe)


def test_an_assessment_tells_methods_what_a_measurement_knows(dataset: Dataset, tmp_path: Path) -> None:
    metadata: Any = dataset.metadata | {"role": "measurement", "split": "all"}
    measured = replace(dataset, obj=None, patches=None, positions_true_px=None, metadata=metadata)
    write_dataset(tmp_path / "measured.npz", in_its_version(measured))
    method = Asks()
    tasks = [Task(Registered(method, OURS, None), None)]
    options = RunOptions(accelerator="cpu", threads=1)
    record = assess(tmp_path / "measured.npz", tmp_path / "out", tasks, AssessmentPlan(held_out_fraction=0.2), options)
    (made,) = record["methods"]
    assert made["status"] == "success", made["error"]
    assert made["told"] == ["mask", "background"]
    assert made["not_told"] == [word for word in KNOWLEDGE if word not in made["told"]]
    for scan in method.seen:
        assert scan.told.words == ("mask", "background")
        np.testing.assert_array_equal(scan.told.valid_pixels, dataset.valid_pixels)
