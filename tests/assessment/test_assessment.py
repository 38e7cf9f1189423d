"""Methods on data without a known truth: held-out patterns, half-scans, a base from a reconstruction."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from ptyproof.assessment.assess import ASSESSMENT, AssessmentPlan, Task, assess
from ptyproof.assessment.own_training import OwnTraining
from ptyproof.cli.main import main
from ptyproof.errors import DataError, InputError
from ptyproof.io.dataset import read_dataset, write_dataset
from ptyproof.io.file_record import file_is_whole
from ptyproof.io.hashing import sha256_file
from ptyproof.methods.map import MapFit
from ptyproof.methods.registry import OURS, Registered
from ptyproof.phases.base import LIT_FRACTION, base_of_reconstruction, load_base
from ptyproof.phases.measurement import with_found_probe
from ptyproof.physics.metrics import scaled_error
from ptyproof.reconstruction.method import BlindScan, Budget, Needs, Reconstruction
from ptyproof.reconstruction.tuner import Tuned
from ptyproof.records.archive import read_archive
from ptyproof.records.manifest import read_any_manifest
from ptyproof.study.builtin import builtin_study
from ptyproof.study.layout import phase_c_file
from ptyproof.study.training import NetworkDesign, TrainingDesign
from ptyproof.training.bundle import read_bundle
from ptyproof.training.device import RunOptions
from ptyproof_schemas.types.assessment import Assessment
from tests.helpers.known import known
from tests.helpers.measurements import some_of
from tests.helpers.messages import names, naming, numbers
from tests.helpers.phases import Phase

OPTIONS = RunOptions(accelerator="cpu", threads=1)


class Known:
    """A method that knows the answer, which only a test can, and adds noise of its own to it."""

    name = "known"
    needs = Needs(probe="either")

    def __init__(self, obj: np.ndarray, probe: np.ndarray, noise: float = 0.0) -> None:
        self._obj, self._probe, self._noise = obj, probe, noise
        self.seen: list[BlindScan] = []

    def reconstruct(self, dataset: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
        self.seen.append(dataset)
        rows, cols = dataset.object_shape
        noise = self._noise * rng.standard_normal((2, rows, cols))
        obj = self._obj[:rows, :cols] + noise[0] + 1j * noise[1]
        return Reconstruction(obj.astype(np.complex64), self._probe)


@pytest.fixture(scope="module")
def measured(smoke_c: Phase, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A measurement: a simulated scan as a file that has no truth."""
    dataset = read_dataset(phase_c_file(smoke_c.root, 1e4, "test")).dataset
    path = tmp_path_factory.mktemp("measured") / "measured.npz"
    metadata = dataset.metadata | {"role": "measurement", "split": "all"}
    write_dataset(path, replace(dataset, obj=None, patches=None, metadata=metadata))
    return path


@pytest.fixture(scope="module")
def truth(smoke_c: Phase) -> Any:
    """The dataset that the measurement was made of."""
    return read_dataset(phase_c_file(smoke_c.root, 1e4, "test")).dataset


def task(method: object, epochs: int | None = None) -> Task:
    """Return a method as a task."""
    return Task(Registered(method, OURS, None), epochs)  # type: ignore[arg-type]


def values(record: Assessment, number: int = 0) -> dict[str, float | None]:
    """Return the metrics of a method by name."""
    return {found["metric"]: found["value"] for found in record["methods"][number]["measures"]}


def test_every_part_is_reconstructed_from_its_own_patterns_alone(measured: Path, truth: Any, tmp_path: Path) -> None:
    method = Known(truth.obj, truth.probe)
    record = assess(measured, tmp_path / "out", [task(method)], AssessmentPlan(held_out_fraction=0.2), OPTIONS)
    n = len(truth)
    fit, half_a, half_b = ({tuple(row) for row in scan.positions_px.tolist()} for scan in method.seen)
    everything = {tuple(row) for row in truth.positions_px.tolist()}
    assert len(fit) == n - round(0.2 * n)
    assert half_a | half_b == everything
    assert not half_a & half_b
    assert abs(len(half_a) - len(half_b)) <= 1
    assert record["n_patterns"] == {
        "fit": len(fit),
        "half_a": len(half_a),
        "half_b": len(half_b),
        "held_out": round(0.2 * n),
    }


