"""Medians of what hubs of one study hold, as the tables of `docs/quality-log.md`.

    python -m benchmarks.quality hubs/1 hubs/2 hubs/3

The hubs differ in nothing but their seeds; each is verified first. Four metrics decide, and in all four a network has
to beat `lsqml`, its own start and a flat object.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ptyproof.checking.hub import judge_hub
from ptyproof.errors import InputError
from ptyproof.hub.layout import COMPARISON, TRAINING
from ptyproof.markdown import Markdown, code
from ptyproof.markdown import table as markdown_table
from ptyproof.records.manifest import read_any_manifest

METRICS = {
    "complex_nrmse": "complex NRMSE",
    "phase_ssim": "phase SSIM",
    "phase_mae": "phase MAE / rad",
    "amplitude_mae": "amplitude MAE",
}
HIGHER = frozenset({"phase_ssim"})
PLACES = {"complex_nrmse": 4, "phase_ssim": 3, "phase_mae": 4, "amplitude_mae": 4}

Cell = tuple[float, str, int]
Values = dict[str, float]
Table = dict[Cell, dict[str, Values]]


def read_hubs(roots: list[Path]) -> list[dict[str, Any]]:
    """Return the comparison manifests of hubs that verify and differ in their seeds alone.

    Raises
    ------
    InputError
        If a hub does not verify, or its design or protocol is another one.
    """
    found = []
    for root in roots:
        errors = judge_hub(root).errors
        if errors:
            raise InputError(f"{root} does not verify: {errors[0]}")
        found.append(read_any_manifest(root / COMPARISON))
    for root, manifest in zip(roots, found, strict=True):
        if without_seeds(manifest["design"]) != without_seeds(found[0]["design"]):
            raise InputError(f"{root} is of another design than {roots[0]}, beyond its seeds")
        if manifest["protocols"] != found[0]["protocols"]:
            raise InputError(f"{root} was compared by another protocol than {roots[0]}")
    return found


def without_seeds(design: Mapping[str, Any]) -> dict[str, Any]:
    """Return a design without the seeds of noise, groups, weights and updates; the object's stays."""
    left = copy.deepcopy(dict(design))
    left.pop("seeds", None)
    for part in ("training", "reconstruction"):
        left.get(part, {}).pop("seed", None)
    return left


def table_of(manifest: dict[str, Any]) -> Table:
    """Return the metrics, and the seconds, of every method on every cell of a comparison."""
    found: Table = {}
    for cell in manifest["cells"]:
        if cell["status"] != "success":
            continue
        values = {entry["metric"]: entry["value"] for entry in cell["measures"]}
        key = (cell["dose"], cell["view"], cell["gridsize"])
        found.setdefault(key, {})[cell["method"]] = {name: values[name] for name in (*METRICS, "time_s")}
    return found


def medians(tables: list[Table]) -> Table:
    """Return the median of each value over tables of the same cells and methods."""
    return {
        cell: {
            method: {name: statistics.median(table[cell][method][name] for table in tables) for name in values}
            for method, values in methods.items()
        }
        for cell, methods in tables[0].items()
    }


def advantage(ours: Values, theirs: Values, metric: str) -> float:
    """Return by which part `ours` is better: of an error 1 - ours / theirs, of a similarity s the same of 1 - s."""
    if metric in HIGHER:
        return 1 - (1 - ours[metric]) / (1 - theirs[metric])
    return 1 - ours[metric] / theirs[metric]


def best_cell(table: Table, dose: float, method: str) -> Cell:
    """Return the cell of a dose on which a method has the smallest complex NRMSE."""
    cells = [cell for cell, methods in table.items() if cell[0] == dose and method in methods]
    return min(cells, key=lambda cell: table[cell][method]["complex_nrmse"])


def behind(ours: Values, theirs: Values) -> list[str]:
    """Return the metrics in which `ours` is not better."""
    return [label for name, label in METRICS.items() if advantage(ours, theirs, name) <= 0]


