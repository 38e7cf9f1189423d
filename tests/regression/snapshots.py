"""Snapshots of numbers that depend on the machine: exact on the kind it was taken on, with tolerances elsewhere.

A snapshot file holds a set of metrics for each fingerprint class, that is processor, torch and threads. On a machine of
a recorded class every number must be the same to the last digit; on any other one the first set is compared within
each metric's tolerance. `--force-regen` adds or replaces the set of the own class, and leaves the others.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Metrics = dict[str, int | float]
Check = Callable[[Metrics, Mapping[str, Any], Mapping[str, float]], None]
FINGERPRINT = ("cpu", "cpu_capability", "threads", "torch", "numpy")


@dataclass(frozen=True)
class Snapshot:
    """The sets of a snapshot file, each with its fingerprint class."""

    sets: tuple[tuple[Mapping[str, Any], Metrics], ...] = ()

    @classmethod
    def read(cls, path: Path) -> Snapshot:
        """Read a snapshot file; one that is missing has no sets."""
        if not path.is_file():
            return cls()
        table = json.loads(path.read_text(encoding="utf-8"))
        return cls(tuple((entry["fingerprint"], entry["metrics"]) for entry in table))

    def write(self, path: Path) -> None:
        """Write the snapshot file."""
        table = [{"fingerprint": dict(fingerprint), "metrics": metrics} for fingerprint, metrics in self.sets]
        path.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")

    def with_set(self, fingerprint: Mapping[str, Any], metrics: Metrics) -> Snapshot:
        """Return a snapshot in which the class has these metrics."""
        kept = tuple(entry for entry in self.sets if entry[0] != fingerprint)
        return Snapshot((*kept, (fingerprint, metrics)))

    def chosen(self, fingerprint: Mapping[str, Any]) -> tuple[bool, Metrics]:
        """Return the metrics to compare with, and whether they are of the same class."""
        for recorded, metrics in self.sets:
            if recorded == fingerprint:
                return True, metrics
        return False, self.sets[0][1]


@dataclass(frozen=True)
class Comparison:
    """What was compared with what, and which metrics differ by more than they may."""

    exact: bool
    rows: tuple[tuple[str, float, float, float], ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]

    @property
    def applied(self) -> str:
        """Say which rule was applied."""
        return "exact, same fingerprint class" if self.exact else "within tolerances, another fingerprint class"

    @property
    def same(self) -> bool:
        """Tell whether nothing differs."""
        return not (self.rows or self.missing or self.unexpected)

    def table(self) -> str:
        """Return a line for each metric that differs."""
        width = max([len(name) for name, *_ in self.rows], default=6)
        lines = [f"snapshot compared {self.applied}", f"{'metric':{width}}  {'expected':>22}  {'got':>22}  tolerance"]
        lines += [
            f"{name:{width}}  {want:>22.15g}  {got:>22.15g}  {allowed:.3g}" for name, want, got, allowed in self.rows
        ]
        lines += [f"missing: {name}" for name in self.missing]
        lines += [f"not in the snapshot: {name}" for name in self.unexpected]
        return "\n".join([*lines, "if the change is meant, run again with --force-regen and review the difference"])


def compare(got: Metrics, expected: Metrics, exact: bool, tolerances: Mapping[str, float]) -> Comparison:
    """Compare metrics with a snapshot.

    Parameters
    ----------
    got, expected
        The metrics.
    exact
        Whether they must be equal.
    tolerances
        Relative tolerance of each metric where they need not be, by the last part of its name; counts without one must
        be equal.
    """
    rows = []
    for name in sorted(got.keys() & expected.keys()):
        relative = 0.0 if exact else tolerances.get(name.rpartition("/")[2], 0.0)
        allowed = relative * abs(expected[name])
        if not abs(got[name] - expected[name]) <= allowed or math.isnan(got[name]):
            rows.append((name, expected[name], got[name], allowed))
    return Comparison(
        exact, tuple(rows), tuple(sorted(expected.keys() - got.keys())), tuple(sorted(got.keys() - expected.keys()))
    )