def test_a_tuned_method_chooses_for_each_part_and_its_archives_say_what(measured: Path, tmp_path: Path) -> None:
    method = Tuned(MapFit("map-tv", NetworkDesign()), {"projections": 3}, {"weight": [1.0, 4.0]})
    record = assess(measured, tmp_path / "out", [task(method, 3)], AssessmentPlan(held_out_fraction=0.2), OPTIONS)
    assert record["methods"][0]["status"] == "success"
    made = record["methods"][0]["reconstructions"]
    assert made is not None
    for part in ("fit", "half_a", "half_b"):
        chosen = read_archive(tmp_path / "out" / made[part]["path"]).record["chosen"]
        assert chosen["weight"] in (1.0, 4.0)


def test_the_truth_explains_patterns_that_it_has_not_seen_and_its_halves_agree(
    measured: Path, truth: Any, tmp_path: Path
) -> None:
    record = assess(measured, tmp_path, [task(Known(truth.obj, truth.probe))], AssessmentPlan(), OPTIONS)
    found = values(record)
    # Poisson: about 1/2 nat where counts are high and less where they are low; no fit, so the held-out are no worse
    for name in ("poisson_deviance", "held_out_poisson_deviance"):
        assert 0.2 < known(found[name]) < 0.6
    assert found["held_out_r_factor"] == pytest.approx(found["r_factor"], rel=0.1)
    assert found["half_scan_phase_frc_halfbit_px"] == 2.0
    assert read_any_manifest(tmp_path / ASSESSMENT) == record
    files = [
        *cast("dict[str, Any]", record["methods"][0]["reconstructions"]).values(),
        *record["methods"][0]["figures"],
    ]
    assert len(files) == 5
    assert all(file_is_whole(entry, tmp_path) for entry in files)


def test_noise_of_the_method_is_found_by_every_metric(measured: Path, truth: Any, tmp_path: Path) -> None:
    clean, noisy = (
        values(
            assess(
                measured, tmp_path / str(noise), [task(Known(truth.obj, truth.probe, noise))], AssessmentPlan(), OPTIONS
            )
        )
        for noise in (0.0, 0.3)
    )
    for name in ("r_factor", "held_out_r_factor", "poisson_deviance", "held_out_poisson_deviance"):
        assert noisy[name] > clean[name]  # type: ignore[operator]
    assert (noisy["half_scan_phase_frc_halfbit_px"] or np.inf) > 2.0


def test_the_same_seed_gives_the_same_files(measured: Path, truth: Any, tmp_path: Path) -> None:
    digests = []
    for name in ("a", "b"):
        record = assess(
            measured, tmp_path / name, [task(Known(truth.obj, truth.probe, 0.1))], AssessmentPlan(), OPTIONS
        )
        digests.append(
            [entry["sha256"] for entry in cast("dict[str, Any]", record["methods"][0]["reconstructions"]).values()]
        )
    assert digests[0] == digests[1]


class Networked(Known):
    """A method that needs a network, and knows the answer without it."""

    name = "networked"
    needs = Needs(training=True)


@pytest.fixture(scope="module")
def own_training() -> OwnTraining:
    """A training of a few steps."""
    tiny = TrainingDesign(max_epochs=2, steps_per_epoch=2, network=NetworkDesign(n_stages=1, channels=8, n_blocks=1))
    design = builtin_study("fly64-groups")
    return OwnTraining(replace(design, training=tiny), design.views[2])


def test_each_reconstruction_has_a_network_of_its_own_patterns_alone(
    measured: Path, truth: Any, own_training: OwnTraining, tmp_path: Path
) -> None:
    method = Networked(truth.obj, truth.probe)
    record = assess(measured, tmp_path, [task(method), task(method)], AssessmentPlan(), OPTIONS, own_training)
    assert record["bundle"] is None
    training: dict[str, Any] = cast("dict[str, Any]", record["training"])
    assert (training["view"], training["gridsize"], training["neighbor_count"]) == ("groups16", 4, 24)
    assert list(training["networks"]) == ["fit", "half_a", "half_b"]
    assert all(file_is_whole(entry["bundle"], tmp_path) for entry in training["networks"].values())
    given = [scan.bundle_path for scan in method.seen]
    assert given == 2 * [tmp_path / entry["bundle"]["path"] for entry in training["networks"].values()]
    for scan, entry in zip(method.seen, training["networks"].values(), strict=False):
        bundle = read_bundle(tmp_path / entry["bundle"]["path"]).record
        # what was read is what the method sees: those positions, and those photons
        assert bundle["training_arrays_sha256"] == scan.scan_sha256
        assert bundle["n_training_positions"] + bundle["n_validation_positions"] == len(scan)
        assert bundle["dose"] == pytest.approx(np.square(scan.amplitude).sum(axis=(1, 2)).mean(), rel=1e-4)
        archive = read_archive(tmp_path / "networked" / f"{Path(entry['bundle']['path']).parent.name}.npz")
        assert archive.record["bundle_sha256"] == entry["bundle"]["sha256"]
    assert read_any_manifest(tmp_path / ASSESSMENT) == record


