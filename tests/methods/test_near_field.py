"""Data whose record says near field are refused by everything that models the far field."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ptyproof.cli import main
from ptyproof.errors import DataError
from ptyproof.io.dataset import in_its_version, write_dataset
from ptyproof.methods.reconstruction_input import read_reconstruction_input
from ptyproof.phases.base import load_base
from ptyproof.study.builtin import builtin_study
from ptyproof.training.scan import read_scan
from tests.strategies.datasets import make_dataset


def written(folder: Path, role: str, regime: str) -> Path:
    dataset = make_dataset(role=role, extras=False, window=(16, 16))
    keys = (
        "photon_energy_ev",
        "detector_distance_m",
        "detector_pixel_size_m",
        "object_pixel_size_m",
        "field_of_view_m",
    )
    physical: Any = {**dict.fromkeys(keys), "regime": regime}
    path = folder / f"{regime}.npz"
    write_dataset(path, in_its_version(replace(dataset, metadata={**dataset.metadata, "physical": physical})))
    return path


def for_methods(path: Path) -> object:
    return read_reconstruction_input(path, "all", path.parent)


def as_base(path: Path) -> object:
    return load_base(replace(builtin_study("fly64"), pattern_size_px=16, base=None), str(path))


@pytest.mark.parametrize(
    ("read", "role"), [(for_methods, "measurement"), (read_scan, "measurement"), (as_base, "base")]
)
def test_it_is_refused_by_its_record(read: Callable[[Path], object], role: str, tmp_path: Path) -> None:
    read(written(tmp_path, role, "far"))
    with pytest.raises(DataError) as refused:
        read(written(tmp_path, role, "near"))
    assert refused.value.member == "_metadata"


def test_it_is_not_assessed(tmp_path: Path) -> None:
    path = written(tmp_path, "measurement", "near")
    assert main(["assess", str(path), "--out", str(tmp_path / "a"), "--method", "flat"]) == 2
    assert not (tmp_path / "a").exists()
