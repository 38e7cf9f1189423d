"""The scan that short trainings read, and what such trainings leave."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ptyproof.study.layout import BUNDLE, CHECKPOINT
from ptyproof.training.runner import train
from ptyproof.training.scan import NormalizedScan, read_scan
from tests.helpers.phases import Phase
from tests.helpers.short_training import (
    CPU,
    GONE,
    batches_until_epoch_2,
    stopping,
    task,
)


@pytest.fixture(scope="session")
def npz(smoke_c: Phase) -> Path:
    return smoke_c.root / "dose_1000" / "patched_train.npz"


@pytest.fixture(scope="session")
def scan(npz: Path) -> NormalizedScan:
    return read_scan(npz)


@pytest.fixture(scope="session")
def reference(scan: NormalizedScan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an uninterrupted training, which no test changes."""
    folder = tmp_path_factory.mktemp("reference")
    train(task(), scan, folder, CPU)
    return folder


@pytest.fixture(scope="session")
def ended_early(scan: NormalizedScan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the same training, which ended in its second epoch; no test changes it."""
    folder = tmp_path_factory.mktemp("ended_early")
    with pytest.raises(OSError, match=GONE):
        train(task(), stopping(scan, batches_until_epoch_2(scan, task()), OSError), folder, CPU)
    assert (folder / CHECKPOINT).is_file()
    assert not (folder / BUNDLE).exists()
    return folder


@pytest.fixture
def interrupted(ended_early: Path, tmp_path: Path) -> Path:
    """A folder in which the same training ended in its second epoch."""
    return Path(shutil.copytree(ended_early, tmp_path / "interrupted"))
