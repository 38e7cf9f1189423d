"""Parts of a hub: the hub as another machine would have it that had done some of the cells."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ptyproof.hub.index import Hub
from ptyproof.hub.layout import OVERLAP, RECONSTRUCTION, RUN, SKIPS, TRAINING
from ptyproof.study.layout import cell_of
from tests.helpers.hubs import edit, take_stock
from tests.helpers.known import known

_KEYS = {TRAINING: ("skipped_views", "n_skipped"), RECONSTRUCTION: ("skipped", "n_skipped")}
_COMPARISON = ("comparison_manifest.json", "comparison.csv", "comparison.md", "frc_curves.csv", "metrics_summary.json")
_CELL = re.compile(r"dose([0-9.]+)-(\w+)-gs")
Mine = Callable[[dict[str, Any]], bool]


def part_of(hub: Path, out: Path, mine: Mine, *, whole_data: bool = False) -> Path:
    """Write the part of a hub whose cells are `mine`; others were never looked at, or are not selected.

    Parameters
    ----------
    hub, out
        The hub, and the new one.
    mine
        Tells by a record of a cell or an exposure whether the part has it.
    whole_data
        Whether the part has the data and views of all cells, as where a machine trains some of them.
    """
    shutil.copytree(hub, out)
    for name in (TRAINING, RECONSTRUCTION):
        if (out / name).is_file():
            edit(out / name, lambda manifest, name=name: _cells(manifest, _KEYS[name][0], mine, whole_data))  # type: ignore[misc]
    skips = json.loads((out / TRAINING).read_text())["skipped_views"] if (out / TRAINING).is_file() else []
    if (out / SKIPS).is_file():
        edit(out / SKIPS, lambda summary: summary.update(skipped_views=skips, skipped_count=len(skips)))
    if not whole_data:
        edit(out / RUN, lambda manifest: manifest.update(datasets=list(filter(mine, manifest["datasets"]))))
        edit(out / OVERLAP, lambda manifest: _views(manifest, mine))
    for name in ("docs", "real_run/comparison_figures"):
        shutil.rmtree(out / name, ignore_errors=True)
    for name in (
        "comparison_manifest.json",
        "comparison.csv",
        "comparison.md",
        "frc_curves.csv",
        "metrics_summary.json",
    ):
        (out / "real_run" / name).unlink(missing_ok=True)
    _remove_strays(out)
    from ptyproof.report.summary import write_summary

    write_summary(out)
    take_stock(Hub(out))
    _runs(Hub(out), mine)
    return out


def _runs(hub: Hub, mine: Mine) -> None:
    """Let the runs of a part have skipped tests of its own cells alone."""
    for run in known(hub.read())["runs"]:
        cells = [(skip, _CELL.match(skip["reason"])) for skip in run["skips"]]
        own = [skip for skip, cell in cells if cell is None or mine({"dose": float(cell[1]), "view": cell[2]})]
        if len(own) < len(run["skips"]):
            hub.update_run(run["id"], skips=own, outcomes=run["outcomes"] | {"skipped": len(own)})


def _cells(manifest: dict[str, Any], skips: str, mine: Mine, whole_data: bool) -> None:
    left = [job for job in manifest["jobs"] if not mine(job)]
    for key in ("jobs", skips, "not_selected"):
        manifest[key] = list(filter(mine, manifest[key]))
    if whole_data:
        names = ("dose", "replicate", "view", "gridsize", "split", "method")
        manifest["not_selected"] += [{name: job[name] for name in names if name in job} for job in left]
    present = {_name(entry) for entry in (*manifest["jobs"], *manifest[skips])}
    for call in manifest["calls"]:
        for key in ("jobs", "skipped"):
            call[key] = [cell for cell in call[key] if cell in present]
    account = manifest["account"]
    for status in ("success", "failed", "lost"):
        account[f"n_{status}"] = sum(job["result"]["status"] == status for job in manifest["jobs"])
    account |= {"n_skipped": len(manifest[skips]), "n_not_selected": len(manifest["not_selected"])}
    account["n_enumerated"] = sum(number for key, number in account.items() if key != "n_enumerated")
    if "skipped_count" in manifest:
        manifest["skipped_count"] = len(manifest[skips])


def _views(manifest: dict[str, Any], mine: Mine) -> None:
    for key in ("views", "rejected_views"):
        manifest[key] = list(filter(mine, manifest[key]))
    n_accepted, n_rejected = len(manifest["views"]), len(manifest["rejected_views"])
    manifest["account"] = {"n_cells": n_accepted + n_rejected, "n_accepted": n_accepted, "n_rejected": n_rejected}


def _name(record: dict[str, Any]) -> str:
    return cell_of(record) + (f"-{record['split']}-{record['method']}" if "method" in record else "")


def _remove_strays(out: Path) -> None:
    """Remove data and results that no manifest of the part names."""
    named: set[Path] = set()
    for name in (RUN, OVERLAP, TRAINING, RECONSTRUCTION):
        if (out / name).is_file():
            _collect(json.loads((out / name).read_text()), (out / name).parent, named)
            named.add(out / name)
    for folder in ("work", "real_run/reconstructions"):
        for path in (out / folder).rglob("*"):
            if path.is_file() and path.resolve() not in named and path not in named:
                path.unlink()


def _collect(value: Any, folder: Path, named: set[Path]) -> None:
    if isinstance(value, dict):
        if "path" in value:
            named.add((folder / value["path"]).resolve())
        for part in value.values():
            _collect(part, folder, named)
    elif isinstance(value, list):
        for part in value:
            _collect(part, folder, named)
