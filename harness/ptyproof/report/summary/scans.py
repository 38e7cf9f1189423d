"""The scans: positions and overlap of each view, and photons of each dose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ptyproof.markdown import table
from ptyproof.report.labels import OVERLAPS, probe_overlap
from ptyproof.study.exposures import exposure_of
from ptyproof.study.layout import HALVES, cell_of, halves_of

_VIEWS = (
    *("cell", "phase D", "half", "f", "reference of f", "overlap of the probe", "positions", "kept", "acceptance rate"),
    *("groups", "distinct groups"),
)
_PHOTONS = ("requested", "expected", "measured")


def views(overlap: Mapping[str, Any] | None) -> Iterator[str]:
    """Yield the table of all views, accepted or rejected, with their overlap in both halves."""
    rows = []
    for cell in (*overlap["views"], *overlap["rejected_views"]) if overlap else ():
        for half in HALVES:
            found = cell[half]
            grouping, metrics = found.get("grouping") or {}, found.get("overlap") or {}
            selection = found["selection"]
            f = selection.get("overlap_fraction")
            row = [f, None if f is None else selection.get("reference", "window"), probe_overlap(found)]
            row += [found[key] for key in ("n_images_total", "n_images_selected", "acceptance_rate")]
            row += [grouping.get(key) for key in ("n_groups_actual", "n_groups_distinct")]
            rows.append([cell_of(cell), cell["status"], half, *row, *map(metrics.get, OVERLAPS)])
    if rows:
        yield (
            "Rates and overlaps are fractions. The overlap of the probe is 1 - d / D: d is the median distance to the "
            "nearest kept position, D the diameter of the probe. A dash means: not defined.\n"
        )
    yield from table([*_VIEWS, *(label for label, _ in OVERLAPS.values())], rows)


def doses(simulation: Mapping[str, Any] | None) -> Iterator[str]:
    """Yield the table of the photons of each dose in both halves."""
    rows = [
        [
            str(exposure_of(entry)).removeprefix("dose "),
            half if test_half is None else f"{half} ({test_half})",
            found["n_patterns"],
            *(found[f"photons_per_pattern_{kind}"] for kind in _PHOTONS),
        ]
        for entry in (simulation["datasets"] if simulation else ())
        for half, test_half, found in halves_of(entry)
    ]
    heads = [f"{kind} (photons/pattern)" for kind in ("dose", *_PHOTONS)]
    yield from table([heads[0], "half", "patterns", *heads[1:]], rows)
