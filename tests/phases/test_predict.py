"""`predict`: patches and object of a dataset from a bundle, with the truth unread."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ptyproof.cli import main
from ptyproof.io.hashing import sha256_file
from ptyproof.physics.metrics import scaled_error
from ptyproof.study.layout import phase_c_file
from tests.helpers.messages import names
from tests.helpers.phases import Phase


@pytest.fixture(scope="module")
def bundle(smoke_e: Phase) -> Path:
    return smoke_e.root / "dose_100000" / "baseline" / "gs1" / "model.safetensors"


def test_predict_gives_patches_and_an_object_like_the_truth(
    bundle: Path, smoke_c: Phase, smoke_e: Phase, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset, out = phase_c_file(smoke_c.root, 1e5, "test"), tmp_path / "out.npz"
    assert main(["predict", str(bundle), str(dataset), "--out", str(out)]) == 0
    with np.load(out) as made, np.load(dataset) as truth:
        n = len(truth["diffraction"])
        assert made["patches"].shape == (n, 32, 32)
        assert made["corners_px"].shape == (n, 2)
        rows, cols = made["object"].shape
        found = scaled_error(made["object"], truth["objectGuess"][:rows, :cols], made["illumination"]).nrmse
        origin = json.loads(str(made["_prediction"]))
    (entry,) = [job for job in smoke_e.manifest["jobs"] if job["job"] == "dose100000-baseline-gs1"]
    assert found == pytest.approx(entry["scores"]["complex_error"]["network"], rel=0.02)
    assert origin["bundle"] == {"name": bundle.name, "sha256": sha256_file(bundle), "job": "dose100000-baseline-gs1"}
    assert origin["dataset"]["sha256"] == sha256_file(dataset)
    assert names(capsys.readouterr().out, n, "32 x 32 px")
    assert [path.name for path in tmp_path.iterdir()] == ["out.npz"]


def test_predict_does_not_read_the_truth(bundle: Path, smoke_c: Phase, tmp_path: Path) -> None:
    dataset = phase_c_file(smoke_c.root, 1e5, "test")
    with np.load(dataset) as archive:
        members = dict(archive)
    rng = np.random.default_rng(0)
    for name in ("objectGuess", "Y"):
        noise = rng.normal(size=members[name].shape) + 1j * rng.normal(size=members[name].shape)
        members[name] = noise.astype(np.complex64)
    np.savez(tmp_path / "noise.npz", **members)
    made = []
    for path in (dataset, tmp_path / "noise.npz"):
        assert main(["predict", str(bundle), str(path), "--out", str(tmp_path / "out.npz"), "--quiet"]) == 0
        with np.load(tmp_path / "out.npz") as archive:
            made.append({name: archive[name] for name in ("patches", "object")})
    for name in ("patches", "object"):
        np.testing.assert_array_equal(made[0][name], made[1][name])


def test_another_pattern_size_is_refused(bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(1)
    counts = rng.poisson(5.0, (6, 16, 16))
    grid = np.arange(6.0)
    np.savez(
        tmp_path / "small.npz",
        diff3d=counts.astype(np.uint16),
        probeGuess=np.ones((16, 16), dtype=np.complex64),
        objectGuess=np.ones((40, 40), dtype=np.complex64),
        xcoords=12 + grid,
        ycoords=14 + grid,
    )
    assert main(["predict", str(bundle), str(tmp_path / "small.npz"), "--out", str(tmp_path / "out.npz")]) == 2
    said = capsys.readouterr().err
    assert names(said, "small.npz", "diffraction", "16 x 16 px", "32 x 32 px")
    assert not (tmp_path / "out.npz").exists()


@pytest.mark.parametrize(
    ("bundle_name", "dataset_name", "out_name", "at_fault"),
    [
        ("missing", "good", "out.npz", "missing"),
        ("text", "good", "out.npz", "text"),
        ("good", "missing", "out.npz", "missing"),
        ("good", "text", "out.npz", "text"),
        ("good", "good", "nowhere/out.npz", "--out"),
    ],
)
def test_bad_input_is_refused_with_one_sentence(
    bundle: Path,
    smoke_c: Phase,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    bundle_name: str,
    dataset_name: str,
    out_name: str,
    at_fault: str,
) -> None:
    (tmp_path / "text").write_text("no archive")
    places = {"missing": tmp_path / "missing", "text": tmp_path / "text"}
    chosen_bundle = places.get(bundle_name, bundle)
    dataset = places.get(dataset_name, phase_c_file(smoke_c.root, 1e5, "test"))
    assert main(["predict", str(chosen_bundle), str(dataset), "--out", str(tmp_path / out_name)]) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1
    assert names(said[0], at_fault if at_fault.startswith("--") else tmp_path / at_fault)
    assert [path.name for path in tmp_path.iterdir()] == ["text"]