def test_a_method_that_needs_no_network_trains_none(
    measured: Path, truth: Any, own_training: OwnTraining, tmp_path: Path
) -> None:
    method = Known(truth.obj, truth.probe)
    record = assess(measured, tmp_path, [task(method)], AssessmentPlan(), OPTIONS, own_training)
    assert known(record["training"])["networks"] == {}
    assert all(scan.bundle_path is None for scan in method.seen)


def test_a_network_that_is_given_is_recorded_and_is_for_those_that_need_one(
    measured: Path, truth: Any, own_training: OwnTraining, tmp_path: Path
) -> None:
    method = task(Networked(truth.obj, truth.probe))
    first = assess(measured, tmp_path / "first", [method], AssessmentPlan(), OPTIONS, own_training)
    given = tmp_path / "first" / known(first["training"])["networks"]["fit"]["bundle"]["path"]
    needing, other = Networked(truth.obj, truth.probe), Known(truth.obj, truth.probe)
    tasks = [task(needing), task(other)]
    record = assess(measured, tmp_path / "out", tasks, AssessmentPlan(), OPTIONS, given)
    assert record["bundle"] == {
        "name": given.name,
        "sha256": sha256_file(given),
        "size_bytes": given.stat().st_size,
    }
    assert record["training"] is None
    assert {scan.bundle_path for scan in needing.seen} == {given}
    assert {scan.bundle_path for scan in other.seen} == {None}
    origins = [read_archive(tmp_path / "out" / name / "fit.npz").record for name in ("networked", "known")]
    assert [origin["bundle_sha256"] for origin in origins] == [sha256_file(given), None]


def test_without_counts_a_method_that_needs_a_training_fails_and_the_others_go_on(
    measured: Path, truth: Any, own_training: OwnTraining, tmp_path: Path
) -> None:
    dataset = read_dataset(measured).dataset
    scaled = replace(dataset, metadata=dataset.metadata | {"intensity_scale": None})
    write_dataset(tmp_path / "scaled.npz", scaled)
    methods = [task(Networked(truth.obj, truth.probe)), task(Known(truth.obj, truth.probe))]
    record = assess(tmp_path / "scaled.npz", tmp_path / "out", methods, AssessmentPlan(), OPTIONS, own_training)
    assert [entry["status"] for entry in record["methods"]] == ["failed", "success"]
    assert record["methods"][0]["error"]
    assert known(record["training"])["networks"] == {}


class Broken(Known):
    """A method that returns what is no number."""

    name = "broken"

    def reconstruct(self, dataset: BlindScan, budget: Budget, rng: np.random.Generator) -> Reconstruction:
        return Reconstruction(np.full(dataset.object_shape, np.nan, np.complex64), dataset.probe)


def test_a_method_that_fails_is_recorded_and_the_others_go_on(measured: Path, truth: Any, tmp_path: Path) -> None:
    methods: Sequence[Task] = [task(Broken(truth.obj, truth.probe)), task(Known(truth.obj, truth.probe))]
    record = assess(measured, tmp_path, methods, AssessmentPlan(), OPTIONS)
    assert [entry["status"] for entry in record["methods"]] == ["failed", "success"]
    assert names(known(record["methods"][0]["error"]), "object")


def test_what_cannot_be_judged_is_refused_before_anything_is_written(
    measured: Path, truth: Any, tmp_path: Path
) -> None:
    needing = Known(truth.obj, truth.probe)
    needing.needs = Needs(training=True)
    with pytest.raises(InputError, match=naming("--train", "--bundle")):
        assess(measured, tmp_path / "out", [task(needing)], AssessmentPlan(), OPTIONS)
    (tmp_path / "cut.safetensors").write_bytes(b"weights")
    for bundle, words in ((tmp_path / "gone", "gone: "), (tmp_path / "cut.safetensors", r"cut\.safetensors: ")):
        with pytest.raises(DataError, match=words):
            assess(measured, tmp_path / "out", [task(needing)], AssessmentPlan(), OPTIONS, bundle)
    write_dataset(tmp_path / "few.npz", some_of(read_dataset(measured).dataset, np.arange(4)))
    with pytest.raises(DataError, match=naming("few.npz", 4, 8)):
        assess(tmp_path / "few.npz", tmp_path / "out", [task(Known(truth.obj, truth.probe))], AssessmentPlan(), OPTIONS)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--method", "lsqml=0"], ("--method", "'lsqml=0'")),
        (["--method", "nobody"], ("--method", "lsqml", "'nobody'")),
        (["--probe", "refined"], ("--probe", "true", "estimated", "'refined'")),
        (["--held-out", "0.9"], ("--held-out", "(0, 0.5]", 0.9)),
        (["--train", "groups16"], ("--train", "STUDY/VIEW", "'groups16'")),
        (["--train", "fly64/dense"], ("--train", "fly64", "baseline", "'dense'")),
    ],
)
def test_bad_options_are_one_sentence(
    arguments: list[str], named: tuple[object, ...], measured: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["assess", str(measured), "--out", str(tmp_path / "out"), *arguments]) == 2
    assert names(capsys.readouterr().err, *named)
    assert not (tmp_path / "out").exists()


