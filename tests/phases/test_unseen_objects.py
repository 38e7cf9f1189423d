"""Studies that train on some objects and test on others: what is simulated, what a training sees, and who judges it."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from ptyproof.checking import check_manifest
from ptyproof.cli.main import main
from ptyproof.errors import InputError
from ptyproof.extras import MissingExtraError
from ptyproof.io.hashing import sha256_array, sha256_file
from ptyproof.phases.base import load_base, write_base
from ptyproof.phases.c_simulate.generate import generate
from ptyproof.phases.e_train.train import TrainingPhase
from ptyproof.phases.objects import make_objects
from ptyproof.study.builtin import builtin_study
from ptyproof.study.objects import ObjectDesign, ObjectsDesign
from ptyproof.study.reconstruction import MethodDesign
from ptyproof.study.toml_form import study_to_toml
from ptyproof.study.training import NetworkDesign, TrainingDesign
from ptyproof.study.views import AllPositions, Spacing, View
from ptyproof.training.device import RunOptions
from tests.helpers.known import known
from tests.helpers.messages import naming
from tests.helpers.whole_study import Made, run

SMOKE = builtin_study("fly64-smoke")
CAMERA, BRICK, STAR = ObjectDesign("camera"), ObjectDesign("brick"), ObjectDesign("siemens")
UNSEEN = replace(
    SMOKE,
    name="unseen-tiny",
    doses_photons_per_pattern=(1e3, 1e4),
    base=replace(known(SMOKE.base), scan_rows=20, scan_cols=8),
    views=(
        View("all", 1, AllPositions(), object="camera", trained_as="one"),
        View("all-brick", 1, AllPositions(), object="brick", trained_as="one", trained_at=1e4),
        View("some", 2, Spacing(0.9), object="brick", trained_at=1e4),
        View("same-brick", 1, AllPositions(), object="brick", trained_as="one"),  # at 1e4: the network of all-brick
    ),
    objects=ObjectsDesign((ObjectDesign("grains"),), (CAMERA, BRICK)),
    training=TrainingDesign(
        max_epochs=1, steps_per_epoch=1, network=NetworkDesign(channels=8, n_blocks=1, start_iterations=2)
    ),
    reconstruction=replace(SMOKE.reconstruction, methods=(MethodDesign("flat"), MethodDesign("pinn"))),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A study that trains on grains and tests on two images, all phases."""
    return run(UNSEEN, tmp_path_factory.mktemp("unseen"))


def _arrays(path: Path, *names: str) -> list[npt.NDArray[Any]]:
    with np.load(path, allow_pickle=False) as archive:
        return [archive[name] for name in names]


def test_each_test_object_has_a_half_of_its_own(made: Made) -> None:
    entry = made.manifests["c"]["datasets"][0]
    halves = [entry["train"], entry["test"], *entry["further_tests"]]
    names = ["patched_train.npz", "patched_test_camera.npz", "patched_test_brick.npz"]
    assert [half["file"]["path"] for half in halves] == [f"dose_1000/{name}" for name in names]
    assert [half["objects"][0]["kind"] for half in halves] == ["grains", "camera", "brick"]
    assert len({half["arrays_sha256"] for half in halves}) == 3
    base = load_base(UNSEEN, "builtin").dataset
    shape = known(base.obj).shape
    objects = make_objects(known(UNSEEN.objects), (shape[0], shape[1]))
    rows = _arrays(made.root / "c" / names_of(0, "train"), "objectGuess")[0].shape[0]
    np.testing.assert_array_equal(
        _arrays(made.root / "c" / names_of(0, "train"), "objectGuess")[0], objects.train[0].obj[:rows]
    )
    for path, wanted in zip(names[1:], objects.test, strict=True):
        np.testing.assert_array_equal(_arrays(made.root / "c/dose_1000" / path, "objectGuess")[0], wanted.obj)


def names_of(dose: int, half: str) -> str:
    """Return the path of a half below Phase C's folder."""
    return f"dose_{('1000', '10000')[dose]}/patched_{half}.npz"


def test_a_dose_is_the_mean_photons_per_pattern_of_every_half(made: Made) -> None:
    for entry in made.manifests["c"]["datasets"]:
        for half in (entry["train"], entry["test"], *entry["further_tests"]):
            assert half["photons_per_pattern_expected"] == pytest.approx(entry["dose"], rel=1e-5)
            assert half["photons_per_pattern_measured"] == pytest.approx(entry["dose"], rel=0.02)


