"""The bundle of a shared network: equal bytes, a record that obeys its schema, and files that are refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from ptyproof.errors import DataError
from ptyproof.foundation.bundle import code_sha256, read_bundle, write_bundle
from ptyproof.foundation.design import design_of
from ptyproof.foundation.shipped import BUNDLE, RECORD
from ptyproof.foundation.training import train
from ptyproof.io.hashing import sha256_file
from ptyproof.io.schema import validate
from tests.helpers.bundles import write_small_bundle
from tests.helpers.foundation import CPU, DESIGN, write_shared_bundle


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shared_bundle(tmp_path_factory.mktemp("shared"))


def test_weights_and_record_come_back(written: Path) -> None:
    shared = read_bundle(written)
    assert shared.sha256 == sha256_file(written)
    assert shared.windows_px == (16, 24)
    assert shared.record["steps"] == 4
    assert shared.record["code_sha256"] == code_sha256()
    assert shared.network.sees_noise
    assert not shared.network.training
    stored = load_file(written)
    assert all(torch.equal(stored[name], value) for name, value in shared.network.state_dict().items())


def test_a_network_of_several_grids_comes_back(tmp_path: Path) -> None:
    design = replace(DESIGN, levels=3)
    shared = read_bundle(write_shared_bundle(tmp_path, design))
    assert design_of(shared.record["design"]) == design
    assert shared.record["design"]["levels"] == 3
    stored = load_file(tmp_path / BUNDLE)
    assert all(torch.equal(stored[name], value) for name, value in shared.network.state_dict().items())
    assert any("coarser.coarser" in name for name in stored)


def test_the_weights_are_the_running_mean(written: Path, tmp_path: Path) -> None:
    course = train(DESIGN, 4, tmp_path, CPU)
    stored = load_file(written)
    assert all(torch.equal(stored[name], value) for name, value in course.mean.items())
    assert any(not torch.equal(stored[name], value) for name, value in course.network.state_dict().items())


def test_the_same_training_gives_the_same_bytes(written: Path, tmp_path: Path) -> None:
    assert write_shared_bundle(tmp_path).read_bytes() == written.read_bytes()


def test_the_record_beside_it_has_the_course_as_well(written: Path) -> None:
    record = json.loads((written.parent / RECORD).read_text(encoding="utf-8"))
    validate(record, "foundation", RECORD)
    assert record["seconds"] > 0
    assert [row["step"] for row in record["history"]] == [4]
    del record["seconds"], record["history"]
    assert record == read_bundle(written).record
    kinds = {(row["object"], row["dose"]) for row in record["validation"]}
    assert kinds == {(kind, dose) for kind in ("grains", "siemens") for dose in (1e3, 1e4, 1e5)}


def test_a_file_that_is_missing_damaged_or_of_a_study_is_refused(written: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.safetensors").write_bytes(written.read_bytes()[:-8])
    (tmp_path / "none.safetensors").write_bytes(b"")
    (tmp_path / "text.safetensors").write_text("no bundle")
    save_file({"weight": torch.zeros(2)}, tmp_path / "other.safetensors")
    for name in ("missing", "cut", "none", "text", "other"):
        with pytest.raises(DataError, match=name):
            read_bundle(tmp_path / f"{name}.safetensors")
    with pytest.raises(DataError):
        read_bundle(write_small_bundle(tmp_path))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("design", "network", "channels"), 5),
        (("design", "network", "channels"), 10**9),
        (("design", "network", "shrink"), 7),
        (("design", "frames"), []),
        (("design", "doses"), [5.0, 1.0]),
        (("kind",), "model"),
    ],
)
def test_a_record_that_does_not_fit_is_refused(written: Path, tmp_path: Path, place: Any, value: Any) -> None:
    raw = written.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    record = json.loads(header["__metadata__"]["ptyproof"])
    inner = record
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    header["__metadata__"]["ptyproof"] = json.dumps(record)
    text = json.dumps(header).encode()
    path = tmp_path / BUNDLE
    path.write_bytes(len(text).to_bytes(8, "little") + text + raw[8 + length :])
    with pytest.raises(DataError):
        read_bundle(path)


def test_a_folder_of_a_training_without_an_end_has_no_bundle(tmp_path: Path) -> None:
    course = train(DESIGN, 4, tmp_path, CPU, seconds=1e-9)
    assert course.step < 4
    assert not (tmp_path / BUNDLE).exists()
    write_bundle(tmp_path, train(DESIGN, 4, tmp_path, CPU), DESIGN, CPU)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["foundation.ckpt", RECORD, BUNDLE]
