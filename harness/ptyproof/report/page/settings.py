"""What each method of a comparison was set to, and whether it had converged, as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ptyproof.metrics.protocol import describe_settings
from ptyproof.report.page.tables import UNKNOWN, Table, table

_HEAD = ("method", "budget and options", "not converged")


def settings(comparison: Mapping[str, Any] | None) -> Table | None:
    """Return the table of a comparison manifest, a row for each method and setting; None where it does not say them."""
    if comparison is None:
        return None
    of_protocol = {entry["sha256"]: entry["parts"].get("methods", {}) for entry in comparison["protocols"]}
    cells: dict[tuple[str, str], list[bool]] = {}
    for cell in comparison["cells"]:
        known = of_protocol.get(cell.get("protocol"), {}).get(cell["method"])
        if known is None:
            continue
        found = cells.setdefault((cell["method"], describe_settings(known)), [])
        if "convergence" in cell:
            found.append(cell["convergence"]["converged"])
    rows = [[method, text, _counted(found)] for (method, text), found in cells.items()]
    return table("Budget and options of each method", _HEAD, rows) if rows else None


def _counted(converged: list[bool]) -> str:
    return f"{converged.count(False)} of {len(converged)} cells" if converged else UNKNOWN