def test_a_base_of_a_reconstruction_simulates_what_was_measured(
    measured: Path, truth: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assess(
        measured,
        tmp_path / "out",
        [task(Known(truth.obj * np.complex64(3j), truth.probe / np.float32(3)))],
        AssessmentPlan(),
        OPTIONS,
    )
    archive = tmp_path / "out" / "known" / "fit.npz"
    assert main(["import", str(measured), "--object-from", str(archive), "--out", str(tmp_path / "base.npz")]) == 0
    assert 123 in numbers(capsys.readouterr().out)
    base = load_base(builtin_study("fly64-smoke"), str(tmp_path / "base.npz")).dataset
    assert base.obj is not None
    found = read_archive(archive)
    lit = found.illumination >= LIT_FRACTION * found.illumination.max()
    rows, cols = lit.shape
    assert np.abs(base.obj[:rows, :cols][lit]).mean() == pytest.approx(1.0, rel=1e-4)
    error = scaled_error(base.obj[:rows, :cols], truth.obj[:rows, :cols], lit.astype(np.float64)).nrmse
    assert error < 1e-5
    # the product of both, which the patterns tell, is that of the reconstruction
    ratio = np.abs(base.probe).sum() * np.abs(base.obj[:rows, :cols][lit]).mean()
    assert ratio == pytest.approx(np.abs(found.probe).sum() * np.abs(found.obj[lit]).mean(), rel=1e-4)
    np.testing.assert_array_equal(base.positions_px, truth.positions_px)
    assert json.loads(json.dumps(base.metadata))["role"] == "base"


def test_a_reconstruction_of_something_else_makes_no_base(measured: Path, truth: Any, tmp_path: Path) -> None:
    assess(measured, tmp_path / "out", [task(Known(truth.obj, truth.probe))], AssessmentPlan(), OPTIONS)
    other = read_dataset(measured).dataset
    moved = replace(other, positions_px=other.positions_px + 40.0)
    write_dataset(tmp_path / "moved.npz", moved)
    with pytest.raises(DataError, match=naming("moved.npz")):
        base_of_reconstruction(tmp_path / "moved.npz", tmp_path / "out" / "known" / "fit.npz")


def test_a_measurement_takes_the_probe_that_a_reconstruction_found(
    measured: Path, truth: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = np.ascontiguousarray(truth.probe.T)
    assess(measured, tmp_path / "out", [task(Known(truth.obj, found))], AssessmentPlan(), OPTIONS)
    archive = tmp_path / "out" / "known" / "fit.npz"
    assert main(["import", str(measured), "--probe-from", str(archive), "--out", str(tmp_path / "refined.npz")]) == 0
    assert names(capsys.readouterr().out, "measured.npz", "probeGuess", "known")
    before, after = read_dataset(measured).dataset, read_dataset(tmp_path / "refined.npz").dataset
    np.testing.assert_array_equal(after.probe, found)
    np.testing.assert_array_equal(after.counts(), before.counts())
    np.testing.assert_array_equal(after.positions_px, before.positions_px)
    detail: Any = after.metadata["transformations"][-1]["detail"]
    assert detail["measurement"] == {"name": "measured.npz", "sha256": sha256_file(measured)}


def test_a_probe_of_another_size_is_no_probe_of_a_measurement(measured: Path, truth: Any, tmp_path: Path) -> None:
    assess(measured, tmp_path / "out", [task(Known(truth.obj, truth.probe))], AssessmentPlan(), OPTIONS)
    small = read_dataset(measured).dataset
    assert small.diffraction is not None
    cut = replace(small, probe=small.probe[8:-8, 8:-8], diffraction=small.diffraction[:, 8:-8, 8:-8])
    write_dataset(tmp_path / "small.npz", some_of(cut, np.arange(len(cut))))
    with pytest.raises(DataError, match=naming("fit.npz", "(32, 32)", "small.npz", "(16, 16)")):
        with_found_probe(tmp_path / "small.npz", tmp_path / "out" / "known" / "fit.npz")
