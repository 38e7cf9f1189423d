"""Replicates: the first is the study without replicates, byte for byte, and the others differ in all that is drawn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptyproof.checking import check_manifest
from ptyproof.cli.main import main
from ptyproof.console import Console
from ptyproof.errors import InputError
from ptyproof.io.dataset import write_dataset
from ptyproof.phases.base import load_base, make_base
from ptyproof.phases.c_simulate.generate import generate
from ptyproof.phases.d_overlap.overlap import overlap
from ptyproof.phases.e_train.train import TrainingPhase
from ptyproof.phases.f_reconstruct.reconstruct import ReconstructionPhase
from ptyproof.phases.g_compare.compare import open_comparison, run_comparison
from ptyproof.study.builtin import builtin_study
from ptyproof.study.design import StudyDesign
from ptyproof.study.reconstruction import MethodDesign
from ptyproof.study.training import NetworkDesign, TrainingDesign
from ptyproof.study.views import Sampling, View
from ptyproof.training.device import RunOptions
from tests.helpers.messages import naming

SMOKE = builtin_study("fly64-smoke")
ONE = replace(
    SMOKE,
    doses_photons_per_pattern=(1e3,),
    views=(View("some", 2, Sampling(0.5, 16)),),
    training=TrainingDesign(max_epochs=1, steps_per_epoch=1, network=NetworkDesign(channels=8, n_blocks=1)),
    reconstruction=replace(
        SMOKE.reconstruction, methods=(MethodDesign("flat"), MethodDesign("pinn"), MethodDesign("start"))
    ),
)
MADE = ("data", "bundles", "archives")


@dataclass(frozen=True)
class Made:
    """What a study has left: its folder and manifests."""

    root: Path
    manifests: dict[str, Any]

    def files(self, kind: str, folder: str) -> dict[str, bytes]:
        """Return the datasets, bundles or archives of the dose with that folder, by their paths in it."""
        roots = {"data": ("c", "d"), "bundles": ("e",), "archives": ("e/reconstructions",)}[kind]
        wanted = "*.safetensors" if kind == "bundles" else "*.npz"
        return {
            f"{root}/{path.relative_to(self.root / root / folder)}": path.read_bytes()
            for root in roots
            for path in sorted((self.root / root / folder).rglob(wanted))
        }


def run(design: StudyDesign, root: Path) -> Made:
    """Run all phases of a study."""
    root.mkdir(exist_ok=True)
    c = generate(design, load_base(design, "builtin"), root / "c")
    d = overlap(root / "c", root / "d", design=design)
    options = RunOptions(accelerator="cpu", threads=1)
    roots = root / "c", root / "d", root / "e"
    (root / "e").mkdir(exist_ok=True)
    manifests: dict[str, Any] = {"c": c, "d": d}
    for name, kind in (("e", TrainingPhase), ("f", ReconstructionPhase)):
        phase: Any = kind.opened(*roots, options)
        phase.run(phase.enumerate(), _all(phase), False, Console.silent())
        manifests[name] = phase.ledger.read()
    manifests["g"] = run_comparison(open_comparison(root / "e", figures=False))
    return Made(root, manifests)


def _all(phase: Any) -> Any:
    from ptyproof.methods.reconstruction_jobs import ReconstructionFilters
    from ptyproof.study.jobs import JobFilters

    return ReconstructionFilters() if isinstance(phase, ReconstructionPhase) else JobFilters()


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A study without replicates."""
    return run(ONE, tmp_path_factory.mktemp("one"))


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The same study with three replicates."""
    return run(replace(ONE, replicates=3), tmp_path_factory.mktemp("three"))


@pytest.mark.parametrize("kind", MADE)
def test_the_first_replicate_is_the_study_without_replicates(one: Made, three: Made, kind: str) -> None:
    wanted = one.files(kind, "dose_1000")
    assert wanted
    assert three.files(kind, "dose_1000") == wanted


@pytest.mark.parametrize("kind", MADE)
def test_replicates_differ_in_all_that_is_drawn(three: Made, kind: str) -> None:
    made = [three.files(kind, folder) for folder in ("dose_1000", "dose_1000_r2", "dose_1000_r3")]
    assert made[0].keys() == made[1].keys() == made[2].keys()
    for name in made[0]:
        assert len({files[name] for files in made}) == 3, name


def test_replicates_have_one_object_and_other_noise(three: Made) -> None:
    objects, patterns = [], []
    for folder in ("dose_1000", "dose_1000_r2"):
        with np.load(three.root / "c" / folder / "patched_test.npz", allow_pickle=False) as archive:
            objects.append(archive["objectGuess"])
            patterns.append(archive["diffraction"])
    np.testing.assert_array_equal(*objects)
    assert np.mean(patterns[0] != patterns[1]) > 0.1


def test_every_replicate_is_named_and_judged(three: Made) -> None:
    keys = [f"dose1000-some-gs2{suffix}" for suffix in ("", "-r2", "-r3")]
    assert [job["job"] for job in three.manifests["e"]["jobs"]] == keys
    cells = [f"{key}-test-{method}" for key in keys for method in ("flat", "pinn", "start")]
    assert [job["job"] for job in three.manifests["f"]["jobs"]] == cells
    assert [cell["job"] for cell in three.manifests["g"]["cells"]] == cells
    assert [cell.get("replicate", 1) for cell in three.manifests["g"]["cells"]] == [1] * 3 + [2] * 3 + [3] * 3
    for path in sorted(three.root.rglob("*_manifest.json")):
        assert [str(f) for f in check_manifest(path).findings if f.severity == "error"] == [], path


def test_the_table_of_values_has_a_column_for_the_replicate_where_there_are_several(one: Made, three: Made) -> None:
    heads = [(made.root / "e" / "comparison.csv").read_text().splitlines()[0].split(",") for made in (one, three)]
    assert heads[1] == [*heads[0], "replicate"]


def test_more_replicates_extend_a_record_and_fewer_are_refused(tmp_path: Path) -> None:
    base = load_base(ONE, "builtin")
    first = generate(ONE, base, tmp_path / "c")
    more = generate(replace(ONE, replicates=2), base, tmp_path / "c")
    assert more["datasets"][0] == first["datasets"][0]
    assert [entry["folder"] for entry in more["datasets"]] == ["dose_1000", "dose_1000_r2"]
    before = (tmp_path / "c" / "run_manifest.json").read_bytes()
    with pytest.raises(InputError, match=naming("run_manifest.json", 2, 1)):
        generate(ONE, base, tmp_path / "c")
    assert (tmp_path / "c" / "run_manifest.json").read_bytes() == before


def test_replicates_may_have_objects_of_their_own(tmp_path: Path) -> None:
    design = replace(ONE, replicates=2, replicate_objects=True)
    first, second = make_base(design), make_base(design, 2)
    np.testing.assert_array_equal(first.positions_px, second.positions_px)
    assert first.obj is not None
    assert second.obj is not None
    assert np.mean(first.obj != second.obj) > 0.5
    path = tmp_path / "base.npz"
    write_dataset(path, first)
    with pytest.raises(InputError, match=naming("replicate_objects", "base.npz")):
        generate(design, load_base(design, str(path)), tmp_path / "c")
    assert not (tmp_path / "c").exists()
    generate(design, load_base(design, "builtin"), tmp_path / "c")
    with np.load(tmp_path / "c" / "dose_1000_r2" / "patched_train.npz", allow_pickle=False) as archive:
        np.testing.assert_array_equal(archive["objectGuess"], second.obj)


def test_the_option_replicate_chooses_cells(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = tmp_path / "mine.toml"
    from ptyproof.study.toml_form import study_to_toml

    study.write_text(study_to_toml(replace(ONE, replicates=3)))
    c, d = tmp_path / "c", tmp_path / "d"
    own = ["--study", str(study), "--replicate", "2"]
    assert main(["generate", "--base-npz", "builtin", "--output-root", str(c), *own]) == 0
    assert main(["overlap", "--phase-c-root", str(c), "--output-root", str(d), *own]) == 0
    roots = ["--phase-c-root", str(c), "--phase-d-root", str(d), "--artifact-root", str(tmp_path / "e")]
    assert main(["train", *roots, *own, "--dry-run"]) == 0
    assert "would train dose1000-some-gs2-r2" in capsys.readouterr().out
    assert sorted(path.name for path in c.glob("dose*")) == ["dose_1000_r2"]
    assert main(["train", *roots, "--study", str(study), "--replicate", "4", "--dry-run"]) == 2