def test_no_pattern_or_object_of_a_test_half_is_in_a_train_half(made: Made) -> None:
    learned: set[str] = set()
    held_out: list[str] = []
    for path in sorted((made.root / "c").rglob("*.npz")):
        patterns, obj = _arrays(path, "diffraction", "objectGuess")
        digests = [*map(sha256_array, patterns), sha256_array(obj)]
        if path.name == "patched_train.npz":
            learned.update(digests)
        else:
            held_out += digests
    assert len(set(held_out)) == len(held_out) - 2  # both objects stand at both doses
    assert learned
    assert not learned & set(held_out)


def test_every_training_read_the_training_objects_alone(made: Made) -> None:
    train = {entry["dose"]: entry["train"]["file"]["sha256"] for entry in made.manifests["c"]["datasets"]}
    tests = {
        (entry["dose"], half["objects"][0]["name"]): half["file"]["sha256"]
        for entry in made.manifests["c"]["datasets"]
        for half in (entry["test"], *entry["further_tests"])
    }
    views = {view["name"]: view for view in made.manifests["e"]["design"]["views"]}
    jobs = [job for job in made.manifests["e"]["jobs"] if job["view"].startswith("all")]
    assert len(jobs) == 4
    for job in jobs:
        view = views[job["view"]]
        assert job["datasets"]["train"]["sha256"] == train[view.get("trained_at", job["dose"])]
        assert job["datasets"]["test"]["sha256"] == tests[job["dose"], view["object"]]


def test_cells_that_share_a_training_have_one_bundle_and_scores_of_their_own(made: Made) -> None:
    jobs = {job["job"]: job for job in made.manifests["e"]["jobs"]}
    assert all(job["result"]["status"] == "success" for job in jobs.values())
    shared = ["dose1000-all-brick-gs1", "dose10000-all-gs1", "dose10000-all-brick-gs1"]
    assert len({jobs[name]["result"]["bundle_sha256"] for name in shared}) == 1
    assert len({jobs[name]["scores"]["complex_error"]["network"] for name in shared}) == 3
    reused = {name: job["result"].get("reused_from") for name, job in jobs.items()}
    assert reused == {
        "dose1000-all-gs1": None,
        "dose1000-all-brick-gs1": None,
        "dose1000-some-gs2": None,
        "dose1000-same-brick-gs1": "dose1000-all-gs1",
        "dose10000-all-gs1": "dose1000-all-brick-gs1",
        "dose10000-all-brick-gs1": "dose1000-all-brick-gs1",
        "dose10000-some-gs2": "dose1000-some-gs2",
        "dose10000-same-brick-gs1": "dose1000-all-brick-gs1",
    }
    for name in shared:
        folder = made.root / "e" / jobs[name]["artifact_dir"]
        assert json.loads((folder / "model.json").read_text())["job"] == "dose10000-one-gs1"
        assert sha256_file(folder / "model.safetensors") == jobs[name]["result"]["bundle_sha256"]


def test_no_job_waits_in_a_process_for_a_training_that_it_shares(made: Made) -> None:
    roots = (made.root / "c", made.root / "d", made.root / "e")
    phase = TrainingPhase.opened(*roots, RunOptions(accelerator="cpu", threads=1))
    names: dict[object, list[str]] = {}
    for job in phase.enumerate().jobs:
        names.setdefault(phase.same_result(job), []).append(job.key)
    assert sorted(names.values()) == [
        ["dose1000-all-brick-gs1", "dose10000-all-gs1", "dose10000-all-brick-gs1", "dose10000-same-brick-gs1"],
        ["dose1000-all-gs1", "dose1000-same-brick-gs1"],
        ["dose1000-some-gs2", "dose10000-some-gs2"],
    ]


def test_a_reconstruction_that_is_taken_over_names_the_network_that_it_was_made_with(made: Made) -> None:
    jobs = {job["job"]: job for job in made.manifests["f"]["jobs"]}
    own, taken_over = (jobs[f"dose10000-{view}-gs1-test-pinn"] for view in ("all-brick", "same-brick"))
    assert taken_over["result"]["reused_from"] == own["job"]
    assert taken_over["bundle"]["sha256"] == own["bundle"]["sha256"]
    assert taken_over["bundle"]["path"] != own["bundle"]["path"], "each cell has a copy of the bundle"


