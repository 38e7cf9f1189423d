"""What random input has found, each as the smallest file that shows it."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptyproof.checking import check_manifest
from ptyproof.checking import judge as run
from ptyproof.checking.model.loading import load_bytes
from ptyproof.errors import DataError, ManifestError
from ptyproof.hub.verdict import ran
from ptyproof.io.dataset import read_dataset
from ptyproof.io.importers import import_foreign
from ptyproof.io.keys import KNOWN
from ptyproof.io.patterns import PatternStatistics, pattern_problems
from ptyproof.records.manifest import read_any_manifest
from tests.helpers.measurements import tike_arrays
from tests.helpers.messages import naming
from tests.hostile.files import within

EXAMPLES = Path(__file__).parents[1] / "schemas" / "examples"
PROBE, XS, YS = np.ones((8, 10), np.complex64), np.arange(4.0) + 9, np.arange(4.0) + 9


def saved(path: Path, **arrays: Any) -> Path:
    np.savez(path, **{"probeGuess": PROBE, "xcoords": XS, "ycoords": YS, **arrays})
    return path


@pytest.mark.parametrize("kind", [[[]], {}, ["training_manifest"], 3, None, "x" * 500])
def test_a_kind_that_is_no_word(tmp_path: Path, kind: object) -> None:
    path = tmp_path / "it.json"
    path.write_text(json.dumps({"kind": kind}), encoding="utf-8")
    checked = check_manifest(path)
    assert (checked.kind, [finding.code for finding in checked.findings]) == (None, ["PM102"])
    with pytest.raises(ManifestError, match=naming(path, "training_manifest")) as caught:
        read_any_manifest(path)
    assert caught.value.member == "kind"
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("key", ["ssim_sigma_px", "ms_ssim_sigma_px", "frc_level", "rate_floor"])
@pytest.mark.parametrize("value", [None, "1", [], {}, True])
def test_a_recipe_without_numbers(key: str, value: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "UPSETTING", ())  # what upsets a check is to be seen
    for path in sorted((EXAMPLES / "comparison_manifest" / "valid").glob("*.json"))[:1]:
        manifest = json.loads(path.read_bytes())
        manifest["recipe"][key] = value
        assert run.judge(load_bytes(json.dumps(manifest).encode()), "it.json").findings


def test_half_precision_amplitudes(tmp_path: Path) -> None:
    path = saved(tmp_path / "it.npz", diffraction=np.full((4, 8, 10), 1.5, np.float16))
    assert read_dataset(path).dataset.diffraction is not None


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_a_stack_with_one_axis_of_millions_is_refused_at_once(tmp_path: Path, dtype: str) -> None:
    path = saved(tmp_path / "it.npz", diffraction=np.zeros(3_000_000, dtype))
    parts = "(3000000,)", np.dtype(dtype).name, 4, "(8, 10)", 5120
    with within(2.0), pytest.raises(DataError, match=naming(path, *parts)) as caught:
        read_dataset(path)
    assert caught.value.member == "diffraction"


def test_many_tiny_patterns_are_read_in_blocks(tmp_path: Path) -> None:
    n = 300_000
    path = saved(
        tmp_path / "it.npz",
        diffraction=np.full((n, 1, 1), 2.0),
        probeGuess=np.ones((1, 1), np.complex64),
        xcoords=np.zeros(n),
        ycoords=np.zeros(n),
    )
    with within(2.0), pytest.raises(DataError, match=naming(path, "float64", 2, "--values intensity")):
        read_dataset(path)


@pytest.mark.parametrize("value", [1e200, np.nan, np.inf])
def test_a_probe_whose_power_is_no_number(tmp_path: Path, value: float) -> None:
    path = saved(tmp_path / "it.npz", probeGuess=np.full((2, 8, 10), value, np.complex128))
    with pytest.raises(DataError, match=naming(path)) as caught:
        read_dataset(path)
    assert caught.value.member == "probeGuess"
    arrays: dict[str, Any] = {**tike_arrays()}
    np.savez(tmp_path / "tike.npz", **arrays | {"probe": np.full(arrays["probe"].shape, value, np.complex128)})
    with pytest.raises(DataError, match=r"tike\.npz") as caught:
        import_foreign(tmp_path / "tike.npz")
    assert caught.value.member == "probe"


def test_a_probe_of_double_precision_that_is_not_a_number(tmp_path: Path) -> None:
    probe = np.ones((8, 10), np.complex128)
    probe.imag[3, 4] = np.array(0x7FF0000000000001, np.uint64).view(np.float64)  # a NaN that speaks up when it is cast
    path = saved(tmp_path / "it.npz", probeGuess=probe, diffraction=np.full((4, 8, 10), 1.5, np.float32))
    with warnings.catch_warnings(action="error"), pytest.raises(DataError, match="probeGuess"):
        read_dataset(path)


def test_a_report_that_is_nested_deeply(tmp_path: Path) -> None:
    path = tmp_path / "it.jsonl"
    path.write_text("[" * 100_000 + "\n" + json.dumps({"test": "a", "when": "call"}) + "\n", encoding="utf-8")
    assert ran(path) == {"a"}


@pytest.mark.parametrize("scale", [1e200, 1e300, 1.7e308])
def test_a_scale_that_makes_counts_beyond_every_number(scale: float) -> None:
    statistics = PatternStatistics.of(np.full((3, 4, 5), 1e9, np.float32), scale)
    (sentence,) = pattern_problems(statistics, {"intensity_scale": scale})
    assert "intensity_scale" in sentence


@pytest.mark.parametrize(
    "probe", [np.full((2, 8, 10), "1+"), np.zeros((0, 8, 10), np.complex64), np.zeros((2, 8, 10), bool)]
)
def test_a_stack_of_probes_that_are_no_numbers(tmp_path: Path, probe: Any) -> None:
    path = saved(tmp_path / "it.npz", probeGuess=probe, diffraction=np.full((4, 8, 10), 1.5, np.float32))
    with pytest.raises(DataError, match="probe"):
        read_dataset(path)


@pytest.mark.parametrize("name", [*KNOWN, "diff3d"])
@pytest.mark.parametrize(
    "array", [np.float32(3.5), np.zeros((), np.complex64), np.zeros(0, np.float32), np.array("1+")]
)
def test_a_member_without_an_axis_or_a_value(tmp_path: Path, name: str, array: Any) -> None:
    members = {"diffraction": np.full((4, 8, 10), 1.5, np.float32)} if name not in ("diff3d", "diffraction") else {}
    path = saved(tmp_path / "it.npz", **(members | {name: array}))
    with pytest.raises(DataError, match=r"it\.npz"):
        read_dataset(path)