def lines_of_cells(table: Table) -> Iterator[str]:
    """Yield the table of all cells and methods."""
    rows = [
        [f"{dose:g}", f"{view}, {gridsize}", code(method), *numbers(values), f"{values['time_s']:.1f}"]
        for (dose, view, gridsize), methods in sorted(table.items())
        for method, values in methods.items()
    ]
    yield from markdown_table(["dose / photons", "view, gridsize", "method", *METRICS.values(), "time / s"], rows)


def lines_in_brief(table: Table) -> Iterator[str]:
    """Yield every method at each dose, on the cell on which the network is best."""
    rows = [
        [f"{dose:g}", code(method), *numbers(values)]
        for dose in sorted({cell[0] for cell in table})
        for method, values in table[best_cell(table, dose, "pinn")].items()
    ]
    yield from markdown_table(["dose / photons", "method", *METRICS.values()], rows)


def lines_of_methods(table: Table, ours: str, theirs: str) -> Iterator[str]:
    """Yield how much better one method is than another at each dose, on its best gridsize."""
    rows = []
    for dose in sorted({cell[0] for cell in table}):
        cell = best_cell(table, dose, ours)
        one, other = table[cell][ours], table[cell][theirs]
        parts = [f"{100 * advantage(one, other, name):+.0f} %" for name in METRICS]
        rows.append([f"{dose:g}", f"{cell[1]}, {cell[2]}", *parts, f"{one['time_s'] / other['time_s']:.2f}"])
    head = ["dose / photons", Markdown(f"{code(ours)} on"), *METRICS.values()]
    yield from markdown_table([*head, Markdown(f"its time, {code(theirs)} = 1")], rows)


def numbers(values: Values) -> list[str]:
    """Return the metrics of a method with their decimal places."""
    return [f"{values[name]:.{PLACES[name]}f}" for name in METRICS]


def lines_of_controls(table: Table) -> Iterator[str]:
    """Yield the cells on which the network is not better than a control in every metric."""
    n_all, n_behind = 0, 0
    for (dose, view, gridsize), methods in sorted(table.items()):
        for control in ("start", "flat"):
            n_all += 1
            missed = behind(methods["pinn"], methods[control])
            if missed:
                n_behind += 1
                yield f"- {dose:g}, {view}, gridsize {gridsize}: not better than `{control}` in {', '.join(missed)}"
    yield f"- in {n_all - n_behind} of {n_all} comparisons with a control the network is better in all four metrics"


def lines_of_trainings(roots: list[Path]) -> Iterator[str]:
    """Yield what the trainings were made with: threads, torch, processor."""
    kinds = set()
    for root in roots:
        for entry in read_any_manifest(root / TRAINING)["jobs"]:
            used = entry["environment"]
            kinds.add(f"{used['cpu']}, {used['threads']} thread(s), torch {used['torch']}, device {used['device']}")
    yield f"Trained on: {'; '.join(sorted(kinds))}."


def main(arguments: list[str] | None = None) -> int:
    """Print the tables; status 2 where a hub is not what it should be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("hubs", nargs="+", type=Path, metavar="HUB")
    parser.add_argument("--brief", action="store_true", help="only the cells on which the network is best")
    args = parser.parse_args(arguments)
    roots = args.hubs
    try:
        manifests = read_hubs(roots)
    except InputError as error:
        print(f"quality: {error}", file=sys.stderr)
        return 2
    table = medians([table_of(manifest) for manifest in manifests])
    if args.brief:
        print("\n".join(lines_in_brief(table)))
        return 0
    seeds = f"median of {len(roots)} seeds" if len(roots) > 1 else "one seed"
    print(f"Study `{manifests[0]['study']}`, {seeds}; protocol", end=" ")
    print(", ".join(f"`{protocol['sha256'][:12]}`" for protocol in manifests[0]["protocols"]) + ".")
    parts = {
        "Better than LSQML by": lines_of_methods(table, "pinn", "lsqml"),
        "LSQML that begins with the network": lines_of_methods(table, "pinn+lsqml", "lsqml"),
        "Controls": lines_of_controls(table),
        "All cells": lines_of_cells(table),
    }
    print("\n".join(lines_of_trainings(roots)))
    for title, lines in parts.items():
        print(f"\n### {title}\n")
        print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
