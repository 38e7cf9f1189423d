"""Stray logs: files that earlier tools left in the working folder, moved into the hub on request and never deleted."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pytest_ptyproof.hub import hub_place, is_worker
from pytest_ptyproof.options import on_command_line, value_of

FOLDER = "cli/stray"
_MOVED = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the setting that names them."""
    parser.addini("ptyproof_stray", "names of stray logs in the working folder", "args", ["train_debug.log"])


def pytest_configure(config: pytest.Config) -> None:
    """Move what is there before the run begins."""
    if not value_of(config, "collect-stray") or is_worker(config):
        return
    if config.getoption("--artifact-hub") is None:
        if not on_command_line(config, "collect-stray"):
            return
        raise pytest.UsageError("--ptyproof-collect-stray needs --artifact-hub DIR, the folder for stray logs")
    names = config.getini("ptyproof_stray")
    for name in names:
        if Path(name).name != name:
            raise pytest.UsageError(f"ptyproof_stray must be names without a folder, got {name!r}")
    here = config.invocation_params.dir
    moved = [_moved(here / name, hub_place(config) / FOLDER) for name in names if (here / name).is_file()]
    config.stash[_MOVED] = [line for line in moved if line is not None]


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say what was moved."""
    return [f"ptyproof: stray {line}" for line in config.stash.get(_MOVED, [])]


def _moved(path: Path, folder: Path) -> str | None:
    folder.mkdir(parents=True, exist_ok=True)
    target, number = folder / path.name, 1
    while target.exists():
        number += 1
        target = folder / f"{path.stem}_{number}{path.suffix}"
    try:
        shutil.move(path, target)
    except FileNotFoundError:  # another run was faster
        return None
    return f"{path.name} moved to {FOLDER}/{target.name}"
