"""Hubs that are parted and merged: the command, and what tests compare."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ptyproof.checking.hub import judge_hub
from ptyproof.cli.main import main
from tests.helpers.split_hubs import Mine, part_of

LSQML = "dose1000-baseline-gs1-test-lsqml"
WAYS: dict[str, Mine] = {
    "doses": lambda record: record["dose"] == 1e3,
    "views": lambda record: record.get("view", "baseline") == "baseline",
}


def split(hub: Path, folder: Path, mine: Mine, *, whole_data: bool = False) -> list[Path]:
    """Return the two parts of a hub."""
    return [
        part_of(hub, folder / "a", mine, whole_data=whole_data),
        part_of(hub, folder / "b", lambda record: not mine(record), whole_data=whole_data),
    ]


def merge(out: Path, *hubs: Path, prefer: str | None = None) -> int:
    """Merge hubs by the command; return its exit status."""
    return main(["hub", "merge", str(out), *map(str, hubs), *(() if prefer is None else ("--prefer", prefer))])


def codes(hub: Path) -> list[str]:
    """Return the codes of the errors in a hub."""
    return [error.code for error in judge_hub(hub).errors]


def job_of(manifest: Mapping[str, Any], name: str = LSQML) -> Any:
    """Return the record of a job in a manifest."""
    return next(job for job in manifest["jobs"] if job["job"] == name)