def test_each_object_is_a_cell_of_its_own_and_every_record_is_sound(made: Made) -> None:
    cells = [f"dose{dose}-{view}-test-{method}" for dose in (1000, 10000) for view in VIEWS for method in METHODS]
    assert [cell["job"] for cell in made.manifests["g"]["cells"]] == cells
    for path in sorted(made.root.rglob("*.json")):
        if path.name.endswith("_manifest.json") or path.name == "model.json":
            assert [str(f) for f in check_manifest(path).findings if f.severity == "error"] == [], path


VIEWS, METHODS = ("all-gs1", "all-brick-gs1", "some-gs2", "same-brick-gs1"), ("flat", "pinn")


def test_a_test_object_among_the_training_objects_is_found(made: Made, tmp_path: Path) -> None:
    record = json.loads((made.root / "c" / "run_manifest.json").read_text())
    half = record["datasets"][0]
    half["further_tests"][0]["objects"][0]["arrays_sha256"] = half["train"]["objects"][0]["arrays_sha256"]
    path = tmp_path / "run_manifest.json"
    path.write_text(json.dumps(record))
    found = [(f.code, f.json_path) for f in check_manifest(path, hash_files=False).findings if f.code == "PM708"]
    assert found == [("PM708", "$.datasets[0].further_tests[0].objects[0].arrays_sha256")]


def test_several_training_objects_lie_below_each_other_in_one_dataset(tmp_path: Path) -> None:
    two = ObjectsDesign((ObjectDesign("grains"), ObjectDesign("grains", 8)), (STAR,))
    design = replace(UNSEEN, objects=two, views=(View("all", 1, AllPositions()),), doses_photons_per_pattern=(1e3,))
    entry = generate(design, load_base(design, "builtin"), tmp_path / "c")["datasets"][0]
    alone = generate(UNSEEN, load_base(UNSEEN, "builtin"), tmp_path / "alone", (1e3,))["datasets"][0]
    assert entry["train"]["n_patterns"] == 2 * alone["train"]["n_patterns"]
    rows, obj, number = _arrays(tmp_path / "c/dose_1000/patched_train.npz", "ycoords", "objectGuess", "scan_index")
    n = len(rows) // 2
    offset = rows[n:] - rows[:n]
    assert np.ptp(offset) < 1e-9
    assert offset[0] == obj.shape[0] / 2
    assert rows[n:].min() - rows[:n].max() >= design.pattern_size_px  # no window is lit by both objects
    assert len(set(number)) == 2 * n


def test_replicates_with_objects_of_their_own_have_other_draws_and_parts(tmp_path: Path) -> None:
    shape = (80, 60)
    first, second = (make_objects(known(UNSEEN.objects), shape, replicate) for replicate in (1, 2))
    digests = [made.sha256 for objects in (first, second) for made in (*objects.train, *objects.test)]
    assert len(set(digests)) == 6


def test_an_object_of_a_file_is_that_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = replace(SMOKE, base=replace(known(SMOKE.base), object="siemens", seed=3))
    written = write_base(other, tmp_path / "star.npz")
    monkeypatch.chdir(tmp_path)
    objects = ObjectsDesign((ObjectDesign("grains"),), (ObjectDesign("file", path="star.npz"),))
    found = make_objects(objects, (64, 50)).test[0]
    assert (found.design.name, found.obj.shape) == ("star", (64, 50))
    assert np.isin(found.obj, known(written.obj)).all()
    assert len(np.unique(found.obj)) > 0.9 * found.obj.size


def test_an_image_without_its_package_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "study.toml").write_text(study_to_toml(UNSEEN))
    monkeypatch.setitem(sys.modules, "skimage", None)
    with pytest.raises(MissingExtraError):
        make_objects(known(UNSEEN.objects), (80, 60))
    how = ["generate", "--study", str(tmp_path / "study.toml"), "--base-npz", "builtin"]
    assert main([*how, "--output-root", str(tmp_path / "c")]) == 2
    assert not (tmp_path / "c").exists()


def test_two_names_of_the_same_arrays_are_refused() -> None:
    twice = ObjectsDesign((ObjectDesign("grains"),), (STAR, replace(STAR, name="other")))
    with pytest.raises(InputError, match=naming("siemens", "other")):
        make_objects(twice, (64, 64))
